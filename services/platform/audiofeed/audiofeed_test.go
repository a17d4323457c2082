package audiofeed

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"samtale.dk/samtale/services/contract/audiov1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/bus/bustest"
	"samtale.dk/samtale/services/platform/errs"
)

// sample is what position p of every test leg sounds like: two positions differ
// unless they are 30011 apart.
func sample(p int64) int16 { return int16(p%30011 + 1) }

// patience is what a slow machine may take, for what has to happen at all.
const patience = 2 * time.Minute

// testGateway gives no worker up, but where a test shortens the time for that: a machine that stops for a moment would be one
// too.
func testGateway(t testing.TB, b *bus.Bus) *Gateway {
	t.Helper()
	g := New(Config{
		Name: "test", Bus: b, Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(),
		Limits: Limits{
			Heartbeat: patience, Attach: time.Second,
			RetryMin: 10 * time.Millisecond, RetryMax: 50 * time.Millisecond,
			Idle: 100 * time.Millisecond, Stall: 150 * time.Millisecond,
		},
	})
	t.Cleanup(g.Close)
	return g
}

func openLeg(t testing.TB, g *Gateway) *Leg {
	t.Helper()
	l, err := g.Open(LegConfig{
		ConversationID: event.NewID(time.Now()), LegID: event.NewID(time.Now()), Role: "citizen", StartedAt: time.Now(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// speak writes n frames.
func speak(t testing.TB, l *Leg, n int) {
	t.Helper()
	pcm := make([]int16, audiov1.FrameSamples)
	for range n {
		p := l.Position()
		for i := range pcm {
			pcm[i] = sample(p + int64(i))
		}
		if err := l.WriteFrame(pcm, time.Unix(1000, nanos(p)), 0); err != nil {
			t.Fatal(err)
		}
	}
}

// listener is a speech worker without speech: it holds what it received and commits
// as it is told. It shares the attach subject's queue group.
type listener struct {
	t    testing.TB
	b    *bus.Bus
	name string
	sub  *nats.Subscription

	mu        sync.Mutex
	attach    audiov1.Attach
	audio     *nats.Subscription
	from      int64 // where its audio begins
	got       []int16
	lost      int64 // in got as zeros
	flags     uint8 // of the last frame with samples
	wrong     int   // samples that are not what was written
	stale     int   // frames of an earlier epoch
	newer     int   // frames of a later epoch
	ended     bool
	committed int64
	deaf      int // frames with samples to drop, as if the bus had
	dead      bool
	hung      bool // hears, says nothing
	stop      chan struct{}
}

// store is what the stream would know: the committed end of each leg.
type store struct {
	mu sync.Mutex
	to map[string]int64
}

func (s *store) get(leg string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.to[leg]
}

func (s *store) set(leg string, to int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.to[leg] = to
}

func newStore() *store { return &store{to: map[string]int64{}} }

func listen(t testing.TB, b *bus.Bus, st *store, name string) *listener {
	t.Helper()
	w := &listener{t: t, b: b, name: name, stop: make(chan struct{})}
	sub, err := b.NC.QueueSubscribe(audiov1.AttachSubject, "speech", func(m *nats.Msg) {
		var a audiov1.Attach
		if err := json.Unmarshal(m.Data, &a); err != nil {
			t.Error(err)
			return
		}
		if w.attached(a, st.get(a.LegID)) {
			data, _ := json.Marshal(audiov1.Attached{Worker: name, Resume: st.get(a.LegID), Engine: "none", Done: w.done()})
			m.Respond(data)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	w.sub = sub
	b.NC.Flush()
	go w.beat(st)
	t.Cleanup(w.die)
	return w
}

// attached listens to a leg; false when the worker is not there any more. A leg that it has heard to its end it does not hear again.
func (w *listener) attached(a audiov1.Attach, from int64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dead || w.hung {
		return false
	}
	if w.ended {
		return true
	}
	if w.audio != nil {
		w.audio.Unsubscribe()
	}
	w.attach, w.from, w.got, w.lost, w.committed = a, from, nil, 0, from
	var f audiov1.Frame
	sub, err := w.b.NC.Subscribe(audiov1.Subject(a.ConversationID, a.LegID), func(m *nats.Msg) {
		if err := f.Decode(m.Data); err != nil {
			w.t.Error(err)
			return
		}
		w.frame(&f)
	})
	if err != nil {
		w.t.Error(err)
		return false
	}
	w.audio = sub
	return true
}

func (w *listener) done() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ended
}

func (w *listener) frame(f *audiov1.Frame) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.dead:
		return
	case f.Epoch < w.attach.Epoch:
		w.stale++
		return
	case f.Epoch > w.attach.Epoch:
		w.newer++
		return
	case w.deaf > 0 && len(f.PCM) > 0:
		w.deaf--
		return
	}
	at := w.from + int64(len(w.got))
	if f.Flags&audiov1.FlagLost != 0 && f.Position-int64(f.Lost) <= at && f.Position > at {
		w.lost += f.Position - at
		w.got = append(w.got, make([]int16, f.Position-at)...)
		at = f.Position
	}
	if f.Position > at {
		return // a hole: wait for it to be sent again
	}
	for i, s := range f.PCM {
		if p := f.Position + int64(i); p >= at {
			if s != sample(p) && f.Flags&audiov1.FlagMasked == 0 {
				w.wrong++
			}
			w.got = append(w.got, s)
		}
	}
	if len(f.PCM) > 0 {
		w.flags = f.Flags
	}
	w.ended = w.ended || f.Flags&audiov1.FlagEnd != 0
}

func (w *listener) beat(st *store) {
	for {
		select {
		case <-w.stop:
			return
		case <-time.After(20 * time.Millisecond):
		}
		w.mu.Lock()
		a, end := w.attach, w.from+int64(len(w.got))
		if w.ended {
			w.committed = end
			st.set(a.LegID, end)
		}
		p := audiov1.Progress{Worker: w.name, Received: end, Committed: w.committed, Done: w.ended}
		silent := w.dead || w.hung
		w.mu.Unlock()
		if a.LegID != "" && !silent {
			w.send(a, p)
		}
	}
}

func (w *listener) send(a audiov1.Attach, p audiov1.Progress) {
	p.Epoch = a.Epoch
	data, _ := json.Marshal(p)
	w.b.NC.Publish(audiov1.ProgressSubject(a.ConversationID, a.LegID), data)
}

func (w *listener) leg() audiov1.Attach {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.attach
}

// commit stores everything received so far.
func (w *listener) commit(st *store) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.committed = w.from + int64(len(w.got))
	st.set(w.attach.LegID, w.committed)
	return w.committed
}

// die is a kill -9: nothing is said any more.
func (w *listener) die() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.dead {
		w.dead = true
		close(w.stop)
		w.sub.Unsubscribe()
	}
}

func (w *listener) end() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.from + int64(len(w.got))
}

// eventually waits for a condition that other goroutines bring about.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never happened: %s", what)
		}
	}
}

