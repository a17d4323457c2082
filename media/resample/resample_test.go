package resample_test

import (
	"fmt"
	"math"
	"testing"

	"samtale.dk/samtale/media/mediatest"
	"samtale.dk/samtale/media/resample"
)

// convert runs a signal through in frames of 20 ms.
func convert(in []int16, from, to int) []int16 {
	c := resample.New(from, to)
	out := make([]int16, 0, c.Len(len(in)))
	buf := make([]int16, c.Len(from/50))
	for len(in) > 0 {
		n := min(from/50, len(in))
		m := c.Process(buf, in[:n])
		out = append(out, buf[:m]...)
		in = in[n:]
	}
	return out
}

// fit returns the signal to noise ratio of a tone in s: everything that is not
// the best sine of that frequency is noise.
func fit(s []int16, rate int, hz float64) (snr, amplitude float64) {
	var ss, sc, cc, xs, xc, xx float64
	for i, v := range s {
		a, b := math.Sincos(2 * math.Pi * hz * float64(i) / float64(rate))
		x := float64(v)
		ss += a * a
		sc += a * b
		cc += b * b
		xs += x * a
		xc += x * b
		xx += x * x
	}
	det := ss*cc - sc*sc
	p, q := (xs*cc-xc*sc)/det, (xc*ss-xs*sc)/det
	signal := p*xs + q*xc
	return 10 * math.Log10(signal/math.Max(xx-signal, 1e-9)), math.Hypot(p, q)
}

var pairs = [][2]int{{8000, 16000}, {16000, 8000}, {16000, 48000}, {48000, 16000}, {22050, 16000}, {44100, 8000}, {16000, 16000}}

// Tones of the passband come out with at least 80 dB between them and all
// else, at the level they had.
func TestTonesKeepTheirQuality(t *testing.T) {
	for _, p := range pairs {
		for _, share := range []float64{0.05, 0.2, 0.5, 0.7, 0.84} {
			hz := share * float64(min(p[0], p[1])) / 2
			in := mediatest.Tone(2*p[0], p[0], hz, 30000)
			out := convert(in, p[0], p[1])
			snr, amplitude := fit(out[p[1]/2:p[1]*3/2], p[1], hz)
			if snr < 80 {
				t.Errorf("%v: %.0f Hz has %.1f dB", p, hz, snr)
			}
			if math.Abs(amplitude-30000) > 60 {
				t.Errorf("%v: %.0f Hz of 30000 became %.0f", p, hz, amplitude)
			}
		}
	}
}

// Tones above the new Nyquist frequency are gone and not folded down.
func TestNoAliases(t *testing.T) {
	for _, p := range [][2]int{{16000, 8000}, {48000, 16000}, {44100, 8000}} {
		for _, share := range []float64{1.01, 1.2, 1.6} {
			hz := share * float64(p[1]) / 2
			out := convert(mediatest.Tone(2*p[0], p[0], hz, 30000), p[0], p[1])
			level := 20 * math.Log10(mediatest.RMS(out[p[1]/2:p[1]*3/2])/(30000/math.Sqrt2)+1e-9)
			if level > -80 {
				t.Errorf("%v: %.0f Hz is still at %.1f dB", p, hz, level)
			}
		}
	}
}

// Images of a tone in the passband, mirrored at the old Nyquist frequency,
// must be at least 80 dB down.
func TestNoImages(t *testing.T) {
	for _, p := range [][2]int{{8000, 16000}, {16000, 48000}} {
		out := convert(mediatest.Tone(2*p[0], p[0], 1000, 30000), p[0], p[1])
		image := mediatest.Goertzel(out[p[1]/2:p[1]*3/2], p[1], float64(p[0])-1000)
		if db := 20 * math.Log10(image/30000+1e-12); db > -80 {
			t.Errorf("%v: image at %.1f dB", p, db)
		}
	}
}

func TestLengthsAndFrameSizes(t *testing.T) {
	in := mediatest.WhiteNoise(16000, 3000, 1)
	for _, p := range pairs {
		whole := resample.New(p[0], p[1])
		want := make([]int16, whole.Len(len(in)))
		want = want[:whole.Process(want, in)]
		c := resample.New(p[0], p[1])
		var got []int16
		buf := make([]int16, 4000)
		for i, n := 0, 1; i < len(in); n = n%700 + 37 {
			n := min(n, len(in)-i)
			got = append(got, buf[:c.Process(buf, in[i:i+n])]...)
			i += n
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%v: the frame size changes the result", p)
		}
		exact := float64(len(in)) * float64(p[1]) / float64(p[0])
		if math.Abs(float64(len(want))-exact) > 1 {
			t.Errorf("%v: %d samples, want %.1f", p, len(want), exact)
		}
	}
	c := resample.New(8000, 16000)
	if n := c.Process(make([]int16, 400), in[:160]); n != 320 {
		t.Errorf("160 samples became %d", n)
	}
}

func TestResetForgets(t *testing.T) {
	c := resample.New(8000, 16000)
	a, b := make([]int16, 400), make([]int16, 400)
	in := mediatest.WhiteNoise(160, 3000, 1)
	n := c.Process(a, in)
	c.Process(b, mediatest.WhiteNoise(160, 9000, 2))
	c.Reset()
	m := c.Process(b, in)
	if fmt.Sprint(a[:n]) != fmt.Sprint(b[:m]) {
		t.Error("something was remembered")
	}
}

func TestNoAllocations(t *testing.T) {
	for _, p := range pairs {
		c := resample.New(p[0], p[1])
		in := make([]int16, p[0]/50)
		out := make([]int16, c.Len(len(in)))
		if a := testing.AllocsPerRun(100, func() { c.Process(out, in) }); a != 0 {
			t.Errorf("%v: %v allocations a frame", p, a)
		}
	}
}

func BenchmarkFrame(b *testing.B) {
	for _, p := range pairs[:4] {
		b.Run(fmt.Sprintf("%d-%d", p[0], p[1]), func(b *testing.B) {
			c := resample.New(p[0], p[1])
			in := mediatest.WhiteNoise(p[0]/50, 3000, 1)
			out := make([]int16, c.Len(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				c.Process(out, in)
			}
		})
	}
	b.Run("baseline-linear-8000-16000", func(b *testing.B) {
		in, out := mediatest.WhiteNoise(160, 3000, 1), make([]int16, 320)
		for b.Loop() {
			last := int16(0)
			for i, s := range in {
				out[2*i], out[2*i+1] = int16((int(last)+int(s))/2), s
				last = s
			}
		}
	})
}
