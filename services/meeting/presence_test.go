package meeting

import (
	"slices"
	"testing"
	"time"

	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/platform/errs"
)

// Who leads the meeting closes the browser: soon the others see that the connection is lost, after a while that they are away, a colleague
// takes over, and whoever comes back is there again.
func TestLeaderWhoseBrowserClosedIsAway(t *testing.T) {
	clock := &hand{}
	w := newWorld(t, byHand(clock))
	m := w.book()
	bente := w.admitted(m, 1, "Bente", true)
	host := w.host(m).join()
	bente.join()
	w.eventually("both are there: no clock runs", func() bool { return clock.armed() == 0 })
	get := func() meetingv1.Meeting {
		t.Helper()
		return get[meetingv1.Meeting](w, meetingv1.GetSubject, meetingv1.Ref{ID: m.ID, Actor: mette})
	}
	lead := meetingv1.Ref{ID: m.ID, Actor: colleague("ole", "a"), Lead: true}
	refused(w, errs.Conflict, meetingv1.JoinSubject, lead)

	host.hush()
	w.must(host.pub.Close())
	w.must(host.sub.Close())
	w.eventually("the leader's clock runs", func() bool { return clock.armed() == 1 })
	if now := get(); now.Leaderless || now.Participants[0].Away {
		t.Errorf("at once the leader is away: %+v", now.Participants[0])
	}
	w.eventually("nothing comes from the leader", func() bool { return get().Participants[0].Quality == "lost" })
	w.until("the citizen is told that", func() bool {
		return slices.ContainsFunc(w.events, func(e meetingv1.RoomEvent) bool {
			return e.Kind == meetingv1.EventRoom && e.To == bente.seat.ParticipantID && slices.ContainsFunc(e.Meeting.Participants, func(p meetingv1.Participant) bool {
				return p.ID == host.seat.ParticipantID && p.Quality == "lost" && !p.Away
			})
		})
	})
	clock.pass(w, time.Minute)
	w.eventually("the leader is away", func() bool { now := get(); return now.Leaderless && now.Participants[0].Away })
	if p := get().Participants[0]; p.State != meetingv1.InRoom {
		t.Errorf("the leader's place is given up: %s", p.State)
	}
	w.until("the citizen is told", func() bool {
		return slices.ContainsFunc(w.events, func(e meetingv1.RoomEvent) bool {
			return e.Kind == meetingv1.EventRoom && e.To == bente.seat.ParticipantID && slices.ContainsFunc(e.Meeting.Participants, func(p meetingv1.Participant) bool {
				return p.ID == host.seat.ParticipantID && p.Away
			})
		})
	})
	seat := getLead(w, lead)
	ole := w.seated(m.ID, seat, "ole").join()
	if !ole.entry.CanAct {
		t.Errorf("who takes over is %+v", ole.entry.Me)
	}
	w.eventually("the meeting is led again", func() bool { return !get().Leaderless })
	host.join()
	w.eventually("the leader is back", func() bool { p := get().Participants[0]; return !p.Away && p.Quality == "good" })
	refused(w, errs.Conflict, meetingv1.JoinSubject, meetingv1.Ref{ID: m.ID, Actor: colleague("eva", "a"), Lead: true})
}

func getLead(w *world, r meetingv1.Ref) meetingv1.Participant {
	w.t.Helper()
	return get[meetingv1.Participant](w, meetingv1.JoinSubject, r)
}

// Who is let in and never comes with sound or picture is away, too; it does not count as having left.
func TestAdmittedWithoutAConnectionIsAway(t *testing.T) {
	clock := &hand{}
	w := newWorld(t, byHand(clock))
	m := w.book()
	w.host(m).join()
	bente := w.admitted(m, 1, "Bente", true)
	w.eventually("the citizen's clock runs", func() bool { return clock.armed() == 1 })
	clock.pass(w, time.Minute)
	w.eventually("the citizen is away", func() bool { return w.participant(m.ID, bente.seat.ParticipantID).Away })
	get[meetingv1.Entry](w, meetingv1.LeaveSubject, bente.seat)
	if p := w.participant(m.ID, bente.seat.ParticipantID); p.Away || p.State != meetingv1.Left {
		t.Errorf("after leaving: %+v", p)
	}
}

// Who takes part by writing alone is there as long as their page looks, and there again when it does so again.
func TestWriterWithoutSoundIsThere(t *testing.T) {
	clock := &hand{}
	w := newWorld(t, byHand(clock))
	m := w.book()
	w.host(m).join()
	bente := w.admitted(m, 1, "Bente", true)
	w.eventually("the citizen's clock runs alone", func() bool { return clock.armed() == 1 })
	look := func() meetingv1.Entry { return get[meetingv1.Entry](w, meetingv1.LookSubject, bente.seat) }
	for range 4 {
		clock.pass(w, 30*time.Second)
		if e := look(); e.Me.Away {
			t.Fatal("who looks is away")
		}
	}
	if n := clock.armed(); n != 1 {
		t.Errorf("%d clocks run", n)
	}
	clock.pass(w, 50*time.Second)
	clock.pass(w, 50*time.Second)
	w.eventually("who has looked no more is away", func() bool { return w.participant(m.ID, bente.seat.ParticipantID).Away })
	look()
	w.eventually("who looks again is back", func() bool { return !w.participant(m.ID, bente.seat.ParticipantID).Away })
}

// A meeting that was opened before its time to try it out is cancelled: the room ends, and those who were invited get to know. One whose
// time has come is ended instead.
func TestMeetingOpenedEarlyIsCancelled(t *testing.T) {
	clock := &hand{}
	w := newWorld(t, byHand(clock))
	soon := func(r *meetingv1.BookRequest) { r.StartsAt = time.Now().Add(20 * time.Minute) }
	m := w.book(soon)
	w.host(m).join()
	w.eventually("it is held", func() bool { return w.state(m.ID) == meetingv1.Live })
	off := get[meetingv1.Meeting](w, meetingv1.CancelSubject, meetingv1.CancelRequest{ID: m.ID, Reason: "Mette er syg.", Actor: mette})
	if off.State != meetingv1.Cancelled || off.Recording {
		t.Errorf("it is %s", off.State)
	}
	w.over(m.ID) // the journal does not wait for its end
	w.until("who is in it is told", func() bool {
		return slices.ContainsFunc(w.events, func(e meetingv1.RoomEvent) bool {
			return e.MeetingID == m.ID && e.Kind == meetingv1.EventEnded && e.Notice == meetingv1.Cancelled && e.Text == "Mette er syg."
		})
	})
	again := get[meetingv1.Meeting](w, meetingv1.CancelSubject, meetingv1.CancelRequest{ID: m.ID, Actor: mette})
	if again.State != meetingv1.Cancelled {
		t.Errorf("cancelled again it is %s", again.State)
	}

	late := w.book(soon)
	w.host(late).join()
	w.eventually("no clock runs", func() bool { return clock.armed() == 0 })
	clock.pass(w, 30*time.Minute)
	refused(w, errs.Conflict, meetingv1.CancelSubject, meetingv1.CancelRequest{ID: late.ID, Actor: mette})
	if s := w.state(late.ID); s != meetingv1.Live {
		t.Errorf("it is %s", s)
	}
}
