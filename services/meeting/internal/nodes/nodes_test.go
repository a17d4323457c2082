package nodes

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/bus/bustest"
)

// member is one node with a load and rooms that are written down.
type member struct {
	*Nodes
	bus    *bus.Bus
	cancel context.CancelFunc

	mu      sync.Mutex
	load    Load
	holders []string
	evicted []string
	told    int // that others have taken its rooms
}

func (m *member) set(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
}

func join(t *testing.T, b *bus.Bus, id string, load Load) *member {
	t.Helper()
	return joinAt(t, b, id, load, 200*time.Millisecond)
}

func joinAt(t *testing.T, b *bus.Bus, id string, load Load, silent time.Duration) *member {
	t.Helper()
	m := &member{bus: b, load: load}
	m.Nodes = New(Config{
		ID: id, Bus: b, Log: slog.New(slog.DiscardHandler), Now: time.Now, Ran: time.Now, CPU: func() float64 { return load.CPU },
		Load: func() Load { m.mu.Lock(); defer m.mu.Unlock(); return m.load },
		Holders: func(context.Context) ([]string, error) {
			m.mu.Lock()
			defer m.mu.Unlock()
			return slices.Clone(m.holders), nil
		},
		Evict: func(_ context.Context, node string) error {
			m.set(func() {
				m.evicted = append(m.evicted, node)
				m.holders = slices.DeleteFunc(m.holders, func(h string) bool { return h == node })
			})
			return nil
		},
		Wake: func(context.Context) error { return nil },
		Evicted: func(context.Context) error {
			m.set(func() { m.told++ })
			return nil
		},
		Times: Times{Beat: 20 * time.Millisecond, Silent: silent, Ask: 2 * time.Minute},
	})
	svc, err := b.Service("meeting", "test")
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Serve(svc); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = m.Run(ctx) }()
	m.cancel = func() { cancel(); <-done; _ = svc.Stop() }
	t.Cleanup(m.cancel)
	return m
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

func TestPick(t *testing.T) {
	b := bustest.New(t)
	idle := join(t, b, "idle", Load{Rooms: 1, People: 2})
	full := join(t, b, "full", Load{Rooms: 4, People: 9, TURN: []string{"turn:full"}})
	hot := join(t, b, "hot", Load{CPU: 0.9, TURN: []string{"turn:hot"}})
	picks := func(m *member, want string) func() bool {
		return func() bool { got, ok := m.Pick(); return ok && got == want }
	}
	for _, m := range []*member{idle, full, hot} {
		eventually(t, "all are known", func() bool { return m.Others() == 2 })
		eventually(t, m.ID+" picks the idle one", picks(m, "idle"))
	}
	eventually(t, "the TURN servers of both", func() bool { return slices.Equal(idle.TURN(), []string{"turn:full", "turn:hot"}) })
	idle.set(func() { idle.load.Leaving = true })
	eventually(t, "one that leaves is not picked", picks(hot, "full"))
	eventually(t, "nor by itself", picks(idle, "full"))
	full.set(func() { full.load.Leaving = true })
	hot.set(func() { hot.load.Leaving = true })
	eventually(t, "nobody takes a room", func() bool { _, ok := idle.Pick(); return !ok && !idle.Successor() })
}

// Rooms that come together go to different nodes, before either has reported.
func TestPickSpreads(t *testing.T) {
	b := bustest.New(t)
	m := joinAt(t, b, "a", Load{Rooms: 100}, time.Hour)
	m.cancel() // hears nothing any more
	for _, id := range []string{"b", "c"} {
		m.take(report{Node: id})
	}
	count := map[string]int{}
	for range 20 {
		id, _ := m.Pick()
		count[id]++
	}
	if count["b"] != 10 || count["c"] != 10 {
		t.Errorf("picked %v", count)
	}
}

func TestGone(t *testing.T) {
	b := bustest.New(t)
	a, c := join(t, b, "a", Load{}), join(t, b, "c", Load{})
	eventually(t, "they know each other", func() bool { return a.Others() == 1 && c.Others() == 1 })
	if gone, err := a.Gone(t.Context(), "c"); gone || err != nil {
		t.Errorf("who is there is gone: %v, %v", gone, err)
	}
	// One that has stopped reporting but answers keeps its rooms.
	a.set(func() { a.holders = []string{"a", "c", "stranger"} })
	eventually(t, "a node that nobody has ever heard of loses its rooms", func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return slices.Contains(a.evicted, "stranger") // more than once, if it was looked for while it was being found
	})
	a.set(func() {
		if slices.Contains(a.evicted, "c") {
			t.Error("a node that answers has lost its rooms")
		}
	})
	eventually(t, "a knows the other still", func() bool { return a.Others() == 1 }) // and goes on: it has rooms
	ctx, cancel := a.While(t.Context(), "c")
	defer cancel()
	c.cancel()
	eventually(t, "one that has gone, too", func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return slices.Contains(a.evicted, "c")
	})
	<-ctx.Done()
	eventually(t, "it is forgotten", func() bool { return a.Others() == 0 })
	a.set(func() {
		if slices.Contains(a.evicted, "a") {
			t.Error("a node has taken its own rooms away")
		}
	})
}

func TestMeter(t *testing.T) {
	var m Meter
	m.Read()
	got := 0.0
	eventually(t, "work is seen", func() bool { got = m.Read(); return got > 0 })
	if got > 1 {
		t.Errorf("share %v", got)
	}
}
