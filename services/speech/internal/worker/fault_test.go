package worker

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"samtale.dk/samtale/models/asr"
	"samtale.dk/samtale/models/asr/asrtest"
	"samtale.dk/samtale/services/contract/audiov1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/platform/audiofeed"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/bus/streams"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/speech/internal/hearing"
	"samtale.dk/samtale/services/speech/internal/speechtest"
)

// moody is an engine that fails or hangs when told to.
type moody struct {
	asr.Engine
	down atomic.Bool // Open and Write fail
	hung atomic.Bool // Write does not return, until the context of the session ends
}

func (m *moody) Open(ctx context.Context, o asr.Options) (asr.Session, error) {
	if m.down.Load() {
		return nil, asr.ErrUnavailable
	}
	s, err := m.Engine.Open(ctx, o)
	return &moodySession{s, m, ctx}, err
}

type moodySession struct {
	asr.Session
	m   *moody
	ctx context.Context
}

func (s *moodySession) Write(pcm []int16) error {
	if s.m.down.Load() {
		return asr.ErrUnavailable
	}
	if s.m.hung.Load() {
		<-s.ctx.Done()
		return asr.ErrClosed
	}
	return s.Session.Write(pcm)
}

// impatient makes a worker that soon gives an engine up; when the leg has ended, after giveUp.
func impatient(e asr.Engine, giveUp time.Duration) func(*Config) {
	return func(c *Config) {
		c.Engine = e
		c.Limits.Hang, c.Limits.GiveUp, c.Limits.GiveUpEnd = time.Second, time.Second, giveUp
	}
}

func TestEngineFailsAndComesBack(t *testing.T) {
	for _, mood := range []string{"down", "hung"} {
		t.Run(mood, func(t *testing.T) {
			w := newWorld(t)
			e := &moody{Engine: script()}
			r := w.worker(impatient(e, patience))
			l, cfg := w.leg()
			write(t, l, words(0, 5, 8000), 0)
			waitFor(t, "the first words are committed", func() bool { return l.Status().Committed > 5*12800 })
			e.down.Store(mood == "down")
			e.hung.Store(mood == "hung")
			write(t, l, words(6, 9, 8000), 0)
			waitFor(t, "the leg is handed over, to the same worker", func() bool { return value(t, r.metrics.attached) >= 2 })
			e.down.Store(false)
			e.hung.Store(false)
			write(t, l, words(10, 12, 8000), 0)
			end(t, l)
			tr := w.transcript(cfg)
			checkWords(t, tr, count(0, 12))
			if tr.seconds(transcriptv1.Lost) != 0 {
				t.Errorf("ledger %v", tr.ledger)
			}
		})
	}
}

// Without any engine the leg ends all the same, and says what is lost and why.
func TestNoEngineEver(t *testing.T) {
	for _, mood := range []string{"down", "hung"} {
		t.Run(mood, func(t *testing.T) {
			w := newWorld(t)
			e := &moody{Engine: script()}
			w.worker(impatient(e, 400*time.Millisecond))
			l, cfg := w.leg()
			write(t, l, words(0, 3, 8000), 0)
			waitFor(t, "the first words are committed", func() bool { return l.Status().Committed >= 3*12800+wordSamples })
			committed := l.Status().Committed
			e.down.Store(mood == "down")
			e.hung.Store(mood == "hung")
			write(t, l, words(4, 9, 1600), 0)
			end(t, l)
			tr := w.transcript(cfg)
			checkWords(t, tr, count(0, 3))
			lost := tr.ledger[len(tr.ledger)-1]
			if lost.State != transcriptv1.Lost || lost.Reason != transcriptv1.ReasonEngine || lost.End != l.Position() || lost.Start < committed {
				t.Errorf("ledger %v of %d samples, committed %d", tr.ledger, l.Position(), committed)
			}
		})
	}
}

