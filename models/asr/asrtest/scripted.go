package asrtest

import (
	"context"
	"errors"
	"sync"

	"samtale.dk/samtale/models/asr"
	"samtale.dk/samtale/models/asr/internal/outbox"
)

// Scripted is an engine for tests of consumers. It hears sound (any sample louder than Threshold) and says one word of the
// script for each WordSamples of it, so that what comes out depends only on what was written.
type Scripted struct {
	Words       []string                        // said in turn, from the start in each session; none means "ord"
	Say         func(n int, pcm []int16) string // instead of Words: the word for the nth stretch of sound, given its samples
	WordSamples int                             // sound per word; 0 means 4,800 (300 ms)
	MaxSamples  int64                           // an utterance longer than this is decided in pieces; 0 means 30 s
	Threshold   int16                           // 0 means 100
	OpenErr     error                           // returned by Open
	FailAt      int64                           // from this position on, Write and Flush fail with asr.ErrUnavailable; 0 means never
	Opened      func(asr.Options)               // called by Open when set
	EngineName  string                          // "" means "scripted"
}

// Name implements asr.Engine.
func (e *Scripted) Name() string {
	if e.EngineName == "" {
		return "scripted"
	}
	return e.EngineName
}

// Demo implements asr.Engine.
func (e *Scripted) Demo() bool { return false }

// Open implements asr.Engine.
func (e *Scripted) Open(ctx context.Context, o asr.Options) (asr.Session, error) {
	if e.OpenErr != nil {
		return nil, e.OpenErr
	}
	if err := ctx.Err(); err != nil {
		return nil, errors.Join(asr.ErrClosed, err)
	}
	if e.Opened != nil {
		e.Opened(o)
	}
	s := &scripted{e: e, box: outbox.New()}
	s.stop = context.AfterFunc(ctx, func() { s.end(context.Cause(ctx)) })
	return s, nil
}

type scripted struct {
	e    *Scripted
	box  *outbox.Box
	stop func() bool

	mu           sync.Mutex
	pos, decided int64
	words        []asr.Word // not decided yet
	sound        []int16    // of the word being heard
	start        int64
	said         int
	closed       bool
	err          error
}

func (s *scripted) Events() <-chan asr.Event { return s.box.Events() }

func (s *scripted) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.closed, s.err = true, err
	s.box.Close()
}

func (s *scripted) Close() error {
	s.stop()
	s.end(nil)
	return s.err
}

func (s *scripted) usable() error {
	if s.closed {
		return asr.ErrClosed
	}
	if s.e.FailAt > 0 && s.pos >= s.e.FailAt {
		return asr.ErrUnavailable
	}
	return nil
}

func (s *scripted) Write(pcm []int16) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	threshold := s.e.Threshold
	if threshold == 0 {
		threshold = 100
	}
	before := len(s.words)
	for _, v := range pcm {
		if v > threshold || v < -threshold {
			s.hear(v)
		}
		s.pos++
		if s.pos-s.decided >= s.max() {
			if err := s.decide(); err != nil {
				return err
			}
			before = 0
		}
	}
	if len(s.words) == before {
		return nil
	}
	return s.box.Put(asr.Event{Kind: asr.Partial, Words: append([]asr.Word(nil), s.words...), From: s.decided, To: s.pos})
}

func (s *scripted) max() int64 {
	if s.e.MaxSamples > 0 {
		return s.e.MaxSamples
	}
	return 30 * asr.SampleRate
}

func (s *scripted) hear(v int16) {
	n := s.e.WordSamples
	if n == 0 {
		n = 4800
	}
	if len(s.sound) == 0 {
		s.start = s.pos
	}
	s.sound = append(s.sound, v)
	if len(s.sound) >= n {
		s.word(s.pos + 1)
	}
}

func (s *scripted) word(end int64) {
	text := "ord"
	switch {
	case s.e.Say != nil:
		text = s.e.Say(s.said, s.sound)
	case len(s.e.Words) > 0:
		text = s.e.Words[s.said%len(s.e.Words)]
	}
	s.said++
	s.words = append(s.words, asr.Word{Text: text, Start: max(s.start, s.decided), End: end, Confidence: 0.9})
	s.sound = s.sound[:0]
}

// decide closes the range up to the current position; the beginning of a word goes on in the next range.
func (s *scripted) decide() error {
	e := asr.Event{Kind: asr.Final, Words: s.words, From: s.decided, To: s.pos}
	s.words, s.decided = nil, s.pos
	return s.box.Put(e)
}

func (s *scripted) Skip(n int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	s.pos += n
	return nil
}

func (s *scripted) Flush(marker uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	s.sound = s.sound[:0]
	if err := s.decide(); err != nil {
		return err
	}
	return s.box.Put(asr.Event{Kind: asr.Marker, Marker: marker, From: s.pos, To: s.pos})
}
