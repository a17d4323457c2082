// Package bwe estimates how much one receiver's network carries, from its transport-wide feedback
// (draft-holmer-rmcat-transport-wide-cc-extensions-01): less when packets queue up on the way or get lost, more when not. Increase and
// decrease follow Google congestion control (draft-ietf-rmcat-gcc-02), but it looks at the queue that stays rather than at the slope of
// the delay, and measures by trains of packets what there is beyond what is sent (see Probe), since nothing is coded for it here and the
// next larger picture may be three times as much. It has no lock, no goroutine, and allocates nothing after New.
package bwe

import (
	"time"
)

const (
	// Start is the estimate before anything is known, in bit/s: a small picture and sound at once, more when trains found that there is.
	Start = 400_000
	// Min keeps sound going; less than this is not a connection.
	Min = 50_000
	// Max is more than a meeting needs.
	Max = 30_000_000

	history    = 4096 // packets sent whose fate is not known: 2 s at 2,000 a second
	decrease   = 0.85 // of what arrived, on overuse
	growth     = 0.15 // a second
	headroom   = 1.5  // over what arrives; more cannot be known without sending it
	lossHigh   = 0.10
	lossWindow = 500 * time.Millisecond
	calm       = time.Second // after a decrease before growth

	// A packet is lost when one that was sent so much later has come: others may have overtaken it.
	lateAfter = 200_000 // µs

	arrivedOver = 300_000 // µs over which is measured what arrives

	// Decreases within episode of each other are one failure. After each, more than was measured is tried later than after the one
	// before, and again as at first after a time without any.
	episode          = 3 * time.Second
	holdMin, holdMax = 15 * time.Second, time.Minute
	forgiven         = 2 * time.Minute

	// A train is sent no sooner than probeAfter a decrease and probeEvery; after one that found nothing, later, up to holdMin. It is as
	// long as what is believed in carries in trainTime; of what it finds trainShare is believed, up to trainSteps times as much.
	probeAfter = 2 * time.Second
	probeEvery = 400 * time.Millisecond
	trainTime  = 60 // ms
	trainSteps = 3
	trainLeast = 3 // packets
	trainShare = 0.95
)

type record struct {
	seq    uint16
	valid  bool // nothing is known of it, or that it missed
	missed bool // the latest report that covers it said that it had not come
	size   int
	at     int64 // µs
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
	latest   float64 // the last measurement alone

	// Losses.
	next, last     uint16 // the first packet whose fate is not known, and the last sent
	any            bool   // a packet was sent
	newest         int64  // when the newest packet that arrived was sent
	lossFrom       time.Time
	lost, received int
	loss           float64

	queue queue
	train train
}

// train is packets sent at once: how far apart they arrive is what the narrowest place takes for them.
type train struct {
	first       uint16
	n, came     int // packets
	bytes       int
	from, to    int64 // arrivals
	head        int   // size of the one that came first
	at          time.Time
	wait        time.Duration
	unavailable bool // there is nothing to make trains of
}

