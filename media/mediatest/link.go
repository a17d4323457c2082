package mediatest

import (
	"math/rand/v2"
	"slices"
	"time"
)

// Link is a network in a test: it loses, delays, reorders and doubles
// packets, the same way for the same seed. It has no clock: the test says
// when it sends and asks what has arrived. It belongs to one goroutine.
type Link struct {
	Delay     time.Duration // of every packet
	Jitter    time.Duration // added to it, uniformly
	Loss      float64       // share lost, 0 to 1
	Duplicate float64       // share that comes twice
	// Spike delays one packet in SpikeEvery, and all behind it, by this much.
	Spike      time.Duration
	SpikeEvery int
	// Reorder is the share of packets that are Behind later than the others, which overtake them. Ordered keeps them in a row
	// whatever the jitter, as a queue does.
	Reorder float64
	Behind  time.Duration
	Ordered bool
	// Rate is what the link carries in bit/s, 0 for anything: what comes faster waits, at most so long as Queue, or is lost.
	Rate  int
	Queue time.Duration
	// Cut carries nothing at all.
	Cut  bool
	Seed uint64

	random  *rand.Rand
	flying  []arrival
	sent    int
	blocked time.Time // nothing overtakes a spike
	free    time.Time // when all that waits has been sent
	Lost    int       // packets lost so far
	Sent    int       // bytes that were given to it
}

type arrival struct {
	at     time.Time
	packet []byte
}

// Send gives a packet to the link at the given time.
func (l *Link) Send(now time.Time, packet []byte) {
	if l.random == nil {
		l.random = rand.New(rand.NewPCG(l.Seed, 4))
	}
	l.sent++
	l.Sent += len(packet)
	if l.random.Float64() < l.Loss || l.Cut {
		l.Lost++
		return
	}
	at, ok := l.queued(now, len(packet))
	if !ok {
		l.Lost++
		return
	}
	at = at.Add(l.Delay)
	if l.Jitter > 0 {
		at = at.Add(time.Duration(l.random.Int64N(int64(l.Jitter))))
	}
	if l.Reorder > 0 && l.random.Float64() < l.Reorder {
		at = at.Add(l.Behind)
	}
	if l.SpikeEvery > 0 && l.sent%l.SpikeEvery == 0 {
		l.blocked = now.Add(l.Delay + l.Spike)
	}
	if at.Before(l.blocked) {
		at = l.blocked
	}
	if l.Ordered {
		l.blocked = at
	}
	l.fly(at, packet)
	if l.random.Float64() < l.Duplicate {
		l.fly(at.Add(time.Millisecond), packet)
	}
}

// queued is when a packet has passed the narrowest place; false if there is no room to wait there.
func (l *Link) queued(now time.Time, size int) (time.Time, bool) {
	if l.Rate == 0 {
		return now, true
	}
	if l.free.Before(now) {
		l.free = now
	}
	if l.free.Sub(now) > l.Queue {
		return now, false
	}
	l.free = l.free.Add(time.Duration(size) * 8 * time.Second / time.Duration(l.Rate))
	return l.free, true
}

func (l *Link) fly(at time.Time, packet []byte) {
	l.flying = append(l.flying, arrival{at, slices.Clone(packet)})
}

// Deliver calls take for every packet that has arrived by now, in the order
// of arrival.
func (l *Link) Deliver(now time.Time, take func(at time.Time, packet []byte)) {
	slices.SortStableFunc(l.flying, func(a, b arrival) int { return a.at.Compare(b.at) })
	n := 0
	for n < len(l.flying) && !l.flying[n].at.After(now) {
		take(l.flying[n].at, l.flying[n].packet)
		n++
	}
	l.flying = slices.Delete(l.flying, 0, n)
}
