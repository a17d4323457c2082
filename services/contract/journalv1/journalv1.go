// Package journalv1 is what the journal keeps and does: conversations, transcripts
// with their ledger, note drafts with evidence, review, approval, delivery, receipt.
package journalv1

import (
	"time"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/transcriptv1"
)

// Stream is the JetStream stream of journal events.
const Stream = "JOURNAL"

// StreamSubjects is what the stream takes in.
const StreamSubjects = "journal.v1.event.>"

// Request subjects (nats micro service "journal").
const (
	ListSubject       = "journal.v1.list"       // ListRequest → ListReply
	GetSubject        = "journal.v1.get"        // Ref → Conversation
	TranscriptSubject = "journal.v1.transcript" // Ref → Transcript
	NoteSubject       = "journal.v1.note"       // Ref (conversation or note id) → Note
	SaveSubject       = "journal.v1.save"       // SaveRequest → Note; Conflict when Version is old
	ConfirmSubject    = "journal.v1.confirm"    // ConfirmRequest → Note
	ApproveSubject    = "journal.v1.approve"    // ApproveRequest → Note
	DiscardSubject    = "journal.v1.discard"    // DiscardRequest → Note
	RevealSubject     = "journal.v1.reveal"     // RevealRequest → RevealReply
	PartySubject      = "journal.v1.party"      // PartyRequest → Conversation
	CommentSubject    = "journal.v1.comment"    // CommentRequest → Conversation
	CloseTaskSubject  = "journal.v1.task.close" // Ref → Conversation: a call-back was made
	RedraftSubject    = "journal.v1.redraft"    // Ref → Note
	DeliverSubject    = "journal.v1.deliver"    // Ref → Note: try the delivery of an approved note now
)

// Actor is who asks and why. The portal fills it from the login; the journal checks
// the role again and writes the audit entry.
type Actor struct {
	ID      string   `json:"id"`
	Role    string   `json:"role"`
	Name    string   `json:"name,omitempty"` // stands on an approved note
	Areas   []string `json:"areas,omitempty"`
	Purpose string   `json:"purpose,omitempty"`
	// PartyRef is a citizen's own pseudonym (see PartyRequest); citizens reach
	// only conversations with this party.
	PartyRef string `json:"party_ref,omitempty"`
}

// Ref names a conversation or a note.
type Ref struct {
	ID    string `json:"id"`
	Actor Actor  `json:"actor"`
}

// Conversation is one phone call, message, meeting or chat.
type Conversation struct {
	ID          string         `json:"id"`
	Channel     callv1.Channel `json:"channel"`
	ServiceArea string         `json:"service_area"`
	State       string         `json:"state"` // live, ended, drafting, review, approved, delivered, erased, discarded
	Party       callv1.Party   `json:"party,omitzero"`
	PartyRef    string         `json:"party_ref,omitempty"`
	OnBehalfOf  string         `json:"on_behalf_of,omitempty"`
	CaseNumber  string         `json:"case_number,omitempty"`
	Caseworker  string         `json:"caseworker,omitempty"`
	StartedAt   time.Time      `json:"started_at"`
	EndedAt     time.Time      `json:"ended_at,omitzero"`
	Legs        []callv1.Leg   `json:"legs,omitempty"`
	NoteID      string         `json:"note_id,omitempty"`
	NoteState   string         `json:"note_state,omitempty"`
	DeadlineAt  time.Time      `json:"deadline_at,omitzero"`
	EraseAt     time.Time      `json:"erase_at,omitzero"` // when content is deleted, once known
	ErasedAt    time.Time      `json:"erased_at,omitzero"`
	CallBack    bool           `json:"call_back,omitempty"` // an open call-back task
	Comments    []Comment      `json:"comments,omitempty"`
	Receipt     *Receipt       `json:"receipt,omitempty"`
	Coverage    Coverage       `json:"coverage"`
	Demo        bool           `json:"demo,omitempty"` // transcribed by the demo recogniser
	// What this conversation goes on from, and what has grown out of it; of one conversation, not in lists.
	Follows    *Related  `json:"follows,omitempty"`
	FollowedBy []Related `json:"followed_by,omitempty"`
}

// Related is another conversation about the same matter that the asker may see, too.
type Related struct {
	ID        string         `json:"id"`
	Channel   callv1.Channel `json:"channel"`
	StartedAt time.Time      `json:"started_at"`
}

// Comment is the citizen's remark beside a note.
type Comment struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

