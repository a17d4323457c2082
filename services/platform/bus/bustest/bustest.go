// Package bustest gives tests a real NATS server with JetStream in process.
package bustest

import (
	"errors"
	"log/slog"
	"net"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"

	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/bus/natsserver"
)

// New starts a server in a temporary folder and connects to it.
func New(t testing.TB, streams ...bus.Stream) *bus.Bus {
	t.Helper()
	b := NewServer(t).Connect(t.Name())
	if err := b.EnsureStreams(t.Context(), streams...); err != nil {
		t.Fatal(err)
	}
	return b
}

// Server is a server that its test may stop and start again. Clients find it again without a port that would have to stay free
// meanwhile.
type Server struct {
	t   testing.TB
	dir string

	mu  sync.Mutex
	srv *natsserver.Server // nil while it is stopped
}

// NewServer starts a server in a temporary folder; it runs until the test ends.
func NewServer(t testing.TB) *Server {
	t.Helper()
	s := &Server{t: t, dir: t.TempDir()}
	t.Cleanup(s.Stop)
	s.Start()
	return s
}

// Start starts the server again.
func (s *Server) Start() {
	s.t.Helper()
	srv, err := natsserver.Start(natsserver.Config{StoreDir: s.dir})
	if err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.srv = srv
}

// Stop stops the server, if it runs.
func (s *Server) Stop() {
	s.mu.Lock()
	srv := s.srv
	s.srv = nil
	s.mu.Unlock()
	if srv != nil {
		srv.Stop()
	}
}

// Connect connects a client that is closed when the test ends.
func (s *Server) Connect(name string) *bus.Bus {
	s.t.Helper()
	b, err := bus.Connect(name, bus.Config{}, slog.New(slog.DiscardHandler), s.Option())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { b.Close() })
	return b
}

// Option reaches the server, also after it was started again.
func (s *Server) Option() nats.Option { return nats.InProcessServer(s) }

// InProcessConn implements nats.InProcessConnProvider.
func (s *Server) InProcessConn() (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.srv == nil {
		return nil, errors.New("the server is stopped")
	}
	return s.srv.InProcessConn()
}
