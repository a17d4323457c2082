// Package ollama is the adapter to an Ollama server (https://github.com/ollama/ollama).
//
// The server has traps that this package closes: a cut stream looks like an end, so Done must be true; the server's own
// queue limit does not bound requests that wait for a loaded model, so a Model admits few itself; long prompts are cut in
// silence unless Truncate is false; without num_predict output runs on; a changed num_ctx reloads the model, so it is
// constant; control tokens in user text become real ones, so they are removed; words of the prompt and of the answer are
// held back from being said again, so that is turned off; a connection that is cut in the middle of an answer can cost the
// model's slot for good, so whoever leaves does it where that cannot happen.
//
// A Model is safe for concurrent use.
package ollama

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/ollama/ollama/api"

	"samtale.dk/samtale/models/internal/ollama"
	"samtale.dk/samtale/models/llm"
)

// Config says which model to use and how. Only URL is required.
type Config struct {
	URL   string // of the server, "http://127.0.0.1:11434"
	Model string // default gemma4:e4b
	// Context is num_ctx, in tokens. It must be the same for everybody who uses the model on the server: another value
	// reloads it. Default 8192.
	Context int
	// MaxTokens bounds answers for which the request sets no bound. Default 1024.
	MaxTokens int
	// Concurrent requests go to the server, Waiting ones wait here; more get llm.ErrBusy. Defaults 1 and 4.
	Concurrent, Waiting int
	// FirstToken is how long the first token may take, with loading the model and reading the prompt; NextToken is the
	// longest silence after it. Defaults 3 minutes and 30 seconds.
	FirstToken, NextToken time.Duration
	// Client is the HTTP client; it must have no timeout of its own. Default a new one.
	Client *http.Client
}

func (c Config) withDefaults() Config {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	def(&c.Context, 8192)
	def(&c.MaxTokens, 1024)
	def(&c.Concurrent, 1)
	def(&c.Waiting, 4)
	if c.Model == "" {
		c.Model = "gemma4:e4b"
	}
	if c.FirstToken == 0 {
		c.FirstToken = 3 * time.Minute
	}
	if c.NextToken == 0 {
		c.NextToken = 30 * time.Second
	}
	if c.Client == nil {
		c.Client = &http.Client{}
	}
	return c
}

// Model is one model on one server.
type Model struct {
	cfg    Config
	server *ollama.Server
}

// New makes a Model. It does not reach the server; [Model.Probe] does.
func New(cfg Config) (*Model, error) {
	cfg = cfg.withDefaults()
	server, err := ollama.New(cfg.URL, cfg.Client, cfg.Concurrent, cfg.Waiting)
	if err != nil {
		return nil, err
	}
	return &Model{cfg: cfg, server: server}, nil
}

// Setting makes the model of a setting: "none", or "ollama=http://HOST:PORT[,model=NAME]".
func Setting(s string) (llm.Model, error) {
	if s == "none" {
		return llm.None, nil
	}
	rest, ok := strings.CutPrefix(s, "ollama=")
	if !ok {
		return nil, errors.New("use none or ollama=http://HOST:PORT[,model=NAME]")
	}
	address, options, _ := strings.Cut(rest, ",")
	cfg := Config{URL: address}
	if options != "" {
		cfg.Model, ok = strings.CutPrefix(options, "model=")
		if !ok || cfg.Model == "" {
			return nil, fmt.Errorf("%q is not model=NAME", options)
		}
	}
	return New(cfg)
}

// Name implements [llm.Model].
func (m *Model) Name() string { return m.cfg.Model }

// Generate implements [llm.Model].
func (m *Model) Generate(ctx context.Context, r llm.Request) (llm.Response, error) {
	return m.Stream(ctx, r, func(string) error { return nil })
}

// Stream implements [llm.Streamer].
func (m *Model) Stream(ctx context.Context, r llm.Request, part func(string) error) (llm.Response, error) {
	if r.Schema != nil && !json.Valid(r.Schema) {
		return llm.Response{}, fmt.Errorf("schema is no JSON: %w", llm.ErrRequest)
	}
	resp, done, err := m.chat(ctx, r, part)
	switch {
	case err != nil:
		return llm.Response{}, err
	case done != "stop":
		return llm.Response{}, fmt.Errorf("answer ended by %q after %d tokens: %w", done, resp.OutputTokens, llm.ErrIncomplete)
	case r.Schema != nil && !json.Valid([]byte(resp.Text)):
		return llm.Response{}, fmt.Errorf("answer of %d tokens is no JSON: %w", resp.OutputTokens, llm.ErrOutput)
	}
	return resp, nil
}

// Probe asks the model for one token: it is there, it loads and it answers.
func (m *Model) Probe(ctx context.Context) error {
	_, _, err := m.chat(ctx, llm.Request{Prompt: "Svar ja.", MaxTokens: 1}, func(string) error { return nil })
	return err
}

// admit waits for a slot, or refuses when too many wait already.
func (m *Model) admit(ctx context.Context) (leave func(), err error) {
	leave, err = m.server.Admit(ctx)
	if errors.Is(err, ollama.ErrFull) {
		err = fmt.Errorf("%w: %w", llm.ErrBusy, err)
	}
	return leave, err
}

// errSilent ends a request whose model has stopped to answer, errLeft one for which nobody waits.
var (
	errSilent = errors.New("no token in time")
	errLeft   = errors.New("nobody waits for the answer")
)

