package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"samtale.dk/samtale/services/contract/audiov1"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/speech/internal/hearing"
)

// Why a leg is not heard on.
var (
	errOvertaken = errors.New("another worker hears the leg")
	errFenced    = errors.New("another worker committed what was ours to commit")
	errErased    = errors.New("the conversation was erased")
	errHung      = errors.New("the engine does not answer")
	errNoEngine  = errors.New("no engine")
	errStopping  = errors.New("the worker stops")
)

// lagLimit is how far an engine may be behind before it is counted and logged.
const lagLimit = 10 * time.Second

// leg is one attachment of this worker: from the attach request until all is
// committed, the leg is handed over, or the gateway is gone.
type leg struct {
	w      *Worker
	attach audiov1.Attach
	log    *slog.Logger
	store  *record
	in     *intake
	again  *again // nil without a second engine
	sub    *nats.Subscription
	frame  audiov1.Frame           // belongs to the bus's goroutine
	late   bool                    // the engine is behind; belongs to the watching goroutine
	stop   context.CancelCauseFunc // ends the attachment
	gone   chan struct{}
	resign chan struct{} // closed to settle the rest as lost

	mu      sync.Mutex
	hearing *hearing.Hearing
	failing time.Time // since when the engine fails, without a commit in between
	behind  time.Time // since when audio waits and none is fed
	seen    hearing.Progress
	moved   time.Time // when the engine last decided something
	orphan  bool      // the gateway fell silent: what was heard is stored, the leg stays open
	reports time.Time // last Progress by the watch
}

// listen subscribes to the leg's audio.
func (l *leg) listen() error {
	sub, err := l.w.cfg.Bus.NC.Subscribe(audiov1.Subject(l.attach.ConversationID, l.attach.LegID), l.receive)
	if err != nil {
		return fmt.Errorf("subscribe to audio: %w", err)
	}
	l.sub = sub
	return nil
}

// receive takes a frame from the bus.
func (l *leg) receive(m *nats.Msg) {
	if err := l.frame.Decode(m.Data); err != nil {
		l.w.metrics.badFrames.Inc()
		return
	}
	switch l.in.offer(&l.frame, time.Now()) {
	case newHole:
		l.askReplay(l.in.stand().next)
	case overtaken:
		l.stop(errOvertaken)
	}
}

// askReplay asks the gateway to send again; the frames themselves are the answer.
func (l *leg) askReplay(from int64) {
	l.w.metrics.replays.Inc()
	l.send(audiov1.ReplaySubject(l.attach.ConversationID, l.attach.LegID), audiov1.Replay{Epoch: l.attach.Epoch, From: from})
}

// report tells the gateway how far we are.
func (l *leg) report(done bool, failed string) {
	l.send(audiov1.ProgressSubject(l.attach.ConversationID, l.attach.LegID), audiov1.Progress{
		Worker: l.w.cfg.Name, Epoch: l.attach.Epoch, Received: l.in.stand().next, Committed: l.store.committed(),
		Done: done, Failed: failed,
	})
}

// send publishes without waiting; what gets lost on the way is said again.
func (l *leg) send(subject string, v any) {
	data, err := json.Marshal(v)
	if err == nil {
		err = l.w.cfg.Bus.NC.Publish(subject, data)
	}
	if err != nil {
		l.log.Debug("not published", "subject", subject, "err", err)
	}
}

// run hears the leg until it is settled or given up.
func (l *leg) run(ctx context.Context) {
	defer close(l.gone)
	defer l.w.forget(l)
	defer l.stop(nil)
	defer l.sub.Unsubscribe()
	err := l.hearAll(ctx)
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	switch {
	case err == nil:
		l.report(!l.isOrphan(), "")
		l.log.Info("leg heard to its end", "samples", l.store.committed())
	case errors.Is(err, errOvertaken):
		l.log.Info("leg left to another worker")
	default:
		l.log.Warn("leg given up", "err", err)
		l.report(false, err.Error())
	}
}

