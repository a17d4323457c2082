// Package errs gives errors a kind that crosses the wire and a text for people.
//
// A Kind is itself an error, so errors.Is(err, errs.NotFound) works on anything made
// by E, also after it came back over NATS. The text is for the person who asked (in
// Danish where a citizen or caseworker sees it); the wrapped cause stays in this
// process.
package errs

import (
	"errors"
	"time"
)

// Kind says what went wrong in a way that every edge (HTTP, NATS, SIP, Temporal) maps.
type Kind string

// The kinds. Their values go over the wire.
const (
	Invalid         Kind = "invalid"
	Unauthenticated Kind = "unauthenticated"
	Denied          Kind = "denied"
	NotFound        Kind = "not-found"
	Conflict        Kind = "conflict"
	Limited         Kind = "limited" // try again later
	Unavailable     Kind = "unavailable"
	Internal        Kind = "internal"
)

// Error implements error.
func (k Kind) Error() string { return string(k) }

// Known reports whether k is one of the kinds above; others come from newer peers.
func (k Kind) Known() bool {
	switch k {
	case Invalid, Unauthenticated, Denied, NotFound, Conflict, Limited, Unavailable, Internal:
		return true
	}
	return false
}

// Error is a kind with a text for people and a cause for the log.
type Error struct {
	Kind       Kind
	Text       string        // for the person who asked; empty means the kind's own text
	RetryAfter time.Duration // with Limited and Unavailable, when known
	Cause      error
}

// E returns an error of a kind. Text may be empty, cause may be nil.
func E(kind Kind, text string, cause error) *Error {
	return &Error{Kind: kind, Text: text, Cause: cause}
}

// Error implements error. It includes the cause: it is for logs, not for people.
func (e *Error) Error() string {
	s := string(e.Kind)
	if e.Text != "" {
		s += ": " + e.Text
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Unwrap makes errors.Is find both the kind and the cause.
func (e *Error) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Cause}
}

// KindOf returns the kind of err: Internal when it has none, "" for nil.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	var k Kind
	if errors.As(err, &k) {
		return k
	}
	return Internal
}

// Text returns what a person may be told about err.
func Text(err error) string {
	var e *Error
	if errors.As(err, &e) && e.Text != "" {
		return e.Text
	}
	return defaultText(KindOf(err))
}

func defaultText(k Kind) string {
	switch k {
	case Invalid:
		return "Noget i det, du sendte, kan ikke bruges. Ret det, og prøv igen."
	case Unauthenticated:
		return "Du skal logge ind for at fortsætte."
	case Denied:
		return "Du har ikke adgang til dette."
	case NotFound:
		return "Det, du leder efter, findes ikke eller er slettet."
	case Conflict:
		return "Andre har ændret det samme imens. Hent den nyeste udgave, og prøv igen."
	case Limited:
		return "Der er for mange på lige nu. Vent et øjeblik, og prøv igen."
	case Unavailable:
		return "Den del af systemet svarer ikke lige nu. Intet er gået tabt. Prøv igen om lidt."
	default:
		return "Noget gik galt hos os. Intet er gået tabt. Prøv igen om lidt."
	}
}
