// Package ollama is what the adapters to an Ollama server share: its address, and who may ask it. The server's own queue limit does not
// bound requests that wait for a loaded model, so few are admitted at once, few wait, and the others are refused.
package ollama

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/ollama/ollama/api"
)

// ErrFull means that as many wait as may.
var ErrFull = errors.New("too many wait")

// Server is one server, as one adapter may use it. Safe for concurrent use.
type Server struct {
	*api.Client
	slots chan struct{} // requests at the server
	queue chan struct{} // requests at the server or waiting
}

// New returns the server at an address ("http://127.0.0.1:11434"). It does not reach it.
func New(address string, client *http.Client, concurrent, waiting int) (*Server, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("ollama address: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("ollama address %q: want http://host:port", address)
	}
	return &Server{
		Client: api.NewClient(u, client), slots: make(chan struct{}, concurrent), queue: make(chan struct{}, concurrent+waiting),
	}, nil
}

// Admit waits for a slot, or refuses with [ErrFull]. Whoever is admitted calls leave.
func (s *Server) Admit(ctx context.Context) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case s.queue <- struct{}{}:
	default:
		return nil, fmt.Errorf("%d requests: %w", cap(s.queue), ErrFull)
	}
	select {
	case s.slots <- struct{}{}:
		return func() { <-s.slots; <-s.queue }, nil
	case <-ctx.Done():
		<-s.queue
		return nil, ctx.Err()
	}
}

// Inside is how many requests are at the server or wait.
func (s *Server) Inside() int { return len(s.queue) }
