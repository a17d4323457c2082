// Package transcriptv1 is what a speech worker says about a leg: partial words that
// may still change (core NATS, kept nowhere) and final words with the ledger of
// every captured sample (JetStream, sealed under the conversation's key).
package transcriptv1

import (
	"strconv"

	"samtale.dk/samtale/services/contract/event"
)

// Stream is the JetStream stream that holds the finals.
const Stream = "TRANSCRIPT"

// StreamSubjects is what the stream takes in.
const StreamSubjects = "transcript.v1.final.>"

// PartialSubject carries the replaceable tail of one leg.
func PartialSubject(conversation, leg string) string {
	return event.Join("transcript.v1.partial", conversation, leg)
}

// FinalSubject carries the committed words of one leg. Leg comes last so that a
// publisher can fence itself with the subject's last sequence: of two workers on
// the same leg only one can commit a range.
func FinalSubject(conversation, leg string) string {
	return event.Join("transcript.v1.final", conversation, leg)
}

// RevisionSubject carries what a stronger pass heard of one leg, beside the committed words. Nobody is fenced there: two
// passes that overlap are put together by place.
func RevisionSubject(conversation, leg string, revision int) string {
	return event.Join("transcript.v1.final", conversation, leg, strconv.Itoa(revision))
}

// ConversationSubjects is every final of a conversation, of all passes.
func ConversationSubjects(conversation string) string {
	return event.Join("transcript.v1.final", conversation, ">")
}

// Word is one word of a transcript, after normalisation and masking.
type Word struct {
	ID         string  `json:"id"` // unique in the conversation, ordered in the leg
	Text       string  `json:"text"`
	Start      int64   `json:"start"` // samples at 16 kHz since the leg began
	End        int64   `json:"end"`
	Confidence float64 `json:"confidence"`         // 0..1
	Masked     string  `json:"masked,omitempty"`   // kind of personal data: cpr, phone, email, card, account
	Clear      string  `json:"clear,omitempty"`    // clear value of a masked word; only ever inside a sealed body
	Spoken     string  `json:"spoken,omitempty"`   // the engine's own words, when they differ
	Sentence   bool    `json:"sentence,omitempty"` // first word of a sentence
}

// State of a range of captured samples.
type State string

// The four states of a sample; every captured sample has exactly one.
const (
	Transcribed State = "transcribed"
	Silence     State = "silence"
	Masked      State = "masked" // a person paused transcription or declined it
	Lost        State = "lost"
)

// Range is a half-open range of samples in one state.
type Range struct {
	Start int64 `json:"start"`
	End   int64 `json:"end"`
	State State `json:"state"`
	// Reason says why samples are Lost: one of the Reason constants.
	Reason string `json:"reason,omitempty"`
}

// Why samples are lost.
const (
	ReasonCapture = "capture" // they never reached a recogniser (network, ring overflow)
	ReasonEngine  = "engine"  // no recogniser could be had, or it failed
)

// Partial replaces the tail of a leg's transcript on the screen. It is masked.
type Partial struct {
	event.Meta
	ConversationID string `json:"conversation_id"`
	LegID          string `json:"leg_id"`
	From           int64  `json:"from"` // everything from here on is replaced
	Words          []Word `json:"words"`
}

// Subject implements event.Message.
func (p Partial) Subject() string { return PartialSubject(p.ConversationID, p.LegID) }

// Final commits [From, To) of a leg: its words and the state of every sample.
// Finals of a leg are contiguous: From equals the previous To.
type Final struct {
	event.Meta
	ConversationID string  `json:"conversation_id"`
	LegID          string  `json:"leg_id"`
	Role           string  `json:"role"`
	Revision       int     `json:"revision"` // 0 is the live pass; a stronger pass adds 1 beside it
	From           int64   `json:"from"`
	To             int64   `json:"to"`
	Engine         string  `json:"engine"`
	Demo           bool    `json:"demo,omitempty"`
	Ledger         []Range `json:"ledger"`         // covers [From, To) without holes
	Sealed         []byte  `json:"sealed"`         // Body, sealed under the conversation's key
	Last           bool    `json:"last,omitempty"` // the leg has ended
	// NextWord is the sequence number of the leg's first word after this final: a
	// worker that takes over goes on counting there.
	NextWord int `json:"next_word"`
}

// Subject implements event.Message.
func (f Final) Subject() string {
	if f.Revision > 0 {
		return RevisionSubject(f.ConversationID, f.LegID, f.Revision)
	}
	return FinalSubject(f.ConversationID, f.LegID)
}

// Body is the sealed part of a Final.
type Body struct {
	Words []Word `json:"words"`
}
