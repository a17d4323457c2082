// Package consentv1 is what the consent service keeps for all others: a key per
// conversation (destroying it is the erasure), the choices people made, legal holds
// and retention, and the audit log of every look at a person's data.
package consentv1

import (
	"time"

	"samtale.dk/samtale/services/contract/event"
)

// Stream is the JetStream stream of consent events.
const Stream = "CONSENT"

// StreamSubjects is what the stream takes in.
var StreamSubjects = []string{"consent.v1.event.>", "audit.v1.>"}

// Request subjects (nats micro service "consent").
const (
	KeySubject       = "consent.v1.key"        // KeyRequest → KeyReply
	EraseSubject     = "consent.v1.erase"      // EraseRequest → EraseReply; Conflict under a legal hold
	ChoiceSubject    = "consent.v1.choice"     // Choice → Choice
	ChoicesSubject   = "consent.v1.choices"    // ConversationRequest → ChoicesReply
	HoldSubject      = "consent.v1.hold"       // HoldRequest → HoldReply
	HoldStateSubject = "consent.v1.hold.state" // ConversationRequest → HoldReply
	AuditListSubject = "consent.v1.audit.list" // AuditQuery → AuditReply
	AuditFindSubject = "consent.v1.audit.find" // AuditSearch → AuditPage
	AreasSubject     = "consent.v1.areas"      // AreasRequest → AreasReply
)

// KeyRequest asks for the key of a conversation. Create makes one if none was ever made.
type KeyRequest struct {
	ConversationID string `json:"conversation_id"`
	Create         bool   `json:"create,omitempty"`
}

// KeyReply holds a 256-bit key. NotFound means that it was destroyed or never made.
type KeyReply struct {
	KeyID string `json:"key_id"`
	Key   []byte `json:"key"`
}

// EraseRequest destroys a conversation's key.
type EraseRequest struct {
	ConversationID string `json:"conversation_id"`
	Reason         string `json:"reason"` // retention, withdrawn, discarded
	Actor          string `json:"actor"`
}

// EraseReply says when it was done; erasing twice gives the first time.
type EraseReply struct {
	ErasedAt time.Time `json:"erased_at"`
}

// Erased tells every service to forget the conversation's key and content.
type Erased struct {
	event.Meta
	ConversationID string `json:"conversation_id"`
	Reason         string `json:"reason"`
}

// ErasedSubject carries Erased.
func ErasedSubject(c string) string { return event.Join("consent.v1.event.erased", c) }

// Subject implements event.Message.
func (e Erased) Subject() string { return ErasedSubject(e.ConversationID) }

// What can be chosen, each on its own.
const (
	Recording     = "recording"
	Transcription = "transcription"
	AINote        = "ai_note"
)

// How a choice was given.
const (
	HowDTMF   = "dtmf"
	HowOral   = "oral" // noted by the caseworker
	HowButton = "button"
	HowArea   = "area" // the service area's default, no active act
)

// Choice is one decision of one person about one conversation.
type Choice struct {
	event.Meta
	ConversationID string    `json:"conversation_id"`
	Kind           string    `json:"kind"`
	Value          bool      `json:"value"`
	Basis          string    `json:"basis"`        // legal basis, from the service area
	Purpose        string    `json:"purpose"`      // in Danish, shown to the citizen
	TextVersion    string    `json:"text_version"` // of the announcement that was heard or read
	Language       string    `json:"language"`
	How            string    `json:"how"`
	Who            string    `json:"who"` // citizen, or the caseworker's id for an oral choice
	OnBehalfOf     string    `json:"on_behalf_of,omitempty"`
	At             time.Time `json:"at"`
}

// Subject implements event.Message.
func (c Choice) Subject() string { return ChoiceEventSubject(c.ConversationID) }

// ConversationRequest names a conversation.
type ConversationRequest struct {
	ConversationID string `json:"conversation_id"`
}

// ChoicesReply lists choices, oldest first; the latest of a kind counts.
type ChoicesReply struct {
	Choices []Choice `json:"choices"`
}

// HoldRequest sets or lifts a legal hold, which stops erasure.
type HoldRequest struct {
	ConversationID string `json:"conversation_id"`
	On             bool   `json:"on"`
	Reason         string `json:"reason"`
	Actor          string `json:"actor"`
	Role           string `json:"role,omitempty"` // of the actor; operator when empty
}

// HoldReply gives the state after the request, who brought it about, and why.
type HoldReply struct {
	On     bool      `json:"on"`
	Since  time.Time `json:"since,omitzero"`
	Reason string    `json:"reason,omitempty"`
	Actor  string    `json:"actor,omitempty"`
}

