package demo_test

import (
	"errors"
	"strings"
	"testing"

	"samtale.dk/samtale/models/asr"
	"samtale.dk/samtale/models/asr/asrtest"
	"samtale.dk/samtale/models/asr/demo"
)

// TestSpeechWithoutPause: half a minute in one breath is decided in pieces while it goes on, and no word is lost at a seam.
func TestSpeechWithoutPause(t *testing.T) {
	text := "jeg ringer fordi jeg har fået et brev om min boligstøtte jeg har en aftale med kommunen på torsdag"
	piece := trim(asrtest.Say(t, asrtest.Voice{}, text))
	var pcm []int16
	var want []string
	for range 6 {
		pcm = append(pcm, piece...)
		want = append(want, strings.Fields(text)...)
	}
	s, err := engine(t, demo.Config{}).Open(t.Context(), asr.Options{})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for ; len(pcm) > 320; pcm = pcm[320:] {
			if s.Write(pcm[:320]) != nil {
				break
			}
		}
		s.Flush(1)
		s.Close()
	}()
	var got []string
	finals := 0
	for ev := range s.Events() {
		if ev.Kind != asr.Final {
			continue
		}
		finals++
		for _, w := range ev.Words {
			got = append(got, w.Text)
		}
	}
	if finals < 3 {
		t.Errorf("%d finals for half a minute", finals)
	}
	if d := distance(want, got); d > len(want)/10 {
		t.Errorf("%d errors in %d words: %v", d, len(want), got)
	}
}

// trim cuts the silence at both ends.
func trim(pcm []int16) []int16 {
	a, z := 0, len(pcm)
	for a < z && pcm[a] < 200 && pcm[a] > -200 {
		a++
	}
	for z > a && pcm[z-1] < 200 && pcm[z-1] > -200 {
		z--
	}
	return pcm[a:z]
}

// TestWordTimes: where the first word starts and the last one ends agrees with the sound to a fifth of a second.
func TestWordTimes(t *testing.T) {
	e := engine(t, demo.Config{})
	for _, voice := range []string{"da", "da+f4", "da+m5"} {
		pcm := trim(asrtest.Say(t, asrtest.Voice{Name: voice}, "jeg har fået et brev fra kommunen"))
		words := decide(t, e, make([]int16, asr.SampleRate), pcm, make([]int16, asr.SampleRate))
		if len(words) == 0 {
			t.Errorf("%s: no words", voice)
			continue
		}
		start := words[0].Start - asr.SampleRate
		end := words[len(words)-1].End - asr.SampleRate - int64(len(pcm))
		if max(start, -start, end, -end) > asr.SampleRate/5 {
			t.Errorf("%s: starts %d samples late, ends %d late", voice, start, end)
		}
	}
}

func TestOpen(t *testing.T) {
	e := engine(t, demo.Config{Sessions: 1})
	if _, err := e.Open(t.Context(), asr.Options{Language: "en"}); !errors.Is(err, asr.ErrRejected) {
		t.Errorf("English: %v, want ErrRejected", err)
	}
	a, err := e.Open(t.Context(), asr.Options{Language: "da-DK"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Open(t.Context(), asr.Options{}); !errors.Is(err, asr.ErrBusy) {
		t.Errorf("second session: %v, want ErrBusy", err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := e.Open(t.Context(), asr.Options{})
	if err != nil {
		t.Fatalf("after the first was closed: %v", err)
	}
	b.Close()
}

// TestShortSkip: an endpointer that leaves out 200 ms inside a sentence does not break it.
func TestShortSkip(t *testing.T) {
	a := trim(asrtest.Say(t, asrtest.Voice{}, "jeg har fået et brev"))
	b := trim(asrtest.Say(t, asrtest.Voice{}, "fra kommunen"))
	s, err := engine(t, demo.Config{}).Open(t.Context(), asr.Options{})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for _, f := range []func() error{
			func() error { return s.Write(a) }, func() error { return s.Skip(3200) },
			func() error { return s.Write(b) }, func() error { return s.Flush(1) }, s.Close,
		} {
			if err := f(); err != nil {
				t.Error(err)
			}
		}
	}()
	var got []string
	for ev := range s.Events() {
		if ev.Kind == asr.Final {
			for _, w := range ev.Words {
				got = append(got, w.Text)
			}
		}
	}
	if want := "jeg har fået et brev fra kommunen"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", strings.Join(got, " "), want)
	}
}
