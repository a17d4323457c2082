// Package worker hears legs that gateways attach: the speech service's side of
// contract/audiov1. DESIGN.md of the service describes the protocol and what happens
// when a part fails.
//
// A Worker owns its legs. Each leg has a subscription that puts frames in order, a
// goroutine that feeds them to a Hearing, the Hearing's own goroutine, which commits
// to the stream, and one that waits for the outcome. One goroutine of the Worker
// reports progress of all legs and notices engines that hang.
package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nats.go/micro"
	"github.com/prometheus/client_golang/prometheus"

	"samtale.dk/samtale/models/asr"
	"samtale.dk/samtale/models/tts"
	"samtale.dk/samtale/services/contract/audiov1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/bus/streams"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/seal"
	"samtale.dk/samtale/services/speech/internal/hearing"
)

// Limits are the times of the protocol. The zero value means the defaults in brackets.
type Limits struct {
	Report    time.Duration // between two Progress messages [audiov1.HeartbeatEvery]
	Idle      time.Duration // without a frame, the gateway is gone [15 s]
	Hang      time.Duration // an engine that decides nothing: another session [75 s]
	GiveUp    time.Duration // an engine that fails all the time: hand the leg over [60 s]
	GiveUpEnd time.Duration // the same after the leg's end: the rest is lost [60 s]
	RetryMin  time.Duration // first pause after an engine failed [250 ms] …
	RetryMax  time.Duration // … doubling up to this [5 s]
	Drain     time.Duration // for legs to end when the worker stops [20 s]
}

func (l Limits) withDefaults() Limits {
	def := func(v *time.Duration, d time.Duration) {
		if *v == 0 {
			*v = d
		}
	}
	def(&l.Report, audiov1.HeartbeatEvery)
	def(&l.Idle, 15*time.Second)
	def(&l.Hang, 75*time.Second) // longer than the openai adapter tries one utterance
	def(&l.GiveUp, time.Minute)
	def(&l.GiveUpEnd, time.Minute)
	def(&l.RetryMin, 250*time.Millisecond)
	def(&l.RetryMax, 5*time.Second)
	def(&l.Drain, 20*time.Second)
	return l
}

// Config of a Worker.
type Config struct {
	Name      string // unique among workers
	Bus       *bus.Bus
	Keys      seal.Keys
	Engine    asr.Engine
	Second    asr.Engine                 // hears everything again, for better words; nil: none
	Voices    map[string]tts.Synthesiser // by language; may be none
	Segmenter func() hearing.Segmenter
	Streams   int // legs at once; more are refused
	Log       *slog.Logger
	Metrics   prometheus.Registerer
	Limits    Limits
}

// Worker hears legs.
type Worker struct {
	cfg     Config
	engine  asr.Engine
	metrics *metrics
	stream  jetstream.Stream
	probe   probe

	mu       sync.Mutex
	legs     map[string]*leg // by leg id
	pending  int             // being attached
	again    int             // second passes under way
	stopping bool
	empty    chan struct{} // closed when stopping and no leg is left
}

// New returns a Worker that is not attachable yet.
func New(cfg Config) *Worker {
	cfg.Limits = cfg.Limits.withDefaults()
	w := &Worker{cfg: cfg, legs: map[string]*leg{}, empty: make(chan struct{})}
	w.metrics = newMetrics(cfg.Metrics, w)
	w.engine = metered{cfg.Engine, w.metrics}
	w.probe.engine = cfg.Engine
	return w
}

// attachLimit is shorter than a gateway waits for an answer.
const attachLimit = 1200 * time.Millisecond

// attachments is how many attach requests are worked on at once.
const attachments = 32

// Run answers attach requests until ctx is done; then it takes no more, lets its legs
// end within Limits.Drain, and hands the others over.
func (w *Worker) Run(ctx context.Context) error {
	err := w.cfg.Bus.EnsureStreams(ctx, streams.Transcript())
	if err != nil {
		return err
	}
	err = w.cfg.Bus.Retry(ctx, func() (err error) {
		w.stream, err = w.cfg.Bus.JS.Stream(ctx, transcriptv1.Stream)
		return err
	})
	if err != nil {
		return fmt.Errorf("stream %s: %w", transcriptv1.Stream, err)
	}
	legs, cancel := context.WithCancelCause(context.Background())
	defer cancel(errStopping)
	svc, err := w.serve(legs)
	if err != nil {
		return err
	}
	w.watch(ctx)
	w.drain(svc, cancel)
	return nil
}

func (w *Worker) serve(legs context.Context) (micro.Service, error) {
	svc, err := w.cfg.Bus.Service("speech", "hears legs: audio in, words out")
	if err != nil {
		return nil, fmt.Errorf("speech service: %w", err)
	}
	err = bus.Handle(w.cfg.Bus, svc, audiov1.AttachSubject, attachments,
		func(ctx context.Context, a audiov1.Attach) (audiov1.Attached, error) { return w.attach(ctx, legs, a) })
	if err != nil {
		return nil, fmt.Errorf("speech service: %w", err)
	}
	err = errors.Join(
		bus.Handle(w.cfg.Bus, svc, audiov1.HearSubject, sounds, w.hear),
		bus.Handle(w.cfg.Bus, svc, audiov1.SaySubject, sentences, w.say),
		bus.Handle(w.cfg.Bus, svc, audiov1.VoicesSubject, sentences, w.voices))
	if err != nil {
		return nil, fmt.Errorf("speech service: %w", err)
	}
	return svc, nil
}

