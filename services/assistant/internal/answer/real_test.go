//go:build linux

package answer_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ollama/ollama/api"

	"samtale.dk/samtale/models/llm/ggufgen"
	"samtale.dk/samtale/models/llm/ollama"
	"samtale.dk/samtale/services/contract/assistantv1"
)

// server is a real Ollama server in a process group of its own.
type server struct {
	url string
	api *api.Client
}

var listening = regexp.MustCompile(`Listening on (127\.0\.0\.1:\d+)`)

// start runs the server that SAMTALE_TEST_OLLAMA names until the test ends; it reaches nothing outside this machine.
func start(t *testing.T) *server {
	t.Helper()
	bin := os.Getenv("SAMTALE_TEST_OLLAMA")
	if bin == "" {
		if os.Getenv("REQUIRE_INTEGRATION") == "1" {
			t.Fatal("REQUIRE_INTEGRATION=1 but SAMTALE_TEST_OLLAMA names no server")
		}
		t.Skip("SAMTALE_TEST_OLLAMA names no server")
	}
	dir := t.TempDir()
	cmd := exec.Command(bin, "serve")
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "OLLAMA_MODELS=" + filepath.Join(dir, "models"),
		"OLLAMA_HOST=127.0.0.1:0", "OLLAMA_NO_CLOUD=1", "OLLAMA_NUM_PARALLEL=1",
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", bin, err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
		w.Close()
	})
	address := make(chan string, 1)
	go func() {
		for lines := bufio.NewScanner(r); lines.Scan(); {
			if m := listening.FindStringSubmatch(lines.Text()); m != nil {
				address <- m[1]
			}
		}
		_, _ = io.Copy(io.Discard, r) // never block the server
	}()
	select {
	case a := <-address:
		u, err := url.Parse("http://" + a)
		if err != nil {
			t.Fatal(err)
		}
		return &server{u.String(), api.NewClient(u, &http.Client{})}
	case <-time.After(time.Minute):
		t.Fatal("no address in a minute")
	}
	return nil
}

// model makes a model that says something, and its adapter.
func (s *server) model(t *testing.T, name string, m ggufgen.Model, change ...func(*ollama.Config)) *ollama.Model {
	t.Helper()
	data, err := m.GGUF()
	if err != nil {
		t.Fatal(err)
	}
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256(data))
	if err := s.api.CreateBlob(t.Context(), digest, bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	err = s.api.Create(t.Context(), &api.CreateRequest{
		Model: name, Files: map[string]string{"model.gguf": digest}, Template: ggufgen.Template, Parameters: map[string]any{"num_thread": 1},
	}, func(api.ProgressResponse) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	cfg := ollama.Config{URL: s.url, Model: name, Context: 4096, FirstToken: 2 * time.Minute, NextToken: time.Minute}
	for _, c := range change {
		c(&cfg)
	}
	out, err := ollama.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// The same lies, told by models on a real server: none gets through.
func TestLiesOnARealServer(t *testing.T) {
	s := start(t)
	for i, lie := range lies {
		t.Run(lie.name, func(t *testing.T) {
			name := fmt.Sprintf("luegner-%d", i)
			p := pipeline(t, s.model(t, name, ggufgen.Model{Says: script(lie.sentences)}))
			checkLie(t, ask(t, p, assistantv1.AskRequest{Question: "Hvad koster en navneændring?"}), lie.never, lie.proven, name)
		})
	}
}

// A model on a real server that never ends, and one that tells the truth.
func TestRealServer(t *testing.T) {
	s := start(t)
	true1 := script(`{"evidence":[1],"text":"Navneændring koster 610 kr. i 2026."}`)
	r := ask(t, pipeline(t, s.model(t, "sand", ggufgen.Model{Says: true1})), assistantv1.AskRequest{Question: "Hvad koster en navneændring?"})
	if r.DraftedBy != "sand" || said(r) != "Navneændring koster 610 kr. i 2026." || r.Notice != "" {
		t.Errorf("by %s, notice %q: %q", r.DraftedBy, r.Notice, said(r))
	}
	endless := s.model(t, "uendelig", ggufgen.Model{Says: `{"sentences":[{"evidence":[1],"text":"og så videre `, Loops: true}, func(c *ollama.Config) { c.MaxTokens = 40 })
	r = ask(t, pipeline(t, endless), assistantv1.AskRequest{Question: "Hvad koster en navneændring?"})
	if !r.Answered || r.Notice == "" || !strings.Contains(said(r), "610 kr.") {
		t.Errorf("%s, notice %q: %q", r.Reason, r.Notice, said(r))
	}
}
