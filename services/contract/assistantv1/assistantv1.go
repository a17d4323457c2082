// Package assistantv1 is what can be asked of the assistant: questions with their proven answers, suggestions at the desk,
// feedback, and what it learns from it. Handing a citizen over to a person is inquiryv1, what it knows knowledgev1.
package assistantv1

import (
	"time"

	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/knowledgev1"
)

// Request subjects (nats micro service "assistant").
const (
	AskSubject      = "assistant.v1.ask"      // AskRequest → Answer; sentences come by AnswerSubject before
	TrySubject      = "assistant.v1.try"      // TryRequest → Tried: an editor sees what a question would come to
	ProposeSubject  = "assistant.v1.propose"  // ProposeRequest → Proposed: the language model says how citizens may ask
	SuggestSubject  = "assistant.v1.suggest"  // SuggestRequest → SuggestReply
	SessionSubject  = "assistant.v1.session"  // SessionRef → Session
	ForgetSubject   = "assistant.v1.forget"   // SessionRef → Forgotten: the citizen deletes the history
	FeedbackSubject = "assistant.v1.feedback" // Feedback → Feedback
	GapsSubject     = "assistant.v1.gaps"     // GapsRequest → GapsReply
	TrendsSubject   = "assistant.v1.trends"   // TrendsRequest → TrendsReply
	PeersSubject    = "assistant.v1.peers"    // PeersRequest → PeersReply
	SavePeerSubject = "assistant.v1.peer"     // Peer → Peer; URL empty removes it
)

// MaxQuestion is the longest question, in characters.
const MaxQuestion = 500

// AnswerSubject carries the Events of one answer while it is made (core NATS). Subscribe before asking.
func AnswerSubject(answer string) string { return event.Join("assistant.v1.answer", answer) }

// Who asks.
const (
	AudienceCitizen    = "citizen"
	AudienceCaseworker = "caseworker"
	AudienceProgram    = "program" // MCP, A2A or another authority's assistant
)

// AskRequest is one question.
type AskRequest struct {
	ID           string `json:"id"`                     // of the answer to be, UUIDv7, made by the asker
	Session      string `json:"session,omitempty"`      // earlier turns count; made by the asker. Empty: none
	Question     string `json:"question"`               // as written; masked before it is stored or sent on
	Municipality string `json:"municipality,omitempty"` // four digits
	At           string `json:"at,omitempty"`           // day that the question is about, 2006-01-02; empty: today
	Language     string `json:"language,omitempty"`     // da or en; empty: that of the question
	Audience     string `json:"audience,omitempty"`
}

// Reasons of an answer: why it is what it is.
const (
	ReasonAnswered     = "answered"
	ReasonCrisis       = "crisis"       // fixed text and numbers to call, before anything else
	ReasonOwnCase      = "own_case"     // about the asker's own case: routes to where it can be seen
	ReasonMunicipality = "municipality" // variants differ: which municipality?
	ReasonDate         = "date"         // rules differ: for when?
	ReasonUnknown      = "unknown"      // nothing fits
	ReasonUnproven     = "unproven"     // something fits, but proves no answer
	ReasonEmpty        = "empty"        // nothing was asked
	ReasonTooLong      = "too_long"
	ReasonLanguage     = "language"  // neither Danish nor English
	ReasonSmallTalk    = "smalltalk" // a greeting, thanks, or a question about the assistant: fixed text
)

// Answer is what the asker gets. It is complete in itself: without scripts it is one page.
type Answer struct {
	ID       string `json:"id"`
	Session  string `json:"session,omitempty"`
	Answered bool   `json:"answered"`
	Reason   string `json:"reason"`
	Message  string `json:"message,omitempty"` // fixed text when not answered, in Language
	// MessageLanguage is that of the message's first sentences, when the asker wrote another language (ISO 639).
	MessageLanguage string             `json:"message_language,omitempty"`
	Sentences       []Sentence         `json:"sentences"`
	Routes          []Route            `json:"routes"`
	Question        string             `json:"question,omitempty"` // masked
	Read            string             `json:"read,omitempty"`     // the question as it was understood, when a follow-up was rewritten
	Language        string             `json:"language"`
	Municipality    string             `json:"municipality,omitempty"`
	AsOf            string             `json:"as_of,omitempty"` // the oldest fetch of what is quoted, 2006-01-02
	Authority       string             `json:"authority,omitempty"`
	Why             string             `json:"why,omitempty"`  // why that authority is responsible, in Language
	Area            string             `json:"area,omitempty"` // service area that takes a handover
	Links           []knowledgev1.Link `json:"links,omitempty"`
	Options         []Option           `json:"options,omitempty"` // for ReasonMunicipality and ReasonDate
	DraftedBy       string             `json:"drafted_by"`        // extract, or the model's name
	Notice          string             `json:"notice,omitempty"`  // e.g. that the model could not be reached
	LIX             float64            `json:"lix,omitempty"`
	Demo            bool               `json:"demo,omitempty"` // stands on demo content
	Peer            string             `json:"peer,omitempty"` // the authority whose assistant answered
	At              time.Time          `json:"at"`
}

