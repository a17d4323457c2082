package testlogin

// Person is one of the demo people. Their CPR numbers are no possible numbers: day and
// month 00 do not exist.
type Person struct {
	ID    string
	Name  string
	Role  string
	Areas []string
	CPR   string
	Level string // of a citizen's login by NSIS; empty: Substantial
	For   string // name of whom a citizen acts for
}

// People returns the demo people, in the order of the login page.
func People() []Person {
	return []Person{
		{ID: "mette", Name: "Mette Sørensen", Role: "caseworker", Areas: []string{"borgerservice", "boligstoette"}},
		{ID: "jonas", Name: "Jonas Kjær", Role: "caseworker", Areas: []string{"borgerservice", "pension"}},
		{ID: "bente", Name: "Bente Holm", Role: "citizen", CPR: "000000-0001"},
		{ID: "anders", Name: "Anders Vestergaard", Role: "citizen", CPR: "000000-0002"},
		{ID: "fatima", Name: "Fatima Demir", Role: "citizen", CPR: "000000-0003"},
		{ID: "viggo", Name: "Viggo Dam", Role: "citizen", CPR: "000000-0004", Level: "Low"},
		{ID: "lone", Name: "Lone Holm", Role: "citizen", CPR: "000000-0005", For: "Bente Holm"},
		{ID: "ida", Name: "Ida Lund", Role: "editor"},
		{ID: "omar", Name: "Omar Nielsen", Role: "operator"},
		{ID: "karen", Name: "Karen Bach", Role: "auditor"},
	}
}

func personByID(id string) (Person, bool) {
	for _, p := range People() {
		if p.ID == id {
			return p, true
		}
	}
	return Person{}, false
}
