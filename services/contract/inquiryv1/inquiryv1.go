// Package inquiryv1 is a citizen's way from the assistant to a person: an inquiry with a receipt number that a caseworker
// claims, answers by chat, call or video, forwards or ends. The assistant service owns inquiries; the workflow `inquiry` sees
// to it that none is forgotten. What people write travels and is stored sealed under the conversation's key.
package inquiryv1

import (
	"time"

	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/event"
)

// Stream is the JetStream stream of inquiry events.
const Stream = "INQUIRY"

// StreamSubjects is what the stream takes in.
const StreamSubjects = "inquiry.v1.event.>"

// Request subjects (nats micro service "inquiry", in the assistant service).
const (
	PrepareSubject = "inquiry.v1.prepare" // PrepareRequest → Prepared: the summary to approve, and what can be chosen
	OpenSubject    = "inquiry.v1.open"    // OpenRequest → Inquiry
	StatusSubject  = "inquiry.v1.status"  // ReceiptRequest → Inquiry: the citizen, by receipt number
	GetSubject     = "inquiry.v1.get"     // Ref → Inquiry
	ListSubject    = "inquiry.v1.list"    // ListRequest → ListReply: the desk
	ClaimSubject   = "inquiry.v1.claim"   // Ref → Inquiry; Conflict when somebody else has it
	ReleaseSubject = "inquiry.v1.release" // Ref → Inquiry: back into the queue
	ForwardSubject = "inquiry.v1.forward" // ForwardRequest → Inquiry
	SaySubject     = "inquiry.v1.say"     // SayRequest → Message
	HistorySubject = "inquiry.v1.history" // HistoryRequest → HistoryReply
	CalledSubject  = "inquiry.v1.called"  // CalledRequest → Inquiry: the call-back was dialled
	VideoSubject   = "inquiry.v1.video"   // VideoRequest → Inquiry: the meeting's link is ready
	EndSubject     = "inquiry.v1.end"     // EndRequest → Inquiry
)

// TypingSubject says that somebody writes (core NATS, kept nowhere).
func TypingSubject(inquiry string) string { return event.Join("inquiry.v1.typing", inquiry) }

// Channels that a citizen can choose.
const (
	Chat     = "chat"
	CallBack = "callback"
	Video    = "video"
)

// States of an inquiry.
const (
	Waiting   = "waiting"   // nobody has it yet; also after a release or a forward
	Claimed   = "claimed"   // a caseworker has it
	Ended     = "ended"     // answered; a note is being written
	Withdrawn = "withdrawn" // the citizen gave it up
	Forwarded = "forwarded" // another authority has it; this one is done
)

// Actor is a caseworker who acts. The portal fills it from the login; the assistant service checks the areas again.
type Actor struct {
	ID    string   `json:"id"`
	Role  string   `json:"role"`
	Name  string   `json:"name,omitempty"`
	Areas []string `json:"areas,omitempty"`
}

// PrepareRequest asks for a summary of a session, to be shown before anything is sent.
type PrepareRequest struct {
	Session  string `json:"session,omitempty"`
	Language string `json:"language,omitempty"`
	Area     string `json:"area,omitempty"` // wished for; empty: that of the last answer
}

// Prepared is what the citizen sees before choosing.
type Prepared struct {
	Summary     string                 `json:"summary"` // masked; the citizen edits it
	Sources     []assistantv1.Evidence `json:"sources,omitempty"`
	ServiceArea string                 `json:"service_area"`
	AreaName    string                 `json:"area_name"`
	Choices     []Choice               `json:"choices"`
	AskNote     bool                   `json:"ask_note"` // the area may let a machine draft the note: ask
	Purpose     string                 `json:"purpose"`
	TextVersion string                 `json:"text_version"`
}

// Choice is one channel with what to expect.
type Choice struct {
	Channel  string    `json:"channel"`
	Open     bool      `json:"open"`
	OpensAt  time.Time `json:"opens_at,omitzero"` // when it is closed now
	Closed   string    `json:"closed,omitempty"`  // why, e.g. the holiday
	Ahead    int       `json:"ahead"`             // inquiries before this one
	WaitMins int       `json:"wait_mins"`         // expected, in minutes, while open
}

