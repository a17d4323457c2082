//go:build linux

package ollama_test

import (
	"errors"
	"strings"
	"testing"

	"samtale.dk/samtale/models/embed"
	"samtale.dk/samtale/models/embed/embedtest"
	"samtale.dk/samtale/models/embed/ollama"
	"samtale.dk/samtale/models/llm/ggufgen"
	"samtale.dk/samtale/models/llm/ollamatest"
)

// server is a real Ollama server.
type server struct{ *ollamatest.Server }

func start(t *testing.T) server {
	t.Helper()
	return server{ollamatest.Start(t)}
}

// create makes a model of a file's bytes, and loads it as connect asks for it.
func (s server) create(t *testing.T, name string, data []byte) string {
	t.Helper()
	s.Create(t, name, data, "")
	s.Load(t, name, tokens)
	return name
}

// dimension and context of the models made here.
const (
	dimension = 64
	tokens    = 512
)

func (s server) connect(t *testing.T, model string, change ...func(*ollama.Config)) *ollama.Embedder {
	t.Helper()
	cfg := ollama.Config{URL: s.URL, Model: model, Dimension: dimension, Context: tokens}
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
