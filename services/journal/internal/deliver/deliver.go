// Package deliver brings an approved note to a case system and takes its receipt. The
// port is Adapter; a folder and a signed webhook implement it, under one conformance
// suite (the tests). A delivery may be tried any number of times: the event's id tells
// the case system that it has the note already.
package deliver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"samtale.dk/samtale/services/contract/deliveryv1"
	"samtale.dk/samtale/services/contract/journalv1"
)

// Adapter delivers notes. It is safe for concurrent use.
type Adapter interface {
	// Deliver returns the case system's receipt, or a *Problem. Delivering the same
	// note again gives the same receipt and changes nothing.
	Deliver(ctx context.Context, n deliveryv1.Note) (journalv1.Receipt, error)
	// Name says, on the operator's page, where notes go.
	Name() string
}

// Problem is why a delivery failed, in Danish and without content of the note.
type Problem struct {
	Text  string
	Cause error
}

// Error implements error.
func (p *Problem) Error() string { return fmt.Sprintf("%s: %v", p.Text, p.Cause) }

// Unwrap gives the cause.
func (p *Problem) Unwrap() error { return p.Cause }

// Text is what people may be told about a failed delivery.
func Text(err error) string {
	var p *Problem
	if errors.As(err, &p) {
		return p.Text
	}
	return "Afleveringen mislykkedes."
}

// Event is the CloudEvent of an approved note, the same at every attempt. Its id tells
// a receiver that it has the note already.
func Event(n deliveryv1.Note) deliveryv1.Event {
	return deliveryv1.Event{
		SpecVersion: deliveryv1.SpecVersion, ID: key(n), Source: "/samtale/journal", Type: deliveryv1.Type,
		Subject: n.ID, Time: n.ApprovedAt.UTC(), DataContentType: "application/json", Data: n,
	}
}

// key names this version of this note.
func key(n deliveryv1.Note) string { return n.ID + "-" + n.Hash[:min(16, len(n.Hash))] }

func encode(n deliveryv1.Note) ([]byte, error) {
	body, err := json.MarshalIndent(Event(n), "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode note: %w", err)
	}
	return append(body, '\n'), nil
}

// text is the note as plain text, a heading for each section that says something.
func text(n deliveryv1.Note) string {
	var b strings.Builder
	for _, s := range n.Sections {
		if len(s.Sentences) == 0 {
			continue
		}
		b.WriteString(s.Title + "\n")
		for _, x := range s.Sentences {
			b.WriteString(x.Text + "\n")
		}
		b.WriteString("\n")
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// New returns the adapter of a setting: "folder=PATH" or "webhook=URL".
func New(setting, secret string) (Adapter, error) {
	kind, value, _ := strings.Cut(setting, "=")
	switch {
	case kind == "folder" && value != "":
		return Folder{Path: value}, nil
	case kind == "webhook" && value != "":
		return newWebhookSetting(value, secret)
	}
	return nil, errors.New("SAMTALE_DELIVER must be folder=PATH or webhook=URL")
}

func newWebhookSetting(value, secret string) (Adapter, error) {
	u, err := url.Parse(value)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("SAMTALE_DELIVER: webhook needs an http or https address")
	}
	if secret == "" {
		return nil, errors.New("SAMTALE_WEBHOOK_SECRET is missing; a webhook is signed")
	}
	return NewWebhook(value, []byte(secret)), nil
}
