// Package mediatest makes sound and networks for tests: tones, noises, a link
// that loses and delays packets the same way every time, and measures that
// tell whether the sound that arrived is the one that was sent.
package mediatest

import (
	"math"
	"math/rand/v2"
)

// Tone is n samples of a sine at rate Hz.
func Tone(n, rate int, hz, amplitude float64) []int16 {
	s := make([]int16, n)
	for i := range s {
		s[i] = int16(math.Round(amplitude * math.Sin(2*math.Pi*hz*float64(i)/float64(rate))))
	}
	return s
}

// WhiteNoise is n samples of Gaussian noise with the given root mean square.
func WhiteNoise(n int, rms float64, seed uint64) []int16 {
	r := rand.New(rand.NewPCG(seed, 1))
	s := make([]int16, n)
	for i := range s {
		s[i] = clip(rms * r.NormFloat64())
	}
	return s
}

// PinkNoise is n samples of noise that falls by 3 dB an octave, with the given
// root mean square: a sum of noises each of which changes half as often as the
// one before (Voss).
func PinkNoise(n int, rms float64, seed uint64) []int16 {
	r := rand.New(rand.NewPCG(seed, 2))
	var row [12]float64
	v := make([]float64, n)
	sum := 0.0
	for i := range v {
		v[i] = r.NormFloat64()
		for k := range row {
			if i%(2<<k) == 0 {
				row[k] = r.NormFloat64()
			}
			v[i] += row[k]
		}
		sum += v[i] * v[i]
	}
	scale := rms / math.Sqrt(sum/float64(n))
	s := make([]int16, n)
	for i := range s {
		s[i] = clip(v[i] * scale)
	}
	return s
}

// Hum is n samples of mains hum: 50 Hz and its harmonics.
func Hum(n, rate int, rms float64) []int16 {
	s := make([]int16, n)
	for i := range s {
		v := 0.0
		for h, a := range []float64{1, 0.5, 0.4, 0.2, 0.15, 0.1} {
			v += a * math.Sin(2*math.Pi*50*float64(h+1)*float64(i)/float64(rate))
		}
		s[i] = clip(rms * v)
	}
	return s
}

// Chirps is n samples of a signal in which every stretch is unlike all others,
// so that its delay can be measured: a tone that hops ten times a second.
func Chirps(n, rate int, amplitude float64, seed uint64) []int16 {
	r := rand.New(rand.NewPCG(seed, 3))
	s := make([]int16, n)
	phase, hz := 0.0, 0.0
	for i := range s {
		if i%(rate/10) == 0 {
			hz = 300 + 2500*r.Float64()
		}
		phase += 2 * math.Pi * hz / float64(rate)
		s[i] = clip(amplitude * math.Sin(phase))
	}
	return s
}

// Mix adds two signals; the result is as long as the first.
func Mix(a, b []int16) []int16 {
	s := make([]int16, len(a))
	for i := range s {
		v := float64(a[i])
		if i < len(b) {
			v += float64(b[i])
		}
		s[i] = clip(v)
	}
	return s
}

func clip(v float64) int16 {
	return int16(min(max(math.Round(v), math.MinInt16), math.MaxInt16))
}

// RMS is the root mean square.
func RMS(s []int16) float64 {
	sum := 0.0
	for _, v := range s {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(max(len(s), 1)))
}

// Goertzel is the amplitude of one frequency in s.
func Goertzel(s []int16, rate int, hz float64) float64 {
	w := 2 * math.Pi * hz / float64(rate)
	c := 2 * math.Cos(w)
	var a, b float64
	for _, v := range s {
		a, b = float64(v)+c*a-b, a
	}
	power := a*a + b*b - c*a*b
	return 2 * math.Sqrt(max(power, 0)) / float64(len(s))
}

// SNR compares got with want in dB, after fitting the best gain.
func SNR(want, got []int16) float64 {
	var ww, wg, gg float64
	for i := range want {
		w, g := float64(want[i]), float64(got[i])
		ww += w * w
		wg += w * g
		gg += g * g
	}
	noise := gg - wg*wg/max(ww, 1)
	return 10 * math.Log10(max(gg-noise, 1e-9)/max(noise, 1e-9))
}

// Align finds how many samples later sent appears in got, up to limit, and
// how much the two are alike there, 0 to 1.
func Align(sent, got []int16, limit int) (delay int, likeness float64) {
	for d := 0; d <= limit && d < len(got); d++ {
		n := min(len(sent), len(got)-d)
		l := correlation(sent[:n], got[d:d+n])
		if l > likeness {
			delay, likeness = d, l
		}
	}
	return delay, likeness
}

func correlation(a, b []int16) float64 {
	var ab, aa, bb float64
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		ab += x * y
		aa += x * x
		bb += y * y
	}
	if aa == 0 || bb == 0 {
		return 0
	}
	return ab / math.Sqrt(aa*bb)
}
