//go:build linux

package ollama_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ollama/ollama/api"

	"samtale.dk/samtale/models/llm/ggufgen"
	"samtale.dk/samtale/models/llm/ollama"
)

// server is a real Ollama server, a process group of its own: one process for the API and one runner per loaded model.
type server struct {
	url string
	api *api.Client
	dir string
	cmd *exec.Cmd
	log *safeBuffer
}

// start runs the server that SAMTALE_TEST_OLLAMA names (deploy/scripts/build-ollama.sh builds it), with its own home and
// models, until the test ends. It reaches nothing outside this machine.
func start(t *testing.T) *server {
	t.Helper()
	bin := os.Getenv("SAMTALE_TEST_OLLAMA")
	if bin == "" {
		if os.Getenv("REQUIRE_INTEGRATION") == "1" {
			t.Fatal("REQUIRE_INTEGRATION=1 but SAMTALE_TEST_OLLAMA names no server")
		}
		t.Skip("SAMTALE_TEST_OLLAMA names no server")
	}
	s := &server{dir: t.TempDir()}
	s.run(t, bin, "127.0.0.1:0")
	return s
}

// again starts a server that was killed, at its address, with its models.
func (s *server) again(t *testing.T) {
	t.Helper()
	u, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	s.run(t, s.cmd.Path, u.Host)
}

func (s *server) run(t *testing.T, bin, host string) {
	t.Helper()
	s.log = &safeBuffer{}
	s.cmd = exec.Command(bin, "serve")
	s.cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "OLLAMA_MODELS=" + filepath.Join(s.dir, "models"),
		"OLLAMA_HOST=" + host, "OLLAMA_NO_CLOUD=1", "OLLAMA_NUM_PARALLEL=1",
	}
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	r, w := io.Pipe()
	s.cmd.Stdout, s.cmd.Stderr = w, w
	if err := s.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", bin, err)
	}
	cmd := s.cmd
	t.Cleanup(func() {
		kill(cmd)
		w.Close()
		if t.Failed() {
			t.Logf("the server's log:\n%s", s.log.String())
		}
	})
	address := make(chan string, 1)
	go s.follow(r, address)
	select {
	case a := <-address:
		s.url = "http://" + a
	case <-time.After(time.Minute):
		t.Fatalf("no address in a minute:\n%s", s.log.String())
	}
	u, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	s.api = api.NewClient(u, &http.Client{})
}

var listening = regexp.MustCompile(`Listening on (127\.0\.0\.1:\d+)`)

// follow keeps the log and finds the address in it.
func (s *server) follow(r io.Reader, address chan<- string) {
	log := s.log
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		fmt.Fprintln(log, lines.Text())
		if m := listening.FindStringSubmatch(lines.Text()); m != nil {
			address <- m[1]
		}
	}
	io.Copy(io.Discard, r) // never block the server
}

// kill ends the server and its runners at once. It may be called twice.
func kill(cmd *exec.Cmd) {
	if cmd.ProcessState == nil {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		cmd.Wait()
	}
}

// made is a model on a server.
type made struct {
	name   string
	digest string // of its file
}

// create makes a model through the API.
func (s *server) create(t *testing.T, name string, m ggufgen.Model) made {
	t.Helper()
	data, err := m.GGUF()
	if err != nil {
		t.Fatal(err)
	}
	digest := fmt.Sprintf("%x", sha256.Sum256(data))
	if err := s.api.CreateBlob(t.Context(), "sha256:"+digest, bytes.NewReader(data)); err != nil {
		t.Fatalf("send model: %v", err)
	}
	err = s.api.Create(t.Context(), &api.CreateRequest{
		Model: name, Files: map[string]string{"model.gguf": "sha256:" + digest}, Template: ggufgen.Template,
		Parameters: map[string]any{"num_thread": 1},
	}, func(api.ProgressResponse) error { return nil })
	if err != nil {
		t.Fatalf("create model: %v", err)
	}
	return made{name, digest}
}

// connect makes the adapter for a model, with settings that a small machine keeps.
func (s *server) connect(t *testing.T, m made, change ...func(*ollama.Config)) *ollama.Model {
	t.Helper()
	cfg := ollama.Config{URL: s.url, Model: m.name, Context: 4096, FirstToken: 2 * time.Minute, NextToken: time.Minute}
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
func (s *server) runner(m made) (int, error) {
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return 0, err
	}
	for _, f := range files {
		line, err := os.ReadFile(f)
		if err != nil || !bytes.Contains(line, []byte(s.dir)) || !bytes.Contains(line, []byte(m.digest)) {
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

// safeBuffer is a log that is written and read at once.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// plain asks as a client does that knows of no traps, and says whether the server said that the model was done.
func (s *server) plain(ctx context.Context, m made, prompt string, options map[string]any) (text string, last api.ChatResponse, err error) {
	err = s.api.Chat(ctx, &api.ChatRequest{Model: m.name, Messages: []api.Message{{Role: "user", Content: prompt}}, Options: options}, func(r api.ChatResponse) error {
		text, last = text+r.Message.Content, r
		return nil
	})
	return text, last, err
}
