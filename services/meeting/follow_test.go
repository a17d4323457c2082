package meeting

import (
	"testing"
	"time"

	"samtale.dk/samtale/services/contract/meetingv1"
)

// Two caseworkers, one after the other, go on by video from one call: it is one meeting, and each is given a seat of their own first.
func TestCallGoesOnAsOneMeeting(t *testing.T) {
	w := newWorld(t)
	goesOn := func(r *meetingv1.BookRequest) { r.Follows, r.StartsAt = "call-1", time.Time{} }
	first := w.book(goesOn)
	colleague := meetingv1.Actor{ID: "ole", Role: "caseworker", Name: "Ole Vagt", Areas: mette.Areas}
	again := w.book(goesOn, func(r *meetingv1.BookRequest) {
		r.Actor, r.Participants = colleague, []meetingv1.Participant{{Role: meetingv1.RoleCitizen, Name: "Bente Holm"}}
	})
	if p := again.Participants[0]; again.ID != first.ID || p.User != "ole" || p.Role != meetingv1.RoleCaseworker || p.Link == "" {
		t.Errorf("meeting %s, was %s; first is %+v", again.ID, first.ID, p)
	}
	if w.book(goesOn).Participants[0].User != "mette" {
		t.Error("who booked it does not stand first any more")
	}
}
