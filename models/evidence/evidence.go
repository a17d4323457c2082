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
	"strings"
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
	// Context is Text with the rest of its sentence around it and the words that it leaves out: "fået afslag" cited from
	// "jeg har ikke fået afslag" proves nothing. Empty means that Text is whole.
	Context string
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
	ID    string
	Leg   string
	Role  string
	Text  string
	First bool // the first word of a sentence, where that is known
}

// Transcript is a [Source] over the words of a conversation.
type Transcript struct {
	legs map[string][]Word
	at   map[string]int // index of a word in its leg, by ID
	leg  map[string]string
}

// NewTranscript makes a source of words; those of one leg must be in order.
func NewTranscript(words []Word) *Transcript {
	t := &Transcript{legs: map[string][]Word{}, at: make(map[string]int, len(words)), leg: make(map[string]string, len(words))}
	for _, w := range words {
		t.at[w.ID], t.leg[w.ID] = len(t.legs[w.Leg]), w.Leg
		t.legs[w.Leg] = append(t.legs[w.Leg], w)
	}
	return t
}

// Passage implements [Source]. The words must be of the span's leg and in order. Between words that do not follow each
// other the text has an ellipsis, so that sentences are not made of pieces.
func (t *Transcript) Passage(s Span) (Passage, error) {
	if len(s.Words) == 0 {
		return Passage{}, fmt.Errorf("span of %s without words: %w", s.Source, ErrNoSpan)
	}
	leg := t.legs[s.Source]
	var text strings.Builder
	last := -1
	for _, id := range s.Words {
		i, ok := t.at[id]
		if !ok || t.leg[id] != s.Source {
			return Passage{}, fmt.Errorf("word %s of %s: %w", id, s.Source, ErrNoSpan)
		}
		if i <= last {
			return Passage{}, fmt.Errorf("word %s of %s out of order: %w", id, s.Source, ErrNoSpan)
		}
		if last >= 0 {
			text.WriteByte(' ')
			if i > last+1 {
				text.WriteString("… ")
			}
		}
		text.WriteString(leg[i].Text)
		last = i
	}
	first := t.at[s.Words[0]]
	return Passage{Text: text.String(), Role: leg[first].Role, Context: around(leg, first, last)}, nil
}

// reach is how many words a sentence may go on outside a span; longer ones are not spoken.
const reach = 16

// around gives the words [first, last] and the rest of the sentences that they belong to.
func around(leg []Word, first, last int) string {
	for n := 0; n < reach && first > 0 && !leg[first].First && !ends(leg[first-1].Text); n++ {
		first--
	}
	for n := 0; n < reach && last+1 < len(leg) && !leg[last+1].First && !ends(leg[last].Text); n++ {
		last++
	}
	var b strings.Builder
	for i := first; i <= last; i++ {
		if i > first {
			b.WriteByte(' ')
		}
		b.WriteString(leg[i].Text)
	}
	return b.String()
}

// ends reports a word that ends a sentence.
func ends(w string) bool {
	return strings.HasSuffix(w, "?") || strings.HasSuffix(w, "!") || strings.HasSuffix(w, ".") && !abbreviated(w)
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
	return Passage{Text: text[s.Start:s.End], Context: sentenceAround(text, s.Start, s.End)}, nil
}

// sentenceAround extends a byte range to the sentences that it belongs to.
func sentenceAround(text string, start, end int) string {
	const stops = ".?!\n"
	if i := strings.LastIndexAny(strings.TrimRight(text[:start], " "), stops); i >= 0 {
		start = min(start, i+1)
	} else {
		start = 0
	}
	if !strings.ContainsAny(text[end-1:end], stops) {
		if i := strings.IndexAny(text[end:], stops); i >= 0 {
			end += i + 1
		} else {
			end = len(text)
		}
	}
	return text[start:end]
}

// ContentHash is the SHA-256 of a text in hexadecimal.
func ContentHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
