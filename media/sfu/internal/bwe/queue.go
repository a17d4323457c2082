package bwe

// queue tells how long packets wait on the way: the shortest delay of a stretch of packets, against the shortest in a while. A burst
// that drains, jitter and packets that overtake each other leave some packets that did not wait, so that only a queue that stays is
// seen; the slope of the delay, which is what draft-ietf-rmcat-gcc-02 section 5 looks at, takes all of these for a queue.
type queue struct {
	started  bool
	base     [2]int64 // shortest delay of this basePeriod and of the one before, µs; the clocks are not the same, so the zero is anywhere
	baseFrom int64    // arrival
	from     int64    // of the present stretch, arrival
	low      int64    // shortest delay of it
	n        int

	standing int64 // of the last stretch: what its luckiest packet waited
	since    int64 // from when the queue has been too long; 0: it is not
	times    int   // stretches in a row
}

const (
	stretch     = 200_000 // µs
	stretchMin  = 8       // packets: fewer do not tell jitter from a queue
	stretchLong = 1_000_000

	basePeriod = 15_000_000 // shorter than what clocks drift apart in: 1 ms at 60 ppm

	// tooLong must last for two stretches, far too long for one.
	tooLong, farTooLong = 30_000, 120_000

	// drains: a queue that became so much shorter needs no further reduction.
	drains = 8_000

	// After giveUp a queue that does not become shorter whatever is sent is the way, or other traffic's: it is the new base.
	giveUp = 5_000_000

	// A delay that differs by so much from the base is another clock or way: what was known of it is forgotten.
	otherClock = 10_000_000
)

// add takes one packet; true says that less must be sent.
func (q *queue) add(sent, arrival int64) bool {
	d := arrival - sent
	if !q.started || d < q.base[0]-otherClock || d > q.base[0]+otherClock {
		*q = queue{started: true, base: [2]int64{d, d}, baseFrom: arrival, from: arrival, low: d, n: 1}
		return false
	}
	if arrival-q.baseFrom > basePeriod {
		q.base[1], q.base[0], q.baseFrom = q.base[0], d, arrival
	}
	q.base[0] = min(q.base[0], d)
	q.low = min(q.low, d)
	q.n++
	if past := arrival - q.from; past < stretch || q.n < stretchMin && past < stretchLong {
		return false
	}
	over := q.close(arrival)
	q.from, q.low, q.n = arrival, d, 1
	return over
}

// close ends a stretch.
func (q *queue) close(at int64) bool {
	before := q.standing
	q.standing = max(0, q.low-min(q.base[0], q.base[1]))
	if q.standing < tooLong {
		q.since, q.times = 0, 0
		return false
	}
	q.times++
	if q.since == 0 {
		q.since = at
	}
	if at-q.since > giveUp {
		q.base = [2]int64{q.low, q.low}
		q.since, q.times = 0, 0
		return false
	}
	return (q.times > 1 || q.standing > farTooLong) && before-q.standing < drains
}