func endLeg(t testing.TB, l *Leg) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := l.End(ctx); err != nil {
		t.Fatal(err)
	}
}

func checkHeard(t *testing.T, w *listener, from, to int64) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.from != from || w.from+int64(len(w.got)) != to || w.wrong > 0 {
		t.Errorf("%s heard [%d, %d) with %d wrong samples, want [%d, %d)",
			w.name, w.from, w.from+int64(len(w.got)), w.wrong, from, to)
	}
}

func TestLegIsHeardToItsEnd(t *testing.T) {
	b, st := bustest.New(t), newStore()
	g := testGateway(t, b)
	w := listen(t, b, st, "a")
	l := openLeg(t, g)
	speak(t, l, 100)
	endLeg(t, l)
	checkHeard(t, w, 0, 32000)
	if s := l.Status(); s.Committed != 32000 || s.Position != 32000 {
		t.Errorf("status %+v", s)
	}
	if err := l.WriteFrame([]int16{1}, time.Now(), 0); !errors.Is(err, ErrEnded) {
		t.Errorf("write after the end: %v", err)
	}
}

func TestAudioBeforeAnyWorkerIsKept(t *testing.T) {
	b, st := bustest.New(t), newStore()
	l := openLeg(t, testGateway(t, b))
	speak(t, l, 500)
	w := listen(t, b, st, "late")
	endLeg(t, l)
	checkHeard(t, w, 0, 160000)
}

