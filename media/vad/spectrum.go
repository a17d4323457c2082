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
	for size := 2; size <= half; size *= 2 {
		step := window / size
		for start := 0; start < half; start += size {
			lo, hi := f.z[start:start+size/2], f.z[start+size/2:start+size]
			for k := range lo {
				t := hi[k] * f.twiddle[k*step]
				hi[k] = lo[k] - t
				lo[k] += t
			}
		}
	}
	for k := range f.out {
		a, b := f.z[k%half], f.z[(half-k)%half]
		b = complex(real(b), -imag(b))
		even, odd := (a+b)*0.5, (a-b)*0.5    // dividing a complex number is slow, even by 2
		odd = complex(imag(odd), -real(odd)) // times −i
		v := even
		if k < half {
			v += odd * f.twiddle[k]
		} else {
			v -= odd
		}
		f.out[k] = real(v)*real(v) + imag(v)*imag(v)
	}
	return f.out[:]
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

// voiced takes 20 ms at bandRate and returns the largest normalised
// autocorrelation at the lag of a voice, 0 to 1.
func (p *pitchMeter) voiced(frame []float32) float32 {
	copy(p.x[:], p.x[pitchFrame:])
	out := p.x[len(p.x)-pitchFrame:]
	for i := range out {
		s := (frame[2*i] + frame[2*i+1]) / 2
		out[i] = s - 0.95*p.last
		p.last = s
	}
	now := p.x[longLag:]
	energy := dot(now, now)
	// Below a bit or two there is only rounding.
	if energy < 4*pitchWindow {
		return 0
	}
	best := float32(0)
	past := dot(p.x[longLag-shortLag+1:], p.x[longLag-shortLag+1:][:pitchWindow])
	for lag := shortLag; lag <= longLag; lag++ {
		at := longLag - lag
		then := p.x[at : at+pitchWindow]
		// The energy of the shifted window, kept up by its ends.
		past += p.x[at]*p.x[at] - p.x[at+pitchWindow]*p.x[at+pitchWindow]
		r := dot(now, then)
		if r <= 0 {
			continue
		}
		best = max(best, r*r/(energy*past+1))
	}
	return float32(math.Sqrt(float64(best)))
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
