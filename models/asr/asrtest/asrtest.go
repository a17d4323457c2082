// Package asrtest is the contract of package asr in code: Run holds an engine to it. It also has speech to feed engines with,
// and Scripted, an engine for tests of consumers that passes the suite itself.
package asrtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"samtale.dk/samtale/models/asr"
)

// patience bounds each wait for an engine; far more than any needs, so that a slow machine does not fail a test.
const patience = 2 * time.Minute

type suite struct {
	open     func(*testing.T) asr.Engine
	partials bool
	speech   []int16
	real     bool
}

// Option changes what the suite asks for.
type Option func(*suite)

// WantPartials demands partials while speech goes on, for engines that stream.
func WantPartials() Option { return func(s *suite) { s.partials = true } }

// Run checks the promises of package asr. open makes the engine for one subtest.
func Run(t *testing.T, open func(t *testing.T) asr.Engine, options ...Option) {
	s := &suite{open: open}
	for _, o := range options {
		o(s)
	}
	s.speech, s.real = Speech(t)
	t.Run("Name", s.name)
	t.Run("SpeechIsDecided", s.speechIsDecided)
	t.Run("PartialThenFinal", s.partialThenFinal)
	t.Run("SilenceGivesNothing", s.silence)
	t.Run("MarkersInOrder", s.markers)
	t.Run("SkipMovesThePosition", s.skip)
	t.Run("ChunksDoNotMatter", s.chunks)
	t.Run("OversizeIsSplit", s.oversize)
	t.Run("SessionsAreIndependent", s.independent)
	t.Run("CancelEndsTheSession", s.cancel)
	t.Run("CancelledBeforeOpen", s.cancelledBeforeOpen)
	t.Run("CloseTwice", s.closeTwice)
	t.Run("UseAfterClose", s.useAfterClose)
}

// mayBeSilent: a demo engine trained on speech says nothing to the substitute sound.
func (s *suite) mayBeSilent(e asr.Engine) bool { return e.Demo() && !s.real }

func (s *suite) name(t *testing.T) {
	if s.open(t).Name() == "" {
		t.Error("engine has no name")
	}
}

func (s *suite) speechIsDecided(t *testing.T) {
	e := s.open(t)
	r := s.start(t, e)
	r.write(s.speech, 320)
	r.flush(7)
	r.waitMarker(7)
	if len(r.words()) == 0 && !s.mayBeSilent(e) {
		t.Error("no words for speech")
	}
	if got := r.decided(); got != int64(len(s.speech)) {
		t.Errorf("decided up to %d, want %d", got, len(s.speech))
	}
	r.close()
}

func (s *suite) partialThenFinal(t *testing.T) {
	if !s.partials {
		t.Skip("engine is not said to stream")
	}
	e := s.open(t)
	if s.mayBeSilent(e) {
		t.Skip("needs espeak-ng for speech")
	}
	r := s.start(t, e)
	for range 4 {
		r.write(s.speech, 320)
	}
	r.waitFor("a partial with words", func(ev asr.Event) bool { return ev.Kind == asr.Partial && len(ev.Words) > 0 })
	r.flush(1)
	r.waitMarker(1)
	r.close()
}

func (s *suite) silence(t *testing.T) {
	r := s.start(t, s.open(t))
	r.write(make([]int16, 10*asr.SampleRate), 320)
	r.flush(1)
	r.waitMarker(1)
	if n := len(r.words()); n != 0 {
		t.Errorf("%d words in silence", n)
	}
	if r.decided() != 10*asr.SampleRate {
		t.Errorf("decided up to %d, want all", r.decided())
	}
	r.close()
}

func (s *suite) markers(t *testing.T) {
	r := s.start(t, s.open(t))
	r.flush(1) // nothing written yet
	r.write(s.speech, 320)
	r.flush(2)
	r.flush(3) // nothing new
	r.write(s.speech[:len(s.speech)/2], 320)
	r.flush(4)
	r.waitMarker(4)
	if got := r.markers(); !slices.Equal(got, []uint64{1, 2, 3, 4}) {
		t.Errorf("markers %v", got)
	}
	r.close()
}

func (s *suite) skip(t *testing.T) {
	const gap, short = 10 * asr.SampleRate, asr.SampleRate / 5
	e := s.open(t)
	r := s.start(t, e)
	r.skip(gap)
	r.write(s.speech, 320)
	r.flush(1)
	r.skip(gap)
	r.write(s.speech, 320)
	r.skip(short)
	r.skip(short)
	r.flush(2)
	r.waitMarker(2)
	n := int64(len(s.speech))
	if want := 2*gap + 2*n + 2*short; r.decided() != want {
		t.Errorf("decided up to %d, want %d", r.decided(), want)
	}
	var second int
	for _, w := range r.words() {
		switch {
		case w.End <= gap, w.Start >= gap+n && w.End <= 2*gap+n:
			t.Errorf("word at %d–%d lies in skipped silence", w.Start, w.End)
		case w.Start >= 2*gap+n-asr.SampleRate/2:
			second++
		}
	}
	if second == 0 && !s.mayBeSilent(e) {
		t.Error("no words after the second gap")
	}
	r.close()
}

