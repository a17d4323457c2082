package meeting

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/meeting/internal/nodes"
	"samtale.dk/samtale/services/meeting/internal/store"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
	platformstore "samtale.dk/samtale/services/platform/store"
	"samtale.dk/samtale/services/platform/store/storetest"
)

// newCluster is a world with two nodes of the service over one PostgreSQL and one bus.
func newCluster(t *testing.T, change ...func(*world)) (w *world, a, b *node) {
	t.Helper()
	w = newWorld(t, append(change, func(w *world) {
		w.dsn = storetest.Postgres(t)
		w.on.cpu = func() float64 { return 0 }
		// A busy machine must not look like a node that hangs.
		w.on.times = nodes.Times{Beat: 50 * time.Millisecond, Silent: 2 * time.Second, Ask: patience}
	})...)
	a = w.node
	b = w.start()
	db, err := platformstore.Open(t.Context(), w.dsn)
	w.must(err)
	t.Cleanup(func() { db.Close() })
	w.look = store.New(db, "test")
	w.eventually("the nodes know each other", func() bool { return a.Nodes.Others() == 1 && b.Nodes.Others() == 1 })
	return w, a, b
}

// place tells which of two nodes has a meeting's room, and which has not.
func (w *world) place(meeting string, a, b *node) (has, other *node) {
	w.t.Helper()
	p, err := w.look.Read().Place(w.t.Context(), meeting)
	w.must(err)
	switch p.Node {
	case a.Nodes.ID:
		return a, b
	case b.Nodes.ID:
		return b, a
	}
	w.t.Fatalf("the room is at %q", p.Node)
	return nil, nil
}

// again asks as the portal does: what has moved is asked for once more, and so is what had no answer.
func again[Resp any](w *world, subject string, req any) Resp {
	w.t.Helper()
	var resp Resp
	w.eventually("an answer to "+subject, func() bool {
		var err error
		resp, err = bus.Request[Resp](w.t.Context(), w.bus, subject, req)
		if err != nil && errs.KindOf(err) != errs.Unavailable {
			w.t.Fatalf("%s: %v", subject, err)
		}
		return err == nil
	})
	return resp
}

// port is where a connection's media goes.
func port(pc *webrtc.PeerConnection) int {
	pair, err := pc.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
	if err != nil || pair == nil {
		return 0
	}
	return int(pair.Remote.Port)
}

func TestRoomsAreSpread(t *testing.T) {
	w, a, b := newCluster(t)
	at := map[int]*node{}
	rooms := 0
	for ; rooms < 6 || rooms < 60 && len(at) < 2; rooms++ { // on a slow machine a node may be silent for a while, and get none
		m := w.book()
		host := w.host(m).join()
		has, _ := w.place(m.ID, a, b)
		if p := port(host.pub); at[p] == nil {
			at[p] = has
		} else if at[p] != has {
			t.Error("media goes to another node than the one that has the room")
		}
		if port(host.sub) != port(host.pub) {
			t.Error("a participant's two connections are at two nodes")
		}
		host.hush()
	}
	na, _ := a.Hall.Rooms()
	nb, _ := b.Hall.Rooms()
	if na == 0 || nb == 0 || na+nb != rooms || len(at) != 2 {
		t.Errorf("%d and %d rooms at %d addresses", na, nb, len(at))
	}
}

func TestBothNodesAreAskedAtOnce(t *testing.T) {
	w, a, b := newCluster(t)
	for range 5 {
		m := w.book()
		host, g := w.host(m), w.admitted(m, 1, "Bente", true)
		var wg sync.WaitGroup
		failed := make([]error, 2)
		for i, n := range []*node{a, b} {
			seat := []meetingv1.SeatRef{host.seat, g.seat}[i]
			wg.Go(func() { // past the router: each is told that the room is to be opened there
				_, failed[i] = ask[meetingv1.MediaReply](w, nodes.Subject(n.Nodes.ID, meetingv1.SubscribeSubject), meetingv1.MediaRequest{Seat: seat})
			})
		}
		wg.Wait()
		if (failed[0] == nil) == (failed[1] == nil) {
			t.Fatalf("both or none got the room: %v, %v", failed[0], failed[1])
		}
		for _, err := range failed {
			if err != nil && (errs.KindOf(err) != errs.Unavailable || !strings.Contains(errs.Text(err), "flytter")) {
				t.Errorf("who did not get it says %v", err)
			}
		}
	}
	if na, _ := a.Hall.Rooms(); na > 5 {
		t.Errorf("%d rooms", na)
	}
	if nb, _ := b.Hall.Rooms(); nb > 5 {
		t.Errorf("%d rooms", nb)
	}
}

