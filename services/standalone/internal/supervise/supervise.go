// Package supervise runs the services of one process and stops them in order.
//
// Each unit runs on its own goroutine with its own context. A unit that ends by
// itself, with or without an error, ends all: a half-working process is worse than one
// that is started again. Stopping goes from the last unit to the first, each after the
// one before it has drained.
package supervise

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"samtale.dk/samtale/services/platform/process"
)

// Unit is a service with its name.
type Unit struct {
	Name string
	Run  process.Service
}

// StopLimit is how long one unit may drain before the next is stopped as well.
const StopLimit = 60 * time.Second

// ErrEnded reports a unit that returned without being asked to.
var ErrEnded = errors.New("ended by itself")

type running struct {
	Unit
	cancel context.CancelFunc
	done   chan struct{}
	err    error // valid after done
}

// Run starts the units in order and returns when all have stopped: after ctx is done,
// or with the error of the first one that ended by itself.
func Run(ctx context.Context, env process.Env, units ...Unit) error {
	ended := make(chan *running, len(units))
	var all []*running
	for _, u := range units {
		all = append(all, start(env, u, ended))
	}
	var err error
	select {
	case <-ctx.Done():
	case r := <-ended:
		err = r.failure()
		env.Log.Error("service ended; stopping all", "service", r.Name, "err", err)
	}
	env.Health.Drain()
	return errors.Join(err, stop(env.Log, all))
}

func start(env process.Env, u Unit, ended chan<- *running) *running {
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{Unit: u, cancel: cancel, done: make(chan struct{})}
	go func() {
		r.err = u.Run(ctx, env)
		close(r.done)
		ended <- r
	}()
	return r
}

func (r *running) failure() error {
	if r.err == nil {
		return fmt.Errorf("%s: %w", r.Name, ErrEnded)
	}
	return fmt.Errorf("%s: %w", r.Name, r.err)
}

// stop drains the units from the last to the first. Errors of units that were asked to
// stop are reported together; one that was reported already is not repeated.
func stop(log *slog.Logger, all []*running) error {
	var failed []error
	for i := len(all) - 1; i >= 0; i-- {
		r := all[i]
		select {
		case <-r.done: // ended before it was asked: already reported
			continue
		default:
		}
		begin := time.Now()
		r.cancel()
		select {
		case <-r.done:
			log.Debug("service stopped", "service", r.Name, "took", time.Since(begin))
			if r.err != nil && !errors.Is(r.err, context.Canceled) {
				failed = append(failed, fmt.Errorf("stop %s: %w", r.Name, r.err))
			}
		case <-time.After(StopLimit):
			failed = append(failed, fmt.Errorf("stop %s: not done within %s", r.Name, StopLimit))
		}
	}
	return errors.Join(failed...)
}
