// Package natsserver runs a NATS server with JetStream inside this process: what
// standalone and the tests use. It listens on no port unless asked to.
//
// A stream of JetStream that could not write (the disk was full) refuses every later
// write until it is opened again. A goroutine of the Server watches for that and opens
// JetStream again as soon as the disk takes data; nothing acknowledged is lost by it.
package natsserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"samtale.dk/samtale/services/platform/errs"
)

// Config of the embedded server.
type Config struct {
	StoreDir string // JetStream files
	Host     string // listen address; empty: no port, in-process connections only
	Port     int    // -1: any free one
	// SyncAlways makes JetStream acknowledge only what is on disk (power loss).
	SyncAlways bool
	Log        *slog.Logger // warnings and errors of the server; nil: none
}

// Server is a running NATS server.
type Server struct {
	ns     *server.Server
	cfg    Config
	log    *slog.Logger
	failed atomic.Bool // a write failed since JetStream was opened
	quit   chan struct{}
	healer sync.WaitGroup
}

// startLimit is more than reading large streams takes on a slow disk.
const startLimit = time.Minute

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
	s := &Server{ns: ns, cfg: cfg, log: cfg.Log, quit: make(chan struct{})}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	ns.SetLogger((*watch)(s), false, false)
	go ns.Start()
	if !ns.ReadyForConnections(startLimit) {
		ns.Shutdown()
		return nil, fmt.Errorf("embedded NATS: not ready within %v (is the data folder in use by another samtale?)", startLimit)
	}
	s.healer.Go(s.heal)
	return s, nil
}

// Option connects a client in process, without a socket.
func (s *Server) Option() nats.Option { return nats.InProcessServer(s) }

// InProcessConn implements nats.InProcessConnProvider.
func (s *Server) InProcessConn() (net.Conn, error) { return s.ns.InProcessConn() }

// URL is where the server listens; only with a Host.
func (s *Server) URL() string { return s.ns.ClientURL() }

// Ready reports whether JetStream can store.
func (s *Server) Ready(context.Context) error {
	if s.failed.Load() || !s.ns.JetStreamEnabled() {
		return errs.E(errs.Unavailable, "", errors.New("JetStream could not write"))
	}
	return nil
}

// Stop shuts the server down and waits for its files to be closed.
func (s *Server) Stop() {
	close(s.quit)
	s.healer.Wait()
	s.ns.Shutdown()
	s.ns.WaitForShutdown()
}

// healEvery is how long a failed JetStream waits between two looks at the disk.
const healEvery = time.Second

func (s *Server) heal() {
	t := time.NewTicker(healEvery)
	defer t.Stop()
	for {
		select {
		case <-s.quit:
			return
		case <-t.C:
		}
		if !s.failed.Load() || !s.room() {
			continue
		}
		if err := s.reopen(); err != nil {
			s.log.Error("JetStream does not open again", "err", err)
			continue
		}
		s.log.Warn("JetStream was opened again: the disk takes data")
	}
}

// roomSize is what the disk must take before it is worth trying: a stream's next block
// and its index.
const roomSize = 256 << 10

func (s *Server) room() bool {
	f, err := os.CreateTemp(s.cfg.StoreDir, "room-*.tmp")
	if err != nil {
		return false
	}
	defer os.Remove(f.Name())
	_, err = f.Write(make([]byte, roomSize))
	return errors.Join(err, f.Close()) == nil
}

func (s *Server) reopen() error {
	if err := s.ns.ShutdownJetStream(); err != nil {
		return err
	}
	s.failed.Store(false)
	err := s.ns.EnableJetStream(&server.JetStreamConfig{StoreDir: s.cfg.StoreDir, SyncAlways: s.cfg.SyncAlways, Strict: true})
	if err != nil {
		s.failed.Store(true)
	}
	return err
}

// watch is the server's logger. The server tells of a failed write in no other way.
type watch Server

func (w *watch) Errorf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	if strings.Contains(text, "write error") || strings.Contains(text, "will be DISABLED") {
		if w.failed.Swap(true) {
			return // said before
		}
	}
	w.log.Error("NATS: " + text)
}

func (w *watch) Warnf(format string, v ...any)  { w.log.Warn("NATS: " + fmt.Sprintf(format, v...)) }
func (w *watch) Fatalf(format string, v ...any) { w.log.Error("NATS: " + fmt.Sprintf(format, v...)) }
func (w *watch) Noticef(string, ...any)         {}
func (w *watch) Debugf(string, ...any)          {}
func (w *watch) Tracef(string, ...any)          {}
