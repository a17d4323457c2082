package openai

import (
	"context"
	"errors"
	"sync"
	"time"

	"samtale.dk/samtale/models/asr"
	"samtale.dk/samtale/models/asr/internal/outbox"
)

// waiting is how many finished utterances a session may hold; then Write blocks. With utterances of at most 28 s that is
// below four minutes of audio, 7 MB.
const waiting = 8

// job is one stretch of the session, in order: audio to be heard (or none) and perhaps a marker.
type job struct {
	from, to  int64 // of the samples
	pcm       []int16
	marker    uint64
	hasMarker bool
}

type session struct {
	e      *Engine
	o      asr.Options
	box    *outbox.Box
	jobs   chan job
	ctx    context.Context //nolint:containedctx // ends the sender; the session is the unit that is cancelled
	cancel context.CancelCauseFunc
	done   chan struct{} // the sender has ended

	mu      sync.Mutex // Write, Skip, Flush
	pos     int64
	start   int64 // of the utterance in buf
	buf     []int16
	decided int64 // only the sender
}

var errClosed = errors.New("closed by its owner")

func newSession(ctx context.Context, e *Engine, o asr.Options) *session {
	s := &session{e: e, o: o, box: outbox.New(), jobs: make(chan job, waiting), done: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	go s.send()
	return s
}

func (s *session) Events() <-chan asr.Event { return s.box.Events() }

func (s *session) Close() error {
	s.cancel(errClosed)
	<-s.done
	if err := context.Cause(s.ctx); !errors.Is(err, errClosed) {
		return err
	}
	return nil
}

// usable gives the error of a session that has ended.
func (s *session) usable() error {
	err := context.Cause(s.ctx)
	if err == nil {
		return nil
	}
	return errors.Join(asr.ErrClosed, err)
}

func (s *session) Write(pcm []int16) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	longest := int(s.e.c.Longest * asr.SampleRate / time.Second)
	for len(pcm) > 0 {
		if len(s.buf) == 0 {
			s.start = s.pos
		}
		n := min(len(pcm), longest-len(s.buf))
		s.buf = append(s.buf, pcm[:n]...)
		s.pos += int64(n)
		pcm = pcm[n:]
		if len(s.buf) == longest {
			if err := s.split(); err != nil {
				return err
			}
		}
	}
	return nil
}

// split sends the beginning of an utterance that got too long, up to the quietest 100 ms of its last third.
func (s *session) split() error {
	cut := quietest(s.buf)
	j := job{from: s.start, to: s.start + int64(cut), pcm: append([]int16(nil), s.buf[:cut]...)}
	s.buf = append(s.buf[:0], s.buf[cut:]...)
	s.start = j.to
	return s.put(j)
}

func quietest(pcm []int16) int {
	const w = asr.SampleRate / 10
	best, at := int64(-1), len(pcm)
	for i := len(pcm) * 2 / 3; i+w <= len(pcm); i += w / 2 {
		var sum int64
		for _, v := range pcm[i : i+w] {
			sum += int64(v) * int64(v)
		}
		if best < 0 || sum <= best {
			best, at = sum, i+w/2
		}
	}
	return at
}

func (s *session) Skip(n int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	if len(s.buf) > 0 {
		if err := s.put(s.take()); err != nil {
			return err
		}
	}
	s.pos += n
	return nil
}

func (s *session) Flush(marker uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	j := s.take()
	j.marker, j.hasMarker = marker, true
	return s.put(j)
}

// take ends the utterance being written.
func (s *session) take() job {
	j := job{from: s.start, to: s.pos, pcm: s.buf}
	if len(s.buf) == 0 {
		j.from = s.pos
	}
	s.buf = nil
	return j
}

func (s *session) put(j job) error {
	select {
	case s.jobs <- j:
		return nil
	case <-s.ctx.Done():
		return s.usable()
	}
}

// send hears one job after the other until the session ends.
func (s *session) send() {
	defer close(s.done)
	for {
		select {
		case <-s.ctx.Done():
			s.box.Abort()
			return
		case j := <-s.jobs:
			if err := s.do(j); err != nil {
				s.cancel(err)
				s.box.Close() // what is decided still reaches the reader
				return
			}
		}
	}
}

func (s *session) do(j job) error {
	var words []asr.Word
	if hasSound(j.pcm) {
		var err error
		words, err = s.e.hear(s.ctx, s.o, j)
		if err != nil {
			return err
		}
	}
	if j.to > s.decided {
		if err := s.box.Put(asr.Event{Kind: asr.Final, Words: words, From: s.decided, To: j.to}); err != nil {
			return err
		}
		s.decided = j.to
	}
	if !j.hasMarker {
		return nil
	}
	return s.box.Put(asr.Event{Kind: asr.Marker, Marker: j.marker, From: j.to, To: j.to})
}

// hasSound: engines invent words in silence, so what cannot hold speech is not sent. 40 is −58 dB of full scale, well below
// the quietest telephone speech; it must last 50 ms in all.
func hasSound(pcm []int16) bool {
	n := 0
	for _, v := range pcm {
		if v > 40 || v < -40 {
			n++
		}
	}
	return n >= asr.SampleRate/20
}