// Hold tells that a legal hold was set or lifted: a held erasure goes on at once.
type Hold struct {
	event.Meta
	ConversationID string    `json:"conversation_id"`
	On             bool      `json:"on"`
	Since          time.Time `json:"since"`
}

// HoldEventSubject carries Hold.
func HoldEventSubject(c string) string { return event.Join("consent.v1.event.hold", c) }

// Subject implements event.Message.
func (h Hold) Subject() string { return HoldEventSubject(h.ConversationID) }

// ChoiceEventSubject carries Choice, as an event.
func ChoiceEventSubject(c string) string { return event.Join("consent.v1.event.choice", c) }

// Audit is one look at, or act on, a person's data. Citizens see Time and Purpose.
type Audit struct {
	event.Meta
	ConversationID string `json:"conversation_id"`
	Actor          string `json:"actor"` // user id; never shown to citizens
	Role           string `json:"role"`
	Action         string `json:"action"`  // view-transcript, reveal, edit-note, approve, comment …
	Purpose        string `json:"purpose"` // in Danish, shown to the citizen
}

// Subject implements event.Message.
func (a Audit) Subject() string { return event.Join("audit.v1.entry", a.ConversationID) }

// AuditQuery lists a conversation's audit entries, newest first.
type AuditQuery struct {
	ConversationID string `json:"conversation_id"`
	Limit          int    `json:"limit,omitempty"`
}

// AuditReply is the answer.
type AuditReply struct {
	Entries []Audit `json:"entries"`
}

// AuditSearch looks for audit entries of all conversations; what is empty does not narrow it.
type AuditSearch struct {
	Conversations []string  `json:"conversations,omitempty"` // any of these
	Actor         string    `json:"actor,omitempty"`
	Action        string    `json:"action,omitempty"`
	From          time.Time `json:"from,omitzero"`
	Till          time.Time `json:"till,omitzero"`   // not included
	After         string    `json:"after,omitempty"` // Next of the page before
	Limit         int       `json:"limit,omitempty"`
	// Look is who looks at the entries, Export who takes them out of the system: that is written into the log before they get any. To
	// turn the page, or to look for the same again within a quarter of an hour, is the same look.
	Look   *AuditReader `json:"look,omitempty"`
	Export *AuditReader `json:"export,omitempty"`
}

// AuditReader is who reads the log.
type AuditReader struct {
	Actor string `json:"actor"`
	Role  string `json:"role"`
}

// AuditLog is the conversation of entries that are about the log itself.
const AuditLog = "audit-log"

// AuditPage is a page of entries, newest first.
type AuditPage struct {
	Entries []Audit `json:"entries"`
	Next    string  `json:"next,omitempty"` // there are more
}

// Area is a service area (fagområde): who is called, on what basis, kept how long.
type Area struct {
	ID              string        `json:"id"`   // one token, e.g. "borgerservice"
	Name            string        `json:"name"` // in Danish
	NameEN          string        `json:"name_en"`
	Numbers         []string      `json:"numbers"` // SIP user parts that belong to it
	Basis           string        `json:"basis"`
	Purpose         string        `json:"purpose"`
	AllowTranscript bool          `json:"allow_transcript"`
	AllowAINote     bool          `json:"allow_ai_note"`
	TextVersion     string        `json:"text_version"`
	Template        string        `json:"template"`       // note template
	ApproveWithin   time.Duration `json:"approve_within"` // deadline for the note
	RemindAfter     time.Duration `json:"remind_after"`
	KeepAfter       time.Duration `json:"keep_after"` // after the receipt, until erasure
	KLE             string        `json:"kle,omitempty"`
	Facet           string        `json:"facet,omitempty"`

	// Handing over from the assistant. Without Hours it is always open.
	Hours       []Hours       `json:"hours,omitempty"`
	Closed      []Closed      `json:"closed,omitempty"` // besides the Danish public holidays
	ClaimWithin time.Duration `json:"claim_within,omitempty"`
	EscalateTo  string        `json:"escalate_to,omitempty"` // service area that also gets what nobody claims in time
	Phone       string        `json:"phone,omitempty"`       // number that citizens are shown
	Video       string        `json:"video,omitempty"`       // external meeting link, where there is no meeting service
}

// Hours is one opening time. Day is 1 (Monday) to 7; From and To are "09:00" in Europe/Copenhagen.
type Hours struct {
	Day  int    `json:"day"`
	From string `json:"from"`
	To   string `json:"to"`
}

// Closed is a day on which an area is closed, with what people are told.
type Closed struct {
	Date string `json:"date"` // 2006-01-02
	Why  string `json:"why"`
}

// AreasRequest asks for all service areas.
type AreasRequest struct{}

// AreasReply is the answer.
type AreasReply struct {
	Areas []Area `json:"areas"`
}