func TestMaskedAndLost(t *testing.T) {
	w := newWorld(t)
	w.worker(nil)
	l, cfg := w.leg()
	write(t, l, words(0, 2, 8000), 0)
	write(t, l, words(3, 5, 8000), audiov1.FlagMasked)
	write(t, l, words(6, 7, 8000), 0)
	l.Lost(50000)
	write(t, l, words(8, 9, 8000), 0)
	end(t, l)
	tr := w.transcript(cfg)
	checkWords(t, tr, []string{"w0", "w1", "w2", "w6", "w7", "w8", "w9"})
	if m, lost := tr.seconds(transcriptv1.Masked), tr.seconds(transcriptv1.Lost); m != 3*12800 || lost != 50000 {
		t.Errorf("%d masked, %d lost", m, lost)
	}
}

func TestAdmission(t *testing.T) {
	w := newWorld(t)
	r := w.worker(func(c *Config) { c.Streams = 1 })
	first, cfg1 := w.leg()
	write(t, first, words(0, 1, 8000), 0)
	waitFor(t, "the first is heard", func() bool { return first.Status().Attached })
	_, err := bus.Request[audiov1.Attached](t.Context(), w.bus, audiov1.AttachSubject,
		audiov1.Attach{ConversationID: "c", LegID: "l", Epoch: 1})
	if !errors.Is(err, errs.Limited) {
		t.Errorf("second leg: %v", err)
	}
	_, err = bus.Request[audiov1.Attached](t.Context(), w.bus, audiov1.AttachSubject,
		audiov1.Attach{ConversationID: "c.d", LegID: "l", Epoch: 1})
	if !errors.Is(err, errs.Invalid) {
		t.Errorf("bad id: %v", err)
	}
	second, cfg2 := w.leg()
	write(t, second, words(0, 3, 8000), 0)
	end(t, first)
	end(t, second) // in its turn
	checkWords(t, w.transcript(cfg1), count(0, 1))
	checkWords(t, w.transcript(cfg2), count(0, 3))
	waitFor(t, "both are forgotten", func() bool { return len(r.all()) == 0 })
}

// A leg that is complete needs nobody: the answer to an attach says so.
func TestAttachAfterTheEnd(t *testing.T) {
	w := newWorld(t)
	w.worker(nil)
	l, cfg := w.leg()
	write(t, l, words(0, 1, 8000), 0)
	end(t, l)
	h := hand{w: w, cfg: audiov1.Attach{ConversationID: cfg.ConversationID, LegID: cfg.LegID, Epoch: 99}}
	rep := h.attach()
	if !rep.Done || rep.Resume != l.Position()-audiov1.LeadSamples {
		t.Errorf("answer %+v, leg of %d", rep, l.Position())
	}
}

// attachBy hand: a test in the role of the gateway.
type hand struct {
	w        *world
	cfg      audiov1.Attach
	progress chan audiov1.Progress
	replays  chan audiov1.Replay
}

func (w *world) hand() *hand {
	w.t.Helper()
	h := &hand{
		w: w, progress: make(chan audiov1.Progress, 1000), replays: make(chan audiov1.Replay, 100),
		cfg: audiov1.Attach{ConversationID: event.NewID(time.Now()), LegID: event.NewID(time.Now()), Role: "citizen", Epoch: 5},
	}
	_, err1 := bus.Listen(w.bus, audiov1.ProgressSubject(h.cfg.ConversationID, h.cfg.LegID),
		func(_ context.Context, p audiov1.Progress) { h.progress <- p })
	_, err2 := bus.Listen(w.bus, audiov1.ReplaySubject(h.cfg.ConversationID, h.cfg.LegID),
		func(_ context.Context, r audiov1.Replay) { h.replays <- r })
	if err := errors.Join(err1, err2); err != nil {
		w.t.Fatal(err)
	}
	return h
}

func (h *hand) attach() audiov1.Attached {
	h.w.t.Helper()
	var rep audiov1.Attached
	ctx, cancel := context.WithTimeout(h.w.t.Context(), patience)
	defer cancel()
	waitFor(h.w.t, "a worker is there", func() bool {
		var err error
		rep, err = bus.Request[audiov1.Attached](ctx, h.w.bus, audiov1.AttachSubject, h.cfg)
		return err == nil
	})
	return rep
}