// OpenRequest opens an inquiry. The summary is what the citizen has approved.
type OpenRequest struct {
	ID          string                 `json:"id"` // UUIDv7, made by the portal: the same request twice is one inquiry
	Session     string                 `json:"session,omitempty"`
	Channel     string                 `json:"channel"`
	ServiceArea string                 `json:"service_area"`
	Summary     string                 `json:"summary"`
	Sources     []assistantv1.Evidence `json:"sources,omitempty"`
	Name        string                 `json:"name,omitempty"`
	Phone       string                 `json:"phone,omitempty"` // needed for a call-back
	Language    string                 `json:"language,omitempty"`
	AINote      bool                   `json:"ai_note,omitempty"`  // a machine may draft the note
	PartyID     string                 `json:"party_id,omitempty"` // pseudonym of a citizen who is logged in
	OnBehalfOf  string                 `json:"on_behalf_of,omitempty"`
}

// Inquiry is where it stands. People's words in it are clear; it is sent to services only.
type Inquiry struct {
	ID             string                 `json:"id"`
	Receipt        string                 `json:"receipt,omitempty"` // e.g. "K7QF-3M9T-WX2A"; whoever has it sees the status
	ConversationID string                 `json:"conversation_id"`
	Channel        string                 `json:"channel"`
	State          string                 `json:"state"`
	ServiceArea    string                 `json:"service_area"`
	AreaName       string                 `json:"area_name,omitempty"`
	Summary        string                 `json:"summary,omitempty"`
	Sources        []assistantv1.Evidence `json:"sources,omitempty"`
	Name           string                 `json:"name,omitempty"`
	Phone          string                 `json:"phone,omitempty"`
	Language       string                 `json:"language,omitempty"`
	Caseworker     string                 `json:"caseworker,omitempty"`
	CaseworkerName string                 `json:"caseworker_name,omitempty"`
	Position       int                    `json:"position,omitempty"` // in the queue, from 1, while waiting
	WaitMins       int                    `json:"wait_mins,omitempty"`
	Open           bool                   `json:"open"`
	OpensAt        time.Time              `json:"opens_at,omitzero"`
	CreatedAt      time.Time              `json:"created_at"`
	ClaimBy        time.Time              `json:"claim_by,omitzero"` // after this it escalates
	EscalatedAt    time.Time              `json:"escalated_at,omitzero"`
	ClaimedAt      time.Time              `json:"claimed_at,omitzero"`
	EndedAt        time.Time              `json:"ended_at,omitzero"`
	VideoURL       string                 `json:"video_url,omitempty"`
	CallID         string                 `json:"call_id,omitempty"` // conversation of the call-back
	Messages       int                    `json:"messages"`
	Unread         int                    `json:"unread,omitempty"` // for who asks
	Steps          []Step                 `json:"steps,omitempty"`
	Erased         bool                   `json:"erased,omitempty"`
}

// Step is one line of an inquiry's history, for the citizen too.
type Step struct {
	At   time.Time `json:"at"`
	What string    `json:"what"` // opened, claimed, released, forwarded, escalated, called, video, ended, withdrawn
	Area string    `json:"area,omitempty"`
	Note string    `json:"note,omitempty"` // e.g. the other authority's name
}

// ReceiptRequest is the citizen's: whoever has the receipt number may see and write.
type ReceiptRequest struct {
	Receipt string `json:"receipt"`
}

// Ref names an inquiry.
type Ref struct {
	ID    string `json:"id"`
	Actor Actor  `json:"actor"`
}

// ListRequest asks for the desk's inquiries: those waiting in the actor's areas and those that the actor has.
type ListRequest struct {
	Actor Actor `json:"actor"`
}

// ListReply holds them: escalated first, then the oldest. Messages are not in it.
type ListReply struct {
	Inquiries []Inquiry `json:"inquiries"`
}

