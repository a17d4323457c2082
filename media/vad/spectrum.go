package vad

import "math"

// fft is a real transform of window points: a complex one of half the size
// and a step that takes the two halves apart.
type fft struct {
	hann    [window]float32
	twiddle [window / 2]complex64 // e^(−2πik/window)
	reverse [window / 2]uint8
	z       [window / 2]complex64
	out     [window/2 + 1]float32
}

// fullScale is the level of a full-scale square wave in dB as power sums it:
// the window keeps 3/8 of the energy, and half of the bins are summed.
var fullScale = float32(20*math.Log10(32768) + 10*math.Log10(window*window*3.0/8/2))

func (f *fft) init() {
	for i := range f.hann {
		f.hann[i] = float32(0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/window))
	}
	for i := range f.twiddle {
		s, c := math.Sincos(-2 * math.Pi * float64(i) / window)
		f.twiddle[i] = complex(float32(c), float32(s))
	}
	const bits = 7
	for i := range f.reverse {
		r := 0
		for b := range bits {
			r |= i >> b & 1 << (bits - 1 - b)
		}
		f.reverse[i] = uint8(r)
	}
}

// power returns the squared spectrum of the windowed samples, valid until the
// next call.
func (f *fft) power(x *[window]float32) []float32 {
	const half = window / 2
	for i := range half {
		f.z[f.reverse[i]] = complex(x[2*i]*f.hann[2*i], x[2*i+1]*f.hann[2*i+1])
	}
	// The first two stages turn by quarters only: no multiplication.
	for i := 0; i < half; i += 4 {
		z := f.z[i : i+4 : i+4]
		a, b, c, d := z[0]+z[1], z[0]-z[1], z[2]+z[3], z[2]-z[3]
		d = complex(imag(d), -real(d)) // times −i
		z[0], z[1], z[2], z[3] = a+c, b+d, a-c, b-d
	}
	for size := 8; size <= half; size *= 2 {
		step := window / size
		for start := 0; start < half; start += size {
			lo, hi := f.z[start:start+size/2], f.z[start+size/2:start+size]
			hi = hi[:len(lo)]
			w := 0
			for k := range lo {
				t := hi[k] * f.twiddle[w&(half-1)]
				w += step
				hi[k] = lo[k] - t
				lo[k] += t
			}
		}
	}
	f.unpack()
	return f.out[:]
}

// unpack takes the spectra of even and odd samples apart, in pairs of bins: what bin k
// is made of, bin half−k is made of too.
func (f *fft) unpack() {
	const half = window / 2
	first := real(f.z[0]) + imag(f.z[0])
	last := real(f.z[0]) - imag(f.z[0])
	f.out[0], f.out[half] = first*first, last*last
	for k := 1; k <= half/2; k++ {
		a, b := f.z[k], f.z[half-k]
		er, ei := (real(a)+real(b))*0.5, (imag(a)-imag(b))*0.5
		or, oi := (imag(a)+imag(b))*0.5, (real(b)-real(a))*0.5
		w := f.twiddle[k]
		tr, ti := or*real(w)-oi*imag(w), or*imag(w)+oi*real(w)
		f.out[k] = (er+tr)*(er+tr) + (ei+ti)*(ei+ti)
		f.out[half-k] = (er-tr)*(er-tr) + (ei-ti)*(ei-ti)
	}
}

const (
	pitchRate   = 4000
	pitchFrame  = pitchRate / 50
	pitchWindow = 120 // 30 ms, two periods of a low voice

	// Lags for pitches of 400 down to 70 Hz.
	shortLag, longLag = 10, 57
)

// pitchMeter measures how periodic the sound is. It works at 4 kHz on the
// difference of samples, which flattens pink noise and takes away hum.
type pitchMeter struct {
	x    [pitchWindow + longLag]float32
	last float32
}

// take adds 20 ms at bandRate.
func (p *pitchMeter) take(frame []float32) {
	copy(p.x[:], p.x[pitchFrame:])
	out := p.x[len(p.x)-pitchFrame:]
	for i := range out {
		s := (frame[2*i] + frame[2*i+1]) / 2
		out[i] = s - 0.95*p.last
		p.last = s
	}
}

// voiced reports whether the normalised autocorrelation at the lag of a voice, 0 to 1,
// is above a threshold.
func (p *pitchMeter) voiced(above float32) bool {
	now := p.x[longLag:]
	energy := dot(now, now)
	// Below a bit or two there is only rounding.
	if energy < 4*pitchWindow {
		return false
	}
	past := dot(p.x[longLag-shortLag+1:], p.x[longLag-shortLag+1:][:pitchWindow])
	for lag := shortLag; lag <= longLag; lag++ {
		at := longLag - lag
		then := p.x[at : at+pitchWindow]
		// The energy of the shifted window, kept up by its ends.
		past += p.x[at]*p.x[at] - p.x[at+pitchWindow]*p.x[at+pitchWindow]
		r := dot(now, then)
		if r > 0 && r*r > above*above*(energy*past+1) {
			return true
		}
	}
	return false
}

// dot has four sums because one would wait for itself.
func dot(a, b []float32) float32 {
	b = b[:min(len(a), len(b))]
	a = a[:len(b)]
	var s, t, u, v float32
	i := 0
	for ; i+4 <= len(a); i += 4 {
		x, y := a[i:i+4:i+4], b[i:i+4:i+4]
		s += x[0] * y[0]
		t += x[1] * y[1]
		u += x[2] * y[2]
		v += x[3] * y[3]
	}
	for ; i < len(a); i++ {
		s += a[i] * b[i]
	}
	return s + t + u + v
}
