package vad

import (
	"time"

	"samtale.dk/samtale/media/pcm"
)

// Config of an Endpointer. Zero values give the defaults in brackets.
type Config struct {
	Rate    int           // 8000 or 16000 Hz [16000]
	PreRoll time.Duration // sound before the detected start that belongs to the utterance [300 ms]
	Silence time.Duration // that ends an utterance [600 ms]
	Tail    time.Duration // sound after the last speech that belongs to it [200 ms]
	Longest time.Duration // utterance; a longer one is split [20 s]
}

func (c Config) withDefaults() Config {
	def := func(v *time.Duration, d time.Duration) {
		if *v <= 0 {
			*v = d
		}
	}
	if c.Rate == 0 {
		c.Rate = 16000
	}
	def(&c.PreRoll, 300*time.Millisecond)
	def(&c.Silence, 600*time.Millisecond)
	def(&c.Tail, 200*time.Millisecond)
	def(&c.Longest, 20*time.Second)
	c.Tail = min(c.Tail, c.Silence)
	return c
}

// Kind of an Event.
type Kind uint8

const (
	// Start: sound from the position on is an utterance.
	Start Kind = iota
	// End: the utterance ends before the position.
	End
	// Split: the utterance is too long and ends before the position; the next
	// one begins there.
	Split
)

// Event is a decision. Its position is in samples and never after the last
// sample written; a start is up to the pre-roll before it.
type Event struct {
	Kind Kind
	Pos  int64
}

// Endpointer makes utterances of a stream of frames.
type Endpointer struct {
	cfg     Config
	det     *Detector
	preRoll int64 // in samples, as all below
	silence int64
	tail    int64
	longest int64

	pos    int64 // end of the last frame
	inside bool
	from   int64 // of the utterance
	ended  int64 // where the last utterance ended
	spoken int64 // end of the last frame with speech

	// The best place so far to split the utterance in its second half.
	splitAt    int64
	splitLevel float64
}

// NewEndpointer makes an endpointer whose first frame is at position pos.
func NewEndpointer(cfg Config, pos int64) *Endpointer {
	cfg = cfg.withDefaults()
	n := func(d time.Duration) int64 { return pcm.Samples(d, cfg.Rate) }
	return &Endpointer{
		cfg: cfg, det: New(cfg.Rate), pos: pos, ended: pos,
		preRoll: n(cfg.PreRoll), silence: n(cfg.Silence), tail: n(cfg.Tail), longest: n(cfg.Longest),
	}
}

// Write takes the next frame of 20 ms. It reports at most one event.
func (e *Endpointer) Write(frame []int16) (Event, bool) {
	speech := e.det.Speech(frame)
	begin := e.pos
	e.pos += int64(len(frame))
	if speech {
		// The detector holds on after the last speech, and its window is longer
		// than a frame; the frame counts as speech only while it is neither.
		if e.det.hang == hangover && !e.det.over {
			e.spoken = e.pos
		}
	}
	if !e.inside {
		if !speech {
			return Event{}, false
		}
		e.open(max(begin-e.preRoll, e.ended))
		e.spoken = e.pos
		return Event{Start, e.from}, true
	}
	e.consider()
	switch {
	case e.pos-e.spoken >= e.silence:
		e.inside = false
		e.ended = min(e.spoken+e.tail, e.pos)
		return Event{End, e.ended}, true
	case e.pos-e.from >= e.longest:
		at := e.splitAt
		e.ended = at
		e.open(at)
		return Event{Split, at}, true
	}
	return Event{}, false
}

func (e *Endpointer) open(from int64) {
	e.inside, e.from = true, from
	e.splitAt, e.splitLevel = from+e.longest, 1e9
}

// consider remembers the quietest place of the utterance's second half. Later
// ones win when they are about as quiet, so that the pieces are long.
func (e *Endpointer) consider() {
	if e.pos-e.from < e.longest/2 {
		return
	}
	level := e.det.Level()
	if level <= e.splitLevel+1 {
		e.splitAt, e.splitLevel = e.pos, min(level, e.splitLevel)
	}
}

// Flush ends the stream: an utterance that is open ends here.
func (e *Endpointer) Flush() (Event, bool) {
	if !e.inside {
		return Event{}, false
	}
	e.inside = false
	e.ended = min(e.spoken+e.tail, e.pos)
	return Event{End, e.ended}, true
}

// Speaking reports whether an utterance is open.
func (e *Endpointer) Speaking() bool { return e.inside }