func (s *suite) chunks(t *testing.T) {
	e := s.open(t)
	var want []asr.Word
	for i, size := range []int{320, 1, 333, 5000, len(s.speech)} {
		if size == 1 && testing.Short() {
			continue
		}
		r := s.start(t, e)
		r.write(s.speech, size)
		r.flush(1)
		r.waitMarker(1)
		r.close()
		if i == 0 {
			want = r.words()
			continue
		}
		if !slices.Equal(texts(r.words()), texts(want)) {
			t.Errorf("written %d samples at a time: other words than in frames of 320", size)
		}
	}
}

func (s *suite) oversize(t *testing.T) {
	const third = 25 * asr.SampleRate
	e := s.open(t)
	r := s.start(t, e)
	var sent int64
	for sent < 3*third {
		r.write(s.speech, 320)
		sent += int64(len(s.speech))
	}
	r.flush(9)
	r.waitMarker(9)
	if r.decided() != sent {
		t.Errorf("decided up to %d of %d", r.decided(), sent)
	}
	var heard [3]int
	for _, w := range r.words() {
		heard[min(w.Start/third, 2)]++
	}
	if !s.mayBeSilent(e) && slices.Min(heard[:]) == 0 {
		t.Errorf("words per 25 s of one long utterance: %v", heard)
	}
	r.close()
}

func (s *suite) independent(t *testing.T) {
	e := s.open(t)
	alone := s.start(t, e)
	alone.write(s.speech, 320)
	alone.flush(1)
	alone.waitMarker(1)
	alone.close()

	a, b := s.start(t, e), s.start(t, e)
	for c := range slices.Chunk(s.speech, 640) {
		a.write(c, 320)
		b.write(make([]int16, len(c)), 320)
	}
	a.flush(1)
	b.flush(1)
	a.waitMarker(1)
	b.waitMarker(1)
	if !slices.Equal(texts(a.words()), texts(alone.words())) {
		t.Error("a second session changed the words of the first")
	}
	if len(b.words()) != 0 {
		t.Error("words of one session came out of another")
	}
	a.close()
	b.close()
}

func (s *suite) cancel(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ses, err := s.open(t).Open(ctx, asr.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := collect(t, ses)
	r.write(s.speech, 320)
	stop()
	r.waitClosed()
	if err := ses.Write(s.speech[:320]); err == nil {
		t.Error("write after cancel gives no error")
	}
	if err := ses.Close(); !errors.Is(err, context.Canceled) {
		t.Errorf("close after cancel: %v, want context.Canceled", err)
	}
}

func (s *suite) cancelledBeforeOpen(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	stop()
	ses, err := s.open(t).Open(ctx, asr.Options{})
	if err == nil {
		ses.Close()
		t.Error("opened with an ended context")
	}
}

func (s *suite) closeTwice(t *testing.T) {
	r := s.start(t, s.open(t))
	r.write(s.speech, 320)
	first, second := r.ses.Close(), r.ses.Close()
	if first != nil || second != nil {
		t.Errorf("close: %v, then %v", first, second)
	}
	r.waitClosed()
}

func (s *suite) useAfterClose(t *testing.T) {
	r := s.start(t, s.open(t))
	r.close()
	for name, err := range map[string]error{"write": r.ses.Write(s.speech[:320]), "skip": r.ses.Skip(320), "flush": r.ses.Flush(1)} {
		if !errors.Is(err, asr.ErrClosed) {
			t.Errorf("%s after close: %v, want ErrClosed", name, err)
		}
	}
}

func (s *suite) start(t *testing.T, e asr.Engine) *recorder {
	t.Helper()
	ses, err := e.Open(t.Context(), asr.Options{Language: "da"})
	if err != nil {
		t.Fatal(err)
	}
	return collect(t, ses)
}

func texts(words []asr.Word) []string {
	var out []string
	for _, w := range words {
		out = append(out, w.Text)
	}
	return out
}

// check says what is wrong with an event that follows a range decided up to decided.
func check(e asr.Event, decided int64) error {
	switch {
	case e.Kind == asr.Marker:
		if e.From != e.To || e.To > decided {
			return fmt.Errorf("marker at %d–%d, decided only up to %d", e.From, e.To, decided)
		}
		return nil
	case e.Kind != asr.Partial && e.Kind != asr.Final:
		return fmt.Errorf("event of kind %d", e.Kind)
	case e.From != decided:
		return fmt.Errorf("%v starts at %d, decided is %d", e.Kind, e.From, decided)
	case e.To < e.From:
		return fmt.Errorf("%v ends at %d before its start %d", e.Kind, e.To, e.From)
	}
	at := e.From
	for _, w := range e.Words {
		if w.Text == "" || w.Start < at || w.End < w.Start || w.End > e.To {
			return fmt.Errorf("%v %d–%d: word at %d–%d (previous ended at %d), text empty: %t", e.Kind, e.From, e.To, w.Start, w.End, at, w.Text == "")
		}
		if w.Confidence < 0 || w.Confidence > 1 {
			return fmt.Errorf("confidence %v", w.Confidence)
		}
		at = w.End
	}
	return nil
}