func (h *hand) send(f audiov1.Frame) {
	f.Epoch = h.cfg.Epoch
	h.w.bus.NC.Publish(audiov1.Subject(h.cfg.ConversationID, h.cfg.LegID), f.Append(nil))
}

// await waits for a Progress.
func (h *hand) await(what string, ok func(audiov1.Progress) bool) audiov1.Progress {
	h.w.t.Helper()
	limit := time.After(patience)
	for {
		select {
		case p := <-h.progress:
			if ok(p) {
				return p
			}
		case <-limit:
			h.w.t.Fatalf("never happened: %s", what)
		}
	}
}

func TestHoleIsAskedForOnce(t *testing.T) {
	w := newWorld(t)
	w.worker(nil)
	h := w.hand()
	h.attach()
	pcm := words(0, 3, 8000)
	h.send(audiov1.Frame{PCM: pcm[:8000]})
	h.send(audiov1.Frame{Position: 16000, PCM: pcm[16000:24000]})
	h.send(audiov1.Frame{Position: 24000, PCM: pcm[24000:32000]})
	if r := <-h.replays; r.From != 8000 || r.Epoch != h.cfg.Epoch {
		t.Errorf("asked for %+v", r)
	}
	h.await("audio up to the hole is received", func(p audiov1.Progress) bool { return p.Received == 8000 })
	for at := 0; at < len(pcm); at += 6400 { // again from the beginning: duplicates do no harm
		h.send(audiov1.Frame{Position: int64(at), PCM: pcm[at:min(at+6400, len(pcm))]})
	}
	h.send(audiov1.Frame{Position: int64(len(pcm)), Flags: audiov1.FlagEnd})
	h.await("done", func(p audiov1.Progress) bool { return p.Done })
	if n := len(h.replays); n != 0 {
		t.Errorf("asked %d times more", n)
	}
	tr := w.transcript(h.leg())
	checkWords(t, tr, count(0, 3))
}

func TestOvertakenByEpoch(t *testing.T) {
	w := newWorld(t)
	r := w.worker(nil)
	h := w.hand()
	h.attach()
	h.send(audiov1.Frame{PCM: words(0, 0, 0)})
	h.await("received", func(p audiov1.Progress) bool { return p.Received > 0 })
	h.cfg.Epoch++
	h.send(audiov1.Frame{Position: wordSamples, PCM: words(1, 1, 0)})
	waitFor(t, "the worker lets go", func() bool { return len(r.all()) == 0 })
}

// Another worker has committed in our place: nothing of ours is stored, and the
// gateway is told.
func TestFencedByTheStream(t *testing.T) {
	w := newWorld(t)
	w.worker(nil)
	h := w.hand()
	h.attach()
	other := record{bus: w.bus, keys: w.keys, log: slog.New(slog.DiscardHandler), failed: prometheus.NewCounter(prometheus.CounterOpts{}), attach: h.cfg}
	if err := other.commit(t.Context(), batchOf(20000, "den anden"), false); err != nil {
		t.Fatal(err)
	}
	pcm := words(0, 3, 8000)
	for at := 0; at < len(pcm); at += 6400 {
		h.send(audiov1.Frame{Position: int64(at), PCM: pcm[at:min(at+6400, len(pcm))]})
	}
	h.await("the worker fails", func(p audiov1.Progress) bool { return strings.Contains(p.Failed, "another worker") })
	h.cfg.Epoch++
	if rep := h.attach(); rep.Resume != 20000-audiov1.LeadSamples {
		t.Errorf("resume at %d, want a second before 20000", rep.Resume)
	}
}

