package demo_test

import (
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"samtale.dk/samtale/models/asr"
	"samtale.dk/samtale/models/asr/asrtest"
	"samtale.dk/samtale/models/asr/demo"
)

var full = flag.Bool("full", false, "measure word error rates on all voices, lines and sentences")

// seen voices were in training (train/synth.py), unseen and effect ones never; the effect voice has its third formant at 9%
// and its fourth at 290% of a speaker's. The sentences of free.txt and fresh.txt were in
// neither the text generator nor the language model; fresh.txt was written after both were done. Those of domain.txt are
// the generator's templates from a seed of their own.
var (
	seen   = []string{"da", "da+f2", "da+m3"}
	unseen = []string{"da+f4", "da+m5", "da+Andrea"}
	effect = []string{"da+Lee"}
)

type line func(pcm []int16) []int16

func wide(pcm []int16) []int16 { return pcm }

func noisy(pcm []int16) []int16 {
	r := rand.New(rand.NewPCG(1, 2))
	var sum float64
	for _, v := range pcm {
		sum += float64(v) * float64(v)
	}
	level := math.Sqrt(sum/float64(len(pcm))) / 10 // 20 dB
	out := make([]int16, len(pcm))
	for i, v := range pcm {
		out[i] = int16(max(-32768, min(32767, float64(v)+level*r.NormFloat64())))
	}
	return asrtest.Telephone(out)
}

// TestWordErrors prints word error rates by voice, material and line, and fails when they get worse than a bound that leaves
// room for other versions of espeak-ng. With -full it measures everything.
func TestWordErrors(t *testing.T) {
	lines := []struct {
		name string
		line line
	}{{"telephone", asrtest.Telephone}, {"wideband", wide}, {"telephone, noise 20 dB below", noisy}}
	engines := []struct {
		name string
		e    asr.Engine
	}{{"with language model", engine(t, demo.Config{})}, {"network alone", engine(t, demo.Config{Greedy: true})}}
	bound := map[string]float64{"free": 0.15, "fresh": 0.15, "domain": 0.08}
	every, voices := 5, said{}
	if *full {
		every = 1
	} else {
		lines, engines = lines[:1], engines[:1]
	}
	for _, material := range []string{"fresh", "free", "domain"} {
		text := readLines(t, "testdata/"+material+".txt", every)
		for _, l := range lines {
			for _, en := range engines {
				var sum score
				for _, group := range []struct {
					name   string
					voices []string
				}{{"effect", effect}, {"seen", seen}, {"unseen", unseen}} {
					var g score
					for _, v := range group.voices {
						s := voices.measure(t, en.e, v, l.line, text)
						t.Logf("%-7s %-29s %-20s %-10s WER %.3f of %d words", material, l.name, en.name, v, s.rate(), s.words)
						g = g.plus(s)
					}
					t.Logf("%-7s %-29s %-20s %-10s WER %.3f of %d words", material, l.name, en.name, group.name, g.rate(), g.words)
					sum = g
				}
				if l.name == "telephone" && en.name == "with language model" && sum.rate() > bound[material] {
					t.Errorf("%s sentences, unseen voices over the telephone: WER %.3f, bound %.2f", material, sum.rate(), bound[material])
				}
			}
		}
	}
}

func readLines(t *testing.T, path string, every int) (out []string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		if i%every == 0 {
			out = append(out, l)
		}
	}
	return out
}

type score struct{ errors, words int }

func (s score) plus(o score) score { return score{s.errors + o.errors, s.words + o.words} }
func (s score) rate() float64      { return float64(s.errors) / float64(max(1, s.words)) }

// said keeps what was synthesised: it is heard over several lines by several engines.
type said map[string][]int16

func (s said) say(t *testing.T, voice, text string, i int) []int16 {
	t.Helper()
	key := voice + "\n" + text
	if s[key] == nil {
		s[key] = asrtest.Say(t, asrtest.Voice{Name: voice, Rate: 150 + 10*(i%4), Pitch: 40 + 7*(i%4)}, text)
	}
	return s[key]
}

func (s said) measure(t *testing.T, e asr.Engine, voice string, l line, text []string) (sum score) {
	t.Helper()
	for i, want := range text {
		got := transcribe(t, e, l(s.say(t, voice, want, i)))
		s := score{distance(strings.Fields(want), got), len(strings.Fields(want))}
		if *full && s.errors > 0 && voice == unseen[0] {
			t.Logf("  said %s\n  heard %s", want, strings.Join(got, " "))
		}
		sum = sum.plus(s)
	}
	return sum
}

// transcribe gives the final words of one utterance with a third of a second of silence around it.
func transcribe(t testing.TB, e asr.Engine, pcm []int16) (out []string) {
	t.Helper()
	for _, w := range decide(t, e, make([]int16, 5000), pcm, make([]int16, 5000)) {
		out = append(out, w.Text)
	}
	return out
}

// decide writes the parts in frames of 20 ms, flushes, and gives the final words.
func decide(t testing.TB, e asr.Engine, parts ...[]int16) (out []asr.Word) {
	t.Helper()
	s, err := e.Open(t.Context(), asr.Options{})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		defer s.Close()
		for _, p := range parts {
			for len(p) > 0 {
				n := min(320, len(p))
				if err := s.Write(p[:n]); err != nil {
					done <- err
					return
				}
				p = p[n:]
			}
		}
		done <- s.Flush(1)
	}()
	for ev := range s.Events() {
		if ev.Kind == asr.Final {
			out = append(out, ev.Words...)
		}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return out
}

// distance counts substitutions, insertions and deletions.
func distance(want, got []string) int {
	d := make([]int, len(got)+1)
	for j := range d {
		d[j] = j
	}
	for i, w := range want {
		diag := d[0]
		d[0] = i + 1
		for j, g := range got {
			cost := diag
			if w != g {
				cost++
			}
			diag = d[j+1]
			d[j+1] = min(cost, d[j]+1, d[j+1]+1)
		}
	}
	return d[len(got)]
}
