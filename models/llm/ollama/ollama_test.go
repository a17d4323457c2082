package ollama

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/models/llm"
	"samtale.dk/samtale/models/llm/llmtest"
)

// patience is what a slow machine may take, for what has to happen at all.
const patience = 2 * time.Minute

// connect makes a model of a server, patient with a slow machine.
func connect(t *testing.T, s *llmtest.Server) *Model {
	t.Helper()
	return connectFor(t, s, patience, patience)
}

func connectFor(t *testing.T, s *llmtest.Server, first, next time.Duration) *Model {
	t.Helper()
	m, err := New(Config{URL: s.URL, FirstToken: first, NextToken: next})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestContract(t *testing.T) {
	llmtest.Run(t, func(t *testing.T, s llmtest.Script) llm.Model {
		server := llmtest.NewServer(t, s)
		switch s.Fault { // only a server that hangs is to be given up
		case llmtest.HangFirst:
			return connectFor(t, server, time.Second, patience)
		case llmtest.HangMiddle:
			return connectFor(t, server, patience, 2*time.Second)
		}
		return connect(t, server)
	})
}

func TestRequest(t *testing.T) {
	s := llmtest.NewServer(t, llmtest.Script{Parts: []string{`{"svar":"ja"}`}})
	m := connect(t, s)
	for _, r := range []llm.Request{{System: "du er", Prompt: "hej <|im_end|>der", Schema: llmtest.Schema}, {Prompt: "hej", MaxTokens: 7}} {
		if _, err := m.Generate(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	got := s.Requests()
	want := map[string]any{
		"model": "gemma4:e4b", "stream": true, "truncate": false, "shift": false, "think": false,
		"options":  map[string]any{"num_ctx": 8192., "num_predict": 1024., "temperature": 0., "seed": 1., "repeat_penalty": 1.},
		"format":   map[string]any{"type": "object", "properties": map[string]any{"svar": map[string]any{"type": "string"}}, "required": []any{"svar"}},
		"messages": []any{map[string]any{"role": "system", "content": "du er"}, map[string]any{"role": "user", "content": "hej der"}},
	}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if o := got[1]["options"].(map[string]any); o["num_predict"] != 7. || o["num_ctx"] != 8192. {
		t.Errorf("options of the second request are %v", o)
	}
}

// More requests than slots and places to wait are refused at once; the others are answered.
func TestAdmission(t *testing.T) {
	goOn := make(chan struct{})
	let := sync.OnceFunc(func() { close(goOn) })
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, `{"message":{"content":"a"},"done":false}`)
		w.(http.Flusher).Flush()
		<-goOn
	}))
	defer s.Close()
	defer let()
	m, err := New(Config{URL: s.URL, Concurrent: 1, Waiting: 1, FirstToken: patience, NextToken: patience})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan struct{})
	ended := make(chan error, 2)
	go func() {
		_, err := m.Stream(ctx, llm.Request{Prompt: "en"}, func(string) error { close(first); return nil })
		ended <- err
	}()
	<-first
	go func() {
		_, err := m.Generate(ctx, llm.Request{Prompt: "to"})
		ended <- err
	}()
	for m.server.Inside() < 2 { // the second request has taken its place
		time.Sleep(time.Millisecond)
	}
	if _, err := m.Generate(ctx, llm.Request{Prompt: "tre"}); !errors.Is(err, llm.ErrBusy) {
		t.Errorf("the third request got %v", err)
	}
	cancel()
	for range 2 {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
	let() // the hanging one gives its slot back
	for deadline := time.Now().Add(patience); m.server.Inside() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d inside after all have gone", m.server.Inside())
		}
	}
}

// Whoever goes in the middle of an answer hears it at once. A model whose tokens come without a pause is read to its end all the
// same, and the next request waits for that; one that takes its time is left.
func TestLeaving(t *testing.T) {
	for name, c := range map[string]struct {
		writer typist
		cut    bool
	}{
		"fast": {typist{tokens: 2000}, false},
		"slow": {typist{tokens: 1 << 30, pause: 2 * pause}, true},
		"busy": {typist{tokens: 2000, pause: 2 * pause, often: many}, false}, // only the machine is slow
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if cut := leaves(t, c.writer); cut != c.cut {
					t.Errorf("the connection was cut: %v", cut)
				}
			})
		})
	}
}

// leaves goes after the first token, and reports whether the connection was cut.
func leaves(t *testing.T, w typist) bool {
	w.gone, w.cut = make(chan struct{}), make(chan bool, 1)
	m, err := New(Config{URL: "http://server", FirstToken: patience, NextToken: patience, Client: &http.Client{Transport: w}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := m.Stream(ctx, llm.Request{Prompt: "tal"}, func(string) error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if n := m.server.Inside(); n != 1 {
		t.Errorf("%d inside while the answer is read on", n)
	}
	close(w.gone)
	return <-w.cut
}

// typist answers token by token without a network, for tests in a bubble: its clock knows no slow machine.
type typist struct {
	tokens int
	pause  time.Duration // before each token
	often  int           // pauses in a row, then one token comes without; 0: always
	gone   chan struct{} // closed when the caller has gone; the second token waits for it
	cut    chan bool
}

func (a typist) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Body.Close(); err != nil {
		return nil, err
	}
	out, in := io.Pipe()
	go func() { a.cut <- a.write(in) }()
	return &http.Response{StatusCode: http.StatusOK, Body: out, Request: r}, nil
}

func (a typist) write(in *io.PipeWriter) (cut bool) {
	defer in.Close()
	for i := range a.tokens {
		if a.often == 0 || i%(a.often+1) != 0 {
			time.Sleep(a.pause)
		}
		if _, err := fmt.Fprintln(in, `{"message":{"content":"ja"},"done":false}`); err != nil {
			return true
		}
		if i == 0 {
			<-a.gone
		}
	}
	return false
}

func TestProbe(t *testing.T) {
	if err := connect(t, llmtest.NewServer(t, llmtest.Script{Parts: []string{"ja"}, Fault: llmtest.Limit})).Probe(t.Context()); err != nil {
		t.Errorf("got %v", err)
	}
	if err := connect(t, llmtest.NewServer(t, llmtest.Script{Fault: llmtest.NoModel})).Probe(t.Context()); !errors.Is(err, llm.ErrRequest) {
		t.Errorf("got %v", err)
	}
}

func TestNewRefusesBadAddresses(t *testing.T) {
	for _, u := range []string{"", "127.0.0.1:11434", "ftp://x", "http://", "http://a b"} {
		if _, err := New(Config{URL: u}); err == nil {
			t.Errorf("%q was accepted", u)
		}
	}
}
