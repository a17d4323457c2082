// Package bwe estimates how much one receiver's network carries, from its transport-wide feedback
// (draft-holmer-rmcat-transport-wide-cc-extensions-01): less when packets queue up on the way or get lost, more when not. It follows
// Google congestion control (draft-ietf-rmcat-gcc-02): the trend of the queueing delay against a threshold that adapts, and losses. It
// has no lock, no goroutine, and allocates nothing after New.
package bwe

import (
	"time"

	"github.com/pion/rtcp"
)

const (
	// Start is the estimate before anything is known, in bit/s: a small picture and sound at once, more within seconds.
	Start = 1_000_000
	// Min keeps sound going; less than this is not a connection.
	Min = 50_000
	// Max is more than a meeting needs.
	Max = 30_000_000

	history    = 4096 // packets sent whose fate is not known: 2 s at 2,000 a second
	groupSpan  = 5 * time.Millisecond
	window     = 20   // groups that make a trend
	decrease   = 0.85 // of what arrived, on overuse
	growth     = 0.08 // a second
	headroom   = 1.5  // over what arrives; more cannot be known without sending it
	lossHigh   = 0.10
	lossWindow = 500 * time.Millisecond
	calm       = time.Second // after a decrease before growth
)

type record struct {
	seq   uint16
	valid bool
	size  int
	at    int64 // µs
}

// Estimator of one receiver.
type Estimator struct {
	sent  [history]record
	epoch time.Time

	rate     float64
	need     float64 // what would be sent if it could; growth beyond what arrives goes no further
	holdOff  time.Duration
	reduced  time.Time
	grown    time.Time
	overused bool
	told     time.Time // last feedback

	// What arrives.
	ackBytes int
	ackFrom  int64 // arrival, µs
	ackLast  int64
	acked    float64

	// Losses.
	lossFrom       time.Time
	lost, received int
	loss           float64

	trend trend
}

// New makes an estimator.
func New(now time.Time) *Estimator {
	return &Estimator{epoch: now, rate: Start, grown: now, lossFrom: now, holdOff: 4 * time.Second, trend: trend{threshold: 12.5}}
}

// Rate in bit/s.
func (e *Estimator) Rate() int { return int(e.rate) }

// Loss is the share of packets lost lately.
func (e *Estimator) Loss() float64 { return e.loss }

// Need says what would be sent if the network carried it.
func (e *Estimator) Need(rate int) { e.need = float64(rate) }

// Fresh reports whether nothing has gone wrong yet: then more may be tried than the estimate says.
func (e *Estimator) Fresh() bool { return e.reduced.IsZero() }

// Idle lets the estimate grow while too little is sent to be told about, as after everything was withheld.
func (e *Estimator) Idle(now time.Time) {
	if now.Sub(e.told) > time.Second && now.Sub(e.reduced) > e.holdOff {
		e.grow(now, 1.2*e.need)
	}
}

// Sent notes a packet.
func (e *Estimator) Sent(seq uint16, at time.Time, size int) {
	e.sent[seq%history] = record{seq: seq, valid: true, size: size, at: at.Sub(e.epoch).Microseconds()}
}

// Feedback takes a report.
func (e *Estimator) Feedback(now time.Time, fb *rtcp.TransportLayerCC) {
	arrival := int64(fb.ReferenceTime) * 64000
	deltas := fb.RecvDeltas
	seq := fb.BaseSequenceNumber
	left := int(fb.PacketStatusCount)
	e.overused, e.told = false, now
	one := func(symbol uint16) {
		if left == 0 {
			return
		}
		left--
		came := symbol == rtcp.TypeTCCPacketReceivedSmallDelta || symbol == rtcp.TypeTCCPacketReceivedLargeDelta
		if came && len(deltas) > 0 {
			arrival += deltas[0].Delta
			deltas = deltas[1:]
		}
		e.packet(seq, came, arrival)
		seq++
	}
	for _, c := range fb.PacketChunks {
		switch c := c.(type) {
		case *rtcp.RunLengthChunk:
			for i := 0; i < int(c.RunLength) && left > 0; i++ {
				one(c.PacketStatusSymbol)
			}
		case *rtcp.StatusVectorChunk:
			for _, s := range c.SymbolList {
				one(s)
			}
		}
	}
	e.decide(now)
}

func (e *Estimator) packet(seq uint16, came bool, arrival int64) {
	r := &e.sent[seq%history]
	if !r.valid || r.seq != seq {
		return
	}
	if !came {
		e.lost++ // it may still come, in the next report: then it was late enough to count
		return
	}
	r.valid = false
	e.received++
	e.arrived(arrival, r.size)
	if e.trend.add(r.at, arrival) {
		e.overused = true
	}
}

// arrived measures what gets through, over stretches of half a second.
func (e *Estimator) arrived(at int64, size int) {
	if e.ackFrom == 0 || at < e.ackLast-1_000_000 {
		e.ackFrom, e.ackBytes = at, 0
	}
	e.ackLast = max(e.ackLast, at)
	e.ackBytes += size
	if d := at - e.ackFrom; d >= 500_000 {
		rate := float64(e.ackBytes) * 8e6 / float64(d)
		if e.acked == 0 {
			e.acked = rate
		}
		e.acked += (rate - e.acked) / 2
		e.ackFrom, e.ackBytes = at, 0
	}
}

// Lost takes the share of a receiver report, for receivers without transport-wide feedback.
func (e *Estimator) Lost(now time.Time, share float64) {
	e.loss = share
	e.losses(now)
	e.grow(now, Max)
}

func (e *Estimator) decide(now time.Time) {
	if d := now.Sub(e.lossFrom); d >= lossWindow && e.lost+e.received >= 20 {
		e.loss = float64(e.lost) / float64(e.lost+e.received)
		e.lost, e.received, e.lossFrom = 0, 0, now
		e.losses(now)
	}
	if e.overused {
		e.reduce(now, decrease*e.acked)
		return
	}
	limit := headroom*e.acked + 50_000
	if now.Sub(e.reduced) > e.holdOff {
		// Less is sent than the network may carry. Believe in more, as far as it would be used: only trying tells.
		limit = max(limit, 1.2*e.need)
	}
	e.grow(now, limit)
}

// losses reduces as draft-ietf-rmcat-gcc-02 section 6 has it.
func (e *Estimator) losses(now time.Time) {
	if e.loss > lossHigh && now.Sub(e.reduced) > 300*time.Millisecond {
		e.reduce(now, e.rate*(1-0.5*e.loss))
	}
}

func (e *Estimator) reduce(now time.Time, to float64) {
	if now.Sub(e.reduced) < 200*time.Millisecond {
		return
	}
	// A network that was tried and failed is left alone for longer each time.
	if now.Sub(e.reduced) < 2*e.holdOff {
		e.holdOff = min(2*e.holdOff, time.Minute)
	} else {
		e.holdOff = 4 * time.Second
	}
	if to > 0 && to < e.rate {
		e.rate = max(Min, to)
	}
	e.reduced, e.grown = now, now
}

func (e *Estimator) grow(now time.Time, limit float64) {
	d := now.Sub(e.grown).Seconds()
	e.grown = now
	if e.rate >= limit || now.Sub(e.reduced) < calm || d <= 0 {
		return
	}
	speed := growth
	if e.reduced.IsZero() {
		speed = 0.5 // nothing has gone wrong yet
	}
	e.rate = min(Max, limit, e.rate*(1+speed*min(d, 1)))
}
