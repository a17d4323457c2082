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
	Seed       uint64

	random  *rand.Rand
	flying  []arrival
	sent    int
	blocked time.Time // nothing overtakes a spike
	Lost    int       // packets lost so far
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
	if l.random.Float64() < l.Loss {
		l.Lost++
		return
	}
	at := now.Add(l.Delay)
	if l.Jitter > 0 {
		at = at.Add(time.Duration(l.random.Int64N(int64(l.Jitter))))
	}
	if l.SpikeEvery > 0 && l.sent%l.SpikeEvery == 0 {
		l.blocked = now.Add(l.Delay + l.Spike)
	}
	if at.Before(l.blocked) {
		at = l.blocked
	}
	l.fly(at, packet)
	if l.random.Float64() < l.Duplicate {
		l.fly(at.Add(time.Millisecond), packet)
	}
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
