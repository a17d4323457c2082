// Package natsserver runs a NATS server with JetStream inside this process: what
// standalone and the tests use. It listens on no port unless asked to.
package natsserver

import (
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// Config of the embedded server.
type Config struct {
	StoreDir string // JetStream files
	Host     string // listen address; empty: no port, in-process connections only
	Port     int    // -1: any free one
	// SyncAlways makes JetStream acknowledge only what is on disk (power loss).
	SyncAlways bool
}

// Server is a running NATS server.
type Server struct{ ns *server.Server }

// Start runs a server and waits until it accepts connections.
func Start(cfg Config) (*Server, error) {
	opts := &server.Options{
		ServerName: "samtale", JetStream: true, StoreDir: cfg.StoreDir,
		DontListen: cfg.Host == "", Host: cfg.Host, Port: cfg.Port,
		NoSigs: true, NoLog: true, SyncAlways: cfg.SyncAlways,
		MaxPayload: 1 << 20,
	}
	ns, err := server.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("embedded NATS: %w", err)
	}
	go ns.Start()
	if !ns.ReadyForConnections(10 * time.Second) {
		ns.Shutdown()
		return nil, errors.New("embedded NATS: not ready within 10 s (is the data folder in use by another samtale?)")
	}
	return &Server{ns: ns}, nil
}

// Option connects a client in process, without a socket.
func (s *Server) Option() nats.Option { return nats.InProcessServer(s.ns) }

// URL is where the server listens; only with a Host.
func (s *Server) URL() string { return s.ns.ClientURL() }

// Stop shuts the server down and waits for its files to be closed.
func (s *Server) Stop() {
	s.ns.Shutdown()
	s.ns.WaitForShutdown()
}
