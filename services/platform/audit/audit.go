// Package audit makes the entries of the audit log for those who look at a person's data. Pages load themselves again whenever something
// changes: looking again at the same thing within a quarter of an hour is one look, or on the same day, where pages stay open. Writing the entries, before anything is shown, is the
// service's: they belong into its outbox.
package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
)

// For how long looking again is one look.
const (
	window = 15 * time.Minute
	day    = 24 * time.Hour // by UTC
)

// A Look is who looked, at what, and why, in words that the citizen reads.
type Look struct{ Actor, Role, Action, Purpose string }

// Looks remembers the looks of the current window. Safe for concurrent use.
type Looks struct {
	source string
	window time.Duration

	mu      sync.Mutex
	current time.Time
	told    map[string]bool
}

// New returns the looks that a service tells of.
func New(source string) *Looks { return &Looks{source: source, window: window} }

// Daily is New for what people have open all day, as a chat: looking again on the same day is one look.
func Daily(source string) *Looks { return &Looks{source: source, window: day} }

// Entry is a look at one conversation. It has the same id throughout a window, so that a restart or a second process does not count a
// look twice.
func (l *Looks) Entry(at time.Time, look Look, conversation string) consentv1.Audit {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%s/%s/%s/%d", conversation, look.Actor, look.Role, look.Action, at.Truncate(l.window).Unix()))
	return consentv1.Audit{
		Meta:           event.Meta{ID: hex.EncodeToString(sum[:16]), Type: "audit.v1.entry", Source: l.source, Time: at},
		ConversationID: conversation, Actor: look.Actor, Role: look.Role, Action: look.Action, Purpose: look.Purpose,
	}
}

// Write gives write the entries of the conversations that were not looked at in this window yet; with none it is not called. Only what
// was written counts as told.
func (l *Looks) Write(at time.Time, look Look, conversations []string, write func([]consentv1.Audit) error) error {
	var entries []consentv1.Audit
	for _, c := range conversations {
		if e := l.Entry(at, look, c); !l.has(e.ID) {
			entries = append(entries, e)
		}
	}
	if len(entries) == 0 {
		return nil
	}
	if err := write(entries); err != nil {
		return err
	}
	l.add(at.Truncate(l.window), entries)
	return nil
}

func (l *Looks) has(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.told[id]
}

func (l *Looks) add(current time.Time, entries []consentv1.Audit) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.current.Equal(current) {
		l.current, l.told = current, map[string]bool{}
	}
	for _, e := range entries {
		l.told[e.ID] = true
	}
}