func TestWorkerDeath(t *testing.T) {
	b, st := bustest.New(t), newStore()
	g := testGateway(t, b)
	g.limits.Heartbeat = audiov1.HeartbeatLimit
	l := openLeg(t, g)
	first := listen(t, b, st, "first")
	speak(t, l, 200)
	eventually(t, "the first worker hears", func() bool { return first.end() == 64000 })
	committed := first.commit(st)
	eventually(t, "the gateway knows", func() bool { return l.Status().Committed == committed })
	speak(t, l, 50)
	first.die()
	speak(t, l, 50)
	second := listen(t, b, st, "second")
	speak(t, l, 50)
	endLeg(t, l)
	checkHeard(t, second, committed, 350*320)
}

func TestWorkerGivesUp(t *testing.T) {
	b, st := bustest.New(t), newStore()
	l := openLeg(t, testGateway(t, b))
	first := listen(t, b, st, "first")
	speak(t, l, 10)
	eventually(t, "attached", func() bool { return l.Status().Attached })
	first.die()
	second := listen(t, b, st, "second")
	first.send(first.leg(), audiov1.Progress{Worker: "first", Failed: "engine"})
	eventually(t, "the second takes over", func() bool { return second.end() == 3200 })
	endLeg(t, l)
}

// A worker that was thought dead and speaks up again is neither heard nor heeded.
func TestTwoWorkers(t *testing.T) {
	b, st := bustest.New(t), newStore()
	g := testGateway(t, b)
	g.limits.Heartbeat = audiov1.HeartbeatLimit
	l := openLeg(t, g)
	first := listen(t, b, st, "first")
	speak(t, l, 10)
	eventually(t, "the first hears, and hangs", func() bool {
		first.mu.Lock()
		defer first.mu.Unlock()
		first.hung = len(first.got) == 3200
		return first.hung
	})
	first.sub.Unsubscribe()
	second := listen(t, b, st, "second")
	eventually(t, "the second hears", func() bool { return second.end() == 3200 })
	speak(t, l, 10)
	first.send(first.leg(), audiov1.Progress{Worker: "first", Received: 6400, Committed: 6400, Done: true})
	eventually(t, "the second hears more", func() bool { return second.end() == 6400 })
	if c := l.Status().Committed; c != 0 {
		t.Errorf("committed %d by a worker of an earlier epoch", c)
	}
	endLeg(t, l)
	eventually(t, "the first sees frames of the second's epoch", func() bool { first.mu.Lock(); defer first.mu.Unlock(); return first.newer > 0 })
	first.mu.Lock()
	defer first.mu.Unlock()
	if len(first.got) != 3200 {
		t.Errorf("the first worker took %d samples", len(first.got))
	}
}

func TestLostFramesAreSentAgain(t *testing.T) {
	b, st := bustest.New(t), newStore()
	g := testGateway(t, b)
	w := listen(t, b, st, "a")
	l := openLeg(t, g)
	speak(t, l, 10)
	eventually(t, "attached", func() bool { return w.end() == 3200 })
	w.mu.Lock()
	w.deaf = 5 // of them the last before the end
	w.mu.Unlock()
	speak(t, l, 5)
	endLeg(t, l)
	checkHeard(t, w, 0, 15*320)
	var m dto.Metric
	if err := g.metrics.replays.Write(&m); err != nil || m.GetCounter().GetValue() == 0 {
		t.Errorf("no replay was counted (%v)", err)
	}
}

func TestReplayRequest(t *testing.T) {
	b, st := bustest.New(t), newStore()
	g := testGateway(t, b)
	g.limits.Stall = time.Hour // only the request may help
	w := listen(t, b, st, "a")
	l := openLeg(t, g)
	speak(t, l, 10)
	eventually(t, "attached", func() bool { return w.end() == 3200 })
	w.mu.Lock()
	w.deaf = 1
	w.mu.Unlock()
	speak(t, l, 5)
	eventually(t, "a frame is missed", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return w.deaf == 0 })
	if rep := replay(t, b, w, w.end()); rep.Start != 3200 {
		t.Errorf("replay from %d, want 3200", rep.Start)
	}
	eventually(t, "all is heard", func() bool { return w.end() == 15*320 })
	endLeg(t, l)
}