// Sentence is one proven sentence.
type Sentence struct {
	ID       string     `json:"id"`
	Text     string     `json:"text"`
	Evidence []Evidence `json:"evidence"`
	List     int        `json:"list,omitempty"`     // the list of the answer that it is an item of, from 1; what introduces it stands before
	Number   int        `json:"number,omitempty"`   // of the item in its list, where that is numbered: the list's own, also if items between are left out
	Question string     `json:"question,omitempty"` // the second of two questions, at the first sentence that answers it
}

// Evidence is the place that proves a sentence: bytes [Start, End) of a chunk's text with this hash.
type Evidence struct {
	Quote   string `json:"quote"`
	URL     string `json:"url"`
	Title   string `json:"title"`
	Section string `json:"section,omitempty"`
	Start   int    `json:"start"`
	End     int    `json:"end"`
	SHA256  string `json:"sha256"`
	ChunkID string `json:"chunk_id"`
}

// TryRequest asks what a question would come to, and what phrases that are not answered do to it. Nothing of it is kept.
type TryRequest struct {
	Question     string `json:"question"`
	Municipality string `json:"municipality,omitempty"`
	At           string `json:"at,omitempty"`
	Language     string `json:"language,omitempty"` // of the articles that are tried: da or en; empty: as for a citizen
}

// Tried is how sure the assistant is of its best draft, 0 to 1, from which it answers. Without an Unanswered phrase that is like the
// question, Without is as Sure.
type Tried struct {
	Reason    string  `json:"reason"`
	Sure      float64 `json:"sure"`
	Threshold float64 `json:"threshold"`
	ChunkID   string  `json:"chunk_id,omitempty"` // of the best draft
	Title     string  `json:"title,omitempty"`
	Section   string  `json:"section,omitempty"`
	Language  string  `json:"language,omitempty"` // of title and section
	Without   float64 `json:"without"`            // how sure it would be without any phrase that is not answered
	// Unanswered is the one that is most like the question, Like how much, and the others where it stands.
	Unanswered        string  `json:"unanswered,omitempty"`
	Like              float64 `json:"like,omitempty"`
	UnansweredChunkID string  `json:"unanswered_chunk_id,omitempty"`
	UnansweredTitle   string  `json:"unanswered_title,omitempty"`
	UnansweredSection string  `json:"unanswered_section,omitempty"`
	// UnansweredLanguage is that of the phrase and of where it stands.
	UnansweredLanguage string `json:"unanswered_language,omitempty"`
	// Offered are articles in Danish to read, which who asks in English gets instead of an answer: they were found by the words InDanish,
	// and what the Reason would be without them is Instead.
	Offered  []Offered `json:"offered,omitempty"`
	InDanish string    `json:"in_danish,omitempty"`
	Instead  string    `json:"instead,omitempty"`
}

// Offered is an article that is offered to read, with the micro-article of it that was found.
type Offered struct {
	ChunkID string `json:"chunk_id"`
	Title   string `json:"title"`
	Section string `json:"section,omitempty"` // empty: it is the whole article
}

// ProposeRequest asks for questions as people put them that a micro-article answers; without ChunkID only whether there is a model.
type ProposeRequest struct {
	ChunkID string `json:"chunk_id,omitempty"`
}

// Proposed holds them. None is kept: an editor chooses.
type Proposed struct {
	Model   string   `json:"model,omitempty"` // empty: there is none
	Phrases []string `json:"phrases,omitempty"`
}

// MaxProposed is how many there are at most.
const MaxProposed = 10

// Kinds of a route.
const (
	RouteChat        = "chat"
	RouteCallBack    = "callback"
	RouteVideo       = "video"
	RoutePhone       = "phone" // Target is a number
	RouteLogin       = "login"
	RouteSelfService = "selfservice"
	RouteEmergency   = "emergency" // Target is a number
	RouteLink        = "link"
)

// Route is a way on.
type Route struct {
	Kind   string `json:"kind"`
	Label  string `json:"label"`
	Target string `json:"target"` // tel:, https:, or a path of the portal
}