// chat sends one request and gives its parts to the caller as they come. It gives the reason for which the model was done.
//
// Whoever cancels hears it at once, but the connection is cut only where that does no harm ([stream.leave]): until then the
// rest is read, and the request keeps its slot.
func (m *Model) chat(ctx context.Context, r llm.Request, part func(string) error) (resp llm.Response, done string, err error) {
	leave, err := m.admit(ctx)
	if err != nil {
		return llm.Response{}, "", err
	}
	s := &stream{parts: make(chan api.ChatResponse), end: make(chan error, 1), gone: make(chan struct{})}
	defer close(s.gone)
	go func() {
		defer leave()
		s.end <- m.read(context.WithoutCancel(ctx), m.request(r), s)
	}()

	var text strings.Builder
	var last api.ChatResponse
	for {
		select {
		case <-ctx.Done():
			return llm.Response{}, "", ctx.Err()
		case last = <-s.parts:
			text.WriteString(last.Message.Content)
			if last.Message.Content == "" {
				continue
			}
			if err := part(last.Message.Content); err != nil {
				return llm.Response{}, "", err
			}
		case err := <-s.end:
			resp = llm.Response{Text: text.String(), PromptTokens: last.PromptEvalCount, OutputTokens: last.EvalCount}
			switch {
			case err != nil && ctx.Err() != nil:
				return llm.Response{}, "", ctx.Err()
			case errors.Is(err, errSilent):
				return resp, "", fmt.Errorf("%w: %w", errSilent, llm.ErrUnavailable)
			case err != nil:
				return resp, "", meaning(err, text.Len() > 0)
			case !last.Done:
				return resp, "", fmt.Errorf("stream ended without done: %w", llm.ErrIncomplete)
			}
			return resp, last.DoneReason, nil
		}
	}
}

// read sends a request and reads its stream, until it ends, is silent for too long, or may be left.
func (m *Model) read(ctx context.Context, r *api.ChatRequest, s *stream) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(m.cfg.FirstToken, func() { cancel(errSilent) })
	defer silence.Stop()
	err := m.server.Chat(ctx, r, func(cr api.ChatResponse) error {
		silence.Reset(m.cfg.NextToken)
		select {
		case s.parts <- cr:
			return nil
		case <-s.gone:
			return s.leave(time.Now())
		}
	})
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// stream is one answer on its way from the goroutine that reads it to the one that waits for it, until that one is gone.
type stream struct {
	parts chan api.ChatResponse
	end   chan error
	gone  chan struct{}

	last time.Time // when the last part came that nobody waited for
	slow int       // how many such parts in a row came after a pause
}

// pause is far longer than the server needs to notice that a connection was cut. That a part took it says little on a busy machine;
// that many in a row did says that the model is slow.
const (
	pause = 50 * time.Millisecond
	many  = 10
)

// leave says with [errLeft] when the connection may be cut. The server loses the model's slot, for good, if it has the next
// token ready at the moment in which it notices (https://github.com/ollama/ollama/issues/17131). So a slow model is left just
// after one of its tokens, and a fast one is read to its end, which num_predict bounds.
func (s *stream) leave(now time.Time) error {
	if now.Sub(s.last) < pause {
		s.slow = 0
	} else if s.slow++; s.slow > many { // before the first one there was no part to count from
		return errLeft
	}
	s.last = now
	return nil
}

// request writes the request with every option that the server would choose badly.
func (m *Model) request(r llm.Request) *api.ChatRequest {
	no, yes := false, true
	limit := r.MaxTokens
	if limit <= 0 {
		limit = m.cfg.MaxTokens
	}
	req := &api.ChatRequest{
		Model: m.cfg.Model, Stream: &yes, Format: r.Schema, Truncate: &no, Shift: &no, Think: &api.ThinkValue{Value: false},
		// Temperature 0: a note is a report, and the same transcript gives the same draft. No penalty for repetition: a
		// number stands in the note as it was said, however recently.
		Options: map[string]any{"num_ctx": m.cfg.Context, "num_predict": limit, "temperature": 0, "seed": 1, "repeat_penalty": 1},
	}
	if r.System != "" {
		req.Messages = append(req.Messages, api.Message{Role: "system", Content: llm.Clean(r.System)})
	}
	req.Messages = append(req.Messages, api.Message{Role: "user", Content: llm.Clean(r.Prompt)})
	return req
}

// meaning gives an error of the server its meaning. begun says that part of the answer had come.
func meaning(err error, begun bool) error {
	var status api.StatusError
	if !errors.As(err, &status) {
		if begun {
			return fmt.Errorf("stream broke: %w: %w", llm.ErrIncomplete, err)
		}
		return fmt.Errorf("%w: %w", llm.ErrUnavailable, err)
	}
	message := strings.ToLower(status.ErrorMessage)
	mentions := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(message, w) {
				return true
			}
		}
		return false
	}
	kind := llm.ErrUnavailable
	switch {
	case status.StatusCode == http.StatusServiceUnavailable || status.StatusCode == http.StatusTooManyRequests:
		kind = llm.ErrBusy
	case mentions("context length", "input length", "exceeds", "too long"):
		kind = llm.ErrTooLong
	case status.StatusCode == http.StatusInternalServerError && mentions("grammar", "schema", "format"): // a bad schema is a 500
		kind = llm.ErrRequest
	case status.StatusCode >= 400 && status.StatusCode < 500:
		kind = llm.ErrRequest
	}
	return fmt.Errorf("%w: %w", kind, err)
}