func TestDrainMovesTheRoom(t *testing.T) {
	w, a, b := newCluster(t)
	m := w.book()
	host, g := w.host(m).join(), w.admitted(m, 1, "Bente", true).join()
	w.eventually("sound both ways", func() bool { return host.hears(g) > 5 && g.hears(host) > 5 })
	from, to := w.place(m.ID, a, b)
	host.act(meetingv1.ActMute, g.seat.ParticipantID, "")
	g.act(meetingv1.ActHand, "", "up")
	host.say("m1", "før flytningen")
	pdf := append([]byte("%PDF-1.7\n"), bytes.Repeat([]byte("x"), 1000)...)
	for part := range 2 {
		get[meetingv1.FilePart](w, meetingv1.FileSubject, meetingv1.FileRequest{
			Seat: g.seat, File: meetingv1.File{ID: "f1", Name: "svar.pdf"}, Part: part, Parts: 2, Data: pdf,
		})
	}
	get[meetingv1.Message](w, meetingv1.SaySubject, meetingv1.SayRequest{ID: "m2", Seat: g.seat, File: "f1"})
	hears, theirs := w.leg(m.ID, host.seat.ParticipantID), w.leg(m.ID, g.seat.ParticipantID)
	w.until("sound at the recogniser", func() bool { return hears.length() > 16000/4 && theirs.length() > 16000/4 })
	leg := hears.leg
	w.final(m.ID, leg, 0, "det var så bolig støtte")
	w.eventually("the caption", func() bool { return len(host.history().Captions) == 1 })
	host.act(meetingv1.ActCorrect, host.history().Captions[0].ID, "det var så boligstøtte")

	began := time.Now()
	gone := make(chan struct{})
	go func() { defer close(gone); w.end(from, false) }()
	w.until("everybody is told", func() bool { return w.told(m.ID) > 0 })
	host.hush()
	g.hush()
	rejoin(host)
	rejoin(g)
	t.Logf("media again %v after the signal to stop", time.Since(began).Round(time.Millisecond))
	if has, _ := w.place(m.ID, a, b); has != to {
		t.Fatal("the room is still where it was")
	}
	if me := w.participant(m.ID, g.seat.ParticipantID); !me.Muted || !me.Hand || me.State != meetingv1.InRoom {
		t.Errorf("after the move: %+v", me)
	}
	heard, before := host.hears(g), g.hears(host)
	w.eventually("the host is heard, who is muted is not", func() bool { return g.hears(host) > before+25 })
	if n := host.hears(g); n != heard {
		t.Errorf("%d packets of who is muted", n-heard)
	}
	h := host.history()
	if len(h.Messages) != 2 || len(h.Captions) != 1 || h.Captions[0].Text != "det var så boligstøtte" || !h.Captions[0].Corrected {
		t.Errorf("history after the move: %+v", h)
	}
	p := again[meetingv1.FilePart](w, meetingv1.FileSubject, meetingv1.FileRequest{Seat: host.seat, File: *h.Messages[1].File, Part: 1})
	if !bytes.Equal(p.Data, pdf) || !p.Last {
		t.Error("the file came otherwise than it was sent")
	}
	w.final(m.ID, leg, 16000, "de sidste ord") // of the leg of before, heard late
	w.eventually("the late caption", func() bool { return len(host.history().Captions) == 2 })
	w.eventually("new legs", func() bool {
		return w.participant(m.ID, host.seat.ParticipantID).LegID != leg && w.participant(m.ID, g.seat.ParticipantID).LegID != theirs.leg
	})
	w.leg(m.ID, host.seat.ParticipantID)
	w.leg(m.ID, g.seat.ParticipantID)
	host.say("m3", "efter flytningen")
	<-gone // the last words of the legs before are there
	host.act(meetingv1.ActEnd, "", "")
	end := w.over(m.ID)
	w.startedOnce(end)
	spoken := 0
	w.mu.Lock()
	for _, l := range end.Legs {
		if x := w.heard[l.ID]; x != nil {
			spoken++
			if !x.ended || l.Samples != x.length() {
				t.Errorf("leg %s has %d samples, the worker got %d, ended %v", l.ID, l.Samples, x.length(), x.ended)
			}
		}
	}
	w.mu.Unlock()
	if spoken != 4 {
		t.Errorf("%d spoken legs", spoken)
	}
	typed := w.typedLeg(end)
	w.eventually("the ledger of the typed leg", func() bool { return w.accounted(typed.ID) == typed.Samples })
	if n := len(w.typed(m.ID)); n != 4 {
		t.Errorf("%d typed words", n)
	}
}