// The stream has our final although we never saw the acknowledgement.
func TestLostAcknowledgement(t *testing.T) {
	w := newWorld(t)
	if err := w.bus.EnsureStreams(t.Context(), streams.Transcript()); err != nil {
		t.Fatal(err)
	}
	r := record{bus: w.bus, keys: w.keys, log: slog.New(slog.DiscardHandler), attach: audiov1.Attach{ConversationID: "c", LegID: "leg"}}
	f, err := r.final(t.Context(), batchOf(1000, "ja"), false)
	if err != nil {
		t.Fatal(err)
	}
	var seqs [2]uint64
	for i := range seqs {
		waitFor(t, "it is published", func() bool { // a slow machine may need more than one attempt, as the worker does
			seqs[i], err = r.publish(t.Context(), f)
			return err == nil || errors.Is(err, errFenced)
		})
	}
	if err != nil || seqs[0] != seqs[1] {
		t.Errorf("published twice: %v, %v", seqs, err)
	}
	same, err := r.final(t.Context(), batchOf(1000, "ja"), false) // same range, same id, other worker
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, "another worker's final of the same range is refused", func() bool {
		_, err := r.publish(t.Context(), same)
		if err == nil {
			t.Fatal("it is stored")
		}
		return errors.Is(err, errFenced)
	})
}

// A hearing that ends while a final is on its way learns that it was stored, and is not fenced by it.
func TestHearingEndsWhileAFinalIsStored(t *testing.T) {
	w := newWorld(t)
	if err := w.bus.EnsureStreams(t.Context(), streams.Transcript()); err != nil {
		t.Fatal(err)
	}
	var r *record
	waitFor(t, "it is stored in the time of one attempt", func() bool { // on a slow machine not every one is
		ctx, cancel := context.WithCancel(t.Context())
		w.keys.err = func() error { cancel(); return nil } // just before it is published
		r = &record{
			bus: w.bus, keys: w.keys, log: slog.New(slog.DiscardHandler), failed: prometheus.NewCounter(prometheus.CounterOpts{}),
			attach: audiov1.Attach{ConversationID: "c", LegID: event.NewID(time.Now())},
		}
		err := r.commit(ctx, batchOf(1000, "ja"), false)
		if errors.Is(err, context.DeadlineExceeded) {
			return false
		}
		if err != nil || r.committed() != 1000 {
			t.Fatalf("committed up to %d, %v", r.committed(), err)
		}
		return true
	})
	next := batchOf(2000, "nej")
	next.From = 1000
	if err := r.commit(t.Context(), next, false); err != nil {
		t.Fatalf("the next one: %v", err)
	}
}

// The gateway dies without a word: what was heard is stored, and the place is free.
func TestGatewayGone(t *testing.T) {
	w := newWorld(t)
	r := w.worker(func(c *Config) { c.Limits.Idle = 200 * time.Millisecond })
	pcm := words(0, 1, 0) // an utterance that has not ended
	var f *transcriptv1.Final
	waitFor(t, "all that was sent is stored", func() bool { // a slow machine may be silent for too long before it has sent it
		h := w.hand() // anew, so that no word was cut by an end that came too soon
		h.attach()
		h.send(audiov1.Frame{PCM: pcm[:8000]})
		h.send(audiov1.Frame{Position: 8000, PCM: pcm[8000:]})
		waitFor(t, "the worker lets go", func() bool { return len(r.all()) == 0 })
		stream, err := w.bus.JS.Stream(t.Context(), transcriptv1.Stream)
		if err != nil {
			t.Fatal(err)
		}
		f, _, err = lastFinal(t.Context(), stream, h.cfg.ConversationID, h.cfg.LegID)
		if err != nil {
			t.Fatal(err)
		}
		return f != nil && f.To == int64(len(pcm))
	})
	if f.Last || f.NextWord != 2 {
		t.Errorf("last final %+v", f)
	}
}

func TestStoppingHandsOver(t *testing.T) {
	w := newWorld(t)
	first := w.worker(func(c *Config) { c.Limits.Drain = 100 * time.Millisecond })
	l, cfg := w.leg()
	write(t, l, words(0, 5, 8000), 0)
	waitFor(t, "heard", func() bool { return l.Status().Committed > 0 })
	w.worker(nil)
	first.stop()
	<-first.done
	write(t, l, words(6, 9, 8000), 0)
	end(t, l)
	checkWords(t, w.transcript(cfg), count(0, 9))
}

