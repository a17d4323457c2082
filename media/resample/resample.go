// Package resample changes the sample rate of a stream by a rational factor:
// a polyphase FIR filter, a windowed sinc with a Kaiser window. It has state
// and belongs to one goroutine; after construction nothing is allocated for
// frames of the usual length.
package resample

import (
	"fmt"
	"math"
)

const (
	// attenuation of aliases and images in dB. 16 bits need about 90.
	attenuation = 90

	// passband is the share of the lower Nyquist frequency that comes through
	// unchanged: 3.4 of 4 kHz, the telephone's band.
	passband = 0.85
)

// Converter resamples one stream.
type Converter struct {
	from, to int
	up, down int
	phases   []phase
	taps     int // samples of history that a phase may touch

	// buf holds the last taps-1 input samples and then the new ones.
	buf  []float32
	next int // place of the next output in units of 1/up input samples, from buf[0]
}

// phase is the part of the filter for one output position between two input
// samples, its zeros at the ends cut off.
type phase struct {
	skip int
	taps []float32
}

// New makes a converter. Rates are in Hz and at least 1000.
func New(from, to int) *Converter {
	if from < 1000 || to < 1000 {
		panic(fmt.Sprintf("resample: from %d to %d Hz", from, to))
	}
	g := gcd(from, to)
	c := &Converter{from: from, to: to, up: to / g, down: from / g}
	c.design()
	c.buf = make([]float32, c.taps-1, c.taps-1+from/20)
	return c
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// design computes the filter at the rate from×up and deals it to the phases.
func (c *Converter) design() {
	fs := float64(c.from * c.up)
	nyquist := float64(min(c.from, c.to)) / 2
	pass, stop := passband*nyquist, nyquist
	if c.to >= c.from {
		// Images of the last 15% fall just above Nyquist, where speech has
		// nothing; the wider transition halves the work, and cutting exactly at
		// Nyquist makes one phase a plain copy.
		stop = (2 - passband) * nyquist
	}
	half := int(math.Ceil((attenuation - 7.95) / 14.36 * fs / (stop - pass) / 2))
	half = (half + c.up - 1) / c.up * c.up // the peak falls on an input sample
	cutoff := (pass + stop) / 2 / fs
	h := make([]float64, 2*half+1)
	for i := range h {
		h[i] = 2 * cutoff * sinc(2*cutoff*float64(i-half)) * kaiser(float64(i-half)/float64(half))
	}
	c.taps = 2*half/c.up + 1
	c.phases = make([]phase, c.up)
	for p := range c.phases {
		c.phases[p] = makePhase(h, p, c.up, c.taps)
	}
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// kaiser is the Kaiser window at x in −1..1.
func kaiser(x float64) float64 {
	const beta = 0.1102 * (attenuation - 8.7)
	return bessel0(beta*math.Sqrt(max(0, 1-x*x))) / bessel0(beta)
}

// bessel0 is the modified Bessel function of order 0.
func bessel0(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > sum*1e-12; k++ {
		term *= x * x / (4 * k * k)
		sum += term
	}
	return sum
}

// makePhase takes every up-th tap from p on, oldest input first, scaled so
// that a constant stays itself.
func makePhase(h []float64, p, up, taps int) phase {
	t := make([]float32, taps)
	sum := 0.0
	for k := range taps {
		if i := p + k*up; i < len(h) {
			t[taps-1-k] = float32(h[i])
			sum += h[i]
		}
	}
	first, last := taps, 0
	for i := range t {
		t[i] = float32(float64(t[i]) / sum)
		if math.Abs(float64(t[i])) > 1e-7 {
			first, last = min(first, i), i+1
		}
	}
	return phase{skip: first, taps: t[first:last]}
}

// Len is the most samples that n input samples can give.
func (c *Converter) Len(n int) int { return n*c.up/c.down + 1 }

// Delay is how much later than its input the output is.
func (c *Converter) Delay() float64 { return float64(c.taps-1) / 2 / float64(c.from) }

// Process converts src and writes the result to dst, which must have room for
// Len(len(src)) samples. It returns how many it wrote. With whole ratios the
// count is exact: 160 at 8 kHz always give 320 at 16.
func (c *Converter) Process(dst, src []int16) int {
	for _, s := range src {
		c.buf = append(c.buf, float32(s))
	}
	if c.down == 1 {
		return c.whole(dst)
	}
	// Place and phase are stepped, not divided out: a division costs as much as
	// several taps.
	at, ph := c.next/c.up, c.next%c.up
	step, turn := c.down/c.up, c.down%c.up
	n := 0
	for at+c.taps <= len(c.buf) {
		p := &c.phases[ph]
		dst[n] = clip(dot(p.taps, c.buf[at+p.skip:]))
		n++
		at += step
		ph += turn
		if ph >= c.up {
			ph -= c.up
			at++
		}
	}
	c.next = at*c.up + ph
	done := min(c.next/c.up, len(c.buf))
	c.buf = c.buf[:copy(c.buf, c.buf[done:])]
	c.next -= done * c.up
	return n
}

// whole is Process for a whole ratio up: every place in the input gives one output of
// each phase, so that four neighbours of a phase can be made at once.
func (c *Converter) whole(dst []int16) int {
	places := max(len(c.buf)-c.taps+1, 0)
	for ph := range c.phases {
		p := &c.phases[ph]
		x := c.buf[p.skip:]
		at := 0
		for ; at+4 <= places; at += 4 {
			e, f, g, h := dot4(p.taps, x[at:])
			o := dst[at*c.up+ph:]
			o[0], o[c.up], o[2*c.up], o[3*c.up] = clip(e), clip(f), clip(g), clip(h)
		}
		for ; at < places; at++ {
			dst[at*c.up+ph] = clip(dot(p.taps, x[at:]))
		}
	}
	c.buf = c.buf[:copy(c.buf, c.buf[places:])]
	return places * c.up
}

// Reset forgets the history, as between two streams.
func (c *Converter) Reset() {
	c.buf = c.buf[:c.taps-1]
	clear(c.buf)
	c.next = 0
}

// dot4 filters at four places that follow each other: each tap and each sample is
// loaded once for several products.
func dot4(taps, x []float32) (a, b, c, d float32) {
	x = x[:len(taps)+3]
	i := 0
	for ; i+4 <= len(taps); i += 4 {
		t, y := taps[i:i+4:i+4], x[i:i+7:i+7]
		t0, t1, t2, t3 := t[0], t[1], t[2], t[3]
		y3 := y[3]
		a += t0*y[0] + t1*y[1] + t2*y[2] + t3*y3
		b += t0*y[1] + t1*y[2] + t2*y3 + t3*y[4]
		c += t0*y[2] + t1*y3 + t2*y[4] + t3*y[5]
		d += t0*y3 + t1*y[4] + t2*y[5] + t3*y[6]
	}
	for ; i < len(taps); i++ {
		t := taps[i]
		a += t * x[i]
		b += t * x[i+1]
		c += t * x[i+2]
		d += t * x[i+3]
	}
	return a, b, c, d
}

// dot has four sums because one would wait for itself.
func dot(taps, x []float32) float32 {
	x = x[:len(taps)]
	var a, b, c, d float32
	i := 0
	for ; i+4 <= len(taps); i += 4 {
		t, y := taps[i:i+4:i+4], x[i:i+4:i+4]
		a += t[0] * y[0]
		b += t[1] * y[1]
		c += t[2] * y[2]
		d += t[3] * y[3]
	}
	for ; i < len(taps); i++ {
		a += taps[i] * x[i]
	}
	return a + b + c + d
}

func clip(v float32) int16 {
	switch {
	case v >= math.MaxInt16:
		return math.MaxInt16
	case v <= math.MinInt16:
		return math.MinInt16
	case v < 0:
		return int16(v - 0.5)
	}
	return int16(v + 0.5)
}
