package worker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"samtale.dk/samtale/models/asr"
	"samtale.dk/samtale/services/platform/errs"
)

// probeFor is how long a probe's result counts.
const probeFor = 30 * time.Second

// probe runs a second of sound through the engine: an engine that accepts connections
// but decides nothing is not healthy.
type probe struct {
	engine asr.Engine

	mu  sync.Mutex
	at  time.Time
	err error
}

// Ready reports whether the bus answers and the engine hears.
func (w *Worker) Ready(ctx context.Context) error {
	if err := w.cfg.Bus.Ready(ctx); err != nil {
		return err
	}
	return w.probe.run(ctx)
}

func (p *probe) run(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.at.IsZero() && time.Since(p.at) < probeFor && p.err == nil {
		return nil
	}
	p.err = tryEngine(ctx, p.engine)
	p.at = time.Now()
	return p.err
}

func tryEngine(ctx context.Context, e asr.Engine) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s, err := e.Open(ctx, asr.Options{Language: "da"})
	if errors.Is(err, asr.ErrBusy) {
		return nil // hard at work is not ill
	}
	if err != nil {
		return fault(err)
	}
	defer s.Close()
	// A second of sound that is no speech: a buzz at a voice's pitch.
	pcm := make([]int16, asr.SampleRate)
	for i := range pcm {
		pcm[i] = int16(i % 107 * 40)
	}
	wrote := make(chan error, 1)
	go func() {
		err := s.Write(pcm)
		if err == nil {
			err = s.Flush(1)
		}
		wrote <- err
	}()
	for {
		select {
		case ev, ok := <-s.Events():
			if !ok {
				return fault(fmt.Errorf("engine: %w", s.Close()))
			}
			if ev.Kind == asr.Marker {
				return nil
			}
		case err := <-wrote:
			if err != nil {
				return fault(err)
			}
			wrote = nil
		case <-ctx.Done():
			return fault(fmt.Errorf("engine: %w", ctx.Err()))
		}
	}
}

// fault says what an engine's error means for the probe.
func fault(err error) error { return errs.E(errs.Unavailable, "", err) }
