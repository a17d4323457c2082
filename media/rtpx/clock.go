package rtpx

import (
	"runtime"
	"slices"
	"sync"
	"time"
)

// tick is how often a clock looks for work. Legs play every 20 ms, each in
// its own phase; 5 ms is what a frame can be late by.
const tick = 5 * time.Millisecond

// Ticker is something that does its due work when told the time.
type Ticker interface{ Tick(now time.Time) }

// Clock wakes many legs from few goroutines. The goroutines exist only while
// there is something to wake. A Clock may be used concurrently, but not from
// within a Tick, and so not from the Frame and Gap callbacks of a leg.
type Clock struct{ shards []clockShard }

type clockShard struct {
	mu      sync.Mutex // held while ticking
	tickers []Ticker
	running bool
}

// NewClock makes a clock with at most so many goroutines; 0 is one per
// processor.
func NewClock(goroutines int) *Clock {
	if goroutines <= 0 {
		goroutines = runtime.GOMAXPROCS(0)
	}
	return &Clock{shards: make([]clockShard, goroutines)}
}

// Add begins to call t.Tick about every 5 ms, always from one goroutine at a
// time.
func (c *Clock) Add(t Ticker) {
	best := &c.shards[0]
	for i := range c.shards {
		if c.shards[i].len() < best.len() {
			best = &c.shards[i]
		}
	}
	best.add(t)
}

// Remove ends the calls to t. When it returns no call is running.
func (c *Clock) Remove(t Ticker) {
	for i := range c.shards {
		c.shards[i].remove(t)
	}
}

func (s *clockShard) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.tickers)
}

func (s *clockShard) add(t Ticker) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tickers = append(s.tickers, t)
	if !s.running {
		s.running = true
		go s.run()
	}
}

func (s *clockShard) remove(t Ticker) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tickers = slices.DeleteFunc(s.tickers, func(x Ticker) bool { return x == t })
}

func (s *clockShard) run() {
	timer := time.NewTicker(tick)
	defer timer.Stop()
	for s.tick() {
		<-timer.C
	}
}

func (s *clockShard) tick() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for _, t := range s.tickers {
		t.Tick(now)
	}
	s.running = len(s.tickers) > 0
	return s.running
}
