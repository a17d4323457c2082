package meeting

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/platform/errs"
)

// Who is taken out of a booking while they wait is told that the meeting is held without them, by the page that is open and by the link.
// When it is called off, that is what the link says.
func TestDroppedFromABooking(t *testing.T) {
	w := newWorld(t)
	m := w.book(func(r *meetingv1.BookRequest) {
		r.StartsAt = time.Now().Add(20 * time.Minute)
		r.Participants[1].Language = "en"
	})
	bente := w.enter(m, 1, nil)
	bente.knock("Bente", nil)
	out := meetingv1.BookRequest{
		ID: m.ID, Title: "Et andet emne", StartsAt: m.StartsAt.Add(time.Hour), Minutes: m.Minutes, ServiceArea: m.ServiceArea, Choices: m.Choices,
		Participants: []meetingv1.Participant{m.Participants[0], m.Participants[2]}, Actor: mette,
	}
	get[meetingv1.Meeting](w, meetingv1.ChangeSubject, out)
	w.until("the page that waits is told", func() bool {
		return slices.ContainsFunc(w.events, func(e meetingv1.RoomEvent) bool {
			return e.Kind == meetingv1.EventNotice && e.Notice == meetingv1.NoticeDropped && e.To == bente.seat.ParticipantID
		})
	})
	refused(w, errs.Denied, meetingv1.LookSubject, bente.seat)
	e := w.enter(m, 1, nil).entry
	if !e.Dropped || e.Me.Language != "en" || e.Seat.Key != "" || len(e.Meeting.Participants) != 0 {
		t.Errorf("the link gives %+v", e)
	}
	if e.Meeting.Title != m.Title || !e.Meeting.StartsAt.Equal(m.StartsAt) {
		t.Errorf("whoever is out reads what the meeting has become: %+v", e.Meeting)
	}
	if e := w.enter(m, 2, nil).entry; e.Dropped || e.Me.Name != "Ole" {
		t.Errorf("who is still to come gets %+v", e)
	}
	get[meetingv1.Meeting](w, meetingv1.CancelSubject, meetingv1.CancelRequest{ID: m.ID, Actor: mette})
	_, err := ask[meetingv1.Entry](w, meetingv1.EnterSubject, meetingv1.EnterRequest{
		MeetingID: m.ID, Secret: filepath.Base(m.Participants[1].Link), Device: "another-device-of-bente",
	})
	if errs.KindOf(err) != errs.NotFound || errs.Text(err) != "Mødet er aflyst." {
		t.Errorf("called off the link gives %v", err)
	}
}
