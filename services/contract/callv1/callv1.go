// Package callv1 is what the phone service says about calls (events on JetStream)
// and what it can be asked to do (requests). Phone numbers and names travel sealed
// under the conversation's key; ids and times travel in clear.
package callv1

import (
	"time"

	"samtale.dk/samtale/services/contract/event"
)

// Stream is the JetStream stream of call events.
const Stream = "CALL"

// StreamSubjects is what the stream takes in.
const StreamSubjects = "call.v1.>"

// Subject builders: events put the conversation last.
func started(c string) string { return event.Join("call.v1.started", c) }
func changed(c string) string { return event.Join("call.v1.changed", c) }
func ended(c string) string   { return event.Join("call.v1.ended", c) }

// Channel says how a conversation came about.
type Channel string

// Channels. Each gateway publishes the same events about its conversations.
const (
	ChannelQueue    Channel = "queue"    // a citizen called a service area's number
	ChannelMessage  Channel = "message"  // a citizen leaves a spoken message
	ChannelOutgoing Channel = "outgoing" // a caseworker called
	ChannelSIPREC   Channel = "siprec"   // a recorder session from a session border controller
	ChannelChat     Channel = "chat"     // a citizen and a caseworker write; the assistant service owns it
	ChannelMeeting  Channel = "meeting"  // a video meeting; the meeting service owns it
)

// State of a call as the desk shows it.
type State string

// States of a call, in the order in which they usually come.
const (
	StateAnnouncing State = "announcing"
	StateWaiting    State = "waiting"
	StateRinging    State = "ringing"
	StateTalking    State = "talking"
	StateHeld       State = "held"
	StateMessage    State = "message" // a message is being spoken
	StateEnded      State = "ended"
)

// Role of a leg's speaker.
const (
	RoleCitizen    = "citizen"
	RoleCaseworker = "caseworker"
	RoleOther      = "other"
)

// Leg is one speaker on one channel; legs are never mixed before recognition.
type Leg struct {
	ID        string    `json:"id"`
	Role      string    `json:"role"`
	StartedAt time.Time `json:"started_at"`
	// User is the caseworker's id for RoleCaseworker.
	User string `json:"user,omitempty"`
}

// Party is who is at the other end.
type Party struct {
	Number string `json:"number,omitempty"` // E.164 or SIP user part
	Name   string `json:"name,omitempty"`   // display name as received, not verified
	URI    string `json:"uri,omitempty"`
}

// Introduced is what events carry sealed: who is at the other end and, when they are logged in, their pseudonym (see
// journalv1.Actor) and whom they act for.
type Introduced struct {
	Party
	Ref        string `json:"ref,omitempty"`
	OnBehalfOf string `json:"on_behalf_of,omitempty"`
}

// Started opens a conversation.
type Started struct {
	event.Meta
	ConversationID string  `json:"conversation_id"`
	Channel        Channel `json:"channel"`
	ServiceArea    string  `json:"service_area"`
	SIPCallIDHash  string  `json:"sip_call_id_hash,omitempty"` // hex SHA-256, to match with a trunk's own log
	Legs           []Leg   `json:"legs,omitempty"`
	Sealed         []byte  `json:"sealed,omitempty"`     // Introduced
	Caseworker     string  `json:"caseworker,omitempty"` // outgoing and SIPREC
	Extension      string  `json:"extension,omitempty"`  // SIPREC: the desk phone's extension
	Follows        string  `json:"follows,omitempty"`    // conversation that this one goes on from
	// Template of the note, and how long content stays after the receipt; empty and 0: as the service area has them.
	Template  string        `json:"template,omitempty"`
	KeepAfter time.Duration `json:"keep_after,omitempty"`
}

// Subject implements event.Message.
func (e Started) Subject() string { return started(e.ConversationID) }

// Changed reports the call's new state; also a new leg or a changed choice.
type Changed struct {
	event.Meta
	ConversationID string `json:"conversation_id"`
	State          State  `json:"state"`
	ServiceArea    string `json:"service_area,omitempty"`
	Caseworker     string `json:"caseworker,omitempty"`
	Legs           []Leg  `json:"legs,omitempty"` // all legs so far
	// Transcribe is the citizen's choice as far as the call knows it: nil until made.
	Transcribe *bool  `json:"transcribe,omitempty"`
	Reason     string `json:"reason,omitempty"` // held, transferred, worker lost …
	// Sealed is Introduced, when another one has come into the citizen's place, or more is known of them.
	Sealed []byte `json:"sealed,omitempty"`
}

