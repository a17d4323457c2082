package meetingv1

import "testing"

func TestSubjects(t *testing.T) {
	if got := (Changed{MeetingID: "m"}).Subject(); got != "meeting.v1.event.changed.m" {
		t.Errorf("got %s", got)
	}
	if got := RoomSubject("m"); got != "meeting.v1.room.m" {
		t.Errorf("got %s", got)
	}
}
