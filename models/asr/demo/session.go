package demo

import (
	"context"
	"sync"

	"samtale.dk/samtale/models/asr"
	"samtale.dk/samtale/models/asr/internal/outbox"
)

// When words become final without a flush, in frames of 30 ms.
const (
	pauseFrames = 22  // this long without a letter ends a stretch of words
	emptyFrames = 167 // and this long without any word decides the silence, every 5 s
	longFrames  = 400 // a stretch without a pause is decided from its beginning after 12 s …
	holdFrames  = 100 // … except for its last 3 s
)

const (
	tail      = asr.SampleRate / 4      // silence added before a flush
	shortSkip = asr.SampleRate * 6 / 10 // a skip up to this long is heard as silence: the sentence goes on after it
)

// lateFrames is how long after a sound its letter comes, measured on sentences with known ends: the median was 165 ms for
// the first letter and 145 ms for the end of the last one, over four voices.
const lateFrames = 5

// A word is dropped when its letters are this uncertain: noise, not speech.
const minConfidence = 0.3

type session struct {
	e    *Engine
	box  *outbox.Box
	stop func() bool

	mu      sync.Mutex
	closed  bool
	err     error
	front   frontEnd
	stream  *stream
	beam    *beam
	pos     int64 // samples taken
	decided int64
	base    int64 // position of the network's first frame
	skipped int64 // since the last Write
	fed     bool  // the network has heard something since it was reset
	frame   int32 // frames that came out of the network
	shown   int32 // node of the last partial
	began   int32 // frame where the beam was last reset
	words   []heard
	texts   map[int32]string // of words in the search, by the node of their last letter
	fail    error            // of the event queue, inside a frame
	zeros   [tail]int16
}

func newSession(ctx context.Context, e *Engine) *session {
	s := &session{e: e, box: outbox.New(), front: frontEnd{t: e.tables}, beam: newBeam(e.lm), texts: map[int32]string{}}
	s.stream = newStream(e.net, s.heard)
	s.stop = context.AfterFunc(ctx, func() { s.end(context.Cause(ctx)) })
	return s
}

func (s *session) Events() <-chan asr.Event { return s.box.Events() }

func (s *session) Close() error {
	s.stop()
	s.end(nil)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *session) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.closed, s.err = true, err
	s.e.open.Add(-1)
	if err != nil {
		s.box.Abort()
		return
	}
	s.box.Close()
}

func (s *session) Write(pcm []int16) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return asr.ErrClosed
	}
	if !s.fed {
		s.base, s.fed = s.pos, true
	}
	s.skipped = 0
	s.pos += int64(len(pcm))
	s.front.write(pcm, s.stream.frame)
	if s.fail == nil {
		s.fail = s.partial()
	}
	return s.fail
}

func (s *session) Skip(n int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return asr.ErrClosed
	}
	if s.fed && s.skipped+n <= shortSkip {
		s.skipped += n
		s.pos += n
		for ; n > 0; n -= min(n, tail) {
			s.front.write(s.zeros[:min(n, tail)], s.stream.frame)
		}
		return s.fail
	}
	if err := s.finish(); err != nil {
		return err
	}
	s.pos += n
	return nil
}

func (s *session) Flush(marker uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return asr.ErrClosed
	}
	if err := s.finish(); err != nil {
		return err
	}
	if s.decided < s.pos {
		if err := s.final(nil, s.pos); err != nil {
			return err
		}
	}
	return s.box.Put(asr.Event{Kind: asr.Marker, Marker: marker, From: s.pos, To: s.pos})
}

// finish decides what was written since the network was reset, and resets it.
func (s *session) finish() error {
	if !s.fed {
		return s.fail
	}
	s.front.write(s.zeros[:], s.stream.frame) // so that the last sounds get the silence they are recognised by
	s.stream.finish()
	if s.fail != nil {
		return s.fail
	}
	s.words = s.beam.words(s.words, 0, s.beam.finalBest())
	err := s.final(s.words, s.pos)
	s.front.reset()
	s.stream.reset()
	s.frame, s.fed = 0, false
	s.restart()
	return err
}

// restart empties the search at the current frame.
func (s *session) restart() {
	s.beam.reset(s.frame, s.e.lm.start())
	s.shown, s.began = 0, s.frame
	clear(s.texts)
}

// text spells a word once; a word stays in the partials for seconds.
func (s *session) text(w heard) string {
	t, ok := s.texts[w.end]
	if !ok {
		t = s.beam.text(w)
		s.texts[w.end] = t
	}
	return t
}

// heard takes one frame of the network.
func (s *session) heard(p []float32) {
	s.beam.step(p)
	s.frame++
	if s.fail != nil {
		return
	}
	switch quiet := s.frame - s.beam.latest; {
	case s.beam.best != 0 && quiet >= pauseFrames:
		s.words = s.beam.words(s.words, 0, s.beam.finalBest())
		s.fail = s.final(s.words, s.at(s.frame-pauseFrames/2))
		s.restart()
	case s.beam.best == 0 && s.frame-s.began >= emptyFrames:
		s.fail = s.final(nil, s.at(s.frame-pauseFrames))
		s.restart()
	case s.frame-s.began >= longFrames:
		s.fail = s.decideBeginning()
	}
}

// decideBeginning makes final all but the last seconds of a long stretch.
func (s *session) decideBeginning() error {
	s.began += holdFrames / 3 // look again in a second if there is nothing to decide
	s.words = s.beam.words(s.words, 0, s.beam.best)
	n := 0
	for n < len(s.words) && s.words[n].last < s.frame-holdFrames {
		n++
	}
	if n == 0 || n == len(s.words) {
		return nil
	}
	cut := s.beam.best
	for k := cut; k != s.words[n-1].end; k = s.beam.nodes[k].parent {
		cut = k
	}
	began := s.words[n].first
	err := s.final(s.words[:n], s.at(began-lateFrames))
	s.beam.rebase(cut)
	s.shown, s.began = 0, began
	clear(s.texts)
	return err
}

// at is the position of a frame.
func (s *session) at(frame int32) int64 {
	return min(max(s.base+int64(frame)*frameSamples, s.decided), s.pos)
}

// final decides everything up to a position.
func (s *session) final(words []heard, to int64) error {
	e := asr.Event{Kind: asr.Final, From: s.decided, To: max(to, s.decided)}
	e.Words = s.events(words, e.To)
	s.decided = e.To
	return s.box.Put(e)
}

func (s *session) partial() error {
	if s.beam.best == s.shown {
		return nil
	}
	s.shown = s.beam.best
	s.words = s.beam.words(s.words, 0, s.beam.best)
	return s.box.Put(asr.Event{Kind: asr.Partial, Words: s.events(s.words, s.pos), From: s.decided, To: s.pos})
}

// events gives words their positions, inside what is not decided and not after to.
func (s *session) events(words []heard, to int64) []asr.Word {
	if len(words) == 0 {
		return nil
	}
	out := make([]asr.Word, 0, len(words))
	at := s.decided
	for _, w := range words {
		c := confidence(w.logp)
		if c < minConfidence {
			continue
		}
		start := min(max(s.base+int64(w.first-lateFrames)*frameSamples, at), to)
		end := min(max(s.base+int64(w.last+2-lateFrames)*frameSamples, start), to)
		out = append(out, asr.Word{Text: s.text(w), Start: start, End: end, Confidence: c})
		at = end
	}
	return out
}