// ReasonAsking of a Changed: the question about transcription begins, and keys count
// from now on.
const ReasonAsking = "asking"

// Subject implements event.Message.
func (e Changed) Subject() string { return changed(e.ConversationID) }

// Ended closes a conversation. Every leg's audio is complete up to its length here.
type Ended struct {
	event.Meta
	ConversationID string    `json:"conversation_id"`
	Channel        Channel   `json:"channel"`
	ServiceArea    string    `json:"service_area"`
	StartedAt      time.Time `json:"started_at"`
	AnsweredAt     time.Time `json:"answered_at,omitzero"`
	Reason         string    `json:"reason"` // hangup, caller-hangup, transferred, failed, lost
	Caseworker     string    `json:"caseworker,omitempty"`
	Transcribed    bool      `json:"transcribed"` // a transcript is expected for each leg
	Legs           []LegEnd  `json:"legs"`
	CallBack       bool      `json:"call_back,omitempty"` // the citizen expects to be called
}

// LegEnd gives the captured length of a leg in samples at 16 kHz.
type LegEnd struct {
	Leg
	Samples     int64 `json:"samples"`
	Transcribed bool  `json:"transcribed"`
}

// Subject implements event.Message.
func (e Ended) Subject() string { return ended(e.ConversationID) }

// WillStream keeps, for each live call, the Ended event that is to be told if its
// gateway's process dies: renewed every second with the length of each leg, one message
// a call, gone when the call has ended. Whoever finds one that nobody renews tells it.
const WillStream = "CALLWILL"

// WillSubject carries a call's will.
func WillSubject(c string) string { return event.Join("callwill.v1", c) }

// Request subjects of the phone service (nats micro service "phone").
const (
	ListSubject    = "phone.v1.list"    // ListRequest → ListReply
	AnswerSubject  = "phone.v1.answer"  // AnswerRequest → AnswerReply
	DialSubject    = "phone.v1.dial"    // DialRequest → AnswerReply
	ControlSubject = "phone.v1.control" // ControlRequest → Call
	CheckSubject   = "phone.v1.check"   // CheckRequest → Call; NotFound when the call is gone (see CheckSubjectOf)
	DemoSubject    = "phone.v1.demo"    // DemoRequest → DemoReply: places a demo call to ourselves
	TextSubject    = "phone.v1.text"    // TextRequest → TextReply: what was typed in a call so far
	SnapshotTopic  = "phone.v1.calls"   // core NATS: a ListReply whenever anything changes
)

// TextTopic carries the lines that are typed in a call, character by character: a TextLine on core NATS, kept nowhere.
func TextTopic(c string) string { return event.Join("phone.v1.typed", c) }

// Call is a live call as the desk sees it. It is sent to services only, never stored.
type Call struct {
	ConversationID string    `json:"conversation_id"`
	Channel        Channel   `json:"channel"`
	State          State     `json:"state"`
	ServiceArea    string    `json:"service_area"`
	Party          Party     `json:"party"`
	Caseworker     string    `json:"caseworker,omitempty"`
	Offered        []string  `json:"offered,omitempty"` // caseworkers whose desks ring; empty means all of the area
	StartedAt      time.Time `json:"started_at"`
	AnsweredAt     time.Time `json:"answered_at,omitzero"`
	Position       int       `json:"position,omitempty"` // in the queue, from 1
	Transcribe     *bool     `json:"transcribe,omitempty"`
	Asked          bool      `json:"asked,omitempty"` // the caller was asked about transcription, or is being: keys count
	Legs           []Leg     `json:"legs,omitempty"`
	Consult        string    `json:"consult,omitempty"` // calling, talking or merged: where a consultation stands
	Muted          bool      `json:"muted,omitempty"`
	Paused         bool      `json:"paused,omitempty"`  // transcription paused by a person
	Quality        string    `json:"quality,omitempty"` // good, fair, poor
	Text           bool      `json:"text,omitempty"`    // somebody's telephone has real-time text, so that one can type to it
	// EndsBy is set when the gateway stops: then it ends the call, if nobody has before.
	EndsBy time.Time `json:"ends_by,omitzero"`
}

// States of a consultation.
const (
	ConsultCalling = "calling" // it rings there
	ConsultTalking = "talking" // with the caseworker; the citizen waits
	ConsultMerged  = "merged"  // all three talk
)

