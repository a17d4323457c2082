package consentv1

import (
	"testing"

	"samtale.dk/samtale/services/contract/event"
)

func TestSubjects(t *testing.T) {
	for want, m := range map[string]event.Message{
		"consent.v1.event.erased.c": Erased{ConversationID: "c"},
		"consent.v1.event.choice.c": Choice{ConversationID: "c"},
		"consent.v1.event.hold.c":   Hold{ConversationID: "c"},
		"audit.v1.entry.c":          Audit{ConversationID: "c"},
	} {
		if got := m.Subject(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
