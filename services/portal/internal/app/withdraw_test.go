package app

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/journalv1"
)

func TestStanding(t *testing.T) {
	yes := func(kind string) consentv1.Choice { return consentv1.Choice{Kind: kind, Value: true} }
	no := func(kind string) consentv1.Choice { return consentv1.Choice{Kind: kind} }
	words, note, sound := consentv1.Transcription, consentv1.AINote, consentv1.Recording
	met := journalv1.Conversation{Channel: callv1.ChannelMeeting, EndedAt: time.Unix(100, 0)}
	call := journalv1.Conversation{Channel: callv1.ChannelQueue, EndedAt: time.Unix(100, 0)}
	held := journalv1.Conversation{Channel: callv1.ChannelMeeting}
	after := func(kind string) consentv1.Choice { return consentv1.Choice{Kind: kind, At: time.Unix(101, 0)} }
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
		"no recording of a call":     {mineData{Conversation: call, Choices: []consentv1.Choice{yes(sound)}}, []standing{{Kind: sound, Value: true}}},
		"in the meeting one says so": {mineData{Conversation: held, Choices: []consentv1.Choice{yes(sound)}}, []standing{{Kind: sound, Value: true}}},
		"after the meeting":          {mineData{Conversation: met, Choices: []consentv1.Choice{yes(sound)}}, []standing{{Kind: sound, Value: true, Withdraw: true}}},
		"a no that came late":        {mineData{Conversation: met, Choices: []consentv1.Choice{yes(sound), no(sound)}}, []standing{{Kind: sound, Withdraw: true}}},
		"nobody was recorded":        {mineData{Conversation: met, Choices: []consentv1.Choice{no(sound)}}, []standing{{Kind: sound}}},
		"deleted already":            {mineData{Conversation: met, Choices: []consentv1.Choice{yes(sound), after(sound)}}, []standing{{Kind: sound}}},
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

func TestWithdrawalIsClaimedOnlyWhenThereWasOne(t *testing.T) {
	met := journalv1.Conversation{Channel: callv1.ChannelMeeting, EndedAt: time.Unix(100, 0)}
	choice := func(value bool, at int64) consentv1.Choice {
		return consentv1.Choice{Kind: consentv1.Recording, Value: value, At: time.Unix(at, 0)}
	}
	for name, tt := range map[string]struct {
		choices []consentv1.Choice
		want    string
	}{
		"never agreed":       {[]consentv1.Choice{choice(false, 10)}, ""},
		"a no in it":         {[]consentv1.Choice{choice(true, 10), choice(false, 20)}, ""},
		"a no after it":      {[]consentv1.Choice{choice(true, 10), choice(false, 200)}, consentv1.Recording},
		"after a no in it":   {[]consentv1.Choice{choice(true, 10), choice(false, 20), choice(false, 200)}, consentv1.Recording},
		"never agreed, late": {[]consentv1.Choice{choice(false, 200)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := (mineData{Conversation: met, Choices: tt.choices}).justWithdrawn(consentv1.Recording); got != tt.want {
				t.Errorf("claims %q, want %q", got, tt.want)
			}
		})
	}
}
