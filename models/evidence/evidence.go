// Package evidence decides whether a sentence that a machine wrote is proven by its sources.
//
// A [Claim] is one sentence and spans into sources: words of a transcript, or bytes of a micro-article with its content
// hash. [Verify] is deterministic and never asks a model: the spans must exist, and every number, date, amount, name,
// negation and other word that carries meaning must be in them. What it cannot prove it does not support; it may call a
// true sentence weak, but must never call a false one supported.
//
// [Sign] binds an approval to a hash of text, spans and template, so only that version is delivered. Everything is pure
// and safe for concurrent use.
package evidence

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// A Claim is one sentence with the places that prove it.
type Claim struct {
	Text  string `json:"text"`
	Spans []Span `json:"spans"`
}

// A Span is a place in a source: words of a transcript by their IDs, or a byte range [Start, End) of an article.
type Span struct {
	Source string   `json:"source"`          // leg of a transcript, or ID of a micro-article
	Words  []string `json:"words,omitempty"` // IDs of the words, in order
	Start  int      `json:"start,omitempty"`
	End    int      `json:"end,omitempty"`
	Hash   string   `json:"hash,omitempty"` // [ContentHash] of the article that the range was taken from
}

// A Passage is the text of a span.
type Passage struct {
	Text string
	Role string // who said it: [Citizen], [Caseworker] or another role; empty for articles
}

// Roles of speakers that sentences name.
const (
	Citizen    = "citizen"
	Caseworker = "caseworker"
)

// ErrNoSpan means that a source does not have the span: it was never there, or the content has changed.
var ErrNoSpan = errors.New("span not in source")

// A Source gives the text of spans.
type Source interface {
	Passage(s Span) (Passage, error)
}

// A Word is one word of a transcript.
type Word struct {
	ID   string
	Leg  string
	Role string
	Text string
}

// Transcript is a [Source] over the words of a conversation.
type Transcript struct {
	byID map[string]int
	// words are in the order of each leg.
	words []Word
}

// NewTranscript makes a source of words; those of one leg must be in order.
func NewTranscript(words []Word) *Transcript {
	t := &Transcript{byID: make(map[string]int, len(words)), words: words}
	for i, w := range words {
		t.byID[w.ID] = i
	}
	return t
}

// Passage implements [Source]. The words must be of the span's leg and in order. Between words that do not follow each
// other the text has an ellipsis, so that sentences are not made of pieces.
func (t *Transcript) Passage(s Span) (Passage, error) {
	if len(s.Words) == 0 {
		return Passage{}, fmt.Errorf("span of %s without words: %w", s.Source, ErrNoSpan)
	}
	var p Passage
	last := -1
	for _, id := range s.Words {
		i, ok := t.byID[id]
		if !ok || t.words[i].Leg != s.Source {
			return Passage{}, fmt.Errorf("word %s of %s: %w", id, s.Source, ErrNoSpan)
		}
		if i <= last {
			return Passage{}, fmt.Errorf("word %s of %s out of order: %w", id, s.Source, ErrNoSpan)
		}
		switch {
		case last < 0:
		case t.next(last) == i:
			p.Text += " "
		default:
			p.Text += " … "
		}
		p.Text += t.words[i].Text
		p.Role = t.words[i].Role
		last = i
	}
	return p, nil
}

// next gives the index of the word after i on the same leg, or -1.
func (t *Transcript) next(i int) int {
	for j := i + 1; j < len(t.words); j++ {
		if t.words[j].Leg == t.words[i].Leg {
			return j
		}
	}
	return -1
}

// Articles is a [Source] over the texts of micro-articles by ID.
type Articles map[string]string

// Passage implements [Source]. The hash must be that of the article as it is now.
func (a Articles) Passage(s Span) (Passage, error) {
	text, ok := a[s.Source]
	switch {
	case !ok:
		return Passage{}, fmt.Errorf("article %s: %w", s.Source, ErrNoSpan)
	case s.Hash != ContentHash(text):
		return Passage{}, fmt.Errorf("article %s has changed: %w", s.Source, ErrNoSpan)
	case s.Start < 0 || s.End > len(text) || s.Start >= s.End:
		return Passage{}, fmt.Errorf("bytes %d to %d of article %s: %w", s.Start, s.End, s.Source, ErrNoSpan)
	}
	return Passage{Text: text[s.Start:s.End]}, nil
}

// ContentHash is the SHA-256 of a text in hexadecimal.
func ContentHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// Any is a [Source] made of several: the first that has the span gives it.
type Any []Source

// Passage implements [Source].
func (a Any) Passage(s Span) (Passage, error) {
	err := fmt.Errorf("no sources: %w", ErrNoSpan)
	for _, src := range a {
		p, e := src.Passage(s)
		if e == nil {
			return p, nil
		}
		err = e
	}
	return Passage{}, err
}
