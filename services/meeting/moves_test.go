package meeting

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/meetingv1"
)

// moves runs a test for each way in which a node goes.
func moves(t *testing.T, f func(t *testing.T, killed bool)) {
	for name, killed := range map[string]bool{"stopped": false, "killed": true} {
		t.Run(name, func(t *testing.T) { f(t, killed) })
	}
}

// move makes the node that has a meeting's room go: when this returns, everybody is told and the node is gone.
func (w *world) move(meeting string, a, b *node, killed bool) {
	w.t.Helper()
	from, to := w.place(meeting, a, b)
	gone := make(chan struct{})
	go func() { defer close(gone); w.end(from, killed) }()
	w.until("everybody is told", func() bool { return w.told(meeting) > 0 })
	<-gone
	w.node = to
}

// A telephone goes on where its meeting does: the same seat, muted if it was, written down to the sample on both sides of the move.
func TestTelephoneMovesWithTheRoom(t *testing.T) {
	moves(t, func(t *testing.T, killed bool) {
		w, a, b := newCluster(t)
		m, host, p := w.byPhone()
		citizen, caller := p.seat.ParticipantID, &guest{seat: p.seat}
		before, _ := p.sent()
		old := w.participant(m.ID, citizen).LegID
		host.act(meetingv1.ActMute, citizen, "")

		w.move(m.ID, a, b, killed)
		e := again[meetingv1.Entry](w, meetingv1.SoundSubject, meetingv1.SoundRequest{Seat: p.seat, Session: p.session})
		if e.Me.State != meetingv1.InRoom || !e.Me.Muted || e.Me.Line != "" || !e.Me.ByPhone {
			t.Errorf("after the move: %+v", e.Me)
		}
		host.hush()
		rejoin(host)
		heard := func() int { p.mu.Lock(); defer p.mu.Unlock(); return len(p.heard) }
		from := heard()
		w.until("what the host says at the telephone", func() bool { return heard() > from+8000 })
		p.say(20, 0, 0) // muted: nobody hears it
		said, frames := p.sent()
		w.eventually("time goes on while it is muted", func() bool { return w.legOf(m.ID, citizen).clear == said-before })
		again[meetingv1.Entry](w, meetingv1.ActSubject, meetingv1.ActRequest{Seat: p.seat, Action: meetingv1.ActUnmute})
		w.until("what the telephone says at the host", func() bool { p.say(5, 0, 0); return host.hears(caller) > 20 })
		said, all := p.sent()
		if n := host.hears(caller); n > all-frames {
			t.Errorf("a muted telephone is heard: %d packets of %d frames", n, all-frames)
		}
		w.eventually("all of it at the recogniser", func() bool { return w.legOf(m.ID, citizen).clear == said-before })
		again[meetingv1.Entry](w, meetingv1.ActSubject, meetingv1.ActRequest{Seat: host.seat, Action: meetingv1.ActEnd})
		end := w.over(m.ID)
		var spoken []callv1.LegEnd
		for _, l := range end.Legs {
			if l.Role == "citizen" {
				spoken = append(spoken, l)
			}
		}
		if len(spoken) != 2 || spoken[0].ID != old || spoken[1].Samples != said-before {
			t.Errorf("of %d and then %d samples there are the legs %+v", before, said-before, spoken)
		}
		if n := spoken[0].Samples; n > before || !killed && n != before { // who is killed knows no more than what was noted last
			t.Errorf("of %d samples at the node before %d are known", before, n)
		}
	})
}

