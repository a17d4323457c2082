package callv1

import (
	"testing"

	"samtale.dk/samtale/services/contract/event"
)

func TestSubjects(t *testing.T) {
	for want, m := range map[string]event.Message{
		"call.v1.started.c": Started{ConversationID: "c"},
		"call.v1.changed.c": Changed{ConversationID: "c"},
		"call.v1.ended.c":   Ended{ConversationID: "c"},
	} {
		if got := m.Subject(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
