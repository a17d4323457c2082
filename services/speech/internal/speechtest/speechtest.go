// Package speechtest is speech for tests without a recogniser: sound that spells words,
// an engine that reads them, and a detector that hears them. What comes out depends
// on the samples alone, so a word that is lost, doubled or cut shows.
package speechtest

import (
	"context"
	"fmt"
	"slices"

	"samtale.dk/samtale/models/asr"
	"samtale.dk/samtale/models/asr/asrtest"
)

// WordSamples is the length of each word: 300 ms.
const WordSamples = 4800

const firstWord = 1000

// Word appends word number k: its first sample is negative, so that a word whose
// beginning is missing can be told.
func Word(pcm []int16, k int) []int16 {
	pcm = append(pcm, int16(-firstWord-k))
	for range WordSamples - 1 {
		pcm = append(pcm, int16(firstWord+k))
	}
	return pcm
}

// Words is the words first to last with a pause after each, in samples.
func Words(first, last, pause int) []int16 {
	var pcm []int16
	for k := first; k <= last; k++ {
		pcm = append(Word(pcm, k), make([]int16, pause)...)
	}
	return pcm
}

// Engine reads words: say gives the text of word k, nil means "w<k>". An utterance
// longer than longest samples is decided in pieces.
func Engine(say func(k int) string, longest int64) *Speller {
	if say == nil {
		say = func(k int) string { return fmt.Sprintf("w%d", k) }
	}
	return &Speller{asrtest.Scripted{WordSamples: WordSamples, MaxSamples: longest, Say: func(_ int, pcm []int16) string {
		if slices.ContainsFunc(pcm[1:], func(v int16) bool { return v != -pcm[0] }) {
			return "itu" // two halves
		}
		return say(int(-pcm[0]) - firstWord)
	}}}
}

// Speller is an asrtest.Scripted that does not hear a word without its beginning.
type Speller struct{ asrtest.Scripted }

// Open implements asr.Engine.
func (e *Speller) Open(ctx context.Context, o asr.Options) (asr.Session, error) {
	s, err := e.Scripted.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	return &speller{Session: s}, nil
}

type speller struct {
	asr.Session
	inside bool // a word that was heard from its beginning
	buf    []int16
}

func (s *speller) Write(pcm []int16) error {
	s.buf = append(s.buf[:0], pcm...)
	for i, v := range s.buf {
		s.inside = v < 0 || s.inside && v > 0
		if !s.inside {
			s.buf[i] = 0
		}
	}
	return s.Session.Write(s.buf)
}

// Loud is a hearing.Segmenter: an utterance ends after 300 ms of zeros.
type Loud struct {
	open  bool
	quiet int
}

// Frame implements hearing.Segmenter.
func (l *Loud) Frame(pcm []int16) bool {
	if slices.ContainsFunc(pcm, func(v int16) bool { return v != 0 }) {
		l.open, l.quiet = true, 0
		return true
	}
	if l.quiet++; l.quiet >= 15 {
		l.open = false
	}
	return l.open
}

// Reset implements hearing.Segmenter.
func (l *Loud) Reset() { l.open, l.quiet = false, 0 }
