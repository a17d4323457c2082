package jitter

import "time"

// baseline is the smallest transit time of the last 5 to 10 seconds: the
// network without queues. Two windows, of which the older one is forgotten
// whole, need no list of packets.
type baseline struct {
	now, before time.Duration
	since       time.Duration
	filled      int // windows with something in them: 0, 1 or 2
}

func (l *baseline) reset() { *l = baseline{} }

func (l *baseline) known() bool { return l.filled > 0 }

func (l *baseline) add(at, transit time.Duration) {
	switch {
	case l.filled == 0:
		l.now, l.since, l.filled = transit, at, 1
	case at-l.since >= baseWindow:
		l.before, l.now = l.now, transit
		l.since, l.filled = at, 2
	default:
		l.now = min(l.now, transit)
	}
}

func (l *baseline) min() time.Duration {
	if l.filled == 2 {
		return min(l.now, l.before)
	}
	return l.now
}

const (
	bucket  = 5 * time.Millisecond
	buckets = 100 // 500 ms; later packets count as that

	// spreadQuantile is the share of packets that should come in time. The
	// rest is late and stretches the sound instead of losing it.
	spreadQuantile = 0.97

	// spreadMemory is in packets: 500 are 10 s of 20 ms packets, so the delay
	// shrinks slowly.
	spreadMemory = 500

	// alarm is how many times a packet counts that is later than the quantile,
	// so that the delay grows fast: after five such packets.
	alarm = 3

	// prior is how many packets the start value counts for.
	prior = 10
)

// histogram remembers how late packets were, the recent ones more.
type histogram struct {
	weight [buckets]float32 // sums to 1
	n      int              // packets, at most spreadMemory
	limit  time.Duration    // the quantile now
}

// reset forgets all but a start value.
func (h *histogram) reset(start time.Duration) {
	*h = histogram{n: prior, limit: start}
	h.weight[h.index(start-1)] = 1
}

func (h *histogram) index(d time.Duration) int {
	return min(max(int(d/bucket), 0), buckets-1)
}

// add counts a packet that was late by d.
func (h *histogram) add(d time.Duration) {
	h.n = min(h.n+1, spreadMemory)
	gain := 1 / float32(h.n)
	if d > h.limit {
		gain *= alarm
	}
	for i := range h.weight {
		h.weight[i] -= h.weight[i] * gain
	}
	h.weight[h.index(d)] += gain
	h.limit = h.quantile()
}

// quantile is the lateness that spreadQuantile of the packets stay below,
// rounded up to a bucket.
func (h *histogram) quantile() time.Duration {
	rest := float32(1 - spreadQuantile)
	for i := buckets - 1; i > 0; i-- {
		rest -= h.weight[i]
		if rest < 0 {
			return time.Duration(i+1) * bucket
		}
	}
	return bucket
}

// seenSet remembers which of the last seenSize sequence numbers came.
type seenSet struct {
	bits [seenSize / 64]uint64
	high int64
}

// seenSize in packets: 10 s of 20 ms, longer than any reordering.
const seenSize = 512

func (s *seenSet) reset(high int64) { *s = seenSet{high: high - 1} }

func (s *seenSet) bit(n int64) (*uint64, uint64) {
	i := uint64(n) % seenSize
	return &s.bits[i/64], 1 << (i % 64)
}

// add notes n and reports whether it is new. What is too old to know is new.
func (s *seenSet) add(n int64) bool {
	if n <= s.high-seenSize {
		return true
	}
	if n-s.high > seenSize {
		clear(s.bits[:])
		s.high = n
	}
	for s.high < n {
		s.high++
		word, mask := s.bit(s.high)
		*word &^= mask
	}
	word, mask := s.bit(n)
	if *word&mask != 0 {
		return false
	}
	*word |= mask
	return true
}

// all reports whether every number from a up to but not b came.
func (s *seenSet) all(a, b int64) bool {
	if a <= s.high-seenSize {
		return false
	}
	for ; a < b; a++ {
		word, mask := s.bit(a)
		if a > s.high || *word&mask == 0 {
			return false
		}
	}
	return true
}
