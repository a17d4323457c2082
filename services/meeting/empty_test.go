package meeting

import (
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/platform/errs"
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

// begun books a meeting that should have begun half an hour ago.
func begun(r *meetingv1.BookRequest) { r.StartsAt = time.Now().Add(-30 * time.Minute) }

// Who leads a meeting opens it early to see whether all works, and leaves: whoever is expected finds it when they come.
func TestEmptyRoomWaitsForThoseExpected(t *testing.T) {
	clock := &hand{}
	w := newWorld(t, byHand(clock))
	m := w.book(func(r *meetingv1.BookRequest) { r.StartsAt, r.Minutes = time.Now().Add(20*time.Minute), 120 })
	host := w.host(m).join()
	w.eventually("somebody is there: no clock runs", func() bool { return clock.armed() == 0 })
	get[meetingv1.Entry](w, meetingv1.LeaveSubject, host.seat)
	for range 5 { // to five minutes after the start
		clock.pass(w, 5*time.Minute)
		if s := w.state(m.ID); s != meetingv1.Live {
			t.Fatalf("while people may still come the meeting is %s", s)
		}
	}
	bente := w.enter(m, 1, nil)
	bente.knock("Bente", yes())
	clock.pass(w, time.Hour)
	if s := w.state(m.ID); s != meetingv1.Live {
		t.Fatalf("while somebody waits to be let in the meeting is %s", s)
	}
	get[meetingv1.Entry](w, meetingv1.LeaveSubject, bente.seat)
	clock.pass(w, 5*time.Minute)
	if end := w.over(m.ID); end.Reason != "empty" {
		t.Errorf("ended by %q", end.Reason)
	}
	if s := w.state(m.ID); s != meetingv1.Ended {
		t.Errorf("the citizen has waited, and the meeting is %s", s)
	}
}

// The caseworker waits, and ends the meeting that the citizen has not come to.
func TestMeetingThatTheCitizenMissed(t *testing.T) {
	clock := &hand{}
	w := newWorld(t, byHand(clock))
	m := w.book()
	host := w.host(m).join()
	w.eventually("no clock runs", func() bool { return clock.armed() == 0 })
	clock.pass(w, 6*time.Minute)
	host.act(meetingv1.ActEnd, "", "")
	w.over(m.ID)
	w.eventually("it counts as missed", func() bool { return w.state(m.ID) == meetingv1.NoShow })
}

// A meeting cannot be begun days before its time: nobody would be reminded of it, and it could not be moved any more.
func TestMeetingIsNotBegunDaysBefore(t *testing.T) {
	w := newWorld(t)
	m := w.book(func(r *meetingv1.BookRequest) { r.StartsAt = time.Now().Add(48 * time.Hour) })
	page := &tab{w: w, seat: w.host(m).seat}
	pc := page.connection()
	_, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	w.must(err)
	offer, err := pc.CreateOffer(nil)
	w.must(err)
	sdp, err := gathered(pc, offer)
	w.must(err)
	refused(w, errs.Conflict, meetingv1.PublishSubject, meetingv1.MediaRequest{Seat: page.seat, SDP: sdp})
	if s := w.state(m.ID); s != meetingv1.Booked {
		t.Errorf("the meeting is %s", s)
	}
}

// What who leads the meeting does to others is in the audit log, and whoever waits hears of a cancellation with its reason.
func TestLeadingIsInTheAuditLog(t *testing.T) {
	w := newWorld(t)
	var entries []consentv1.Audit
	follow(w, "audit.v1.entry.>", once(&entries))
	m := w.book()
	host, bente := w.host(m), w.enter(m, 1, nil)
	bente.knock("Bente", yes())
	bente.decide(meetingv1.Admit)
	host.act(meetingv1.ActLock, "", "on")
	bente.act(meetingv1.ActMute, "", "")
	host.act(meetingv1.ActMute, bente.seat.ParticipantID, "")
	host.act(meetingv1.ActRemove, bente.seat.ParticipantID, "")
	want := []string{"Lukke en deltager ind i mødet", "Låse mødet", "Slå en deltagers mikrofon fra", "Tage en deltager ud af mødet"}
	w.until("all is in the log", func() bool {
		var log []string
		for _, e := range entries {
			if e.Action == "lead-meeting" && e.Actor == "mette" {
				log = append(log, e.Purpose)
			}
		}
		return slices.Equal(log, want)
	})
	get[meetingv1.Meeting](w, meetingv1.CancelSubject, meetingv1.CancelRequest{ID: m.ID, Reason: " Mette er syg. ", Actor: mette})
	w.until("the cancellation is told", func() bool {
		return slices.ContainsFunc(w.events, func(e meetingv1.RoomEvent) bool {
			return e.Kind == meetingv1.EventEnded && e.Notice == meetingv1.Cancelled && e.Text == "Mette er syg."
		})
	})
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
	if s := w.state(m.ID); s != meetingv1.NoShow {
		t.Errorf("the meeting that the citizen never came to is %s", s)
	}
}

// A browser that is closed says nothing: its connections end.
func TestClosedBrowserLeavesAnEmptyRoom(t *testing.T) {
	clock := &hand{}
	w := newWorld(t, byHand(clock))
	m := w.book(begun)
	host := w.host(m).join()
	w.eventually("no clock runs", func() bool { return clock.armed() == 0 })
	host.hush()
	w.must(host.pub.Close())
	w.must(host.sub.Close())
	w.eventually("the room's clock runs, and the person's", func() bool { return clock.armed() == 2 })
	clock.pass(w, 5*time.Minute)
	if end := w.over(m.ID); end.Reason != "empty" {
		t.Errorf("ended by %q", end.Reason)
	}
}

// Nobody comes back to a meeting whose node was killed.
func TestAbandonedMeetingEnds(t *testing.T) {
	clock := &hand{}
	w := newWorld(t, byHand(clock))
	m, other := w.book(begun), w.book(begun)
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
