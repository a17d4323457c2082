package meeting

import (
	"path/filepath"
	"sync"
	"testing"
	"time"

	"samtale.dk/samtale/services/contract/meetingv1"
)

// hand is a clock that only tests move on, by hand, from the real time of their beginning.
type hand struct {
	mu    sync.Mutex
	ahead time.Duration
	due   []*alarm
}

type alarm struct {
	at   time.Time
	f    func()
	over bool // it has rung or was stopped
}

// byHand gives a world's nodes a clock of its own.
func byHand(h *hand) func(*world) {
	return func(w *world) {
		began := w.on.now()
		w.on.now = func() time.Time {
			h.mu.Lock()
			defer h.mu.Unlock()
			return began.Add(h.ahead)
		}
		w.on.after = func(d time.Duration, f func()) func() bool {
			a := &alarm{at: w.on.now().Add(d), f: f}
			h.mu.Lock()
			defer h.mu.Unlock()
			h.due = append(h.due, a)
			return func() bool {
				h.mu.Lock()
				defer h.mu.Unlock()
				was := !a.over
				a.over = true
				return was
			}
		}
	}
}

// armed counts the alarms that wait.
func (h *hand) armed() (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range h.due {
		if !a.over {
			n++
		}
	}
	return n
}

// pass lets time pass, and rings what is due by then.
func (h *hand) pass(w *world, d time.Duration) {
	h.mu.Lock()
	h.ahead += d
	h.mu.Unlock()
	now := w.on.now()
	var ring []*alarm
	h.mu.Lock()
	for _, a := range h.due {
		if !a.over && !a.at.After(now) {
			a.over = true
			ring = append(ring, a)
		}
	}
	h.mu.Unlock()
	for _, a := range ring {
		a.f()
	}
}

func (w *world) state(id string) string {
	w.t.Helper()
	return get[meetingv1.Meeting](w, meetingv1.GetSubject, meetingv1.Ref{ID: id, Actor: mette}).State
}

func TestEmptyRoomEnds(t *testing.T) {
	clock := &hand{}
	w := newWorld(t, byHand(clock))
	m := w.book()
	host := w.host(m)
	host.join()
	w.eventually("somebody is there: no clock runs", func() bool { return clock.armed() == 0 })
	get[meetingv1.Entry](w, meetingv1.LeaveSubject, host.seat)
	if clock.armed() != 1 {
		t.Fatalf("%d clocks run on an empty room", clock.armed())
	}
	clock.pass(w, 4*time.Minute)
	host.hush()
	host.entry = get[meetingv1.Entry](w, meetingv1.EnterSubject, meetingv1.EnterRequest{
		MeetingID: m.ID, Secret: filepath.Base(m.Participants[0].Link), Device: "another-device-of-mette", Login: &meetingv1.Login{Subject: "mette", Name: "Mette Lund", Role: "caseworker"},
	})
	host.seat = host.entry.Seat
	host.join()
	w.eventually("who has come back stops the clock", func() bool { return clock.armed() == 0 })
	clock.pass(w, time.Hour)
	if s := w.state(m.ID); s != meetingv1.Live {
		t.Fatalf("with somebody in it the meeting is %s", s)
	}
	get[meetingv1.Entry](w, meetingv1.LeaveSubject, host.seat)
	clock.pass(w, 4*time.Minute+59*time.Second)
	if s := w.state(m.ID); s != meetingv1.Live {
		t.Fatalf("before five minutes are over the meeting is %s", s)
	}
	clock.pass(w, time.Second)
	if end := w.over(m.ID); end.Reason != "empty" {
		t.Errorf("ended by %q", end.Reason)
	}
	if s := w.state(m.ID); s != meetingv1.Ended {
		t.Errorf("the meeting is %s", s)
	}
}

// A browser that is closed says nothing: its connections end.
func TestClosedBrowserLeavesAnEmptyRoom(t *testing.T) {
	clock := &hand{}
	w := newWorld(t, byHand(clock))
	m := w.book()
	host := w.host(m).join()
	w.eventually("no clock runs", func() bool { return clock.armed() == 0 })
	host.hush()
	w.must(host.pub.Close())
	w.must(host.sub.Close())
	w.eventually("the clock runs", func() bool { return clock.armed() == 1 })
	clock.pass(w, 5*time.Minute)
	if end := w.over(m.ID); end.Reason != "empty" {
		t.Errorf("ended by %q", end.Reason)
	}
}

// Nobody comes back to a meeting whose node was killed.
func TestAbandonedMeetingEnds(t *testing.T) {
	clock := &hand{}
	w := newWorld(t, byHand(clock))
	m, other := w.book(), w.book()
	w.host(m).join()
	back := w.host(other).join()
	w.end(w.node, true)
	w.start()
	w.until("both are told", func() bool { return w.told(m.ID) > 0 && w.told(other.ID) > 0 })
	clock.pass(w, 4*time.Minute)
	w.must(w.node.Hall.Sweep(t.Context()))
	if s := w.state(m.ID); s != meetingv1.Live {
		t.Fatalf("before five minutes are over the meeting is %s", s)
	}
	rejoin(back)
	clock.pass(w, 2*time.Minute)
	w.must(w.node.Hall.Sweep(t.Context()))
	if end := w.over(m.ID); end.Reason != "lost" {
		t.Errorf("ended by %q", end.Reason)
	}
	if s := w.state(other.ID); s != meetingv1.Live {
		t.Errorf("the one that somebody came back to is %s", s)
	}
}
