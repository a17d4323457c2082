package demo

import (
	"math"

	"samtale.dk/samtale/models/asr"
)

// The front end must stay the same as train/feats.py; the golden test compares the two.
const (
	rate     = 8000
	window   = 200 // 25 ms
	hop      = 80  // 10 ms
	fftSize  = 256
	mels     = 40
	lowHz    = 100.0
	highHz   = 3600.0
	stack    = 3 // hops per frame of the network
	features = stack * mels

	// frameSamples is one frame of the network, 30 ms, at the port's rate.
	frameSamples = stack * hop * asr.SampleRate / rate
)

// tables are computed once per engine and shared, read-only, by its sessions.
type tables struct {
	window [window]float32
	fft    fft
	first  [mels]int // first bin of each band
	weight [mels][]float32
	half   [halfTaps]float32
}

func newTables() *tables {
	t := &tables{fft: newFFT()}
	for i := range t.window {
		t.window[i] = float32(0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/window))
	}
	mel := func(f float64) float64 { return 1127 * math.Log1p(f/700) }
	step := (mel(highHz) - mel(lowHz)) / (mels + 1)
	for m := range mels {
		lo := mel(lowHz) + float64(m)*step
		for k := 0; k <= fftSize/2; k++ {
			x := mel(float64(k) * rate / fftSize)
			w := math.Min((x-lo)/step, (lo+2*step-x)/step)
			if w <= 0 {
				continue
			}
			if t.weight[m] == nil {
				t.first[m] = k
			}
			t.weight[m] = append(t.weight[m], float32(w))
		}
	}
	t.half = halfBand()
	return t
}

// halfTaps gives a transition from 3.6 to 4.4 kHz with 60 dB: nothing folds into the bands that are used.
const halfTaps = 63

func halfBand() (h [halfTaps]float32) {
	const mid, beta = halfTaps / 2, 5.0
	var sum float64
	var raw [halfTaps]float64
	for i := range raw {
		x := float64(i - mid)
		s := 0.5
		if x != 0 {
			s = math.Sin(math.Pi*x/2) / (math.Pi * x)
		}
		r := x / (mid + 1)
		raw[i] = s * bessel(beta*math.Sqrt(1-r*r)) / bessel(beta)
		sum += raw[i]
	}
	for i := range raw {
		h[i] = float32(raw[i] / sum)
	}
	return h
}

// bessel is the modified Bessel function of order zero, for the Kaiser window.
func bessel(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > 1e-12*sum; k++ {
		term *= x * x / (4 * k * k)
		sum += term
	}
	return sum
}

// frontEnd turns 16 kHz samples into log-mel frames. Not safe for concurrent use.
type frontEnd struct {
	t     *tables
	in    [halfTaps]float32 // ring of 16 kHz input
	at    int
	odd   bool
	buf   [window]float32 // the last samples at 8 kHz, oldest first
	n     int
	fftIn [fftSize]float32
	power [fftSize/2 + 1]float32
	frame [features]float32
	hops  int
}

func (f *frontEnd) reset() {
	t := f.t
	*f = frontEnd{t: t}
}

// write takes samples and calls frame for each 120 features; the slice is valid during the call.
func (f *frontEnd) write(pcm []int16, frame func([]float32)) {
	for _, v := range pcm {
		f.in[f.at] = float32(v) / 32768
		f.at++
		if f.at == halfTaps {
			f.at = 0
		}
		f.odd = !f.odd
		if !f.odd {
			f.sample(f.decimate(), frame)
		}
	}
}

// decimate filters at the current input; every second tap off the middle is zero.
func (f *frontEnd) decimate() float32 {
	const mid = halfTaps / 2
	sum := f.ring(mid) * f.t.half[mid]
	for i := 1; i <= mid; i += 2 {
		sum += (f.ring(mid-i) + f.ring(mid+i)) * f.t.half[mid+i]
	}
	return sum
}

func (f *frontEnd) ring(back int) float32 {
	i := f.at - 1 - back
	if i < 0 {
		i += halfTaps
	}
	return f.in[i]
}

// sample takes one sample at 8 kHz.
func (f *frontEnd) sample(x float32, frame func([]float32)) {
	f.buf[f.n] = x
	f.n++
	if f.n < window {
		return
	}
	f.t.logMel(&f.buf, f, f.frame[f.hops*mels:(f.hops+1)*mels])
	copy(f.buf[:], f.buf[hop:])
	f.n = window - hop
	if f.hops++; f.hops == stack {
		f.hops = 0
		frame(f.frame[:])
	}
}

func (t *tables) logMel(x *[window]float32, f *frontEnd, out []float32) {
	for i, w := range t.window {
		f.fftIn[i] = x[i] * w
	}
	t.fft.power(&f.fftIn, &f.power)
	for m := range out {
		p := f.power[t.first[m]:]
		var sum float32
		for k, w := range t.weight[m] {
			sum += w * p[k]
		}
		out[m] = (float32(math.Log(float64(sum)+1e-6)) + 5) / 4
	}
}