// hearAll hears, and begins again from the last commit when the engine fails.
func (l *leg) hearAll(ctx context.Context) error {
	pause, run := l.w.cfg.Limits.RetryMin, 0
	for {
		before := l.store.committed()
		err := l.hear(ctx, run)
		if err == nil || ctx.Err() != nil || !engineFault(err) {
			return err
		}
		if l.store.committed() > before {
			pause = l.w.cfg.Limits.RetryMin
		}
		run = l.engineFailed(err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-l.resign:
		case <-time.After(pause):
		}
		pause = min(2*pause, l.w.cfg.Limits.RetryMax)
	}
}

func engineFault(err error) bool {
	for _, known := range []error{errOvertaken, errFenced, errErased, errStopping} {
		if errors.Is(err, known) {
			return false
		}
	}
	return true
}

// engineFailed goes back to the last commit and has the audio sent again; the intake's
// next run is returned.
func (l *leg) engineFailed(err error) (run int) {
	l.w.metrics.engineFailures.Inc()
	l.log.Warn("engine failed", "err", err)
	l.mu.Lock()
	if l.failing.IsZero() {
		l.failing = time.Now()
	}
	l.hearing = nil
	l.mu.Unlock()
	from := l.store.resume()
	run = l.in.restart(from)
	l.askReplay(from)
	return run
}

// hear feeds one Hearing with one run of the intake.
func (l *leg) hear(ctx context.Context, run int) error {
	from := l.store.committed()
	h := hearing.New(ctx, hearing.Config{
		Engine: l.w.engine, Segmenter: l.w.cfg.Segmenter(), Output: l,
		Language: l.attach.Language, From: from, Lead: from - l.store.resume(), Before: l.store.words(),
	})
	defer h.Close()
	l.mu.Lock()
	l.hearing = h
	l.mu.Unlock()
	if !l.resigned() {
		// A hung engine may hold the feeding goroutine; the leg goes on without it.
		go l.feed(h, run, l.store.resume())
	}
	select {
	case <-h.Done():
		return h.Err()
	case <-l.resign:
	}
	end := l.in.stand().top
	l.log.Error("the rest of the leg is lost: no engine", "from", l.store.committed(), "to", end)
	h.GiveUp(end, transcriptv1.ReasonEngine)
	<-h.Done()
	return h.Err()
}

func (l *leg) resigned() bool {
	select {
	case <-l.resign:
		return true
	default:
		return false
	}
}

// feed gives the audio from a position on to the Hearing until the leg or the Hearing ends. Errors of
// the Hearing's methods are those that end it.
func (l *leg) feed(h *hearing.Hearing, run int, at int64) {
	var b batch
	for {
		select {
		case <-h.Done():
			return
		case <-l.in.ready:
		}
		if !l.in.take(&b, run) {
			return
		}
		if l.again != nil {
			l.again.offer(at, &b)
			at += b.length()
		}
		if err := feedBatch(h, &b); err != nil {
			return
		}
		if b.ended || l.isOrphan() {
			h.End()
			return
		}
	}
}

