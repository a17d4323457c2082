//go:build linux

package ollama_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/ollama/ollama/api"

	"samtale.dk/samtale/models/llm/ggufgen"
	"samtale.dk/samtale/models/llm/ollama"
	"samtale.dk/samtale/models/llm/ollamatest"
)

// server is a real Ollama server.
type server struct{ *ollamatest.Server }

func start(t *testing.T) server {
	t.Helper()
	return server{ollamatest.Start(t)}
}

// made is a model on a server.
type made struct {
	name   string
	digest string // of its file
}

// tokens is the context of models here, unless they are made for more.
const tokens = 4096

// create makes a model, and loads it as connect asks for it.
func (s server) create(t *testing.T, name string, m ggufgen.Model) made {
	t.Helper()
	data, err := m.GGUF()
	if err != nil {
		t.Fatal(err)
	}
	digest := s.Create(t, name, data, ggufgen.Template)
	s.Load(t, name, max(tokens, m.Context))
	return made{name, digest}
}

// connect makes the adapter for a model, with settings that a small machine keeps.
func (s server) connect(t *testing.T, m made, change ...func(*ollama.Config)) *ollama.Model {
	t.Helper()
	cfg := ollama.Config{URL: s.URL, Model: m.name, Context: tokens, FirstToken: 2 * time.Minute, NextToken: time.Minute}
	for _, c := range change {
		c(&cfg)
	}
	a, err := ollama.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// runner finds the process that runs a model.
func (s server) runner(m made) (int, error) {
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return 0, err
	}
	for _, f := range files {
		line, err := os.ReadFile(f)
		if err != nil || !bytes.Contains(line, []byte(s.Dir)) || !bytes.Contains(line, []byte(m.digest)) {
			continue // gone meanwhile, or another
		}
		return strconv.Atoi(filepath.Base(filepath.Dir(f)))
	}
	return 0, errors.New("no runner of the model")
}

// atFirstByte is an HTTP client that does something once when the first bytes of an answer have come, before anybody sees
// them.
func atFirstByte(do func()) *http.Client {
	return &http.Client{Transport: &interrupting{do: sync.OnceFunc(do)}}
}

type interrupting struct{ do func() }

func (i *interrupting) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = &body{ReadCloser: resp.Body, do: i.do}
	return resp, nil
}

type body struct {
	io.ReadCloser
	do func()
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.do()
	}
	return n, err
}

// plain asks as a client does that knows of no traps, and says whether the server said that the model was done.
func (s server) plain(ctx context.Context, m made, prompt string, options map[string]any) (text string, last api.ChatResponse, err error) {
	err = s.API.Chat(ctx, &api.ChatRequest{Model: m.name, Messages: []api.Message{{Role: "user", Content: prompt}}, Options: options}, func(r api.ChatResponse) error {
		text, last = text+r.Message.Content, r
		return nil
	})
	return text, last, err
}
