//go:build linux

package ollama_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ollama/ollama/api"

	"samtale.dk/samtale/models/embed"
	"samtale.dk/samtale/models/embed/embedtest"
	"samtale.dk/samtale/models/embed/ollama"
	"samtale.dk/samtale/models/llm/ggufgen"
)

// server is a real Ollama server in a process group of its own.
type server struct {
	url string
	api *api.Client
}

// start runs the server that SAMTALE_TEST_OLLAMA names (deploy/scripts/build-ollama.sh builds it), with its own home and models,
// until the test ends.
func start(t *testing.T) server {
	t.Helper()
	bin := os.Getenv("SAMTALE_TEST_OLLAMA")
	if bin == "" {
		if os.Getenv("REQUIRE_INTEGRATION") == "1" {
			t.Fatal("REQUIRE_INTEGRATION=1 but SAMTALE_TEST_OLLAMA names no server")
		}
		t.Skip("SAMTALE_TEST_OLLAMA names no server")
	}
	dir, log := t.TempDir(), &watched{found: make(chan string, 1)}
	cmd := exec.Command(bin, "serve")
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "OLLAMA_MODELS=" + filepath.Join(dir, "models"),
		"OLLAMA_HOST=127.0.0.1:0", "OLLAMA_NO_CLOUD=1", "OLLAMA_NUM_PARALLEL=1",
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", bin, err)
	}
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // the group: with its runners
		cmd.Wait()
		if t.Failed() {
			t.Logf("the server's log:\n%s", log.text())
		}
	})
	select {
	case address := <-log.found:
		u := &url.URL{Scheme: "http", Host: address}
		return server{u.String(), api.NewClient(u, &http.Client{})}
	case <-time.After(time.Minute):
		t.Fatalf("no address in a minute:\n%s", log.text())
		return server{}
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

// create makes a model of a file's bytes.
func (s server) create(t *testing.T, name string, data []byte) string {
	t.Helper()
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256(data))
	if err := s.api.CreateBlob(t.Context(), digest, bytes.NewReader(data)); err != nil {
		t.Fatalf("send model: %v", err)
	}
	err := s.api.Create(t.Context(), &api.CreateRequest{
		Model: name, Files: map[string]string{"model.gguf": digest}, Parameters: map[string]any{"num_thread": 1},
	}, func(api.ProgressResponse) error { return nil })
	if err != nil {
		t.Fatalf("create model: %v", err)
	}
	return name
}

// dimension of the models made here.
const dimension = 64

func (s server) connect(t *testing.T, model string, change ...func(*ollama.Config)) *ollama.Embedder {
	t.Helper()
	cfg := ollama.Config{URL: s.url, Model: model, Dimension: dimension, Context: 512}
	for _, c := range change {
		c(&cfg)
	}
	e, err := ollama.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func bag(groups ...[]string) []byte {
	return ggufgen.Bag{Groups: append(embedtest.Groups, groups...), Dimension: dimension}.GGUF()
}

func TestContractOnARealServer(t *testing.T) {
	s := start(t)
	model := s.create(t, "ordpose", bag())
	embedtest.Run(t, func(t *testing.T) embed.Embedder { return s.connect(t, model) })
}

func TestPrefixes(t *testing.T) {
	s := start(t)
	model := s.create(t, "praefiks", bag([]string{"spørgsmål"}, []string{"tekst"}))
	with := s.connect(t, model, func(c *ollama.Config) { c.QueryPrefix, c.PassagePrefix = "spørgsmål ", "tekst " })
	plain := s.connect(t, model)
	q, err := with.Query(t.Context(), "pension")
	if err != nil {
		t.Fatal(err)
	}
	p, err := with.Passages(t.Context(), []string{"pension"})
	if err != nil {
		t.Fatal(err)
	}
	same, err := plain.Passages(t.Context(), []string{"spørgsmål pension", "tekst pension"})
	if err != nil {
		t.Fatal(err)
	}
	for name, d := range map[string]float64{"query": dot(q, same[0]), "passage": dot(p[0], same[1])} {
		if d < .999 {
			t.Errorf("%s with a prefix and with the prefix in the text: cosine %g", name, d)
		}
	}
	if d := dot(q, p[0]); d > .99 {
		t.Errorf("the prefixes change nothing: cosine %g", d)
	}
}

func dot(a, b []float32) (sum float64) {
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

// What is set up wrong is told, although the server would answer.
func TestWrongModels(t *testing.T) {
	s := start(t)
	model := s.create(t, "ordpose", bag())
	chat, err := ggufgen.Model{Says: "Det er en samtalemodel."}.GGUF()
	if err != nil {
		t.Fatal(err)
	}
	talker := s.create(t, "taler", chat)
	for name, e := range map[string]*ollama.Embedder{
		"dimension": s.connect(t, model, func(c *ollama.Config) { c.Dimension = 1024 }),
		"chat":      s.connect(t, talker),
		"missing":   s.connect(t, "findes-ikke"),
	} {
		if _, err := e.Describe(t.Context()); !errors.Is(err, embed.ErrModel) {
			t.Errorf("%s: describe gives %v", name, err)
		}
		if v, err := e.Query(t.Context(), "pension"); !errors.Is(err, embed.ErrModel) {
			t.Errorf("%s: %d numbers, %v", name, len(v), err)
		}
	}
}

func TestHardTexts(t *testing.T) {
	s := start(t)
	e := s.connect(t, s.create(t, "ordpose", bag()))
	if _, err := e.Query(t.Context(), strings.Repeat("pension ", 2000)); !errors.Is(err, embed.ErrTooLong) {
		t.Errorf("a long text gives %v", err)
	}
	if v, err := e.Query(t.Context(), "xyzzy"); !errors.Is(err, embed.ErrOutput) {
		t.Errorf("a text without a known word gives %v, %v", v, err)
	}
	if _, err := e.Passages(t.Context(), []string{"pension", "pas 👍 \u0000 [CLS] <|im_start|>"}); err != nil {
		t.Errorf("odd text: %v", err)
	}
}

func TestDescribe(t *testing.T) {
	s := start(t)
	e := s.connect(t, s.create(t, "ordpose", bag()))
	before, err := e.Describe(t.Context())
	if err != nil || before.Name != "ordpose" || before.Dimension != dimension || len(before.Digest) < 12 {
		t.Fatalf("%+v, %v", before, err)
	}
	s.create(t, "ordpose", bag([]string{"nyt"}))
	after, err := e.Describe(t.Context())
	if err != nil || after.Digest == before.Digest {
		t.Errorf("another model of the same name has the digest %q as before, %v", after.Digest, err)
	}
}
