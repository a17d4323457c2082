package nodes

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"

	"samtale.dk/samtale/services/platform/bus/bustest"
	"samtale.dk/samtale/services/platform/errs"
)

// pair is a node that has rooms, and one that watches it, in made-up time.
type pair struct {
	*Nodes
	mu      sync.Mutex
	asked   []time.Duration // when the one with rooms was asked, since the beginning
	evicted time.Duration   // when it lost them
	began   time.Time
	skew    time.Duration // what the clock of this process has stood still for
	up      bool

	// reports is how the one with rooms reports: false when it does not. answer is how it answers.
	reports bool
	answer  func(ctx context.Context) error
}

// beginning is when something happens in a test: shortly after a report.
const beginning = 10*time.Second + 10*time.Millisecond

var errNobody = errs.E(errs.Unavailable, "", nats.ErrNoResponders)

func hangs(ctx context.Context) error {
	<-ctx.Done()
	return errs.E(errs.Unavailable, "", ctx.Err())
}

func newPair(t *testing.T) *pair {
	p := &pair{began: time.Now(), reports: true, up: true, answer: func(context.Context) error { return nil }}
	now := func() time.Time { p.mu.Lock(); defer p.mu.Unlock(); return time.Now().Add(p.skew) }
	p.Nodes = New(Config{
		ID: "a", Log: slog.New(slog.DiscardHandler), Now: now, Ran: now,
		Load: func() Load { return Load{} }, CPU: func() float64 { return 0 },
		Holders: func(context.Context) ([]string, error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			if p.evicted > 0 {
				return nil, nil
			}
			return []string{"b"}, nil
		},
		Evict: func(context.Context, string) error {
			p.set(func() { p.evicted = time.Since(p.began) })
			return nil
		},
		Wake: func(context.Context) error { return nil },
	})
	p.wire = wire{
		ask: func(ctx context.Context, _ string) error {
			var answer func(context.Context) error
			p.set(func() { p.asked, answer = append(p.asked, time.Since(p.began)), p.answer })
			return answer(ctx)
		},
		tell: func(string) error { return nil },
		link: func() (uint64, bool) { p.mu.Lock(); defer p.mu.Unlock(); return 0, p.up },
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { p.pulse.Run(ctx, p.Wake) })
	running.Go(func() {
		for ctx.Err() == nil {
			_ = p.look(ctx) // it cannot fail
			if p.get(func() bool { return p.reports }) {
				p.take(report{Node: "b"})
			}
			time.Sleep(p.Times.Beat)
		}
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
		time.Sleep(10 * time.Second) // until nobody is asked any more
	})
	time.Sleep(beginning)
	return p
}

func (p *pair) set(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

func (p *pair) get(f func() bool) (v bool) {
	p.set(func() { v = f() })
	return v
}

// lost is when the one with rooms lost them; 0: it has them.
func (p *pair) lost() (at time.Duration) {
	p.set(func() {
		if p.evicted > 0 {
			at = p.evicted - beginning
		}
	})
	return at
}

func TestWhenANodeIsGone(t *testing.T) {
	for _, tt := range []struct {
		name       string
		answer     func(context.Context) error
		from, till time.Duration
	}{
		{"killed", func(context.Context) error { return errNobody }, 750 * time.Millisecond, 1300 * time.Millisecond},
		{"hung", hangs, 1250 * time.Millisecond, 1800 * time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPair(t)
				if p.lost() != 0 || len(p.asked) > 0 {
					t.Fatal("who reports is asked, or gone")
				}
				p.set(func() { p.reports, p.answer = false, tt.answer })
				time.Sleep(600 * time.Millisecond)
				if id, _ := p.Pick(); id != "a" {
					t.Error("a room is given to who says nothing")
				}
				there, cancel := p.While(t.Context(), "b")
				defer cancel()
				<-there.Done()
				if at := p.lost(); at < tt.from || at > tt.till {
					t.Errorf("its rooms were taken after %v", at)
				}
				if p.Others() != 0 {
					t.Error("who is gone is known still")
				}
			})
		})
	}
}

