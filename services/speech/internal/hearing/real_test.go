package hearing

import (
	"strings"
	"testing"
	"time"

	"samtale.dk/samtale/models/asr"
	"samtale.dk/samtale/models/asr/asrtest"
	"samtale.dk/samtale/models/asr/demo"
	"samtale.dk/samtale/models/danish"
	"samtale.dk/samtale/services/contract/transcriptv1"
)

func hearReal(t *testing.T, pcm []int16, from int64, before []transcriptv1.Word) *collector {
	t.Helper()
	e, err := demo.New(demo.Config{})
	if err != nil {
		t.Fatal(err)
	}
	c := &collector{t: t, at: from}
	h := New(t.Context(), Config{
		Engine: e, Segmenter: NewEndpointing(600 * time.Millisecond), Output: c,
		From: from, Lead: min(from, asr.SampleRate), Before: before,
	})
	if err := frames(pcm[max(0, from-asr.SampleRate):])(h); err != nil {
		t.Fatal(err)
	}
	if err := h.End(); err != nil {
		t.Fatal(err)
	}
	<-h.Done()
	if err := h.Err(); err != nil {
		t.Fatal(err)
	}
	return c
}

func textOf(batches []Batch) string {
	c := collector{batches: batches}
	return c.text()
}

// With the real detector and recogniser: whoever takes over at a commit hears the same.
func TestGoingOnWithTheDemoEngine(t *testing.T) {
	var pcm []int16
	for _, s := range []string{
		"goddag jeg ringer om min boligstøtte", "mit cpr nummer er nul fire elleve tooghalvfems toogtyve elleve",
		"jeg har fået et brev fra kommunen hvor der står at jeg skal betale to hundrede og halvtreds kroner tilbage inden den fjerde marts og det forstår jeg ikke",
		"kan i ringe til mig på toogtyve treogtredive fireogfyrre femoghalvtreds", "tak for hjælpen",
	} {
		pcm = append(pcm, asrtest.Say(t, asrtest.Voice{}, s)...)
		pcm = append(pcm, make([]int16, asr.SampleRate)...)
	}
	whole := hearReal(t, pcm, 0, nil)
	t.Log(whole.text())
	for i, b := range whole.batches[:len(whole.batches)-1] {
		want := danish.Fold(textOf(whole.batches[i+1:]))
		got := danish.Fold(hearReal(t, pcm, b.To, b.Words).text())
		if got != want {
			t.Errorf("after batch %d (%q), from %d:\ngot  %s\nwant %s", i, textOf(whole.batches[i:i+1]), b.To, got, want)
		}
	}
}

// Nothing is said where nobody speaks.
func TestNoWordsInNoise(t *testing.T) {
	noise := make([]int16, 60*asr.SampleRate)
	x := uint32(1)
	for i := range noise {
		x = x*1664525 + 1013904223
		noise[i] = int16(int32(x)>>16) / 64 // about −42 dBov
	}
	for name, pcm := range map[string][]int16{"silence": make([]int16, 60*asr.SampleRate), "noise": noise} {
		if got := strings.TrimSpace(hearReal(t, pcm, 0, nil).text()); got != "" {
			t.Errorf("%s: %q", name, got)
		}
	}
}
