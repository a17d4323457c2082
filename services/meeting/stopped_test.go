package meeting

import (
	"errors"
	"testing"
	"time"

	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
)

// A node that was stopped finds in its queues what was asked and said meanwhile. It does nothing of it before it knows which rooms it
// still has; what it has goes on.
func TestStoppedNodeGoesOn(t *testing.T) {
	w := newWorld(t)
	m, host, p := w.byPhone()
	citizen, caller := p.seat.ParticipantID, &guest{seat: p.seat}
	before, _ := p.sent()

	w.node.mad.Store(true)
	w.eventually("it counts as stopped", func() bool { return !w.node.Nodes.Awake() })
	heard := host.hears(caller)
	p.say(20, 0, 0)
	for _, subject := range []string{meetingv1.ActSubject, bus.At(w.node.Nodes.ID, meetingv1.ActSubject)} { // the second comes after the frames
		_, err := ask[meetingv1.Entry](w, subject, meetingv1.ActRequest{Seat: host.seat, Action: meetingv1.ActMute, Target: citizen})
		var e *errs.Error
		if !errors.As(err, &e) || e.Kind != errs.Unavailable || e.RetryAfter == 0 {
			t.Errorf("what was asked while it was stopped: %v", err)
		}
	}
	said, _ := p.sent()

	w.node.mad.Store(false)
	w.eventually("it goes on", func() bool { return w.node.Nodes.Awake() })
	w.until("the telephone is heard again", func() bool { p.say(5, 0, 0); return host.hears(caller) > heard+20 })
	if w.participant(m.ID, citizen).Muted {
		t.Error("it was muted by what was refused")
	}
	all, _ := p.sent()
	w.eventually("what was said meanwhile is missing, the rest is not", func() bool {
		l := w.legOf(m.ID, citizen)
		return l.length() == all && l.missing > 0
	})
	if l := w.legOf(m.ID, citizen); l.clear > before+all-said+20*320 || l.clear < before {
		t.Errorf("of %d, %d and %d samples: %+v", before, said, all, l)
	}
	host.act(meetingv1.ActEnd, "", "")
	w.startedOnce(w.over(m.ID))
}

// A node that was stopped for so long that others have its rooms drops them as soon as it goes on, and before it does anything else.
func TestStoppedNodeHasLostItsRooms(t *testing.T) {
	w, a, b := newCluster(t)
	m := w.book()
	host := w.host(m).join()
	from, to := w.place(m.ID, a, b)
	from.mad.Store(true)
	w.eventually("it counts as stopped", func() bool { return !from.Nodes.Awake() })
	w.must(to.Evict(t.Context(), from.Nodes.ID)) // as to does when from has not answered
	w.until("everybody is told", func() bool { return w.told(m.ID) > 0 })
	host.hush()
	rejoin(host)
	room := again[meetingv1.HistoryReply](w, meetingv1.HistorySubject, host.seat).Room
	from.mad.Store(false)
	w.eventually("it goes on", func() bool { return from.Nodes.Awake() })
	if rooms, _ := from.Hall.Rooms(); rooms != 0 {
		t.Errorf("it goes on with %d rooms that are another's", rooms)
	}
	// What is asked of it goes to where the room is, and changes nothing about who has it.
	_, err := ask[meetingv1.Entry](w, bus.At(from.Nodes.ID, meetingv1.ActSubject), meetingv1.ActRequest{Seat: host.seat, Action: meetingv1.ActHand, Value: "up"})
	w.must(err)
	if got := host.history().Room; got != room || !w.participant(m.ID, host.seat.ParticipantID).Hand {
		t.Errorf("the room was %d and is %d", room, got)
	}
	if has, _ := w.place(m.ID, a, b); has != to {
		t.Error("the room has gone back")
	}
	host.act(meetingv1.ActEnd, "", "")
	w.over(m.ID)
}

// An end is told by who has the room, and by nobody else.
func TestWhoHasLostTheRoomEndsNothing(t *testing.T) {
	w, a, b := newCluster(t, func(w *world) { w.on.hold = time.Hour }) // else it may find that it has lost it before
	m := w.book()
	host := w.host(m).join()
	from, to := w.place(m.ID, a, b)
	w.must(to.Evict(t.Context(), from.Nodes.ID))
	w.must(from.Hall.Over(t.Context(), m.ID)) // as when its workflow or its clock says so
	w.eventually("it drops the room", func() bool { rooms, _ := from.Hall.Rooms(); return rooms == 0 })
	host.hush()
	rejoin(host)
	host.say("m1", "videre")
	w.mu.Lock()
	for _, e := range w.events {
		if e.Kind == meetingv1.EventEnded {
			t.Error("the end was told")
		}
	}
	w.mu.Unlock()
	host.act(meetingv1.ActEnd, "", "")
	w.over(m.ID)
}