// Option is one choice of a question back.
type Option struct {
	Value string `json:"value"`
	Label string `json:"label"`
}

// Kinds of an Event.
const (
	EventStatus   = "status"   // what is being done, for people who wait
	EventSentence = "sentence" // one more proven sentence
	EventAnswer   = "answer"   // the whole; the last event
)

// Event is one step of an answer.
type Event struct {
	AnswerID string    `json:"answer_id"`
	Sequence int       `json:"sequence"` // from 1
	Kind     string    `json:"kind"`
	Status   string    `json:"status,omitempty"` // reading, searching, writing, proving
	Sentence *Sentence `json:"sentence,omitempty"`
	Answer   *Answer   `json:"answer,omitempty"`
}

// SessionRef names a session.
type SessionRef struct {
	Session string `json:"session"`
}

// Session is the asker's own history.
type Session struct {
	Session  string    `json:"session"`
	Answers  []Answer  `json:"answers"` // oldest first; the questions masked
	DeleteAt time.Time `json:"delete_at,omitzero"`
}

// Forgotten says that a session is gone.
type Forgotten struct {
	ForgottenAt time.Time `json:"forgotten_at"`
}

// SuggestRequest asks what could help with what was just said in a conversation. Text is masked transcript.
type SuggestRequest struct {
	ConversationID string `json:"conversation_id"`
	Text           string `json:"text"`
	Municipality   string `json:"municipality,omitempty"`
}

// SuggestReply holds at most three suggestions, best first; none is a good answer.
type SuggestReply struct {
	Suggestions []Suggestion `json:"suggestions"`
}

// Suggestion is a proven answer with what it is about.
type Suggestion struct {
	ID        string             `json:"id"` // stable for the same chunk and sentences
	Title     string             `json:"title"`
	Sentences []Sentence         `json:"sentences"`
	Authority string             `json:"authority,omitempty"`
	Links     []knowledgev1.Link `json:"links,omitempty"`
	AsOf      string             `json:"as_of,omitempty"`
	Demo      bool               `json:"demo,omitempty"`
}

// Feedback is whether an answer helped.
type Feedback struct {
	AnswerID string `json:"answer_id"`
	Helpful  bool   `json:"helpful"`
	Why      string `json:"why,omitempty"` // wrong, unclear, missing, other
}

// GapsRequest asks for what citizens asked and did not get.
type GapsRequest struct {
	Days int `json:"days,omitempty"` // default 30
}

// GapsReply lists the gaps, most asked first.
type GapsReply struct {
	Gaps []Gap `json:"gaps"`
	Rare int   `json:"rare"` // questions that nobody else asked: counted, not shown
}

// Gap is a group of questions that were not answered, or badly. Terms are words that at least five questions share; no raw
// text is kept of rarer ones.
type Gap struct {
	ID        string    `json:"id"`
	Terms     []string  `json:"terms"`
	Questions int       `json:"questions"`
	Unknown   int       `json:"unknown"` // not answered
	Unhelpful int       `json:"unhelpful"`
	Authority string    `json:"authority,omitempty"` // of the nearest article
	Nearest   string    `json:"nearest,omitempty"`   // its title
	ChunkID   string    `json:"chunk_id,omitempty"`
	LastAt    time.Time `json:"last_at"`
}

// TrendsRequest asks how it went day by day.
type TrendsRequest struct {
	Days int `json:"days,omitempty"` // default 30
}

// TrendsReply holds the days, oldest first, and totals by reason.
type TrendsReply struct {
	Days []Day `json:"days"`
}

// Day is one day's account.
type Day struct {
	Date      string         `json:"date"`
	Asked     int            `json:"asked"`
	Answered  int            `json:"answered"`
	Reasons   map[string]int `json:"reasons"`
	Helpful   int            `json:"helpful"`
	Unhelpful int            `json:"unhelpful"`
	HandedOn  int            `json:"handed_on"`
	LIX       float64        `json:"lix,omitempty"` // mean of the answers
}

// Peer is another authority's assistant that can be asked (A2A).
type Peer struct {
	ID        string    `json:"id"`
	URL       string    `json:"url"` // of its agent card
	Name      string    `json:"name,omitempty"`
	Topics    []string  `json:"topics,omitempty"` // words that lead a question there
	Enabled   bool      `json:"enabled"`
	CheckedAt time.Time `json:"checked_at,omitzero"`
	Problem   string    `json:"problem,omitempty"`
	Actor     string    `json:"actor,omitempty"`
}

// PeersRequest asks for all peers.
type PeersRequest struct{}

// PeersReply lists them.
type PeersReply struct {
	Peers []Peer `json:"peers"`
}
