// Package asr is the port to speech recognisers: 16 kHz mono samples in, words with positions out.
//
// An Engine opens Sessions; a Session hears one leg of one conversation. The caller owns endpointing: it writes what may
// be speech, skips what is silence, and flushes at the end of an utterance. A session's methods are called from one
// goroutine; Events is read from another, all the time, until it is closed. Sessions of one engine are independent and may
// run at the same time.
//
// What every engine promises (package asrtest holds it to this):
//   - Positions are samples since the session was opened, counting written and skipped ones alike.
//   - A Final decides a range [From, To) for good. The first starts at 0, each next one where the last one ended, so
//     together they leave no gap. Words lie in the range of their Final, in order, and never change afterwards.
//   - A Partial is the current guess for what no Final has decided yet: the next event replaces it as a whole. Partials may
//     be left out when the reader is slow; Finals and Markers never are.
//   - Flush decides everything before it: a Final up to the current position (also when it holds no words), then a Marker with
//     the given number. Markers come in order.
//   - However long an utterance gets, it is decided in pieces, not refused and not cut.
//   - Silence gives no words.
//   - Samples and words are never logged and never part of an error.
package asr

import (
	"context"
	"errors"
)

// SampleRate is the rate of all samples and positions of this port, in Hz.
const SampleRate = 16000

// Word is one recognised word.
type Word struct {
	Text       string
	Start, End int64   // samples since the session was opened
	Confidence float64 // 0 to 1; 0 when the engine gives none
}

// Kind says what an Event is.
type Kind uint8

// Kinds of events.
const (
	Partial Kind = iota + 1 // a replaceable guess for [From, To)
	Final                   // decided words for [From, To)
	Marker                  // everything before the Flush with this marker is decided
)

func (k Kind) String() string {
	switch k {
	case Partial:
		return "partial"
	case Final:
		return "final"
	case Marker:
		return "marker"
	}
	return "unknown"
}

// Event is what a session reports. The words belong to the receiver.
type Event struct {
	Kind     Kind
	Words    []Word
	From, To int64
	Marker   uint64 // only for Marker; From and To are then the position of the flush
}

// Options of one session.
type Options struct {
	Language string   // BCP 47; empty means "da"
	Hints    []string // words likely to be said, such as names; engines without such a feature ignore them
}

// Engine opens sessions.
type Engine interface {
	// Name is shown beside the words the engine decided, for example "demo" or "openai whisper-large-v3".
	Name() string
	// Demo says that the engine is for demonstration only and must be labelled as such wherever its words show.
	Demo() bool
	// Open starts a session that ends with Close or with ctx. It fails with ErrBusy, ErrUnavailable or ErrRejected.
	Open(ctx context.Context, o Options) (Session, error)
}

// Session hears one stream of audio.
type Session interface {
	// Write takes 16 kHz mono samples. The slice is the caller's. Write may block while the engine is behind.
	Write(pcm []int16) error
	// Skip moves the position over silence that is not sent. A long one costs nothing and ends the stretch of words
	// before it, as a flush would, without a marker.
	Skip(samples int64) error
	// Flush ends an utterance: everything before is decided, then a Marker event follows.
	Flush(marker uint64) error
	// Events is closed after Close, and when the session fails on its own; Close then says why.
	Events() <-chan Event
	// Close ends the session. What was not flushed is dropped. Calling it again does nothing and returns the same.
	Close() error
}

// Error meanings. Engines wrap these; callers test with errors.Is.
var (
	// ErrClosed: the session was closed or its context ended.
	ErrClosed = errors.New("asr: session closed")
	// ErrBusy: the engine hears as many sessions as it can; try later or elsewhere. Nothing is wrong with the audio.
	ErrBusy = errors.New("asr: engine busy")
	// ErrUnavailable: the engine cannot be reached or does not work at present. Keep the audio and send it again.
	ErrUnavailable = errors.New("asr: engine unavailable")
	// ErrRejected: the engine will never take this (unknown language or model, wrong credentials). Trying again is useless.
	ErrRejected = errors.New("asr: rejected by the engine")
	// ErrBehind: the reader of Events has stopped reading; the session gave up rather than grow without bound.
	ErrBehind = errors.New("asr: events are not read")
)
