package assistantv1

import "testing"

func TestSubjects(t *testing.T) {
	if got := AnswerSubject("a"); got != "assistant.v1.answer.a" {
		t.Errorf("got %s", got)
	}
}
