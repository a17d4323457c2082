package bwe

// trend watches whether packets take longer and longer: the slope of the one-way delay's variation (draft-ietf-rmcat-gcc-02 section
// 5, with the line fit that replaced its filter in implementations).
type trend struct {
	started     bool
	first, last int64 // sent, of the present group, µs
	arrival     int64 // of its last packet
	prevSent    int64
	prevArrival int64
	groups      int

	sum, smooth float64
	x, y        [window]float64
	n           int

	threshold float64
	over      int64 // since when the slope is too steep, arrival µs; 0: it is not
	before    float64
	adapted   int64
}

const (
	// smoothing and gain as in libwebrtc.
	smoothing = 0.9
	gain      = 4

	// overFor: a slope must last, in µs, before it counts.
	overFor = 10_000

	thresholdMin, thresholdMax = 6, 600
	adaptUp, adaptDown         = 0.0087, 0.039
)

// add takes one packet; true says that the network is overused.
func (t *trend) add(sent, arrival int64) bool {
	if !t.started || arrival < t.arrival-500_000 {
		*t = trend{threshold: max(t.threshold, thresholdMin), started: true, first: sent, last: sent, arrival: arrival}
		return false
	}
	if sent < t.first {
		return false // of an earlier group, out of order
	}
	if sent-t.first <= groupSpan.Microseconds() {
		t.last, t.arrival = max(t.last, sent), max(t.arrival, arrival)
		return false
	}
	over := t.close()
	t.first, t.last, t.arrival = sent, sent, max(arrival, t.arrival)
	return over
}

// close ends a group and looks at the slope.
func (t *trend) close() bool {
	sent, arrival := t.last, t.arrival
	if t.groups == 0 {
		t.groups, t.prevSent, t.prevArrival = 1, sent, arrival
		return false
	}
	d := float64(arrival-t.prevArrival-(sent-t.prevSent)) / 1000 // ms
	t.groups++
	t.prevSent, t.prevArrival = sent, arrival
	t.sum += d
	t.smooth = smoothing*t.smooth + (1-smoothing)*t.sum
	copy(t.x[:], t.x[1:])
	copy(t.y[:], t.y[1:])
	t.x[window-1], t.y[window-1] = float64(arrival)/1000, t.smooth
	t.n = min(t.n+1, window)
	if t.n < window {
		return false
	}
	return t.judge(t.slope()*float64(min(t.groups, 60))*gain, arrival)
}

// slope of the line through the last groups.
func (t *trend) slope() float64 {
	var mx, my float64
	for i := range window {
		mx += t.x[i] / window
		my += t.y[i] / window
	}
	var num, den float64
	for i := range window {
		num += (t.x[i] - mx) * (t.y[i] - my)
		den += (t.x[i] - mx) * (t.x[i] - mx)
	}
	if den == 0 {
		return 0
	}
	return num / den
}

func (t *trend) judge(v float64, at int64) bool {
	over := false
	switch {
	case v <= t.threshold:
		t.over = 0
	case t.over == 0:
		t.over = at
	case at-t.over > overFor && v >= t.before:
		over = true
		t.over = at
	}
	t.before = v
	t.adapt(v, at)
	return over
}

// adapt lets the threshold follow, so that other traffic that fills queues does not starve this one.
func (t *trend) adapt(v float64, at int64) {
	if v < 0 {
		v = -v
	}
	d := min(float64(at-t.adapted)/1000, 100)
	t.adapted = at
	if v > t.threshold+15 {
		return // a sudden spike is no reason
	}
	k := adaptDown
	if v > t.threshold {
		k = adaptUp
	}
	t.threshold = min(thresholdMax, max(thresholdMin, t.threshold+k*(v-t.threshold)*d))
}