// replay asks the gateway for the worker's leg from a position on.
func replay(t *testing.T, b *bus.Bus, w *listener, from int64) audiov1.Replayed {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	a := w.leg()
	rep, err := bus.Request[audiov1.Replayed](ctx, b, audiov1.ReplaySubject(a.ConversationID, a.LegID), audiov1.Replay{Epoch: a.Epoch, From: from})
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

func TestLostSamplesAreAnnounced(t *testing.T) {
	b, st := bustest.New(t), newStore()
	w := listen(t, b, st, "a")
	l := openLeg(t, testGateway(t, b))
	speak(t, l, 5)
	l.Lost(5000)
	l.Lost(1000)
	speak(t, l, 5)
	l.Lost(400) // at the very end
	endLeg(t, l)
	checkHeard(t, w, 0, 10*320+6400)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lost != 6400 {
		t.Errorf("%d samples lost, want 6400", w.lost)
	}
}

func TestRingOverflowIsAnnouncedAsLost(t *testing.T) {
	b, st := bustest.New(t), newStore()
	g := testGateway(t, b)
	g.limits.RingStart, g.limits.RingLimit = 1600, 16000
	l := openLeg(t, g)
	speak(t, l, 150) // 48000 samples
	w := listen(t, b, st, "late")
	eventually(t, "all is heard", func() bool { return w.end() == 48000 })
	if rep := replay(t, b, w, 0); rep.Start != 32000 { // announced again, not lost again
		t.Errorf("replay from %d, want 32000", rep.Start)
	}
	endLeg(t, l)
	checkHeard(t, w, 0, 48000)
	w.mu.Lock()
	defer w.mu.Unlock()
	if d := l.Status().Dropped; d != 32000 || w.lost != 32000 {
		t.Errorf("dropped %d, announced %d as lost, want 32000", d, w.lost)
	}
}

func TestMaskedFramesLeaveAsLengthOnly(t *testing.T) {
	b, st := bustest.New(t), newStore()
	w := listen(t, b, st, "a")
	l := openLeg(t, testGateway(t, b))
	if err := l.WriteFrame([]int16{7, 7, 7, 7}, time.Now(), audiov1.FlagMasked); err != nil {
		t.Fatal(err)
	}
	endLeg(t, l)
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.got) != 4 || w.got[0] != 0 || w.got[3] != 0 || w.flags != audiov1.FlagMasked {
		t.Errorf("heard %v with flags %d, want four zeros, masked", w.got, w.flags)
	}
}

func TestRefusalIsRetried(t *testing.T) {
	b, st := bustest.New(t), newStore()
	var refused sync.WaitGroup
	refused.Add(3)
	left := 3
	sub, err := b.NC.QueueSubscribe(audiov1.AttachSubject, "speech", func(m *nats.Msg) {
		h := nats.NewMsg(m.Reply)
		h.Header.Set("Samtale-Error-Kind", string(errs.Limited))
		m.RespondMsg(h)
		if left--; left >= 0 {
			refused.Done()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	l := openLeg(t, testGateway(t, b))
	speak(t, l, 10)
	refused.Wait()
	sub.Unsubscribe()
	w := listen(t, b, st, "free")
	endLeg(t, l)
	checkHeard(t, w, 0, 3200)
}

func TestEndGivesUpWithItsContext(t *testing.T) {
	l := openLeg(t, testGateway(t, bustest.New(t)))
	speak(t, l, 10)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := l.End(ctx)
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, errs.Unavailable) {
		t.Errorf("error %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	g := testGateway(t, bustest.New(t))
	_, err := g.Open(LegConfig{ConversationID: "a.b", LegID: "c"})
	if !errors.Is(err, errs.Invalid) {
		t.Errorf("bad id: %v", err)
	}
	g.max = 1
	openLeg(t, g)
	_, err = g.Open(LegConfig{ConversationID: "a", LegID: "b"})
	if !errors.Is(err, errs.Limited) {
		t.Errorf("one leg too many: %v", err)
	}
}

// The bus goes away and comes back (a restarted server, clients reconnect).
func TestBusRestart(t *testing.T) {
	srv := bustest.NewServer(t)
	b, st := srv.Connect("test"), newStore()
	l := openLeg(t, testGateway(t, b))
	w := listen(t, b, st, "a")
	speak(t, l, 100)
	eventually(t, "heard before", func() bool { return w.end() == 32000 })
	srv.Stop()
	speak(t, l, 100)
	eventually(t, "disconnected", func() bool { return !b.NC.IsConnected() })
	speak(t, l, 100)
	srv.Start()
	speak(t, l, 100)
	endLeg(t, l)
	checkHeard(t, w, 0, 400*320)
}
