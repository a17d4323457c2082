package worker

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"samtale.dk/samtale/services/contract/audiov1"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/speech/internal/hearing"
)

const (
	// secondPass is the revision of what the second engine hears.
	secondPass = 1

	// againLimit bounds what waits for the second engine. What comes beyond is left to the live pass.
	againLimit = audiov1.RingSeconds * audiov1.SampleRate

	// againAfter is how long the second pass may take for the rest when the leg has ended.
	againAfter = 2 * time.Minute
)

// again hears a leg a second time, with a stronger engine. What it hears stands beside the words of the live pass as
// revision 1; the journal shows it where it covers a live final in full. The live pass never waits for it: what the second
// engine has no room for or fails on is left to the live pass, and counted.
//
// The leg's feeding goroutine offers; run is a goroutine of its own, and outlives the leg.
type again struct {
	w     *Worker
	leg   *leg
	store *record
	wake  chan struct{}

	mu      sync.Mutex
	waiting []stretch
	size    int64 // samples waiting
	next    int64 // behind everything that was offered
}

// stretch is audio in order from one position on.
type stretch struct {
	from int64
	batch
}

func (w *Worker) newAgain(l *leg) *again {
	return &again{
		w: w, leg: l, wake: make(chan struct{}, 1), store: &record{
			bus: w.cfg.Bus, keys: w.cfg.Keys, log: l.log.With("pass", "second"), failed: w.metrics.unstored, attach: l.attach,
			engine: w.cfg.Second.Name(), demo: w.cfg.Second.Demo(), revision: secondPass,
		},
	}
}

// offer takes a copy of a batch that begins at a position. What was offered before, and is sent again because the live engine
// failed, is known already.
func (a *again) offer(from int64, b *batch) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := stretch{from, batch{samples: slices.Clone(b.samples), pieces: slices.Clone(b.pieces), ended: b.ended}}
	s.skip(a.next - from)
	n := s.length()
	if n == 0 && !s.ended {
		return
	}
	a.next = max(a.next, s.from+n)
	if a.size+n > againLimit {
		a.w.metrics.left(n)
		if !s.ended {
			return
		}
		s.samples, s.pieces, s.from, n = nil, nil, a.next, 0
	}
	a.waiting = append(a.waiting, s)
	a.size += n
	a.signal()
}

func (a *again) signal() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// skip forgets the first n samples.
func (s *stretch) skip(n int64) {
	for n > 0 && len(s.pieces) > 0 {
		p := &s.pieces[0]
		k := min(n, p.n)
		if p.flags&audiov1.FlagLost == 0 {
			s.samples = s.samples[k:]
		}
		s.from, p.n, n = s.from+k, p.n-k, n-k
		if p.n == 0 {
			s.pieces = s.pieces[1:]
		}
	}
}

// take gives the next stretch; false when there is none.
func (a *again) take() (stretch, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.waiting) == 0 {
		return stretch{}, false
	}
	s := a.waiting[0]
	a.waiting = slices.Delete(a.waiting, 0, 1)
	a.size -= s.length()
	return s, true
}

// run hears until the leg has ended and all of it is settled, the time for that is over, or ctx ends.
func (a *again) run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var h *hearing.Hearing
	var at int64 // the position that h has reached
	gone := a.leg.gone
	for {
		s, ok := a.take()
		if !ok && gone == nil {
			a.finish(h)
			return
		}
		if !ok {
			select {
			case <-ctx.Done():
				return
			case <-a.wake:
			case <-gone: // nothing more is offered
				gone = nil
				defer time.AfterFunc(againAfter, cancel).Stop()
			}
			continue
		}
		if h == nil || s.from != at {
			h = a.begin(ctx, h, s.from)
		}
		at = s.from + s.length()
		err := h.Err()
		if err == nil {
			err = feedBatch(h, &s.batch)
		}
		if err != nil {
			a.failed(err, s.length())
			if errors.Is(err, errErased) {
				return
			}
			h = nil
		}
		if s.ended {
			a.finish(h)
			return
		}
	}
}

// begin hears from a position on; what the Hearing before has not settled is left to the live pass.
func (a *again) begin(ctx context.Context, old *hearing.Hearing, from int64) *hearing.Hearing {
	if old != nil {
		old.Close()
	}
	return hearing.New(ctx, hearing.Config{
		Engine: a.w.cfg.Second, Segmenter: a.w.cfg.Segmenter(), Output: a, Language: a.leg.attach.Language, From: from,
	})
}

func (a *again) failed(err error, samples int64) {
	a.w.metrics.left(samples)
	a.w.metrics.secondFailures.Inc()
	a.leg.log.Warn("the second engine failed; the live words stay", "err", err)
}

// finish settles what was fed.
func (a *again) finish(h *hearing.Hearing) {
	if h == nil {
		return
	}
	defer time.AfterFunc(againAfter, h.Close).Stop()
	h.End() // its error is the Hearing's
	<-h.Done()
	if err := h.Err(); err != nil && !errors.Is(err, errErased) {
		a.failed(err, 0)
	}
}

// Commit implements hearing.Output.
func (a *again) Commit(ctx context.Context, b hearing.Batch) error {
	if b.From == b.To {
		return nil
	}
	if err := a.store.commit(ctx, b, false); err != nil {
		return err
	}
	a.w.metrics.secondSeconds.Add(float64(b.To-b.From) / audiov1.SampleRate)
	return nil
}

// Partial implements hearing.Output. Screens show what the live pass guesses.
func (*again) Partial(int64, []transcriptv1.Word) {}
