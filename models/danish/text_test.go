package danish

import (
	"math"
	"testing"
)

func TestStem(t *testing.T) {
	// Pairs as the published algorithm gives them, worked by hand through its steps.
	for w, want := range map[string]string{
		"indtage": "indtag", "ansøgning": "ansøgning", "ansøgningen": "ansøgning", "ansøgninger": "ansøgning", "ansøgningerne": "ansøgning",
		"boligstøtten": "boligstøt", "boligstøtte": "boligstøt", "lønsedler": "lønsedl", "lønsedlerne": "lønsedl", "sagens": "sag",
		"sagen": "sag", "venlig": "ven", "venligst": "ven", "hus": "hus", "huse": "hus", "huset": "hus", "arbejdsløst": "arbejdsløs",
		"muligheden": "mul", "mulighed": "mul", "sendt": "send", "bopæl": "bopæl", "bevilget": "bevilg", "bevilges": "bevilg",
	} {
		if got := Stem(w); got != want {
			t.Errorf("Stem(%s) = %s, want %s", w, got, want)
		}
	}
}

func TestLIX(t *testing.T) {
	for text, want := range map[string]float64{
		"Du får et brev. Det kommer i morgen.": 4,
		"Kommunen behandler ansøgningen.":      3 + 100,
		"Det koster 12.300 kr. om året.":       6,
		"":                                     0,
	} {
		if got := LIX(text); math.Abs(got-want) > 1e-9 {
			t.Errorf("LIX(%q) = %v, want %v", text, got, want)
		}
	}
}

func TestFold(t *testing.T) {
	for _, c := range [][2]string{
		{"femogtreds", "femogtres"},
		{"65", "femogtres"},
		{"et hundrede og en", "101"},
		{"en sag", "et sag"},
		{"12.300 kr.", "tolv tusind tre hundrede kroner"},
		{"Klokken halv ni!", "kl. 8.30"},
		{"den 3. november 2025", "den tredje november tyve femogtyve"},
		{"25 %", "femogtyve procent"},
		{"to uger", "2 uger"},
		{"Århus", "aarhus"},
		{"22 33 44 55", "toogtyve treogtredive fireogfyrre femoghalvtreds"},
		{"en og tyve", "enogtyve"},
		{"øh ja", "ja"},
		{"2.500", "to tusind fem hundrede"},
		{"syv", "7"},
		{"okay", "OK"},
	} {
		if a, b := Fold(c[0]), Fold(c[1]); a != b {
			t.Errorf("Fold(%q) = %q, Fold(%q) = %q", c[0], a, c[1], b)
		}
	}
	for _, c := range [][2]string{{"12", "13"}, {"den 3. november", "den 4. november"}, {"kl. 9", "kl. 10"}, {"ja", "nej"}} {
		if Fold(c[0]) == Fold(c[1]) {
			t.Errorf("%q and %q fold to the same %q", c[0], c[1], Fold(c[0]))
		}
	}
}
