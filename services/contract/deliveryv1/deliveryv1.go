// Package deliveryv1 is how an approved note reaches a case system by webhook: a POST of
// a CloudEvents 1.0 event in structured mode, signed as the Standard Webhooks
// specification 1.0 says, answered with a receipt.
//
// A receiver verifies the signature over the bytes as they came, stores the event under
// its id, and answers the same id with the same receipt however often it comes.
package deliveryv1

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/journalv1"
)

// Names on the wire.
const (
	ContentType = "application/cloudevents+json; charset=utf-8"
	SpecVersion = "1.0"
	// Type of the one event there is.
	Type = "dk.samtale.note.approved.v1"

	HeaderID        = "Webhook-Id"
	HeaderTime      = "Webhook-Timestamp" // Unix seconds
	HeaderSignature = "Webhook-Signature" // space-separated list of v1,<base64>
)

// MaxBody bounds an event in bytes; a receiver refuses more.
const MaxBody = 1 << 20

// Tolerance is how far the timestamp may be from the receiver's clock. Older requests
// are refused, so that a recorded one cannot be sent again later.
const Tolerance = 5 * time.Minute

// Event is the body. ID stays the same over all attempts to deliver a note.
type Event struct {
	SpecVersion     string    `json:"specversion"`
	ID              string    `json:"id"`
	Source          string    `json:"source"` // of the installation, e.g. "https://samtale.example.dk"
	Type            string    `json:"type"`
	Subject         string    `json:"subject"` // note id
	Time            time.Time `json:"time"`    // of the approval
	DataContentType string    `json:"datacontenttype"`
	Data            Note      `json:"data"`
}

// Note is what the caseworker approved, with its evidence.
type Note struct {
	ID             string         `json:"id"`
	ConversationID string         `json:"conversation_id"`
	Version        int            `json:"version"`
	Channel        callv1.Channel `json:"channel"`
	ServiceArea    string         `json:"service_area"`
	CaseNumber     string         `json:"case_number,omitempty"`
	Follows        string         `json:"follows,omitempty"` // conversation that this one goes on from, as a meeting from a call
	Party          callv1.Party   `json:"party,omitzero"`
	PartyID        string         `json:"party_id,omitempty"` // CPR number or login, when a person has said who it is
	OnBehalfOf     string         `json:"on_behalf_of,omitempty"`
	StartedAt      time.Time      `json:"started_at"`
	EndedAt        time.Time      `json:"ended_at,omitzero"`

	Title    string    `json:"title"`
	Template string    `json:"template"`
	Sections []Section `json:"sections"`

	Coverage   journalv1.Coverage `json:"coverage"`
	DraftedBy  string             `json:"drafted_by"`
	Hash       string             `json:"hash"`      // of text, spans and template
	Signature  string             `json:"signature"` // Ed25519 over Hash, base64
	PublicKey  string             `json:"public_key,omitempty"`
	ApprovedBy string             `json:"approved_by"`
	ApprovedAt time.Time          `json:"approved_at"`
	KLE        string             `json:"kle,omitempty"`
	Facet      string             `json:"facet,omitempty"`
	Demo       bool               `json:"demo,omitempty"` // transcribed by the demo recogniser
}

// Section is a part of the note with its sentences.
type Section struct {
	journalv1.Section
	Sentences []journalv1.Sentence `json:"sentences"`
}

// Receipt is the answer to an event that was stored (status 200 or 201). A receiver may
// answer with more fields; Samtale keeps these.
type Receipt = journalv1.Receipt

// Reasons why a signature is refused.
var (
	ErrSignature = errors.New("signature does not fit")
	ErrTime      = errors.New("timestamp is missing or too far from now")
)

// Sign sets the three headers for a body. Each attempt is signed anew: the timestamp is
// part of what is signed.
func Sign(h http.Header, secret []byte, id string, now time.Time, body []byte) {
	ts := strconv.FormatInt(now.Unix(), 10)
	h.Set(HeaderID, id)
	h.Set(HeaderTime, ts)
	h.Set(HeaderSignature, "v1,"+base64.StdEncoding.EncodeToString(mac(secret, id, ts, body)))
}

// Verify checks the headers of a received body. Several signatures may be given, as
// while a secret is being changed; one must fit.
func Verify(h http.Header, secret []byte, now time.Time, body []byte) error {
	ts := h.Get(HeaderTime)
	sec, err := strconv.ParseInt(ts, 10, 64)
	if err != nil || now.Sub(time.Unix(sec, 0)).Abs() > Tolerance {
		return ErrTime
	}
	want := mac(secret, h.Get(HeaderID), ts, body)
	for s := range strings.FieldsSeq(h.Get(HeaderSignature)) {
		b64, ok := strings.CutPrefix(s, "v1,")
		if !ok {
			continue
		}
		got, err := base64.StdEncoding.DecodeString(b64)
		if err == nil && hmac.Equal(got, want) {
			return nil
		}
	}
	return ErrSignature
}

func mac(secret []byte, id, ts string, body []byte) []byte {
	m := hmac.New(sha256.New, secret)
	m.Write([]byte(id + "." + ts + "."))
	m.Write(body)
	return m.Sum(nil)
}
