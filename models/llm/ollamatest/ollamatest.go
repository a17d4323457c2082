//go:build linux

// Package ollamatest runs a real Ollama server for a test: the one that SAMTALE_TEST_OLLAMA names
// (deploy/scripts/build-ollama.sh builds it), with its own home and models. It reaches nothing outside this machine.
package ollamatest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ollama/ollama/api"
)

// Server is a process group of its own: one process for the API and one runner per loaded model.
type Server struct {
	URL string
	API *api.Client
	Dir string // its home; the models' files are below

	bin  string
	mu   sync.Mutex
	cmd  *exec.Cmd
	host string
}

// Start runs a server until the test ends. Without one the test is skipped; with REQUIRE_INTEGRATION=1 it fails.
func Start(t *testing.T) *Server {
	t.Helper()
	bin := os.Getenv("SAMTALE_TEST_OLLAMA")
	if bin == "" {
		if os.Getenv("REQUIRE_INTEGRATION") == "1" {
			t.Fatal("REQUIRE_INTEGRATION=1 but SAMTALE_TEST_OLLAMA names no server")
		}
		t.Skip("SAMTALE_TEST_OLLAMA names no server")
	}
	s := &Server{Dir: t.TempDir(), bin: bin}
	s.run(t)
	return s
}

// Again starts a server that was killed, with its models. Its address is another one: nobody could keep the old one free.
func (s *Server) Again(t *testing.T) {
	t.Helper()
	s.run(t)
}

// Client finds the server also where it was started again.
func (s *Server) Client() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		s.mu.Lock()
		host := s.host
		s.mu.Unlock()
		var d net.Dialer
		return d.DialContext(ctx, network, host)
	}}}
}

// Kill ends the server and its runners at once. It may be called twice.
func (s *Server) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd.ProcessState == nil {
		_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
		_ = s.cmd.Wait()
	}
}

// Create makes a model of a GGUF file's bytes and returns the file's digest. An embedding model has no template.
func (s *Server) Create(t *testing.T, name string, gguf []byte, template string) string {
	t.Helper()
	digest := fmt.Sprintf("%x", sha256.Sum256(gguf))
	if err := s.API.CreateBlob(t.Context(), "sha256:"+digest, bytes.NewReader(gguf)); err != nil {
		t.Fatalf("send model: %v", err)
	}
	err := s.API.Create(t.Context(), &api.CreateRequest{
		Model: name, Files: map[string]string{"model.gguf": "sha256:" + digest}, Template: template,
		Parameters: map[string]any{"num_thread": 1},
	}, func(api.ProgressResponse) error { return nil })
	if err != nil {
		t.Fatalf("create model: %v", err)
	}
	return digest
}

// Load loads a model with a context of so many tokens. The server gives a runner a port that another process may take before the
// runner does; then it says that the runner has ended, and is asked again.
func (s *Server) Load(t *testing.T, name string, context int) {
	t.Helper()
	var err error
	for range 5 {
		if _, err = s.API.Embed(t.Context(), &api.EmbedRequest{Model: name, Options: map[string]any{"num_ctx": context, "num_gpu": 0}}); err == nil {
			return
		}
	}
	t.Fatalf("load model: %v", err)
}

func (s *Server) run(t *testing.T) {
	t.Helper()
	log := &watched{found: make(chan string, 1)}
	cmd := exec.Command(s.bin, "serve")
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + s.Dir, "OLLAMA_MODELS=" + filepath.Join(s.Dir, "models"),
		"OLLAMA_HOST=127.0.0.1:0", "OLLAMA_NO_CLOUD=1", "OLLAMA_NUM_PARALLEL=1",
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", s.bin, err)
	}
	s.mu.Lock()
	s.cmd = cmd
	s.mu.Unlock()
	t.Cleanup(func() {
		s.Kill()
		if t.Failed() {
			t.Logf("the server's log:\n%s", log.text())
		}
	})
	select {
	case address := <-log.found:
		u := &url.URL{Scheme: "http", Host: address}
		s.URL, s.API = u.String(), api.NewClient(u, &http.Client{})
		s.mu.Lock()
		s.host = address
		s.mu.Unlock()
	case <-time.After(2 * time.Minute):
		t.Fatalf("no address in two minutes:\n%s", log.text())
	}
}

// watched keeps a log and finds the server's address in it.
type watched struct {
	mu    sync.Mutex
	b     bytes.Buffer
	found chan string
}

var listening = regexp.MustCompile(`Listening on (127\.0\.0\.1:\d+) `)

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.b.Write(p)
	if m := listening.FindSubmatch(w.b.Bytes()); m != nil {
		select {
		case w.found <- string(m[1]):
		default:
		}
	}
	return len(p), nil
}

func (w *watched) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}