// watch looks after the legs until ctx is done.
func (w *Worker) watch(ctx context.Context) {
	tick := time.NewTicker(w.cfg.Limits.Report / 4)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			for _, l := range w.all() {
				l.watch(now)
			}
		}
	}
}

func (w *Worker) drain(svc micro.Service, cancel context.CancelCauseFunc) {
	w.mu.Lock()
	w.stopping = true
	w.checkEmpty()
	w.mu.Unlock()
	svc.Stop() // no further requests; its error says that the bus is gone already
	late, stop := context.WithTimeout(context.Background(), w.cfg.Limits.Drain)
	defer stop()
	context.AfterFunc(late, func() { cancel(errStopping) })
	watching, end := context.WithCancel(context.Background())
	defer end()
	go w.watch(watching)
	<-w.empty
}

func (w *Worker) all() []*leg {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make([]*leg, 0, len(w.legs))
	for _, l := range w.legs {
		out = append(out, l)
	}
	return out
}

// checkEmpty closes empty once; the caller holds mu.
func (w *Worker) checkEmpty() {
	if !w.stopping || len(w.legs) > 0 || w.pending > 0 || w.again > 0 {
		return
	}
	select {
	case <-w.empty:
	default:
		close(w.empty)
	}
}

func (w *Worker) forget(l *leg) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.legs[l.attach.LegID] == l {
		delete(w.legs, l.attach.LegID)
	}
	w.checkEmpty()
}

// attach takes a leg, or says why not.
func (w *Worker) attach(ctx, legs context.Context, a audiov1.Attach) (audiov1.Attached, error) {
	for _, id := range []string{a.ConversationID, a.LegID} {
		if err := event.CheckToken(id); err != nil {
			return audiov1.Attached{}, errs.E(errs.Invalid, "", err)
		}
	}
	if err := w.reserve(a); err != nil {
		w.metrics.refused.Inc()
		return audiov1.Attached{}, err
	}
	defer w.release()
	ctx, cancel := context.WithTimeout(ctx, attachLimit)
	defer cancel()
	l := w.newLeg(a)
	if err := l.store.load(ctx, w.stream); err != nil {
		w.metrics.refused.Inc()
		return audiov1.Attached{}, errs.E(errs.Unavailable, "", err)
	}
	rep := audiov1.Attached{
		Worker: w.cfg.Name, Resume: l.store.resume(), Engine: w.cfg.Engine.Name(), Demo: w.cfg.Engine.Demo(), Done: l.store.last,
	}
	if rep.Done {
		return rep, nil
	}
	l.in = newIntake(a.Epoch, rep.Resume)
	var ctxLeg context.Context
	ctxLeg, l.stop = context.WithCancelCause(legs)
	if err := l.listen(); err != nil {
		l.stop(nil)
		return audiov1.Attached{}, errs.E(errs.Unavailable, "", err)
	}
	if w.cfg.Second != nil {
		w.hearAgain(legs, l)
	}
	w.start(ctxLeg, l)
	return rep, nil
}

// reserve admits a leg. One that this worker hears already is stopped first: its
// gateway has given that attachment up.
func (w *Worker) reserve(a audiov1.Attach) error {
	w.mu.Lock()
	old := w.legs[a.LegID]
	switch {
	case w.stopping:
		w.mu.Unlock()
		return errs.E(errs.Unavailable, "", errStopping)
	case old != nil && old.attach.Epoch >= a.Epoch:
		w.mu.Unlock()
		return errs.E(errs.Conflict, "", errOvertaken)
	case old == nil && len(w.legs)+w.pending >= w.cfg.Streams:
		w.mu.Unlock()
		e := errs.E(errs.Limited, "", fmt.Errorf("%d legs are heard already", w.cfg.Streams))
		e.RetryAfter = time.Second
		return e
	}
	w.pending++
	w.mu.Unlock()
	if old != nil {
		old.stop(errOvertaken)
		<-old.gone
	}
	return nil
}

func (w *Worker) release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pending--
	w.checkEmpty()
}

func (w *Worker) newLeg(a audiov1.Attach) *leg {
	log := w.cfg.Log.With("conversation_id", a.ConversationID, "leg_id", a.LegID, "epoch", a.Epoch)
	return &leg{
		w: w, attach: a, gone: make(chan struct{}), resign: make(chan struct{}), log: log,
		store: &record{
			bus: w.cfg.Bus, keys: w.cfg.Keys, log: log, failed: w.metrics.unstored, attach: a, engine: w.cfg.Engine.Name(), demo: w.cfg.Engine.Demo(),
		},
		frame: audiov1.Frame{PCM: make([]int16, 0, audiov1.MaxFrameSamples)},
	}
}

func (w *Worker) start(ctx context.Context, l *leg) {
	w.mu.Lock()
	w.legs[l.attach.LegID] = l
	w.mu.Unlock()
	w.metrics.attached.Inc()
	go l.run(ctx)
}

// hearAgain starts the second pass of a leg; ctx outlives the leg.
func (w *Worker) hearAgain(ctx context.Context, l *leg) {
	l.again = w.newAgain(l)
	w.mu.Lock()
	w.again++
	w.mu.Unlock()
	go func() {
		l.again.run(ctx)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.again--
		w.checkEmpty()
	}()
}