func TestStoppingLetsLegsEnd(t *testing.T) {
	w := newWorld(t)
	r := w.worker(func(c *Config) { c.Limits.Drain = patience })
	l, cfg := w.leg()
	write(t, l, words(0, 5, 8000), 0)
	waitFor(t, "heard", func() bool { return l.Status().Attached })
	r.stop()
	write(t, l, words(6, 9, 8000), 0)
	end(t, l)
	<-r.done
	checkWords(t, w.transcript(cfg), count(0, 9))
}

// The bus with the stream is restarted in the middle of a leg.
func TestBusRestarts(t *testing.T) {
	w := newWorld(t)
	w.worker(nil)
	l, cfg := w.leg()
	write(t, l, words(0, 5, 8000), 0)
	waitFor(t, "something is committed", func() bool { return l.Status().Committed > 0 })
	write(t, l, words(6, 7, 8000), 0)
	w.srv.Stop()
	write(t, l, words(8, 12, 8000), 0)
	waitFor(t, "the gateway notices", func() bool { return !w.bus.NC.IsConnected() })
	w.srv.Start()
	write(t, l, words(13, 15, 8000), 0)
	end(t, l)
	checkWords(t, w.transcript(cfg), count(0, 15))
}

// The stream cannot take anything for a while.
func TestStreamIsAway(t *testing.T) {
	w := newWorld(t)
	r := w.worker(nil)
	l, cfg := w.leg()
	waitFor(t, "attached", func() bool { return l.Status().Attached })
	if err := w.bus.JS.DeleteStream(t.Context(), transcriptv1.Stream); err != nil {
		t.Fatal(err)
	}
	write(t, l, words(0, 5, 8000), 0)
	waitFor(t, "a final cannot be stored", func() bool { return value(t, r.metrics.unstored) > 0 })
	if err := w.bus.EnsureStreams(t.Context(), streams.Transcript()); err != nil {
		t.Fatal(err)
	}
	end(t, l)
	checkWords(t, w.transcript(cfg), count(0, 5))
}

// The consent service, which has the keys, is late: words wait for it.
func TestKeysAreLate(t *testing.T) {
	w := newWorld(t)
	var have atomic.Bool
	var asked atomic.Int64
	w.keys.err = func() error {
		asked.Add(1)
		if have.Load() {
			return nil
		}
		return errs.E(errs.Unavailable, "", nil)
	}
	w.worker(impatient(script(), patience))
	l, cfg := w.leg()
	write(t, l, words(0, 5, 8000), 0)
	// Longer, in all, than an engine may hang: the pauses between the requests grow.
	waitFor(t, "the key was asked for several times", func() bool { return asked.Load() >= 6 })
	have.Store(true)
	end(t, l)
	checkWords(t, w.transcript(cfg), count(0, 5))
}

func TestErasedConversationIsNotStored(t *testing.T) {
	w := newWorld(t)
	w.keys.err = func() error { return errs.E(errs.NotFound, "", nil) }
	w.worker(nil)
	h := w.hand()
	h.attach()
	pcm := words(0, 0, 8000)
	h.send(audiov1.Frame{PCM: pcm[:8000]})
	h.send(audiov1.Frame{Position: 8000, PCM: pcm[8000:]})
	h.await("the worker gives up", func(p audiov1.Progress) bool { return strings.Contains(p.Failed, "erased") })
}