// A recording goes on where its meeting does: one track of each source of a person, the time between is a gap, who has declined is
// not recorded there either, and who declines there is not from then on.
func TestRecordingMovesWithTheRoom(t *testing.T) {
	moves(t, func(t *testing.T, killed bool) {
		w, a, b := newCluster(t)
		m := w.recorded()
		host := w.host(m).join()
		ana, bente, ole := w.agrees(m, 3, "Ana", true).join(), w.agrees(m, 1, "Bente", true).join(), w.agrees(m, 2, "Ole", false).join()
		people := []*guest{ana, bente, ole}
		for _, g := range people {
			g.film()
		}
		files := func(who *guest, source string) []string {
			list, err := filepath.Glob(filepath.Join(w.data, "recordings", m.ID, who.seat.ParticipantID+"_"+source+"_*"))
			w.must(err)
			return list
		}
		size := func(path string) int64 {
			st, err := os.Stat(path)
			w.must(err)
			return st.Size()
		}
		for _, g := range people[:2] {
			w.grows(m.ID, g.seat.ParticipantID, "microphone", 8000)
			w.grows(m.ID, g.seat.ParticipantID, "camera", 40_000)
		}

		w.move(m.ID, a, b, killed)
		if killed { // in the middle of a write
			path := files(ana, "microphone")[0]
			w.must(os.Truncate(path, size(path)-7))
		}
		again[meetingv1.Entry](w, meetingv1.ActSubject, meetingv1.ActRequest{Seat: bente.seat, Action: meetingv1.ActRecord, Value: "no"})
		mine := files(bente, "microphone")
		if len(mine) != 1 {
			t.Fatalf("%d files of a microphone", len(mine))
		}
		till := size(mine[0])
		time.Sleep(2 * time.Second) // a sender's clock may be 1.5 s ahead: what is shorter need not be a gap
		host.hush()
		rejoin(host)
		for _, g := range people {
			rejoin(g)
			g.film()
		}
		again := size(files(ana, "microphone")[0])
		w.grows(m.ID, ana.seat.ParticipantID, "microphone", again+8000)
		w.grows(m.ID, ana.seat.ParticipantID, "camera", size(files(ana, "camera")[0])+40_000)
		w.until("who declines is heard all the same", func() bool { return host.hears(bente) > 50 && host.hears(ole) > 50 })
		host.act(meetingv1.ActEnd, "", "")
		w.over(m.ID)

		r := w.recording(m.ID)
		if r.State != meetingv1.RecordingKept || r.Problem != "" {
			t.Fatalf("%+v", r)
		}
		for _, source := range []string{"microphone", "camera"} {
			tr, ok := track(r, ana.seat.ParticipantID, source)
			if !ok || len(files(ana, source)) != 1 || !tr.Whole {
				t.Fatalf("Ana's %s: %+v", source, r.Tracks)
			}
			if !slices.ContainsFunc(tr.Gaps, func(g meetingv1.Gap) bool { return g.Reason == meetingv1.GapInterrupted && g.To > g.From }) {
				t.Errorf("the move is no gap in Ana's %s: %+v", source, tr.Gaps)
			}
			if tr.Millis < time.Second.Milliseconds() || len(w.whole(m.ID, tr)) == 0 {
				t.Errorf("Ana's %s: %+v", source, tr)
			}
		}
		sound, _ := track(r, ana.seat.ParticipantID, "microphone")
		if loud, quiet := tone(t, w.whole(m.ID, sound)); loud < 2*enough || quiet == 0 {
			t.Errorf("%d packets with the tone that was sent, %d without, as between two nodes", loud, quiet)
		}
		if n := size(mine[0]); n != till {
			t.Errorf("%d bytes more of who has said no", n-till)
		}
		if tr, ok := track(r, bente.seat.ParticipantID, "microphone"); !ok || tr.Size == 0 {
			t.Errorf("what was recorded of Bente while she agreed is not there: %+v", r.Tracks)
		}
		if tr, ok := track(r, ole.seat.ParticipantID, ""); !ok || len(tr.Gaps) != 1 || tr.Gaps[0].Reason != meetingv1.GapDeclined || len(files(ole, "*")) != 0 {
			t.Errorf("who did not say yes: %+v", r.Tracks)
		}
	})
}
