package inquiryv1

import "testing"

func TestSubjects(t *testing.T) {
	if got := (Changed{InquiryID: "i"}).Subject(); got != "inquiry.v1.event.changed.i" {
		t.Errorf("got %s", got)
	}
	if got := TypingSubject("i"); got != "inquiry.v1.typing.i" {
		t.Errorf("got %s", got)
	}
}