// Partials go over core NATS in clear: they never hold personal data.
func TestPartialsAreMasked(t *testing.T) {
	said := strings.Fields("mit cpr nummer er nul fire elleve tooghalvfems toogtyve elleve tak for det")
	w := newWorld(t)
	w.worker(func(c *Config) { c.Engine = speechtest.Engine(func(k int) string { return said[k] }, 0) })
	l, cfg := w.leg()
	var mu sync.Mutex
	var seen []string
	partials := 0
	_, err := bus.Listen(w.bus, transcriptv1.PartialSubject(cfg.ConversationID, cfg.LegID), func(_ context.Context, p transcriptv1.Partial) {
		mu.Lock()
		defer mu.Unlock()
		partials++
		for _, word := range p.Words {
			seen = append(seen, word.Text+word.Clear+word.Spoken)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, "attached", func() bool { return l.Status().Attached })
	for k := range said {
		mu.Lock()
		before := partials
		mu.Unlock()
		write(t, l, words(k, k, 0), 0)
		waitFor(t, "a partial follows", func() bool { mu.Lock(); defer mu.Unlock(); return partials > before })
	}
	end(t, l)
	mu.Lock()
	defer mu.Unlock()
	all := strings.Join(seen, " ")
	if !strings.Contains(all, "nummer") {
		t.Fatalf("no partials of the utterance: %q", all)
	}
	for _, secret := range []string{"tooghalvfems", "toogtyve", "0411", "2211"} {
		if strings.Contains(all, secret) {
			t.Errorf("a partial says %q", secret)
		}
	}
	tr := w.transcript(cfg)
	for _, word := range tr.words {
		if word.Masked == "cpr" && word.Clear == "041192-2211" && word.Spoken == "" {
			return
		}
	}
	t.Errorf("no masked number in %v", tr.texts())
}

func TestProbe(t *testing.T) {
	w := newWorld(t)
	e := &moody{Engine: script()}
	r := w.worker(func(c *Config) { c.Engine = e })
	if err := r.Ready(t.Context()); err != nil {
		t.Errorf("healthy engine: %v", err)
	}
	for _, tc := range []struct {
		name   string
		engine asr.Engine
		want   error
	}{
		{"unavailable", &asrtest.Scripted{OpenErr: asr.ErrUnavailable}, errs.Unavailable},
		{"busy", &asrtest.Scripted{OpenErr: asr.ErrBusy}, nil},
		{"hung", func() asr.Engine { m := &moody{Engine: script()}; m.hung.Store(true); return m }(), errs.Unavailable},
		{"dies", &asrtest.Scripted{FailAt: 100}, errs.Unavailable},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			if err := tryEngine(ctx, tc.engine); !errors.Is(err, tc.want) {
				t.Errorf("error %v, want %v", err, tc.want)
			}
		})
	}
}

func TestJunkOnTheAudioSubject(t *testing.T) {
	w := newWorld(t)
	w.worker(nil)
	h := w.hand()
	h.attach()
	subject := audiov1.Subject(h.cfg.ConversationID, h.cfg.LegID)
	for _, junk := range []string{"", "x", strings.Repeat("\x01", 31), strings.Repeat("\x02", 400)} {
		w.bus.NC.Publish(subject, []byte(junk))
	}
	pcm := words(0, 0, 1600)
	h.send(audiov1.Frame{PCM: pcm})
	h.send(audiov1.Frame{Position: int64(len(pcm)), Flags: audiov1.FlagEnd})
	h.await("done", func(p audiov1.Progress) bool { return p.Done })
	checkWords(t, w.transcript(h.leg()), count(0, 0))
}

// The request that attaches is described and shared: nats.go/micro answers for it.
func TestServiceIsDescribed(t *testing.T) {
	w := newWorld(t)
	w.worker(nil)
	waitFor(t, "the service answers", func() bool {
		m, err := w.bus.NC.Request("$SRV.INFO.speech", nil, 200*time.Millisecond)
		return err == nil && json.Valid(m.Data) && strings.Contains(string(m.Data), audiov1.AttachSubject)
	})
	_, err := w.bus.NC.Request(audiov1.AttachSubject, []byte("{"), time.Second)
	if err != nil && !errors.Is(err, nats.ErrTimeout) {
		t.Error(err)
	}
}

func (h *hand) leg() audiofeed.LegConfig {
	return audiofeed.LegConfig{ConversationID: h.cfg.ConversationID, LegID: h.cfg.LegID}
}

func batchOf(to int64, text string) hearing.Batch {
	return hearing.Batch{
		To: to, Words: []transcriptv1.Word{{Text: text, End: to}},
		Ledger: []transcriptv1.Range{{End: to, State: transcriptv1.Transcribed}},
	}
}

// value of a counter.
func value(t *testing.T, c prometheus.Counter) float64 {
	t.Helper()
	var m dto.Metric
	if err := c.Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetCounter().GetValue()
}
