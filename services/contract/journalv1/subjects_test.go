package journalv1

import "testing"

func TestSubjects(t *testing.T) {
	if got := (Changed{ConversationID: "c"}).Subject(); got != "journal.v1.event.changed.c" {
		t.Errorf("got %s", got)
	}
}
