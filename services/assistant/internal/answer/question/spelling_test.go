package question

import "testing"

func TestSpelt(t *testing.T) {
	for text, want := range map[string]string{
		"Hva kåster et pas?":                     "hvad koster et pas?",
		"ka a få et nyt kort nå a har tabt det":  "kan jeg få et nyt kort når jeg har tabt det",
		"vor lang ti ska jæ vente?":              "hvor lang tid skal jeg vente?",
		"Hvormeget er ti kroner":                 "hvor meget er ti kroner",
		"Hvordan melder jeg flytning?":           "Hvordan melder jeg flytning?",
		"æ ka it å hwa med a-kasse":              "jeg kan it og hvad med a-kasse",
		"What is a fee, and have I to pay idag?": "What is a fee, and have I to pay idag?",
		"İ va (va) ''va'' \xff":                  "İ hvad (hvad) ''hvad'' \xff",
		"":                                       "",
	} {
		if got := Spelt(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
		if got := Spelt(want); got != want {
			t.Errorf("again %q: %q", want, got)
		}
	}
}
