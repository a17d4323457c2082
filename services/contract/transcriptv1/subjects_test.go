package transcriptv1

import (
	"testing"

	"samtale.dk/samtale/services/contract/event"
)

func TestSubjects(t *testing.T) {
	for want, m := range map[string]event.Message{
		"transcript.v1.partial.c.l": Partial{ConversationID: "c", LegID: "l"},
		"transcript.v1.final.c.l":   Final{ConversationID: "c", LegID: "l"},
		"transcript.v1.final.c.l.1": Final{ConversationID: "c", LegID: "l", Revision: 1},
	} {
		if got := m.Subject(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
