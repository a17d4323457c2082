// Package llm is the port to language models. A model proposes; models/evidence disposes. Everything works without one:
// [None] is the model of an installation that has none.
//
// Implementations are safe for concurrent use and bound the requests they let in themselves.
package llm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// Errors that implementations wrap.
var (
	ErrNone        = errors.New("no language model is configured")
	ErrUnavailable = errors.New("language model cannot be reached")
	ErrBusy        = errors.New("language model is busy")                // own admission limit; try later
	ErrTooLong     = errors.New("prompt is too long for the model")      // never cut in silence
	ErrIncomplete  = errors.New("language model stopped before its end") // cut stream, or the token limit
	ErrOutput      = errors.New("language model gave no valid output")   // not the JSON asked for
	ErrRequest     = errors.New("request is not valid for the model")    // bad schema, unknown model
)

// A Request asks for one answer.
type Request struct {
	System string
	Prompt string
	// Schema is the JSON schema of the answer. Without it the answer is plain text.
	Schema json.RawMessage
	// MaxTokens bounds the answer; 0 is the implementation's default. There is always a bound.
	MaxTokens int
}

// A Response is a complete answer.
type Response struct {
	Text         string
	PromptTokens int
	OutputTokens int
}

// A Model answers requests. Generate returns an answer only when the model said that it was done.
type Model interface {
	Name() string
	Generate(ctx context.Context, r Request) (Response, error)
}

// A Streamer gives parts of the answer as they come. Parts already given are void when it returns an error; so is
// everything after the first error of part.
type Streamer interface {
	Model
	Stream(ctx context.Context, r Request, part func(text string) error) (Response, error)
}

// None is the model of an installation without one.
var None Model = none{}

type none struct{}

func (none) Name() string { return "none" }

func (none) Generate(ctx context.Context, _ Request) (Response, error) {
	if err := ctx.Err(); err != nil {
		return Response{}, err
	}
	return Response{}, ErrNone
}

// JSON asks for an answer by the request's schema and decodes it into out.
func JSON(ctx context.Context, m Model, r Request, out any) (Response, error) {
	resp, err := m.Generate(ctx, r)
	if err != nil {
		return resp, err
	}
	dec := json.NewDecoder(strings.NewReader(resp.Text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(out); err != nil {
		return resp, fmt.Errorf("decode answer of %s: %w: %w", m.Name(), ErrOutput, err)
	}
	if dec.More() {
		return resp, fmt.Errorf("decode answer of %s: text after the answer: %w", m.Name(), ErrOutput)
	}
	return resp, nil
}

// Clean makes text from people safe to stand in a prompt: models read control tokens such as <|im_start|> anywhere, and
// invisible characters hide instructions from the person who checks them.
func Clean(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r >= 0xE0000 && r <= 0xE007F, // tag characters
			unicode.Is(unicode.Cf, r), unicode.IsControl(r), unicode.Is(unicode.Co, r), r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, s)
	for {
		next := dropTokens(s)
		if next == s {
			return s
		}
		s = next // what is left may join to a new token
	}
}

// plainTokens are control tokens of model families that have no common form.
var plainTokens = []string{
	"<start_of_turn>", "<end_of_turn>", "<bos>", "<eos>", "<pad>", "<unk>", "<s>", "</s>", "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>",
	"[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[TOOL_CALLS]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]", "[/TOOL_RESULTS]",
	"<think>", "</think>", "<tool_call>", "</tool_call>", "<start_of_image>", "<end_of_image>", "<channel|>", "<turn|>", "<|turn>", "<|channel>",
	"[IMG]", "<mask>", "[MASK]", "[CLS]", "[SEP]",
}

func dropTokens(s string) string {
	for _, t := range plainTokens {
		s = strings.ReplaceAll(s, t, "")
	}
	s = dropBetween(s, "<|", "|>")
	s = dropBetween(s, "<｜", "｜>") // full-width bars, as in DeepSeek's
	return dropNumbered(s)
}

// maxToken is how long a control token can be; a longer stretch is text that happens to have both ends.
const maxToken = 48

func dropBetween(s, open, end string) string {
	for at := 0; ; {
		i := strings.Index(s[at:], open)
		if i < 0 {
			return s
		}
		i += at
		j := strings.Index(s[i+len(open):], end)
		if j < 0 || j > maxToken || strings.ContainsAny(s[i:i+len(open)+j], "\n") {
			at = i + len(open)
			continue
		}
		s = s[:i] + s[i+len(open)+j+len(end):]
		at = i
	}
}

// dropNumbered removes <unused12>, <reserved_3> and <extra_id_4>.
func dropNumbered(s string) string {
	for _, name := range []string{"<unused", "<reserved", "<extra_id", "<special"} {
		for at := 0; ; {
			i := strings.Index(s[at:], name)
			if i < 0 {
				break
			}
			i += at
			j := strings.IndexByte(s[i:], '>')
			if j < 0 || j > maxToken {
				at = i + len(name)
				continue
			}
			s = s[:i] + s[i+j+1:]
			at = i
		}
	}
	return s
}
