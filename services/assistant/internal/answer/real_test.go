//go:build linux

package answer_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"samtale.dk/samtale/models/llm/ggufgen"
	"samtale.dk/samtale/models/llm/ollama"
	"samtale.dk/samtale/models/llm/ollamatest"
	"samtale.dk/samtale/services/contract/assistantv1"
)

// model makes a model that says something on a real server, and its adapter.
func model(t *testing.T, s *ollamatest.Server, name string, m ggufgen.Model, change ...func(*ollama.Config)) *ollama.Model {
	t.Helper()
	data, err := m.GGUF()
	if err != nil {
		t.Fatal(err)
	}
	const tokens = 4096
	s.Create(t, name, data, ggufgen.Template)
	s.Load(t, name, tokens)
	cfg := ollama.Config{URL: s.URL, Model: name, Context: tokens, FirstToken: 2 * time.Minute, NextToken: time.Minute}
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
	s := ollamatest.Start(t)
	for i, lie := range lies {
		t.Run(lie.name, func(t *testing.T) {
			name := fmt.Sprintf("luegner-%d", i)
			p := pipeline(t, model(t, s, name, ggufgen.Model{Says: script(lie.sentences)}))
			checkLie(t, ask(t, p, assistantv1.AskRequest{Question: "Hvad koster en navneændring?"}), lie.never, lie.proven, name)
		})
	}
}

// A model on a real server that never ends, and one that tells the truth.
func TestRealServer(t *testing.T) {
	s := ollamatest.Start(t)
	true1 := script(`{"evidence":[1],"text":"Navneændring koster 610 kr. i 2026."}`)
	r := ask(t, pipeline(t, model(t, s, "sand", ggufgen.Model{Says: true1})), assistantv1.AskRequest{Question: "Hvad koster en navneændring?"})
	if r.DraftedBy != "sand" || said(r) != "Navneændring koster 610 kr. i 2026." || r.Notice != "" {
		t.Errorf("by %s, notice %q: %q", r.DraftedBy, r.Notice, said(r))
	}
	endless := model(t, s, "uendelig", ggufgen.Model{Says: `{"sentences":[{"evidence":[1],"text":"og så videre `, Loops: true}, func(c *ollama.Config) { c.MaxTokens = 40 })
	r = ask(t, pipeline(t, endless), assistantv1.AskRequest{Question: "Hvad koster en navneændring?"})
	if !r.Answered || r.Notice == "" || !strings.Contains(said(r), "610 kr.") {
		t.Errorf("%s, notice %q: %q", r.Reason, r.Notice, said(r))
	}
}

// A model on a real server proposes phrases.
func TestProposeOnARealServer(t *testing.T) {
	s := ollamatest.Start(t)
	says := `{"questions":["Hvad skal jeg give for et nyt efternavn?"]}`
	got, err := pipeline(t, model(t, s, "forslag", ggufgen.Model{Says: says})).Propose(t.Context(), assistantv1.ProposeRequest{ChunkID: navn})
	if err != nil || got.Model != "forslag" || len(got.Phrases) != 1 || got.Phrases[0] != "Hvad skal jeg give for et nyt efternavn?" {
		t.Errorf("%+v %v", got, err)
	}
}
