package inquiry

import (
	"context"
	"errors"
	"strings"
	"unicode"

	"samtale.dk/samtale/models/danish"
	"samtale.dk/samtale/services/assistant/internal/inquiry/store"
	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/seal"
)

// Names of sealed fields. Party and body are what the journal opens.
const (
	fieldContent = "inquiry"
	fieldMessage = "inquiry-message"
	fieldName    = "inquiry-worker"
	fieldVideo   = "inquiry-video"
	fieldStep    = "inquiry-step"
	fieldParty   = "party"
	fieldBody    = "body"
)

// content is what an inquiry holds about people.
type content struct {
	Receipt    string                 `json:"receipt"`
	Summary    typed                  `json:"summary"`
	Sources    []assistantv1.Evidence `json:"sources,omitempty"`
	Name       string                 `json:"name,omitempty"`
	Phone      string                 `json:"phone,omitempty"`
	PartyID    string                 `json:"party_id,omitempty"`
	OnBehalfOf string                 `json:"on_behalf_of,omitempty"`
	Opener     string                 `json:"opener,omitempty"` // a hash of the session that sent it
}

// message is what a message holds.
type message struct {
	typed
	Name string `json:"name,omitempty"` // of the caseworker
}

// typed is text as it is shown, with the words that its transcript will have.
type typed struct {
	Text  string              `json:"text"`
	Words []transcriptv1.Word `json:"words,omitempty"` // without ids and places
}

// write masks the personal data in what somebody has typed. The clear values are in the words only. Before is what the same
// person typed just before: a civil registration number may be cut in two by the return key.
func write(before, text string) typed {
	var out typed
	var lines []string
	for _, line := range strings.Split(clean(text), "\n") {
		var shown []string
		for i, w := range words(before, line) {
			w.Sentence = i == 0 // within a line its punctuation divides
			out.Words = append(out.Words, w)
			shown = append(shown, w.Text)
		}
		lines = append(lines, strings.Join(shown, " "))
		if len(shown) > 0 {
			before = line
		}
	}
	out.Text = strings.TrimSpace(strings.Join(lines, "\n"))
	return out
}

// words are those of a line; of what stands before it only the number counts that it may finish.
func words(before, line string) []transcriptv1.Word {
	var out []transcriptv1.Word
	for _, s := range danish.Typed(before, line) {
		out = append(out, transcriptv1.Word{Text: s.Text, Confidence: 1, Masked: string(s.Kind), Clear: s.Clear})
	}
	return out
}

// clear is a typed text as it was typed, but for its white space.
func (t typed) clear() string {
	var out []string
	for _, w := range t.Words {
		if w.Clear != "" {
			out = append(out, w.Clear)
			continue
		}
		out = append(out, w.Text)
	}
	return strings.Join(out, " ")
}

// clean takes out what no person types on purpose: control characters, text direction overrides, zero-width and tag
// characters, which can hide or disguise text. Line breaks stay.
func clean(text string) string {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, text)
}

// held are the keys of one conversation, fetched before a transaction so that none waits for the network inside.
type held struct {
	key []byte
	err error
}

// Key implements seal.Keys.
func (h held) Key(context.Context, string, bool) ([]byte, error) { return h.key, h.err }

// hold fetches a conversation's key. One that is gone shows where something is sealed or opened.
func (s *Service) hold(ctx context.Context, conversation string) (held, error) {
	key, err := s.Keys.Key(ctx, conversation, false)
	if errors.Is(err, errs.NotFound) {
		return held{err: err}, nil
	}
	return held{key: key}, err
}

// opened opens a sealed field; the zero value when it was deleted.
func opened[T any](ctx context.Context, keys seal.Keys, conversation, field string, sealed []byte) (v T, err error) {
	if len(sealed) > 0 {
		err = seal.OpenJSON(ctx, keys, conversation, field, sealed, &v)
	}
	return v, err
}

// contentOf opens what an inquiry holds; erased is true when it is gone.
func (s *Service) contentOf(ctx context.Context, i store.Inquiry) (c content, erased bool, err error) {
	c, err = opened[content](ctx, s.Keys, i.ConversationID, fieldContent, i.Content)
	if errors.Is(err, errs.NotFound) {
		return c, true, nil
	}
	return c, !i.ErasedAt.IsZero(), err
}
