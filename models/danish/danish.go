// Package danish turns recognised Danish speech into written Danish.
//
// Recognisers write what they hear: lower-case words, numbers spelled out, no sentences. People read "12.300 kr." and
// "kl. 14.30". The package normalises words to writing ([Normalise]), finds and masks personal data in both forms ([Find],
// [Masker]), divides words into sentences ([Sentences]) and folds text for comparison ([Fold], [Facts]).
//
// Everything works on tokens with positions, so each written word still knows the time in which it was said. All
// functions are pure and safe for concurrent use; only [Masker] has state, and it belongs to one goroutine.
package danish

import (
	"slices"
	"strings"
)

// A Token is one word from a recogniser, or one whitespace-separated piece of written text.
type Token struct {
	Text       string
	Start, End int64   // samples, 16 kHz from the start of the leg
	Confidence float64 // 0 to 1; 0 means unknown
	Speaker    string  // the leg; words of different speakers never form one number
}

// A Span is one piece of written text and the tokens that it was said with.
type Span struct {
	Text string
	// Tokens are indexes of the source tokens, ascending. They may have gaps where another speaker broke in.
	Tokens     []int
	Start, End int64
	Confidence float64 // the lowest of the tokens
	Speaker    string
	// Kind is set where personal data was masked. Text is then a placeholder and Clear what was said, for the caller
	// to encrypt; Clear is empty otherwise.
	Kind  Kind
	Clear string
}

// Tokens splits written or spoken text at white space into tokens without times.
func Tokens(text string) []Token {
	out := make([]Token, 0, strings.Count(text, " ")+1)
	for f := range fields(text) {
		out = append(out, Token{Text: f})
	}
	return out
}

// Text joins the spans with single spaces.
func Text(spans []Span) string {
	n := 0
	for _, s := range spans {
		n += len(s.Text) + 1
	}
	b := make([]byte, 0, n)
	for i, s := range spans {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(b, s.Text...)
	}
	return string(b)
}

// newSpan makes a span of the tokens at the indexes.
func newSpan(tokens []Token, text string, at []int) Span {
	first, last := tokens[at[0]], tokens[at[len(at)-1]]
	s := Span{Text: text, Tokens: at, Start: first.Start, End: last.End, Confidence: first.Confidence, Speaker: first.Speaker}
	for _, i := range at {
		s.Confidence = min(s.Confidence, tokens[i].Confidence)
	}
	return s
}

// sortSpans orders spans by their first token.
func sortSpans(spans []Span) {
	slices.SortStableFunc(spans, func(a, b Span) int { return a.Tokens[0] - b.Tokens[0] })
}