// ListRequest lists conversations, newest first.
type ListRequest struct {
	Actor  Actor  `json:"actor"`
	State  string `json:"state,omitempty"`
	Limit  int    `json:"limit,omitempty"`
	Before string `json:"before,omitempty"` // id of the last one seen
	Find   string `json:"find,omitempty"`   // case number, or the case system's receipt number
}

// ListReply is the answer.
type ListReply struct {
	Conversations []Conversation `json:"conversations"`
}

// Word is a word of the transcript with the leg it belongs to and times in seconds.
type Word struct {
	ID         string  `json:"id"`
	Leg        string  `json:"leg"`
	Text       string  `json:"text"`
	Start      float64 `json:"start"` // seconds since the conversation began
	End        float64 `json:"end"`
	Confidence float64 `json:"confidence"`
	Masked     string  `json:"masked,omitempty"`
	Sentence   bool    `json:"sentence,omitempty"`
	// Revision says which pass heard it: 0 the live one, more a stronger one that has heard
	// the whole stretch again (transcriptv1.Final.Revision).
	Revision int `json:"revision,omitempty"`
}

// Coverage sums the ledger over all legs, in seconds.
type Coverage struct {
	Captured    float64 `json:"captured_s"`
	Transcribed float64 `json:"transcribed_s"`
	Silence     float64 `json:"silence_s"`
	Masked      float64 `json:"masked_s"`
	Lost        float64 `json:"lost_s"`
}

// Gap is a stretch that is not transcribed, shown as such.
type Gap struct {
	Leg   string             `json:"leg"`
	Start float64            `json:"start"`
	End   float64            `json:"end"`
	State transcriptv1.State `json:"state"` // lost or masked
}

// Transcript is everything said, in order of time.
type Transcript struct {
	ConversationID string       `json:"conversation_id"`
	Text           string       `json:"text"`
	Words          []Word       `json:"words"`
	Legs           []callv1.Leg `json:"legs"`
	Gaps           []Gap        `json:"gaps,omitempty"`
	Coverage       Coverage     `json:"coverage"`
	Engine         string       `json:"engine"`
	Typed          []string     `json:"typed,omitempty"` // legs whose words were typed, not spoken
	Demo           bool         `json:"demo,omitempty"`
	Complete       bool         `json:"complete"`
	ErasedAt       time.Time    `json:"erased_at,omitzero"`
}

// States of a note.
const (
	NoteDraft     = "draft"
	NoteApproved  = "approved"
	NoteDelivered = "delivered"
	NoteDiscarded = "discarded"
)

// Verdicts on a sentence.
const (
	Supported   = "supported"
	Weak        = "weak"
	Unsupported = "unsupported"
	Edited      = "edited"    // a person wrote it or changed it
	Confirmed   = "confirmed" // a person confirmed it, with a reason
)

// Evidence is one span of the transcript.
type Evidence struct {
	Leg     string   `json:"leg"`
	Start   float64  `json:"start"`
	End     float64  `json:"end"`
	WordIDs []string `json:"word_ids"`
	Quote   string   `json:"quote"`
}

// Sentence is one sentence of a note.
type Sentence struct {
	ID       string     `json:"id"`
	Section  string     `json:"section"` // henvendelse, oplyst, vurdering, aftalt, opfoelgning
	Text     string     `json:"text"`
	Verdict  string     `json:"verdict"`
	Reasons  []string   `json:"reasons,omitempty"` // why it is not supported, for people
	Evidence []Evidence `json:"evidence"`
	By       string     `json:"by"`                // extract, model name, or user id
	Confirm  string     `json:"confirm,omitempty"` // reason given when confirmed
}

// Section of a note template.
type Section struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Kind  string `json:"kind"` // fact, assessment
	Empty string `json:"empty,omitempty"`
}

// Note is the journal note of a conversation.
type Note struct {
	ID             string     `json:"id"`
	ConversationID string     `json:"conversation_id"`
	State          string     `json:"state"`
	Version        int        `json:"version"`
	Title          string     `json:"title"`
	Template       string     `json:"template"`
	Sections       []Section  `json:"sections"`
	Sentences      []Sentence `json:"sentences"`
	DraftedBy      string     `json:"drafted_by"`       // extract, or the model's name
	Notice         string     `json:"notice,omitempty"` // e.g. why the model was not used
	Coverage       Coverage   `json:"coverage"`
	Hash           string     `json:"hash,omitempty"` // of text, spans and template, once approved
	Signature      string     `json:"signature,omitempty"`
	ApprovedBy     string     `json:"approved_by,omitempty"`
	ApprovedAt     time.Time  `json:"approved_at,omitzero"`
	DeadlineAt     time.Time  `json:"deadline_at,omitzero"`
	EraseAt        time.Time  `json:"erase_at,omitzero"`
	Receipt        *Receipt   `json:"receipt,omitempty"`
	Delivery       *Delivery  `json:"delivery,omitempty"` // failed attempts so far, while there is no receipt
	UpdatedAt      time.Time  `json:"updated_at"`
	UpdatedBy      string     `json:"updated_by"`
}

