package nodes

import (
	"context"
	"sync"
	"time"
)

// Pulse finds out that this process did not run for a while: it was stopped, or its machine had no time for it. Then its rooms may be
// another's, and what it finds in its queues is of the time before. It is safe for concurrent use; Run has one goroutine, and one more
// while the process wakes.
type Pulse struct {
	Now func() time.Time

	mu     sync.Mutex
	last   time.Time // of Run's; zero: it does not run
	late   time.Time // when Run was late last
	stops  int
	waking bool
}

const (
	pulseEvery = 100 * time.Millisecond
	// lateAfter: who was late himself cannot tell that others are.
	lateAfter = 500 * time.Millisecond
	// stoppedAfter is well below what the others wait for until they take a node's rooms.
	stoppedAfter = time.Second
	wakePause    = 200 * time.Millisecond
)

// Awake tells whether this process runs, and knows where it stands. It is false from the first moment after a stop until wake has
// returned, whoever asks first.
func (p *Pulse) Awake() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.waking && (p.last.IsZero() || p.Now().Sub(p.last) < stoppedAfter)
}

// lateAt is when this process was late last.
func (p *Pulse) lateAt() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := p.Now(); !p.last.IsZero() && now.Sub(p.last) > lateAfter {
		return now
	}
	return p.late
}

// Run looks at the clock until ctx ends. After a stop it calls wake until it succeeds.
func (p *Pulse) Run(ctx context.Context, wake func(context.Context) error) {
	tick := time.NewTicker(pulseEvery)
	defer tick.Stop()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.last = time.Time{}
	}()
	for {
		if p.beat() {
			go p.wake(ctx, wake)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// beat tells whether the process has begun to wake.
func (p *Pulse) beat() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.Now()
	gap := now.Sub(p.last)
	first := p.last.IsZero()
	p.last = now
	if first || gap <= lateAfter {
		return false
	}
	p.late = now
	if gap < stoppedAfter {
		return false
	}
	p.stops++
	begins := !p.waking
	p.waking = true
	return begins
}

func (p *Pulse) wake(ctx context.Context, wake func(context.Context) error) {
	for {
		p.mu.Lock()
		stops := p.stops
		p.mu.Unlock()
		err := wake(ctx)
		p.mu.Lock()
		p.waking = err != nil || stops != p.stops
		waking := p.waking
		p.mu.Unlock()
		if !waking {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wakePause):
		}
	}
}