// Whoever is slow, or was away himself, takes nothing.
func TestWhoIsNotGone(t *testing.T) {
	for _, tt := range []struct {
		name string
		slow func(p *pair)
	}{
		{"reports late", func(p *pair) {
			p.set(func() { p.reports, p.answer = false, hangs })
			time.Sleep(1200 * time.Millisecond)
			p.set(func() { p.reports = true })
		}},
		{"answers late", func(p *pair) {
			p.set(func() {
				p.reports = false
				p.answer = func(context.Context) error { time.Sleep(900 * time.Millisecond); return nil }
			})
			time.Sleep(10 * time.Second)
		}},
		{"its bus connects anew", func(p *pair) {
			p.set(func() { p.reports, p.answer = false, func(context.Context) error { return errNobody } })
			time.Sleep(700 * time.Millisecond)
			p.set(func() { p.reports, p.answer = true, func(context.Context) error { return nil } })
		}},
		{"the bus is away from here", func(p *pair) {
			p.set(func() {
				p.reports, p.up = false, false
				p.answer = func(context.Context) error { return errs.E(errs.Unavailable, "", errors.New("no connection")) }
			})
			time.Sleep(10 * time.Second)
			p.set(func() { p.reports, p.up, p.answer = true, true, hangs })
		}},
		{"this process was stopped", func(p *pair) {
			p.set(func() { p.skew, p.reports, p.answer = time.Minute, false, hangs }) // all that it has heard is old when it goes on
			time.Sleep(1300 * time.Millisecond)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPair(t)
				tt.slow(p)
				p.set(func() { p.reports = true })
				time.Sleep(10 * time.Second)
				if at := p.lost(); at != 0 {
					t.Errorf("it lost its rooms after %v", at)
				}
			})
		})
	}
}

func TestPulse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		stood := time.Duration(0)
		p := Pulse{Now: func() time.Time { mu.Lock(); defer mu.Unlock(); return time.Now().Add(stood) }}
		stand := func(d time.Duration) { mu.Lock(); defer mu.Unlock(); stood += d }
		if !p.Awake() {
			t.Error("who does not look at the clock yet is not awake")
		}
		woken, fail := make(chan time.Time, 100), make(chan bool, 1)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			p.Run(ctx, func(context.Context) error {
				woken <- time.Now()
				time.Sleep(50 * time.Millisecond)
				select {
				case <-fail:
					return errors.New("no database")
				default:
					return nil
				}
			})
		}()
		time.Sleep(time.Hour)
		if !p.Awake() || len(woken) > 0 {
			t.Fatal("who was never stopped is not awake")
		}
		stand(700 * time.Millisecond)
		if !p.Awake() || p.lateAt().IsZero() {
			t.Error("who is late is not awake, or does not know that he is late")
		}
		time.Sleep(time.Second)
		stand(5 * time.Second)
		fail <- true
		if p.Awake() {
			t.Error("who was stopped is awake at once")
		}
		<-woken
		if p.Awake() {
			t.Error("awake before waking has succeeded")
		}
		first := <-woken
		time.Sleep(20 * time.Millisecond)
		stand(5 * time.Second) // in the middle of waking
		again := <-woken
		time.Sleep(time.Second)
		if !p.Awake() || !again.After(first) || len(woken) > 0 {
			t.Errorf("awake: %v", p.Awake())
		}
		cancel()
		<-done
		stand(time.Hour)
		if !p.Awake() {
			t.Error("who looks no more at the clock cannot tell")
		}
	})
}

// Who loses its rooms is told, in case that it was only slow.
func TestEvictedIsTold(t *testing.T) {
	b := bustest.New(t)
	a, c := join(t, b, "a", Load{}), join(t, b, "c", Load{})
	eventually(t, "they know each other", func() bool { return a.Others() == 1 && c.Others() == 1 })
	if err := a.evict(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is told", func() bool { c.mu.Lock(); defer c.mu.Unlock(); return c.told == 1 })
	a.set(func() {
		if !slices.Equal(a.evicted, []string{"c"}) {
			t.Errorf("evicted: %v", a.evicted)
		}
	})
}