func feedBatch(h *hearing.Hearing, b *batch) error {
	pcm := b.samples
	for _, p := range b.pieces {
		var err error
		if p.flags&audiov1.FlagLost != 0 {
			err = h.Lost(p.n, transcriptv1.ReasonCapture)
		} else {
			err = h.Write(pcm[:p.n], p.flags&audiov1.FlagMasked != 0)
			pcm = pcm[p.n:]
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Commit implements hearing.Output.
func (l *leg) Commit(ctx context.Context, b hearing.Batch) error {
	if err := l.store.commit(ctx, b, b.Last && !l.isOrphan()); err != nil {
		return err
	}
	l.mu.Lock()
	l.failing = time.Time{}
	l.mu.Unlock()
	l.w.metrics.committed(b)
	if !b.Last {
		l.report(false, "")
	}
	return nil
}

// Partial implements hearing.Output.
func (l *leg) Partial(from int64, words []transcriptv1.Word) {
	l.send(transcriptv1.PartialSubject(l.attach.ConversationID, l.attach.LegID), l.store.partial(from, words))
}

func (l *leg) isOrphan() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.orphan
}

// watch is called a few times a second: it reports progress, and notices a gateway
// that is gone and an engine that hangs.
func (l *leg) watch(now time.Time) {
	lim := &l.w.cfg.Limits
	if !l.w.cfg.Bus.NC.IsConnected() {
		l.in.touch(now) // nobody could be heard: no ground to judge the gateway
	}
	in := l.in.stand()
	l.mu.Lock()
	say := now.Sub(l.reports) >= lim.Report*3/4 // the next look may be too late
	if say {
		l.reports = now
	}
	l.look(now, in.waiting)
	alone := !l.orphan && in.ended.IsZero() && now.Sub(in.heard) > lim.Idle
	l.orphan = l.orphan || alone
	l.mu.Unlock()
	if say {
		l.report(false, "")
	}
	if alone {
		l.log.Warn("gateway fell silent")
		l.in.signal()
	}
	l.watchLag(l.lag(now))
	l.judge(now, in.ended)
}

// judge acts on an engine that hangs or fails for too long.
func (l *leg) judge(now, ended time.Time) {
	lim := &l.w.cfg.Limits
	l.mu.Lock()
	h, failing, hung := l.hearing, l.failing, l.hungSince()
	l.mu.Unlock()
	if !hung.IsZero() && now.Sub(hung) > lim.Hang {
		h.Fail(errHung) // and try again with another session
		return
	}
	switch {
	case failing.IsZero():
	case ended.IsZero() && now.Sub(failing) > lim.GiveUp:
		l.stop(errNoEngine)
	case !ended.IsZero() && min(now.Sub(failing), now.Sub(ended)) > lim.GiveUpEnd && !l.resigned():
		close(l.resign)
	}
}

// watchLag counts the times that the engine falls behind.
func (l *leg) watchLag(lag float64) {
	switch {
	case lag > lagLimit.Seconds() && !l.late:
		l.late = true
		l.w.metrics.late.Inc()
		l.log.Warn("the engine is behind", "seconds", int(lag))
	case lag < lagLimit.Seconds()/2:
		l.late = false
	}
}

// look notes what moves. The caller holds mu.
func (l *leg) look(now time.Time, waiting int) {
	if l.hearing == nil {
		l.behind = time.Time{}
		return
	}
	p := l.hearing.Progress()
	if waiting == 0 || p.Fed != l.seen.Fed {
		l.behind = time.Time{}
	} else if l.behind.IsZero() {
		l.behind = now
	}
	if p.Decided != l.seen.Decided {
		l.moved = now
	}
	l.seen = p
}

// hungSince is since when the engine takes no audio or owes an answer without deciding
// anything; zero when it does not. The caller holds mu.
func (l *leg) hungSince() time.Time {
	if l.hearing == nil || l.store.busy() {
		return time.Time{} // storing is somebody else's fault, and nothing is lost meanwhile
	}
	owing := l.seen.Owing
	if !owing.IsZero() && l.moved.After(owing) {
		owing = l.moved // slow, but at work
	}
	if owing.IsZero() || !l.behind.IsZero() && l.behind.Before(owing) {
		return l.behind
	}
	return owing
}

// lag is how far the engine is behind, in seconds: audio that waits to be fed, and the
// time that the answer to a flush is owed.
func (l *leg) lag(now time.Time) float64 {
	next := l.in.stand().next
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hearing == nil {
		return float64(next-l.store.committed()) / audiov1.SampleRate
	}
	p := l.hearing.Progress()
	lag := float64(next-p.Fed) / audiov1.SampleRate
	if !p.Owing.IsZero() {
		lag += now.Sub(p.Owing).Seconds()
	}
	return max(0, lag)
}
