package meeting

import (
	"testing"
	"time"

	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/meeting/internal/nodes"
)

// Over SQLite there is one process: the one that starts has the rooms of the one before at once, without waiting for its silence,
// and whoever comes back sees by a number that the room is another one.
func TestOnlyProcessTakesOverAtOnce(t *testing.T) {
	w := newWorld(t, func(w *world) { w.on.times = nodes.Times{Silent: time.Hour} })
	m := w.book()
	host := w.host(m).join()
	before := host.history().Room
	if before == 0 {
		t.Fatal("a room that is open has no number")
	}
	if got := get[meetingv1.MediaReply](w, meetingv1.SubscribeSubject, meetingv1.MediaRequest{Seat: host.seat}).Room; got != before {
		t.Errorf("media was set up in room %d, history is of %d", got, before)
	}
	w.end(w.node, true)
	host.hush()
	w.start()
	w.until("everybody is told", func() bool { return w.told(m.ID) > 0 })
	after := host.history().Room
	if after <= before {
		t.Errorf("the room was %d and is %d", before, after)
	}
	host.join()
	if got := get[meetingv1.MediaReply](w, meetingv1.SubscribeSubject, meetingv1.MediaRequest{Seat: host.seat}).Room; got != after {
		t.Errorf("media is set up in room %d, history is of %d", got, after)
	}
}
