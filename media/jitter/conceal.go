package jitter

import "time"

const (
	// fadeFrom and fadeTo: a pitch period repeated longer than this sounds
	// like a buzzer and would be words that nobody said. G.711 appendix I
	// fades from 10 to 60 ms.
	fadeFrom = 15 * time.Millisecond
	fadeTo   = 80 * time.Millisecond

	// Pitch of voices: 66 to 400 Hz.
	longestPeriod  = 15 * time.Millisecond
	shortestPeriod = 2500 * time.Microsecond

	// correlate is the stretch that is compared to find the period.
	correlate = 20 * time.Millisecond

	// blend is the cross-fade back into real sound.
	blend = 5 * time.Millisecond
)

// Concealer fills holes in PCM sound by repeating the last pitch period,
// fading to silence within 80 ms. It adds no delay.
type Concealer struct {
	rate    int
	history []int16 // the last sound played, oldest first
	period  []int16 // what is being repeated
	at      int     // place in period
	missing int     // samples concealed since the last real one
	scratch []int16
}

// NewConcealer makes a concealer for one sample rate.
func NewConcealer(rate int) *Concealer {
	longest := count(longestPeriod, rate)
	return &Concealer{
		rate:    rate,
		history: make([]int16, longest+count(correlate, rate)),
		period:  make([]int16, 0, longest),
		scratch: make([]int16, count(blend, rate)),
	}
}

func count(d time.Duration, rate int) int { return int(d * time.Duration(rate) / time.Second) }

// Good takes real sound. If it follows a hole its beginning is blended, in
// place, with what was made up.
func (c *Concealer) Good(samples []int16) {
	if c.missing > 0 {
		c.blendIn(samples)
		c.missing = 0
	}
	c.remember(samples)
}

func (c *Concealer) blendIn(samples []int16) {
	tail := c.scratch[:min(len(c.scratch), len(samples))]
	c.synthesise(tail)
	n := int32(len(tail))
	for i, old := range tail {
		w := int32(i) + 1
		samples[i] = int16((int32(samples[i])*w + int32(old)*(n+1-w)) / (n + 1))
	}
}

func (c *Concealer) remember(samples []int16) {
	if len(samples) >= len(c.history) {
		copy(c.history, samples[len(samples)-len(c.history):])
		return
	}
	n := copy(c.history, c.history[len(samples):])
	copy(c.history[n:], samples)
}

// Conceal fills dst with what may have been there.
func (c *Concealer) Conceal(dst []int16) {
	if c.missing == 0 {
		c.findPeriod()
	}
	c.synthesise(dst)
	c.missing += len(dst)
	c.remember(dst)
}

// Reset forgets what was heard, as between two streams.
func (c *Concealer) Reset() {
	clear(c.history)
	c.period = c.period[:0]
	c.missing = 0
}

func (c *Concealer) synthesise(dst []int16) {
	from, to := count(fadeFrom, c.rate), count(fadeTo, c.rate)
	if len(c.period) == 0 || c.missing >= to {
		clear(dst)
		return
	}
	for i := range dst {
		s := int32(c.period[c.at])
		c.at++
		if c.at == len(c.period) {
			c.at = 0
		}
		n := c.missing + i
		if n > from {
			s = s * int32(max(to-n, 0)) / int32(to-from)
		}
		dst[i] = int16(s)
	}
}

// findPeriod chooses the last pitch period of the history and smooths its
// seam: the last quarter slides into what came before the period, so that it
// can be played in a circle.
func (c *Concealer) findPeriod() {
	p := c.pitch()
	h := c.history
	c.period = append(c.period[:0], h[len(h)-p:]...)
	c.at = 0
	q := p / 4
	for i := range q {
		in, out := int32(h[len(h)-p-q+i]), int32(c.period[p-q+i])
		w := int32(i) + 1
		c.period[p-q+i] = int16((out*(int32(q)+1-w) + in*w) / (int32(q) + 1))
	}
}

// pitch is the lag at which the end of the history resembles itself most.
func (c *Concealer) pitch() int {
	n := count(correlate, c.rate)
	return findLag(c.history, n, count(shortestPeriod, c.rate), count(longestPeriod, c.rate))
}

// findLag compares the last n samples of h with those lag before them. Every
// other lag is tried on every other sample, then the neighbours on all.
func findLag(h []int16, n, lo, hi int) int {
	best := bestLag(h, n, lo, hi, 2)
	return bestLag(h, n, max(best-2, lo), min(best+2, hi), 1)
}

func bestLag(h []int16, n, lo, hi, step int) int {
	x := h[len(h)-n:]
	best, bestScore := hi, float32(0)
	for lag := lo; lag <= hi; lag += step {
		y := h[len(h)-n-lag : len(h)-lag]
		var dot, energy float32
		for i := 0; i < n; i += step {
			a, b := float32(x[i]), float32(y[i])
			dot += a * b
			energy += b * b
		}
		if dot <= 0 {
			continue
		}
		score := dot * dot / (energy + 1)
		if score > bestScore {
			best, bestScore = lag, score
		}
	}
	return best
}

// Shorten leaves out a pitch period of s or two short ones, 5 to 10 ms, in
// place, so that a listener catches up without hearing it. Less than 20 ms
// comes back as it is.
func Shorten(s []int16, rate int) []int16 {
	hi := count(10*time.Millisecond, rate)
	if len(s) < 2*hi {
		return s
	}
	return Cut(s, findLag(s, len(s)-hi, hi/2, hi))
}

// Cut leaves out n samples of s, in place, and slides what follows into what
// came before.
func Cut(s []int16, n int) []int16 {
	if n >= len(s) {
		return s[:0]
	}
	slide := min(n, len(s)-n)
	for i := range slide {
		w := int32(i) + 1
		s[i] = int16((int32(s[i])*(int32(slide)+1-w) + int32(s[i+n])*w) / (int32(slide) + 1))
	}
	copy(s[slide:], s[slide+n:])
	return s[:len(s)-n]
}