// New makes an estimator.
func New(now time.Time) *Estimator {
	return &Estimator{epoch: now, rate: Start, grown: now, lossFrom: now, holdOff: holdMin}
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

// Train tells how many bytes to send at once, again, as a train; 0: none now. Then call Probe.
func (e *Estimator) Train(now time.Time) int {
	t := &e.train
	if e.need <= e.rate || now.Sub(e.reduced) < probeAfter || now.Sub(t.at) < max(t.wait, probeEvery) {
		return 0
	}
	if t.n > 0 {
		t.failed() // not all of it came
		return 0
	}
	t.at = now
	return int(e.rate) / 8 * trainTime / 1000
}

// Probe notes that n packets from first on were sent as a train.
func (e *Estimator) Probe(first uint16, n int) {
	t := &e.train
	t.unavailable = n < trainLeast
	if !t.unavailable {
		t.first, t.n, t.came, t.bytes = first, n, 0, 0
	}
}

// take notes a packet of the train.
func (t *train) take(seq uint16, arrival int64, size int) (over bool) {
	if int(seq-t.first) >= t.n {
		return false
	}
	if t.came == 0 || arrival < t.from {
		t.from, t.head = arrival, size
	}
	if t.came == 0 || arrival > t.to {
		t.to = arrival
	}
	t.came++
	t.bytes += size
	return t.came == t.n
}

// failed lets the next train wait longer.
func (t *train) failed() {
	t.n = 0
	t.wait = min(max(2*t.wait, 2*time.Second), holdMin)
}

// found closes a train of which all came.
func (e *Estimator) found() {
	t := &e.train
	carries := float64(t.bytes-t.head) * 8e6 / float64(max(t.to-t.from, 500))
	if trainShare*carries < 1.2*e.rate {
		t.failed()
		return
	}
	t.n, t.wait = 0, 0
	e.rate = min(Max, trainShare*carries, trainSteps*e.rate, max(e.rate, 1.2*e.need))
}

// Sent notes a packet.
func (e *Estimator) Sent(seq uint16, at time.Time, size int) {
	if !e.any {
		e.any, e.next = true, seq
	}
	e.last = seq
	e.sent[seq%history] = record{seq: seq, valid: true, size: size, at: at.Sub(e.epoch).Microseconds()}
}

// Feedback takes a report, an RTCP packet of which IsReport is true; false if it is broken.
func (e *Estimator) Feedback(now time.Time, report []byte) bool {
	e.overused = false
	if !walk(report, e.packet) {
		return false
	}
	e.told = now
	e.decide(now)
	return true
}

func (e *Estimator) packet(seq uint16, came bool, arrival int64) {
	r := &e.sent[seq%history]
	if !r.valid || r.seq != seq {
		return
	}
	if !came {
		r.missed = true // it may still come
		return
	}
	r.valid = false
	e.newest = max(e.newest, r.at)
	e.arrived(arrival, r.size)
	if e.train.take(seq, arrival, r.size) {
		e.found()
	}
	if e.queue.add(r.at, arrival) {
		e.overused = true
	}
}

// judge counts what is lost for certain.
func (e *Estimator) judge() {
	if !e.any {
		return
	}
	if e.last-e.next >= history { // no reports for long
		e.next = e.last - history + 1
	}
	for ; e.next != e.last+1; e.next++ {
		r := &e.sent[e.next%history]
		if r.seq != e.next {
			continue // it was numbered, but not sent
		}
		if r.at > e.newest-lateAfter {
			return
		}
		switch {
		case !r.valid:
			e.received++
		case r.missed: // not so if the report was lost that would have told of it
			e.lost++
		}
		r.valid = false
	}
}

// arrived measures what gets through.
func (e *Estimator) arrived(at int64, size int) {
	if e.ackFrom == 0 || at < e.ackLast-1_000_000 {
		e.ackFrom, e.ackBytes = at, 0
	}
	e.ackLast = max(e.ackLast, at)
	e.ackBytes += size
	if d := at - e.ackFrom; d >= arrivedOver {
		e.latest = float64(e.ackBytes) * 8e6 / float64(d)
		if e.acked == 0 {
			e.acked = e.latest
		}
		e.acked += (e.latest - e.acked) / 3
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
	e.judge()
	if d := now.Sub(e.lossFrom); d >= lossWindow && e.lost+e.received >= 20 {
		e.loss = float64(e.lost) / float64(e.lost+e.received)
		e.lost, e.received, e.lossFrom = 0, 0, now
		e.losses(now)
	}
	if e.overused {
		e.reduce(now, decrease*min(e.acked, e.latest))
		return
	}
	limit := headroom*e.acked + 50_000
	since := e.reduced
	if since.IsZero() {
		since = e.epoch
	}
	if e.train.unavailable || now.Sub(since) > e.holdOff {
		// Less is sent than the network may carry. Believe in more, as far as it would be used: only trying tells.
		limit = max(limit, 1.2*e.need)
	}
	e.grow(now, limit)
}

// losses reduces as draft-ietf-rmcat-gcc-02 section 6 has it, but not below what arrives.
func (e *Estimator) losses(now time.Time) {
	if e.loss > lossHigh {
		e.reduce(now, max(e.rate*(1-0.5*e.loss), decrease*min(e.acked, e.latest)))
	}
}

func (e *Estimator) reduce(now time.Time, to float64) {
	since := now.Sub(e.reduced)
	switch {
	case since < 300*time.Millisecond:
		return
	case since > forgiven:
		e.holdOff = holdMin
	case since > episode:
		e.holdOff = min(2*e.holdOff, holdMax)
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
