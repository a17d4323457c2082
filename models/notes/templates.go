package notes

import "slices"

// Names of the templates. A template that changes gets a new number: notes that were signed with the old one name it.
const (
	NameStandard = "standard/1"
	NameHousing  = "boligstoette/1"
	NamePension  = "pension/1"
	NameHealth   = "sundhed/1"
	NameChild    = "barn/1"
	NameCallBack = "opkald-tilbage/1"
)

// sections are the templates by name. Fields stand between the reason and what else was told; what is said about them
// is found by stems of words (see Section.Stems).
func sections(name string) []Section {
	switch name {
	case NameStandard:
		return around(Section{ID: Reason, Title: "Henvendelse", Kind: Fact, Required: true})
	case NameHousing:
		return around(Section{ID: Reason, Title: "Henvendelse", Kind: Fact, Required: true},
			Section{ID: "husstand", Title: "Husstand", Kind: Fact, Required: true, Stems: []string{
				"samlever", "ægtefælle", "kæreste", "børn", "barn", "husstand", "flyttede", "flyttet", "skilt", "enlig", "alene",
			}},
			Section{ID: "husleje", Title: "Husleje og bolig", Kind: Fact, Required: true, Stems: []string{
				"husleje", "leje", "bolig", "lejlighed", "kvadratmeter", "varme", "indskud",
			}, Not: []string{"boligstøtte"}},
			Section{ID: "indkomst", Title: "Indkomst og formue", Kind: Fact, Required: true, Stems: []string{
				"indkomst", "indtægt", "løn", "tjener", "formue", "opsparing", "dagpenge", "kontanthjælp", "årsopgørelse", "forskudsopgørelse", "su",
			}, Not: []string{"sund", "sul", "sur"}})
	case NamePension:
		return around(Section{ID: Reason, Title: "Henvendelse", Kind: Fact, Required: true},
			Section{ID: "samliv", Title: "Samliv", Kind: Fact, Required: true, Stems: []string{
				"samlever", "ægtefælle", "gift", "skilt", "enlig", "enke", "alene", "kæreste", "død",
			}},
			Section{ID: "indkomst", Title: "Indkomst og formue", Kind: Fact, Required: true, Stems: []string{
				"indkomst", "indtægt", "løn", "tjener", "formue", "opsparing", "arbejdsmarkedspension", "ratepension", "livrente", "årsopgørelse",
				"forskudsopgørelse",
			}},
			Section{ID: "ophold", Title: "Bopæl og ophold", Kind: Fact, Stems: []string{"udland", "bopæl", "ophold", "flytte", "rejse"}})
	case NameHealth:
		return around(Section{ID: Reason, Title: "Anledning", Kind: Fact, Required: true},
			Section{ID: "symptomer", Title: "Symptomer", Kind: Fact, Stems: []string{
				"ondt", "smerte", "feber", "hoste", "kvalme", "svimmel", "træthed", "søvn", "sover", "angst", "nedtrykt", "symptom",
			}},
			Section{ID: "medicin", Title: "Medicin og behandling", Kind: Fact, Stems: []string{
				"medicin", "tablet", "pille", "dosis", "recept", "allergi", "behandling", "operation", "bivirkning",
			}})
	case NameChild:
		return around(Section{ID: Reason, Title: "Samtalen handler om", Kind: Fact, Required: true},
			Section{ID: "trivsel", Title: "Trivsel", Kind: Fact, Stems: []string{
				"trives", "trivsel", "ven", "kammerat", "leger", "mobning", "mobbe", "frikvarter", "glad", "ked",
			}, Not: []string{"vent", "vend", "venlig"}},
			Section{ID: "laering", Title: "Læring og udvikling", Kind: Fact, Stems: []string{
				"læse", "læsning", "regne", "matematik", "dansk", "lektie", "sprog", "motorik", "koncentr", "udvikling",
			}, Not: []string{"danskere"}})
	case NameCallBack:
		return around(Section{ID: Reason, Title: "Beskeden handler om", Kind: Fact, Required: true},
			Section{ID: "kontakt", Title: "Ring tilbage til", Kind: Fact, Required: true, Stems: []string{
				"telefon", "mobil", "nummer", "ringe", "træffe",
			}})
	}
	return nil
}

// around adds what every note has after its reason and its own fields.
func around(own ...Section) []Section {
	return append(own,
		Section{ID: Told, Title: "Oplyst", Kind: Fact},
		Section{ID: Assessed, Title: "Vurdering", Kind: Assessment},
		Section{ID: Agreed, Title: "Aftalt", Kind: Fact},
		Section{ID: FollowUp, Title: "Opfølgning", Kind: Fact})
}

// Named gives the template of a name; ok is false when there is none.
func Named(name, serviceArea string) (t Template, ok bool) {
	s := sections(name)
	return Template{Name: name, ServiceArea: serviceArea, Sections: s}, s != nil
}

// Names lists the templates that there are.
func Names() []string {
	return []string{NameStandard, NameHousing, NamePension, NameHealth, NameChild, NameCallBack}
}

// Standard is the template of areas that have none of their own.
func Standard(serviceArea string) Template {
	t, _ := Named(NameStandard, serviceArea)
	return t
}

// field finds the template's own field that something told belongs to; Told when there is none.
func (t Template) field(s ...*said) string {
	for _, sec := range t.Sections {
		if slices.ContainsFunc(s, func(x *said) bool { return x.about(sec) }) {
			return sec.ID
		}
	}
	return Told
}

// about reports that a word of the sentence is one of the field's.
func (s *said) about(sec Section) bool {
	for _, w := range s.low {
		one := &said{low: []string{w}}
		if one.begins(sec.Stems...) && !one.begins(sec.Not...) {
			return true
		}
	}
	return false
}