// told counts how often everybody was told to set up again.
func (w *world) told(meeting string) (n int) {
	for _, e := range w.events {
		if e.Kind == meetingv1.EventMoved && e.MeetingID == meeting {
			n++
		}
	}
	return n
}

// rejoin sets media up again as a browser does: until it works.
func rejoin(g *guest) {
	g.w.t.Helper()
	again[meetingv1.MediaReply](g.w, meetingv1.SubscribeSubject, meetingv1.MediaRequest{Seat: g.seat})
	g.join()
}

func TestKilledNodeLosesItsRooms(t *testing.T) {
	w, a, b := newCluster(t)
	m := w.book()
	host, g := w.host(m).join(), w.admitted(m, 1, "Bente", true).join()
	w.eventually("sound", func() bool { return g.hears(host) > 5 })
	from, to := w.place(m.ID, a, b)
	host.act(meetingv1.ActMute, g.seat.ParticipantID, "")
	host.say("m1", "før nedbruddet")
	get[meetingv1.FilePart](w, meetingv1.FileSubject, meetingv1.FileRequest{
		Seat: g.seat, File: meetingv1.File{ID: "f1", Name: "svar.txt"}, Parts: 1, Data: []byte("hej"),
	})
	get[meetingv1.Message](w, meetingv1.SaySubject, meetingv1.SayRequest{ID: "m0", Seat: g.seat, File: "f1"})
	l := w.leg(m.ID, host.seat.ParticipantID)
	w.final(m.ID, l.leg, 0, "sagt før nedbruddet")
	w.eventually("the caption", func() bool { return len(host.history().Captions) == 1 })
	began := time.Now()
	w.end(from, true)
	// Who asks at once gets an answer: the request waits until the node that is gone has lost the room.
	again[meetingv1.Message](w, meetingv1.SaySubject, meetingv1.SayRequest{ID: "m2", Seat: host.seat, Text: "midt i det"})
	w.until("everybody is told", func() bool { return w.told(m.ID) > 0 })
	host.hush()
	g.hush()
	rejoin(host)
	rejoin(g)
	t.Logf("media again %v after the kill", time.Since(began).Round(time.Millisecond))
	if has, _ := w.place(m.ID, a, b); has != to {
		t.Fatal("the room is at a node that is gone")
	}
	before := g.hears(host)
	w.eventually("sound again", func() bool { return g.hears(host) > before+10 })
	if !w.participant(m.ID, g.seat.ParticipantID).Muted {
		t.Error("who was muted is not")
	}
	w.eventually("history", func() bool {
		h := host.history()
		return len(h.Messages) == 3 && h.Messages[1].File.Gone && len(h.Captions) == 1 && h.Captions[0].Text == "sagt før nedbruddet" && h.Captions[0].From == host.seat.ParticipantID
	})
	w.eventually("a new leg", func() bool { return w.participant(m.ID, host.seat.ParticipantID).LegID != l.leg })
	host.act(meetingv1.ActEnd, "", "")
	end := w.over(m.ID)
	w.startedOnce(end)
	if !slices.ContainsFunc(end.Legs, func(x callv1.LegEnd) bool { return x.ID == l.leg }) {
		t.Errorf("the end: %+v", end)
	}
}

