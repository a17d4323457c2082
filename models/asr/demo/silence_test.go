package demo_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"samtale.dk/samtale/models/asr"
	"samtale.dk/samtale/models/asr/asrtest"
	"samtale.dk/samtale/models/asr/demo"
)

// TestNothingInNoise: every word that comes out of these minutes is invented.
func TestNothingInNoise(t *testing.T) {
	const n = 60 * asr.SampleRate
	r := rand.New(rand.NewPCG(3, 4))
	white := func(int) float64 { return r.NormFloat64() }
	sounds := map[string]func(int) float64{
		"digital silence": func(int) float64 { return 0 },
		"white noise":     white,
		"pink noise":      pink(r),
		"hum": func(i int) float64 {
			x := 2 * math.Pi * 50 * float64(i) / asr.SampleRate
			return math.Sin(x) + 0.5*math.Sin(3*x) + 0.3*math.Sin(5*x) + 0.2*math.Sin(7*x)
		},
		"dial tone":  func(i int) float64 { return math.Sin(2 * math.Pi * 425 * float64(i) / asr.SampleRate) },
		"one sample": func(i int) float64 { return float64(1 - min(1, i%8000)) },
	}
	e := engine(t, demo.Config{})
	for name, f := range sounds {
		for _, level := range []float64{10, 100, 1000, 5000} {
			pcm := make([]int16, n)
			for i := range pcm {
				pcm[i] = int16(max(-32768, min(32767, math.Round(level*f(i)))))
			}
			if words := decide(t, e, pcm); len(words) > 0 {
				t.Errorf("%s at level %v: %d words, the first at %.2f s: %q", name, level, len(words), float64(words[0].Start)/asr.SampleRate, words[0].Text)
			}
		}
	}
}

// pink is noise that falls by 3 dB an octave (Kellet's filter).
func pink(r *rand.Rand) func(int) float64 {
	var b [3]float64
	return func(int) float64 {
		w := r.NormFloat64()
		b[0] = 0.99765*b[0] + w*0.0990460
		b[1] = 0.96300*b[1] + w*0.2965164
		b[2] = 0.57000*b[2] + w*1.0526913
		return (b[0] + b[1] + b[2] + w*0.1848) / 3
	}
}

// TestPausesKeepWordsApart: words on both sides of digital silence are not glued together.
func TestPausesKeepWordsApart(t *testing.T) {
	e := engine(t, demo.Config{})
	a := asrtest.Say(t, asrtest.Voice{}, "jeg ringer om min pension")
	b := asrtest.Say(t, asrtest.Voice{}, "mit navn er peter hansen")
	pause := make([]int16, asr.SampleRate)
	words := decide(t, e, pause, a, pause, b, pause)
	if len(words) != 10 {
		t.Errorf("%d words, want 10: %v", len(words), words)
	}
	from, to := int64(len(pause)+len(a)), int64(2*len(pause)+len(a))
	for _, w := range words {
		if w.Start < from-3000 && w.End > to {
			t.Errorf("%q runs over the pause", w.Text)
		}
	}
}
