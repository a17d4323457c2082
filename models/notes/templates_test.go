package notes

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"samtale.dk/samtale/models/evidence"
)

func TestTemplatesAreWhole(t *testing.T) {
	for _, name := range Names() {
		tm, ok := Named(name, "area")
		if !ok || tm.Name != name || tm.ServiceArea != "area" {
			t.Fatalf("%s: %+v %v", name, tm, ok)
		}
		seen := map[string]bool{}
		for _, s := range tm.Sections {
			if s.ID == "" || s.Title == "" || s.Kind != Fact && s.Kind != Assessment || seen[s.ID] {
				t.Errorf("%s: section %+v", name, s)
			}
			seen[s.ID] = true
		}
		for _, id := range []string{Reason, Told, Assessed, Agreed, FollowUp} { // what drafting writes has a place
			if !seen[id] {
				t.Errorf("%s has no %s", name, id)
			}
		}
		if s, _ := tm.section(Assessed); s.Kind != Assessment {
			t.Errorf("%s: assessments stand among the facts", name)
		}
		if s, _ := tm.section(Reason); !s.Required {
			t.Errorf("%s: the reason is not required", name)
		}
	}
	if tm, ok := Named("opdigtet/1", "area"); ok || tm.Sections != nil {
		t.Errorf("an unknown name gives %+v", tm)
	}
}

// talk is a conversation, a sentence a line; "S:" is the caseworker.
func talk(lines ...string) Transcript {
	legs := []Leg{{ID: "b", Role: evidence.Citizen}, {ID: "s", Role: evidence.Caseworker}}
	var now int64
	for n, line := range lines {
		l := &legs[0]
		if rest, ok := strings.CutPrefix(line, "S: "); ok {
			l, line = &legs[1], rest
		}
		for i, text := range strings.Fields(line) {
			l.Words = append(l.Words, Word{ID: fmt.Sprintf("%s%d-%d", l.ID, n, i), Text: text, Start: now, End: now + 4000, Confidence: .9, Sentence: i == 0})
			now += 5000
		}
		now += 16000
	}
	return Transcript{Legs: legs}
}

func TestFieldsOfATemplate(t *testing.T) {
	housing := talk("Goddag, jeg ringer om min boligstøtte.", "Min husleje er steget til 7.200 kr.", "S: Hvad er din månedlige indtægt?", "18.000 kr.",
		"Jeg bor sammen med min kæreste og to børn.", "Jeg fik et brev den 3. november.", "S: Du skal sende lejekontrakten senest 1. december.")
	message := talk("Goddag, jeg ringer om mit pas.", "I kan ringe på telefonnummer 20 20 20 20.")
	for name, tc := range map[string]struct {
		template string
		said     Transcript
		want     map[string]string // section → words in it
		missing  []string
	}{
		"housing": {NameHousing, housing, map[string]string{
			Reason: "boligstøtte", "husleje": "7.200", "indkomst": "18.000", "husstand": "kæreste", Told: "brev", Agreed: "lejekontrakten",
		}, nil},
		"the standard one has no fields": {NameStandard, housing, map[string]string{Reason: "boligstøtte", Told: "7.200", Agreed: "lejekontrakten"}, nil},
		"pension": {
			NamePension, talk("Goddag, jeg ringer om min pension.", "Min ægtefælle døde den 1. oktober."),
			map[string]string{Reason: "pension", "samliv": "ægtefælle"},
			[]string{"indkomst"},
		},
		"a message":                  {NameCallBack, message, map[string]string{Reason: "pas", "kontakt": "20 20 20 20"}, nil},
		"nothing said about a field": {NameHousing, message, map[string]string{Reason: "pas"}, []string{"husstand", "husleje", "indkomst"}},
	} {
		t.Run(name, func(t *testing.T) {
			tm, _ := Named(tc.template, "area")
			d := Extract(tm, tc.said)
			for section, words := range tc.want {
				ok := slices.ContainsFunc(d.Sentences, func(s Sentence) bool { return s.Section == section && strings.Contains(s.Text, words) })
				if !ok {
					t.Errorf("%s has no %q", section, words)
				}
			}
			var missing []string
			for _, s := range d.Missing() {
				missing = append(missing, s.ID)
			}
			if !slices.Equal(missing, tc.missing) {
				t.Errorf("missing: %q, want %q", missing, tc.missing)
			}
			if t.Failed() {
				t.Log(show(d))
			}
		})
	}
}