// A node that is cut off from the bus goes on with the media that it has, and has a database that it could write to.
func TestCutOffNodeWritesNothing(t *testing.T) {
	w, a, b := newCluster(t)
	m := w.book()
	host, g := w.host(m).join(), w.admitted(m, 1, "Bente", true).join()
	w.eventually("sound", func() bool { return g.hears(host) > 5 })
	w.eventually("the channel", func() bool { return g.text.ReadyState().String() == "open" })
	from, to := w.place(m.ID, a, b)
	from.bus.NC.Close()
	w.until("everybody is told", func() bool { return w.told(m.ID) > 0 })
	rejoin(host)
	if has, _ := w.place(m.ID, a, b); has != to {
		t.Fatal("the room is where nobody can be reached")
	}
	host.say("m1", "vi er her")
	_ = g.text.SendText("jeg er et andet sted\u2028") // fails when the node has found out already
	w.eventually("the old room is dropped", func() bool { rooms, _ := from.Hall.Rooms(); return rooms == 0 })
	w.eventually("its media ends", func() bool {
		s, c := g.pub.SCTP().Transport().State(), g.pub.ConnectionState()
		return s == webrtc.DTLSTransportStateClosed || s == webrtc.DTLSTransportStateFailed || c == webrtc.PeerConnectionStateFailed
	})
	if h := host.history(); len(h.Messages) != 1 {
		t.Errorf("history %+v", h.Messages)
	}
	if words := fmt.Sprint(w.typed(m.ID)); strings.Contains(words, "sted") {
		t.Errorf("typed words %s", words)
	}
	w.end(from, true)
}

// A node that was paused for long finds, when it goes on, that its room is another's.
func TestPausedNodeFindsItsRoomGone(t *testing.T) {
	w, a, b := newCluster(t)
	m := w.book()
	host := w.host(m).join()
	from, to := w.place(m.ID, a, b)
	p, err := w.look.Read().Place(t.Context(), m.ID)
	w.must(err)
	w.must(to.Evict(t.Context(), from.Nodes.ID)) // as to does when from has not answered
	err = from.Store.InTx(t.Context(), func(tx *store.Tx) error { return tx.Fence(t.Context(), m.ID, p.Epoch) })
	if !errors.Is(err, store.ErrElsewhere) {
		t.Errorf("a write under the epoch of before: %v", err)
	}
	w.until("everybody is told", func() bool { return w.told(m.ID) > 0 })
	rejoin(host)
	w.eventually("one room in all", func() bool {
		na, _ := a.Hall.Rooms()
		nb, _ := b.Hall.Rooms()
		return na+nb == 1
	})
	has, _ := w.place(m.ID, a, b)
	if rooms, _ := has.Hall.Rooms(); rooms != 1 {
		t.Error("the room is not where it should be")
	}
	host.say("m1", "videre")
	host.act(meetingv1.ActEnd, "", "")
	w.over(m.ID)
}

// Both nodes go; the one that comes finds rooms of nodes that it has never heard of.
func TestAllNodesAreKilled(t *testing.T) {
	w, a, b := newCluster(t)
	m := w.book()
	host := w.host(m).join()
	w.end(a, true)
	w.end(b, true)
	host.hush()
	_, err := bus.Request[meetingv1.Entry](t.Context(), w.bus, meetingv1.LeaveSubject, host.seat) // the server may not know yet that both are gone
	if !nodes.Away(err) {
		t.Errorf("without any node: %v", err)
	}
	w.start()
	w.until("everybody is told", func() bool { return w.told(m.ID) > 0 })
	rejoin(host)
	host.act(meetingv1.ActEnd, "", "")
	w.over(m.ID)
}

func TestEverybodyActsAtOnce(t *testing.T) {
	w, _, _ := newCluster(t)
	m := w.book()
	host, g := w.host(m).join(), w.admitted(m, 1, "Bente", true)
	people := []*guest{host, g, w.admitted(m, 2, "Ole", true), w.admitted(m, 3, "Ana", true)}
	host.say("first", "hej")
	const writers, times = 24, 4
	var wg sync.WaitGroup
	for i := range writers {
		seat := people[i%len(people)].seat
		wg.Go(func() {
			for n := range times {
				err := error(errs.Unavailable)
				for end := time.Now().Add(patience); errs.KindOf(err) == errs.Unavailable && time.Now().Before(end); {
					if i < writers/2 {
						_, err = ask[meetingv1.Entry](w, meetingv1.ActSubject, meetingv1.ActRequest{Seat: seat, Action: meetingv1.ActHand, Value: []string{"up", "down"}[n%2]})
					} else {
						_, err = ask[meetingv1.Message](w, meetingv1.SaySubject, meetingv1.SayRequest{ID: fmt.Sprintf("m%d-%d", i, n), Seat: seat, Text: "hej"})
					}
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	w.eventually("all that was written", func() bool {
		h := host.history()
		return len(h.Messages) == 1+writers/2*times
	})
}
