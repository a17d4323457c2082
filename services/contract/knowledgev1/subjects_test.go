package knowledgev1

import "testing"

func TestSubjects(t *testing.T) {
	if got := (Changed{SourceID: "starter"}).Subject(); got != "knowledge.v1.event.changed.starter" {
		t.Errorf("got %s", got)
	}
}
