package evidence

import (
	"strings"
	"testing"
)

// article proves claims by one of its sentences.
func article(sentence string) func(claim string) Verdict {
	text := "Overskrift.\n\n" + sentence + " Mere står der ikke."
	start := strings.Index(text, sentence)
	return func(claim string) Verdict {
		return Verify(Claim{Text: claim, Spans: []Span{{Source: "a", Start: start, End: start + len(sentence), Hash: ContentHash(text)}}}, Articles{"a": text})
	}
}

// What only articles are held to: words that bound, deny and measure may not be said more often than there.
func TestWrittenSources(t *testing.T) {
	for sentence, lies := range map[string][]string{
		"Du skal søge inden to uger efter flytningen.":                             {"Du skal søge inden to uger inden flytningen."},
		"Stiger eller falder indtægten, rettes støtten.":                           {"Stiger eller stiger indtægten, rettes støtten.", "Falder eller falder indtægten, rettes støtten."},
		"Hjælperen skal kunne arbejde sikkert.":                                    {"Hjælperen kan kunne arbejde sikkert."},
		"Ydelsen kommer den 20. januar, 20. april, 20. juli og 20. oktober.":       {"Ydelsen kommer den 20. januar, 20. juli, 20. juli og 20. oktober."},
		"Svarer du ikke, stopper tilskuddet fra 1. januar.":                        {"Svarer du stopper tilskuddet fra 1. januar."},
		"Du skal have haft 160 timer inden for de seneste 4 hele måneder.":         {"Du skal have haft 160 timer inden for de seneste 4 hele timer."},
		"Pårørende kan selv foreslå, hvem der skal være værge.":                    {"Pårørende skal selv foreslå, hvem der skal være værge.", "Pårørende kan selv foreslå, hvem der kan være værge."},
		"Den, der ikke kommer, kan give samtykke, men den skal ikke underskrives.": {"Den, der kommer, kan give samtykke, men den skal ikke underskrives."},
	} {
		verify := article(sentence)
		if v := verify(sentence); v.Level != Supported {
			t.Errorf("%q does not prove itself: %s", sentence, v)
		}
		for _, lie := range lies {
			if v := verify(lie); v.Level == Supported {
				t.Errorf("%q proves %q", sentence, lie)
			}
		}
	}
}

// Half a sentence is no proof of itself.
func TestVerbatimIsWhole(t *testing.T) {
	text := "Du har ikke ret til boligstøtte, hvis du ejer boligen."
	at := strings.Index(text, "ret til boligstøtte")
	v := Verify(Claim{Text: "ret til boligstøtte", Spans: []Span{{Source: "a", Start: at, End: at + len("ret til boligstøtte"), Hash: ContentHash(text)}}}, Articles{"a": text})
	if v.Level == Supported {
		t.Error("half a sentence proves itself")
	}
}
