// Package event holds what every message between services carries: an envelope
// with CloudEvents attribute names, and identifiers that are valid NATS tokens.
//
// It is data only and depends on the standard library alone, as does the whole
// contract tree.
package event

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Meta is the envelope embedded in every message. ID doubles as Nats-Msg-Id, so
// publishing the same message twice stores it once.
type Meta struct {
	ID     string    `json:"id"`
	Type   string    `json:"type"`   // e.g. "call.v1.started"
	Source string    `json:"source"` // publishing service, e.g. "phone"
	Time   time.Time `json:"time"`   // UTC
}

// Envelope returns the message's meta data; embedding Meta implements Message.
func (m Meta) Envelope() Meta { return m }

// Message is anything that can be published: it has an envelope and knows the
// subject that it belongs on.
type Message interface {
	Envelope() Meta
	Subject() string
}

// NewMeta returns an envelope with a fresh id.
func NewMeta(typ, source string, now time.Time) Meta {
	return Meta{ID: NewID(now), Type: typ, Source: source, Time: now.UTC()}
}

// NewID returns a UUIDv7 (RFC 9562, section 5.7): sortable by time, one NATS token.
func NewID(now time.Time) string {
	var b [16]byte
	ms := uint64(now.UnixMilli())
	b[0], b[1], b[2] = byte(ms>>40), byte(ms>>32), byte(ms>>24)
	b[3], b[4], b[5] = byte(ms>>16), byte(ms>>8), byte(ms)
	rand.Read(b[6:]) // never fails (crypto/rand, Go 1.24)
	b[6] = b[6]&0x0f | 0x70
	b[8] = b[8]&0x3f | 0x80
	var s [36]byte
	hex.Encode(s[0:8], b[0:4])
	hex.Encode(s[9:13], b[4:6])
	hex.Encode(s[14:18], b[6:8])
	hex.Encode(s[19:23], b[8:10])
	hex.Encode(s[24:36], b[10:16])
	s[8], s[13], s[18], s[23] = '-', '-', '-', '-'
	return string(s[:])
}

// ErrToken reports an id that cannot stand as one token of a NATS subject.
var ErrToken = errors.New("id must be 1 to 128 characters of a-z, A-Z, 0-9, - or _")

// CheckToken reports whether id can be the last token of a subject. Ids from
// outside (URLs, requests) are checked before a subject is built from them.
func CheckToken(id string) error {
	if id == "" || len(id) > 128 {
		return ErrToken
	}
	for _, r := range id {
		ok := r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !ok {
			return ErrToken
		}
	}
	return nil
}

// Join builds a subject from fixed tokens and ids. It panics on an id that is not
// one token: callers check ids at the edge, so a bad one here is a bug.
func Join(prefix string, ids ...string) string {
	var b strings.Builder
	b.WriteString(prefix)
	for _, id := range ids {
		if id != "*" && id != ">" {
			if err := CheckToken(id); err != nil {
				panic(fmt.Sprintf("subject %s: %v", prefix, err))
			}
		}
		b.WriteByte('.')
		b.WriteString(id)
	}
	return b.String()
}
