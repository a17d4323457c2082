// Package llmtest is the contract of llm.Model in code, a scripted model that keeps it, and a server that speaks
// Ollama's API with the faults of real ones.
package llmtest

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"

	"samtale.dk/samtale/models/llm"
)

// A Fault is what goes wrong while a model answers.
type Fault int

// The faults.
const (
	Fine       Fault = iota
	CutStream        // the connection breaks in the middle
	NoDone           // the stream ends in good order, but the model never said that it was done
	Limit            // the token limit ends the answer
	HangFirst        // nothing comes
	HangMiddle       // nothing more comes
	WrongJSON        // text where JSON was asked for
	Down             // the server cannot be reached
	Busy             // the server refuses
	TooLong          // the prompt does not fit
	BadSchema        // the server refuses the schema
	NoModel          // the server has no such model
	ErrorLine        // an error in the middle of the stream
)

// A Script is how a model answers one request.
type Script struct {
	Parts []string
	Fault Fault
}

// Schema is a small schema for tests.
var Schema = json.RawMessage(`{"type":"object","properties":{"svar":{"type":"string"}},"required":["svar"]}`)

// Run checks that the models made by with keep the contract. with gives a model that answers every request by the script.
func Run(t *testing.T, with func(t *testing.T, s Script) llm.Model) {
	t.Run("answer", func(t *testing.T) {
		m := with(t, Script{Parts: []string{"Borgeren ", "ringer ", "om boligstøtte."}})
		resp, err := m.Generate(t.Context(), llm.Request{Prompt: "hvem"})
		if err != nil || resp.Text != "Borgeren ringer om boligstøtte." {
			t.Errorf("got %q, %v", resp.Text, err)
		}
		if m.Name() == "" {
			t.Error("no name")
		}
	})
	t.Run("stream", func(t *testing.T) {
		m, ok := with(t, Script{Parts: []string{"en ", "to ", "tre"}}).(llm.Streamer)
		if !ok {
			t.Skip("does not stream")
		}
		var got strings.Builder
		resp, err := m.Stream(t.Context(), llm.Request{Prompt: "tæl"}, func(s string) error { got.WriteString(s); return nil })
		if err != nil || got.String() != resp.Text {
			t.Errorf("parts %q, answer %q, %v", got.String(), resp.Text, err)
		}
		stop := errors.New("stop")
		if _, err := m.Stream(t.Context(), llm.Request{Prompt: "tæl"}, func(string) error { return stop }); !errors.Is(err, stop) {
			t.Errorf("error of part came back as %v", err)
		}
	})
	t.Run("json", func(t *testing.T) {
		var out struct{ Svar string }
		m := with(t, Script{Parts: []string{`{"svar":`, `"ja"}`}})
		if _, err := llm.JSON(t.Context(), m, llm.Request{Prompt: "svar", Schema: Schema}, &out); err != nil || out.Svar != "ja" {
			t.Errorf("got %+v, %v", out, err)
		}
	})
	for name, c := range map[string]struct {
		script Script
		want   error
	}{
		"cut stream":    {Script{[]string{`{"svar":`}, CutStream}, llm.ErrIncomplete},
		"no done":       {Script{[]string{`{"svar":"ja"}`}, NoDone}, llm.ErrIncomplete},
		"token limit":   {Script{[]string{`{"svar":"j`}, Limit}, llm.ErrIncomplete},
		"wrong json":    {Script{[]string{"Det ved jeg ikke."}, WrongJSON}, llm.ErrOutput},
		"down":          {Script{nil, Down}, llm.ErrUnavailable},
		"busy":          {Script{nil, Busy}, llm.ErrBusy},
		"too long":      {Script{nil, TooLong}, llm.ErrTooLong},
		"bad schema":    {Script{nil, BadSchema}, llm.ErrRequest},
		"no model":      {Script{nil, NoModel}, llm.ErrRequest},
		"error in line": {Script{[]string{`{"svar":`}, ErrorLine}, llm.ErrIncomplete},
		"hangs":         {Script{nil, HangFirst}, llm.ErrUnavailable},
		"hangs later":   {Script{[]string{`{"svar":`}, HangMiddle}, llm.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			resp, err := with(t, c.script).Generate(t.Context(), llm.Request{Prompt: "svar", Schema: Schema})
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if resp.Text != "" {
				t.Errorf("half an answer came back: %q", resp.Text)
			}
		})
	}
	t.Run("cancelled before", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := with(t, Script{Parts: []string{"ja"}}).Generate(ctx, llm.Request{Prompt: "svar"}); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("cancelled in the middle", func(t *testing.T) {
		m, ok := with(t, Script{Parts: []string{"en "}, Fault: HangMiddle}).(llm.Streamer)
		if !ok {
			t.Skip("does not stream")
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if _, err := m.Stream(ctx, llm.Request{Prompt: "svar"}, func(string) error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("at once", func(t *testing.T) {
		m := with(t, Script{Parts: []string{"ja"}})
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if _, err := m.Generate(t.Context(), llm.Request{Prompt: "svar"}); err != nil && !errors.Is(err, llm.ErrBusy) {
					t.Errorf("got %v", err)
				}
			})
		}
		wg.Wait()
	})
}

// Fake is a model that answers by scripts, one a request; the last one repeats. It is safe for concurrent use.
type Fake struct {
	mu       sync.Mutex
	scripts  []Script
	requests []llm.Request
}

// NewFake makes a fake model.
func NewFake(scripts ...Script) *Fake { return &Fake{scripts: scripts} }

// Name implements llm.Model.
func (f *Fake) Name() string { return "fake" }

// Requests are the requests so far.
func (f *Fake) Requests() []llm.Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]llm.Request(nil), f.requests...)
}

// Generate implements llm.Model.
func (f *Fake) Generate(ctx context.Context, r llm.Request) (llm.Response, error) {
	return f.Stream(ctx, r, func(string) error { return nil })
}

// Stream implements llm.Streamer.
func (f *Fake) Stream(ctx context.Context, r llm.Request, part func(string) error) (llm.Response, error) {
	if err := ctx.Err(); err != nil {
		return llm.Response{}, err
	}
	s := f.next(r)
	before := map[Fault]error{Down: llm.ErrUnavailable, Busy: llm.ErrBusy, TooLong: llm.ErrTooLong, BadSchema: llm.ErrRequest, NoModel: llm.ErrRequest, HangFirst: llm.ErrUnavailable}
	if err := before[s.Fault]; err != nil {
		return llm.Response{}, err
	}
	for _, p := range s.Parts {
		if err := part(p); err != nil {
			return llm.Response{}, err
		}
		if err := ctx.Err(); err != nil {
			return llm.Response{}, err
		}
	}
	after := map[Fault]error{CutStream: llm.ErrIncomplete, NoDone: llm.ErrIncomplete, Limit: llm.ErrIncomplete, WrongJSON: llm.ErrOutput, ErrorLine: llm.ErrIncomplete, HangMiddle: llm.ErrUnavailable}
	if err := after[s.Fault]; err != nil {
		return llm.Response{}, err
	}
	return llm.Response{Text: strings.Join(s.Parts, ""), OutputTokens: len(s.Parts)}, nil
}

func (f *Fake) next(r llm.Request) Script {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := min(len(f.requests), len(f.scripts)-1)
	f.requests = append(f.requests, r)
	return f.scripts[i]
}
