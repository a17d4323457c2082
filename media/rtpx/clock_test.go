package rtpx

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

type counter struct {
	n    atomic.Int64
	last time.Time
	t    *testing.T
}

func (c *counter) Tick(now time.Time) {
	c.n.Add(1)
	if gap := now.Sub(c.last); !c.last.IsZero() && gap != tick {
		c.t.Errorf("%v between ticks", gap)
	}
	c.last = now
}

// All tickers are served every 5 ms; those removed are not called again, and
// with the last one the goroutines end: the bubble would not close otherwise.
func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := NewClock(2)
		all := make([]*counter, 5)
		for i := range all {
			all[i] = &counter{t: t}
			clock.Add(all[i])
		}
		time.Sleep(time.Second)
		synctest.Wait()
		for i, c := range all {
			if n := c.n.Load(); n < 199 || n > 202 {
				t.Errorf("ticker %d was called %d times in a second", i, n)
			}
		}
		clock.Remove(all[0])
		n := all[0].n.Load()
		time.Sleep(time.Second)
		if all[0].n.Load() != n {
			t.Error("was called after it was removed")
		}
		for _, c := range all[1:] {
			clock.Remove(c)
		}
		time.Sleep(time.Second)
		again := &counter{t: t}
		clock.Add(again)
		time.Sleep(time.Second)
		clock.Remove(again)
		if n := again.n.Load(); n < 199 {
			t.Errorf("after a rest: %d ticks", n)
		}
		time.Sleep(tick) // the last goroutine sees that it has nothing to do
	})
}
