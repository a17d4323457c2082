package dtmf

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"samtale.dk/samtale/media/g711"
	"samtale.dk/samtale/media/mediatest"
	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/media/resample"
)

const all = "1234567890*#ABCD"

// press is the sound of keys: each so long, with a pause after it. off shifts both
// tones, twist makes the high one louder (in dB), level is that of the low one in dBov
// of a sine.
type press struct {
	long, pause time.Duration
	off         float64
	twist       float64
	level       float64
	lead        int // samples of silence first
}

func (p press) sound(keypad string) []int16 {
	out := make([]int16, p.lead)
	low := 32767 * math.Pow(10, p.level/20)
	high := low * math.Pow(10, p.twist/20)
	for _, k := range []byte(keypad) {
		f, g := frequencies(k)
		n := int(pcm.Samples(p.long, pcm.Rate))
		for i := range n {
			t := 2 * math.Pi * float64(i) / pcm.Rate
			out = append(out, int16(low*math.Sin(t*f*(1+p.off))+high*math.Sin(t*g*(1+p.off))))
		}
		out = append(out, make([]int16, pcm.Samples(p.pause, pcm.Rate))...)
	}
	return out
}

func frequencies(key byte) (row, col float64) {
	for i := range keys {
		for j := range keys[i] {
			if keys[i][j] == key {
				return rows[i], cols[j]
			}
		}
	}
	return 0, 0
}

// listen feeds sound in frames of 20 ms.
func listen(s []int16) string {
	var got strings.Builder
	d := New(func(k byte) { got.WriteByte(k) })
	for len(s) > 0 {
		n := min(len(s), pcm.FrameSamples)
		d.Process(s[:n])
		s = s[n:]
	}
	return got.String()
}

func TestKeysAreFound(t *testing.T) {
	usual := press{long: 80 * time.Millisecond, pause: 80 * time.Millisecond, level: -16}
	for name, p := range map[string]press{
		"usual":             usual,
		"short as allowed":  {long: 40 * time.Millisecond, pause: 40 * time.Millisecond, level: -16},
		"shifted":           {long: 40 * time.Millisecond, pause: 40 * time.Millisecond, level: -16, lead: 77},
		"faint":             {long: 60 * time.Millisecond, pause: 60 * time.Millisecond, level: -38},
		"loud":              {long: 60 * time.Millisecond, pause: 60 * time.Millisecond, level: -7},
		"1.5% high":         {long: 60 * time.Millisecond, pause: 60 * time.Millisecond, level: -16, off: 0.015},
		"1.5% low":          {long: 60 * time.Millisecond, pause: 60 * time.Millisecond, level: -16, off: -0.015},
		"high tone louder":  {long: 60 * time.Millisecond, pause: 60 * time.Millisecond, level: -20, twist: 6},
		"high tone softer":  {long: 60 * time.Millisecond, pause: 60 * time.Millisecond, level: -16, twist: -3},
		"held for a second": {long: time.Second, pause: 60 * time.Millisecond, level: -16},
	} {
		if got := listen(p.sound(all)); got != all {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := listen(usual.sound("1111")); got != "1111" {
		t.Errorf("the same key four times: %q", got)
	}
}

// TestOverTheTelephone sends keys through 8 kHz A-law with noise 20 dB below them.
func TestOverTheTelephone(t *testing.T) {
	s := press{long: 70 * time.Millisecond, pause: 70 * time.Millisecond, level: -16}.sound(all)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range s {
		s[i] += int16(rng.NormFloat64() * 32767 * math.Pow(10, -36.0/20))
	}
	narrow := make([]int16, len(s))
	narrow = narrow[:resample.New(pcm.Rate, 8000).Process(narrow, s)]
	law := make([]byte, len(narrow))
	g711.EncodeALaw(law, narrow)
	g711.DecodeALaw(narrow, law)
	up := resample.New(8000, pcm.Rate)
	wide := make([]int16, up.Len(len(narrow)))
	if got := listen(wide[:up.Process(wide, narrow)]); got != all {
		t.Errorf("%q", got)
	}
}

func TestNothingElseIsAKey(t *testing.T) {
	for name, p := range map[string]press{
		"too short":                 {long: 12 * time.Millisecond, pause: 50 * time.Millisecond, level: -10},
		"3.5% off":                  {long: 80 * time.Millisecond, pause: 80 * time.Millisecond, level: -16, off: 0.035},
		"high tone far too loud":    {long: 80 * time.Millisecond, pause: 80 * time.Millisecond, level: -25, twist: 12},
		"high tone far too soft":    {long: 80 * time.Millisecond, pause: 80 * time.Millisecond, level: -10, twist: -8},
		"far too faint to be meant": {long: 80 * time.Millisecond, pause: 80 * time.Millisecond, level: -60},
	} {
		if got := listen(p.sound(all)); got != "" {
			t.Errorf("%s: %q", name, got)
		}
	}
	for _, hz := range []float64{350, 425, 440, 480, 620, 697, 941, 1209, 1336, 2100} {
		one := make([]int16, pcm.Rate)
		for i := range one {
			one[i] = int16(8000 * math.Sin(2*math.Pi*hz*float64(i)/pcm.Rate))
		}
		if got := listen(one); got != "" {
			t.Errorf("a tone of %.0f Hz: %q", hz, got)
		}
	}
	rng := rand.New(rand.NewPCG(3, 4))
	noise := make([]int16, 60*pcm.Rate)
	for i := range noise {
		noise[i] = int16(rng.NormFloat64() * 3000)
	}
	if got := listen(noise); got != "" {
		t.Errorf("a minute of noise: %q", got)
	}
}

// TestTalkOff: no key in speech, of eight voices over the telephone band.
func TestTalkOff(t *testing.T) {
	text := "Goddag, jeg ringer om min ansøgning om boligstøtte. Jeg flyttede ind den fjortende marts, " +
		"og huslejen er syv tusind otte hundrede og halvtreds kroner om måneden. " +
		"Iiii, uuuu, åååå, øøøø, ja, nej, hm, det ved jeg ikke. Mit nummer er to nul et syv niogfyrre."
	var seconds float64
	for _, v := range []string{"da", "da+f1", "da+f2", "da+f3", "da+f4", "da+m2", "da+m5", "da+whisper"} {
		s := mediatest.Speech(t, v, text)
		seconds += float64(len(s)) / pcm.Rate
		narrow := make([]int16, len(s))
		narrow = narrow[:resample.New(pcm.Rate, 8000).Process(narrow, s)]
		up := resample.New(8000, pcm.Rate)
		wide := make([]int16, up.Len(len(narrow)))
		wide = wide[:up.Process(wide, narrow)]
		for _, voice := range [][]int16{s, wide} {
			if got := listen(voice); got != "" {
				t.Errorf("%s: %q", v, got)
			}
		}
	}
	t.Logf("%.0f s of speech", seconds)
}

func TestNoAllocations(t *testing.T) {
	s := press{long: 80 * time.Millisecond, pause: 80 * time.Millisecond, level: -16}.sound(all)
	n := 0
	d := New(func(byte) { n++ })
	if a := testing.AllocsPerRun(20, func() { d.Process(s) }); a != 0 {
		t.Errorf("%v allocations", a)
	}
	if n == 0 {
		t.Error("no key was found")
	}
}

func BenchmarkFrame(b *testing.B) {
	d := New(func(byte) {})
	f := make([]int16, pcm.FrameSamples)
	for i := range f {
		f[i] = int16(i * 50)
	}
	b.ReportAllocs()
	for b.Loop() {
		d.Process(f)
	}
}