// ForwardRequest hands an inquiry on: to an area (waiting there), a colleague (who has it then) or another authority (done
// here; the citizen is told where to turn).
type ForwardRequest struct {
	ID         string `json:"id"`
	Area       string `json:"area,omitempty"`
	Caseworker string `json:"caseworker,omitempty"`
	Name       string `json:"name,omitempty"`      // the colleague's, where it is known
	Authority  string `json:"authority,omitempty"` // its name, with Contact
	Contact    string `json:"contact,omitempty"`   // its web address or number, shown to the citizen
	Reason     string `json:"reason"`
	Actor      Actor  `json:"actor"`
}

// Who wrote a message.
const (
	FromCitizen    = "citizen"
	FromCaseworker = "caseworker"
	FromSystem     = "system" // e.g. that somebody has taken over
)

// SayRequest is one message, from the citizen (Receipt) or the caseworker (InquiryID with Actor). ID is made by the sender,
// so that sending again is no second message.
type SayRequest struct {
	ID        string `json:"id"`
	InquiryID string `json:"inquiry_id,omitempty"`
	Receipt   string `json:"receipt,omitempty"`
	Text      string `json:"text"`
	Actor     *Actor `json:"actor,omitempty"`
}

// MaxMessage is the longest message, in characters.
const MaxMessage = 4000

// Message is one message of a chat; personal data in it is masked.
type Message struct {
	ID   string    `json:"id"`
	Seq  int       `json:"seq"` // from 1, without holes
	At   time.Time `json:"at"`
	From string    `json:"from"`
	Name string    `json:"name,omitempty"` // of the caseworker
	Text string    `json:"text"`
}

// HistoryRequest asks for messages after a number, by the citizen (Receipt) or the caseworker (InquiryID with Actor). It also
// says that they were seen, but for a Peek of the caseworker's program, which does not know yet whether anybody looks.
type HistoryRequest struct {
	InquiryID string `json:"inquiry_id,omitempty"`
	Receipt   string `json:"receipt,omitempty"`
	After     int    `json:"after,omitempty"`
	Actor     *Actor `json:"actor,omitempty"`
	Peek      bool   `json:"peek,omitempty"`
}

// HistoryReply holds them.
type HistoryReply struct {
	Inquiry  Inquiry   `json:"inquiry"`
	Messages []Message `json:"messages"`
}

// CalledRequest links a call-back to its inquiry.
type CalledRequest struct {
	ID             string `json:"id"`
	ConversationID string `json:"conversation_id"` // of the call
	Actor          Actor  `json:"actor"`
}

// VideoRequest gives the citizen the meeting's link.
type VideoRequest struct {
	ID    string `json:"id"`
	URL   string `json:"url,omitempty"` // empty: the area's own
	Actor Actor  `json:"actor"`
}

// EndRequest ends an inquiry: by the citizen (Receipt) or the caseworker (ID with Actor).
type EndRequest struct {
	ID      string `json:"id,omitempty"`
	Receipt string `json:"receipt,omitempty"`
	Actor   *Actor `json:"actor,omitempty"`
}

// Changed is published whenever an inquiry or its messages move on. It holds no words and no receipt number.
type Changed struct {
	event.Meta
	InquiryID      string `json:"inquiry_id"`
	ConversationID string `json:"conversation_id"`
	ServiceArea    string `json:"service_area"`
	Also           string `json:"also,omitempty"` // the area that it has escalated to
	State          string `json:"state"`
	Channel        string `json:"channel"`
	Caseworker     string `json:"caseworker,omitempty"`
	What           string `json:"what"`          // a Step's What, message, reminded (the desk) or erased
	Seq            int    `json:"seq,omitempty"` // of the last message
}

// Subject implements event.Message.
func (c Changed) Subject() string { return ChangedSubject(c.InquiryID) }

// ChangedSubject carries Changed.
func ChangedSubject(inquiry string) string { return event.Join("inquiry.v1.event.changed", inquiry) }

// Typing says that a side writes.
type Typing struct {
	InquiryID string `json:"inquiry_id"`
	From      string `json:"from"`
}