// Receipt is the case system's word that it has the note.
type Receipt struct {
	System     string    `json:"system"`
	ID         string    `json:"id"`
	ReceivedAt time.Time `json:"received_at"`
}

// Delivery is how far an approved note has come on its way to the case system.
type Delivery struct {
	Attempts int       `json:"attempts"`
	Problem  string    `json:"problem,omitempty"` // of the last attempt, in Danish
	LastAt   time.Time `json:"last_at,omitzero"`
	NextAt   time.Time `json:"next_at,omitzero"`
}

// SaveRequest replaces title and sentences. Version is the one that was edited;
// sentences whose text is unchanged keep their verdict, others become edited.
type SaveRequest struct {
	NoteID     string     `json:"note_id"`
	Version    int        `json:"version"`
	Title      string     `json:"title"`
	CaseNumber string     `json:"case_number,omitempty"`
	Sentences  []Sentence `json:"sentences"` // ID empty: a new sentence
	Actor      Actor      `json:"actor"`
}

// ConfirmRequest confirms an unsupported or weak sentence, with a reason.
type ConfirmRequest struct {
	NoteID     string `json:"note_id"`
	Version    int    `json:"version"`
	SentenceID string `json:"sentence_id"`
	Reason     string `json:"reason"`
	Actor      Actor  `json:"actor"`
}

// ApproveRequest approves a version. Invalid while a sentence is unsupported.
type ApproveRequest struct {
	NoteID  string `json:"note_id"`
	Version int    `json:"version,omitempty"` // 0: the current one
	Actor   Actor  `json:"actor"`
}

// DiscardRequest ends a note without delivery; content is then erased.
type DiscardRequest struct {
	NoteID string `json:"note_id"`
	Reason string `json:"reason"`
	Actor  Actor  `json:"actor"`
}

// RevealRequest asks for the clear value of one masked word.
type RevealRequest struct {
	ConversationID string `json:"conversation_id"`
	WordID         string `json:"word_id"`
	Reason         string `json:"reason"`
	Actor          Actor  `json:"actor"`
}

// RevealReply holds it.
type RevealReply struct {
	Value string `json:"value"`
}

// PartyRequest says who the citizen is. The journal stores it sealed and keeps a
// keyed hash of ID as PartyRef, so that citizens can find their conversations. Without
// an ID the one that was given before stays, unless Unlink takes it away.
type PartyRequest struct {
	ConversationID string `json:"conversation_id"`
	ID             string `json:"id"` // CPR number or login subject
	Name           string `json:"name"`
	OnBehalfOf     string `json:"on_behalf_of,omitempty"`
	CaseNumber     string `json:"case_number,omitempty"`
	Unlink         bool   `json:"unlink,omitempty"` // it is somebody else: the citizen sees it no longer
	Actor          Actor  `json:"actor"`
}

// CommentRequest is a citizen's remark.
type CommentRequest struct {
	ConversationID string `json:"conversation_id"`
	Text           string `json:"text"`
	Actor          Actor  `json:"actor"`
}

// Changed is published (JetStream) whenever a conversation or its note moves on.
type Changed struct {
	event.Meta
	ConversationID string `json:"conversation_id"`
	ServiceArea    string `json:"service_area"`
	State          string `json:"state"`
	NoteID         string `json:"note_id,omitempty"`
	NoteVersion    int    `json:"note_version,omitempty"`
	// What happened: started, ended, transcript, drafted, saved, approved, discarded, delivery-failed, delivered,
	// retained (the time of the erasure is set), reminded, overdue, party, comment, task, withdrawn (a consent was; what stood on it is deleted), erased.
	What string `json:"what"`
	// EraseAt is when the content is deleted, once known.
	EraseAt time.Time `json:"erase_at,omitzero"`
}

// Retained is what has happened when the time of the erasure is set.
const Retained = "retained"

// Subject implements event.Message.
func (c Changed) Subject() string { return event.Join("journal.v1.event.changed", c.ConversationID) }
