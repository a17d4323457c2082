package app

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/journalv1"
)

func TestStanding(t *testing.T) {
	yes := func(kind string) consentv1.Choice { return consentv1.Choice{Kind: kind, Value: true} }
	no := func(kind string) consentv1.Choice { return consentv1.Choice{Kind: kind} }
	words, note, sound := consentv1.Transcription, consentv1.AINote, consentv1.Recording
	allowed := consentv1.Area{AllowAINote: true}
	tests := map[string]struct {
		d    mineData
		want []standing
	}{
		"nothing chosen":             {mineData{Area: allowed}, nil},
		"the last counts":            {mineData{Choices: []consentv1.Choice{yes(words), no(words)}}, []standing{{Kind: words}}},
		"given again":                {mineData{Choices: []consentv1.Choice{no(words), yes(words)}}, []standing{{Kind: words, Value: true, Withdraw: true}}},
		"a note by the area's rule":  {mineData{Area: allowed, Choices: []consentv1.Choice{yes(words)}}, []standing{{Kind: words, Value: true, Withdraw: true}, {Kind: note, Value: true, Default: true, Withdraw: true}}},
		"no note without words":      {mineData{Area: allowed, Choices: []consentv1.Choice{no(words)}}, []standing{{Kind: words}}},
		"a no to the note":           {mineData{Area: allowed, Choices: []consentv1.Choice{yes(words), no(note)}}, []standing{{Kind: words, Value: true, Withdraw: true}, {Kind: note}}},
		"recordings are not offered": {mineData{Choices: []consentv1.Choice{yes(sound)}}, []standing{{Kind: sound, Value: true}}},
		"nothing is left":            {mineData{Conversation: journalv1.Conversation{ErasedAt: time.Unix(1, 0)}, Choices: []consentv1.Choice{yes(words)}}, []standing{{Kind: words, Value: true}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tt.d.Standing()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSectionsHideNoSentence(t *testing.T) {
	got := sections(journalv1.Note{
		Sections:  []journalv1.Section{{ID: "a", Title: "A"}, {ID: "b", Title: "B"}},
		Sentences: []journalv1.Sentence{{Section: "gone", Text: "one"}, {Section: "a", Text: "two"}, {Text: "three"}},
	})
	want := []section{{Title: "A", Sentences: []string{"two"}}, {Other: true, Sentences: []string{"one", "three"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