// ListRequest asks for the live calls of some service areas (all when empty).
type ListRequest struct {
	ServiceAreas []string `json:"service_areas,omitempty"`
}

// ListReply holds the live calls, oldest first.
type ListReply struct {
	Calls []Call `json:"calls"`
}

// AnswerRequest connects a caseworker's browser to a waiting call. SDP is a complete
// WebRTC offer (ICE candidates gathered). The same request on a call that the same
// caseworker already has replaces the browser's media (reload, network change).
type AnswerRequest struct {
	ConversationID string `json:"conversation_id"`
	Caseworker     string `json:"caseworker"`
	SDP            string `json:"sdp"`
}

// AnswerReply holds the answer with all candidates.
type AnswerReply struct {
	Call Call   `json:"call"`
	SDP  string `json:"sdp"`
}

// DialRequest places an outgoing call from a caseworker's browser.
type DialRequest struct {
	Caseworker  string `json:"caseworker"`
	ServiceArea string `json:"service_area"`
	To          string `json:"to"` // number or sip: URI
	SDP         string `json:"sdp"`
	Regarding   string `json:"regarding,omitempty"` // conversation that this call follows up
}

// Actions of a ControlRequest.
const (
	ActionHangup     = "hangup"
	ActionHold       = "hold"
	ActionResume     = "resume"
	ActionMute       = "mute"
	ActionUnmute     = "unmute"
	ActionDTMF       = "dtmf"       // Value: digits
	ActionTransfer   = "transfer"   // Value: number, sip: URI or area:<service area> (blind)
	ActionConsult    = "consult"    // Value: who to ask first (attended transfer)
	ActionComplete   = "complete"   // finish the attended transfer: the caseworker leaves
	ActionMerge      = "merge"      // all three hear each other: citizen, caseworker and who was asked
	ActionCancel     = "cancel"     // give the consultation up; in a talk of three the third leaves
	ActionTranscribe = "transcribe" // Value: yes or no: the caseworker notes the spoken choice
	ActionPause      = "pause"      // pause transcription (sensitive passage)
	ActionContinue   = "continue"
	ActionType       = "type" // Value: characters for the citizen's telephone (T.140: \b erases one, U+2028 ends the line)
)

// ControlRequest acts on a live call.
type ControlRequest struct {
	ConversationID string `json:"conversation_id"`
	Caseworker     string `json:"caseworker"`
	Action         string `json:"action"`
	Value          string `json:"value,omitempty"`
}

// CheckRequest asks whether a call is alive.
type CheckRequest struct {
	ConversationID string `json:"conversation_id"`
}

// TextRequest asks for what was typed in a call that the caseworker has.
type TextRequest struct {
	ConversationID string `json:"conversation_id"`
	Caseworker     string `json:"caseworker"`
}

// TextReply holds the lines, oldest first; the last of each writer may go on.
type TextReply struct {
	Lines []TextLine `json:"lines"`
}

// TextLine is a line of real-time text as it stands. It is what the writer typed, in clear as sound is: for the caseworker who has
// the call, and not for keeping. What is kept is in the transcript, masked.
type TextLine struct {
	ConversationID string    `json:"conversation_id"`
	Caseworker     string    `json:"caseworker,omitempty"` // who has the call; empty: nobody
	ID             string    `json:"id"`
	Seq            int64     `json:"seq"` // of the change: a line with a higher one is newer
	Role           string    `json:"role"`
	Text           string    `json:"text"`
	Done           bool      `json:"done,omitempty"` // the line is ended
	At             time.Time `json:"at"`             // when it began
}

// DemoRequest asks for a demo call: a built-in SIP client calls the demo queue (or
// the message line) over loopback and plays a synthesised conversation.
type DemoRequest struct {
	Name string `json:"name"` // one of seeds/calls; empty for the first
	To   string `json:"to"`   // besked or borgerservice
}

// DemoReply says what was started.
type DemoReply struct {
	ConversationID string `json:"conversation_id"`
}

// CheckSubjectOf is whom to ask whether a conversation of the channel is alive: its gateway. All take a CheckRequest.
func CheckSubjectOf(c Channel) string {
	switch c {
	case ChannelChat:
		return "inquiry.v1.chat.check"
	case ChannelMeeting:
		return "meeting.v1.check"
	default:
		return CheckSubject
	}
}
