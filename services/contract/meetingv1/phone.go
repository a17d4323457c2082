package meetingv1

import (
	"time"

	"samtale.dk/samtale/services/contract/event"
)

// A telephone in a meeting. The phone service is a client of the meeting like a browser: it has a seat, knocks, acts (mute, hand),
// leaves, and follows the RoomEvents of its device. What it has instead of a link is a code (DialInSubject), or it was asked to
// call somebody (BringSubject); what it has instead of WebRTC is sound over the bus (SoundSubject).
//
// Numbers stay where they are known: the meeting never learns the number of who calls in, only its last two digits.
const (
	DialInSubject = "meeting.v1.dialin" // DialInRequest → DialInReply: a caller has keyed in a code
	SoundSubject  = "meeting.v1.sound"  // SoundRequest → Entry: sound both ways; again every SoundEvery
	LineSubject   = "meeting.v1.line"   // LineReport → Entry: how the line of a seat stands

	// BringSubject is answered by the phone service: call somebody. What comes of it is told by LineSubject.
	BringSubject = "phone.v1.bring" // BringRequest → BringReply
)

// UpSubject carries what the telephone says, DownSubject what it hears: the mix of all others. Both in frames of audiov1 (core
// NATS, kept nowhere), 20 ms each, positions counted from the session's first sample. Between the two a stretch without frames is
// silence; samples that are gone for good are told by FlagLost in the frame after them. An empty frame every second says that the
// telephone is there while it has nothing to say.
func UpSubject(session string) string { return event.Join("meetingsound.v1.up", session) }

// DownSubject is the other way.
func DownSubject(session string) string { return event.Join("meetingsound.v1.down", session) }

// TextUpSubject carries what a telephone with real-time text types: a request with a Typed, answered with nothing when it is in
// the room. What is not answered is asked again under the same number, which does nothing twice.
func TextUpSubject(session string) string { return event.Join("meetingtext.v1.up", session) }

// TextDownSubject carries what the others type, each in its own Typed (core NATS, kept nowhere). A number that is neither the next
// one nor 1 says that some did not come.
func TextDownSubject(session string) string { return event.Join("meetingtext.v1.down", session) }

// Typed is real-time text (T.140) as it is typed. To a telephone it says who types; from it, From, Name and Role are empty.
type Typed struct {
	Number uint64 `json:"number"` // of the session's messages in this direction, from 1
	Text   string `json:"text"`
	From   string `json:"from,omitempty"` // participant
	Name   string `json:"name,omitempty"`
	Role   string `json:"role,omitempty"`
	Chat   bool   `json:"chat,omitempty"` // a message that was sent as a whole
	// Caption: From has said it, and a recogniser has written it down; with Corrected somebody has put that right.
	Caption   bool `json:"caption,omitempty"`
	Corrected bool `json:"corrected,omitempty"`
}

// Times of the sound.
const (
	// SoundEvery is how often a telephone asks for its sound again: it is how both sides find each other after a restart.
	SoundEvery = 3 * time.Second
	// SoundLost: a telephone of which nothing was heard for so long, not even an empty frame, is gone.
	SoundLost = 12 * time.Second
)

// DialInRequest is a code that was keyed in. Caller tells callers apart for the limit of wrong codes and means nothing else;
// empty: the number is withheld.
type DialInRequest struct {
	Code   string `json:"code"`
	Device string `json:"device"` // random, one per call
	Caller string `json:"caller,omitempty"`
	Tail   string `json:"tail,omitempty"` // the number's last two digits, for who leads the meeting
}

// Problems of a code.
const (
	CodeWrong   = "wrong"
	CodeEarly   = "early"
	CodeOver    = "over"    // the meeting has ended or was cancelled
	CodeLimited = "limited" // too many wrong ones from this caller
)

// DialInReply gives the seat that a code is for, or why there is none.
type DialInReply struct {
	Seat        *SeatRef `json:"seat,omitempty"`
	ServiceArea string   `json:"service_area,omitempty"`
	Transcript  bool     `json:"transcript,omitempty"` // the person is asked whether what they say may be written down
	Language    string   `json:"language,omitempty"`   // as in Participant
	Problem     string   `json:"problem,omitempty"`
}

// SoundRequest asks for sound both ways. Another Session replaces the seat's earlier one. Refused with errs.NotFound when the
// meeting is over, and errs.Denied when the seat is not in the room (any more).
type SoundRequest struct {
	Seat    SeatRef `json:"seat"`
	Session string  `json:"session"`
	Text    bool    `json:"text,omitempty"` // the telephone shows what the others type
	// Captions: it shows what they say, too.
	Captions bool `json:"captions,omitempty"`
	// Quality of the telephone's line: good, fair or poor; empty: not known yet.
	Quality string `json:"quality,omitempty"`
}

// States of a line.
const (
	LineRinging  = "ringing"   // it is being called
	LineAnswered = "answered"  // in a LineReport: whoever answered has said to come in
	LineBusy     = "busy"      // the rest up to LineFailed: it was called in vain
	LineNoAnswer = "no-answer" // nobody took it
	LineWrong    = "wrong"     // the number does not exist
	LineRefused  = "refused"   // it was taken, but whoever answered did not want to come in, or said nothing
	LineFailed   = "failed"
	LineHeld     = "held" // the telephone has put us on hold
	LineLost     = "lost" // the connection is gone
)

// LineReport says how a line stands; empty: it is as it should be. With LineAnswered comes the person's choice.
type LineReport struct {
	Seat       SeatRef `json:"seat"`
	Line       string  `json:"line"`
	Transcribe *bool   `json:"transcribe,omitempty"`
	Heard      string  `json:"heard,omitempty"` // as in KnockRequest
}

// BringRequest has somebody called and brought in.
type BringRequest struct {
	Seat        SeatRef `json:"seat"`
	To          string  `json:"to"` // number or sip: URI
	ServiceArea string  `json:"service_area"`
	Transcript  bool    `json:"transcript"` // the person is asked whether what they say may be written down
	Language    string  `json:"language,omitempty"`
}

// BringReply says that it is being called.
type BringReply struct{}
