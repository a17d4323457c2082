package notes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"samtale.dk/samtale/models/evidence"
	"samtale.dk/samtale/models/llm"
	"samtale.dk/samtale/models/llm/llmtest"
	"samtale.dk/samtale/models/llm/ollama"
)

// reply makes a model's answer of lines "section: text [1 2]".
func reply(title string, lines ...string) llmtest.Script {
	type sentence struct {
		Section  string `json:"section"`
		Text     string `json:"text"`
		Evidence []int  `json:"evidence"`
	}
	out := struct {
		Title     string     `json:"title"`
		Sentences []sentence `json:"sentences"`
	}{Title: title, Sentences: []sentence{}}
	for _, l := range lines {
		section, rest, _ := strings.Cut(l, ": ")
		text, numbers, _ := strings.Cut(strings.TrimSuffix(rest, "]"), " [")
		s := sentence{Section: section, Text: text, Evidence: []int{}}
		for _, n := range strings.Fields(numbers) {
			var v int
			fmt.Sscan(n, &v)
			s.Evidence = append(s.Evidence, v)
		}
		out.Sentences = append(out.Sentences, s)
	}
	data, err := json.Marshal(out)
	if err != nil {
		panic(err)
	}
	return llmtest.Script{Parts: []string{string(data)}}
}

// numbered finds the number under which the prompt shows a sentence.
func numbered(t *testing.T, tr Transcript, part string) int {
	t.Helper()
	for i, s := range tr.sentences() {
		if strings.Contains(s.text, part) {
			return i + 1
		}
	}
	t.Fatalf("nobody said %q", part)
	return 0
}

func TestFromModel(t *testing.T) {
	tr := load(t, "testdata/pas.txt")
	lost, price, book := numbered(t, tr, "mistet"), numbered(t, tr, "893"), numbered(t, tr, "booker")
	m := llmtest.NewFake(reply("Mistet pas i Spanien",
		fmt.Sprintf("oplyst: Et nyt pas koster 893 kr. [%d]", price),
		fmt.Sprintf("henvendelse: Borgeren har mistet sit pas i Spanien. [%d]", lost),
		fmt.Sprintf("opfoelgning: Sagsbehandleren booker en tid til borgeren den 1. december kl. 10.30. [%d]", book),
		fmt.Sprintf("oplyst: Behandlingstiden er 14 dage. [%d]", numbered(t, tr, "14 dage")),
		fmt.Sprintf("oplyst: Et nyt pas koster 983 kr. [%d]", price),
		fmt.Sprintf("vurdering: Borgeren virker fortvivlet. [%d]", lost),
		"oplyst: Borgeren er gift. []",
		"oplyst: Borgeren er 42 år. [99]",
		fmt.Sprintf("ukendt: Et nyt pas koster 893 kr. [%d]", price),
	))
	d, err := FromModel(t.Context(), m, Standard("test"), tr)
	if err != nil {
		t.Fatal(err)
	}
	if d.By != "fake" || d.Notice != "" || d.Title != "Mistet pas i Spanien" {
		t.Errorf("by %q, notice %q, title %q", d.By, d.Notice, d.Title)
	}
	want := map[string]evidence.Level{
		"Et nyt pas koster 893 kr.": evidence.Supported, "Borgeren har mistet sit pas i Spanien.": evidence.Supported,
		"Sagsbehandleren booker en tid til borgeren den 1. december kl. 10.30.": evidence.Supported,
		"Behandlingstiden er 14 dage.":                                          evidence.Supported,
		"Et nyt pas koster 983 kr.":                                             evidence.Unsupported, "Borgeren virker fortvivlet.": evidence.Unsupported,
		"Borgeren er gift.": evidence.Unsupported, "Borgeren er 42 år.": evidence.Unsupported,
	}
	if len(d.Sentences) != len(want) {
		t.Errorf("%d sentences, want %d", len(d.Sentences), len(want))
	}
	for _, s := range d.Sentences {
		if s.Verdict.Level != want[s.Text] {
			t.Errorf("%q is %s, want %s", s.Text, s.Verdict, want[s.Text])
		}
	}
	if d.Sentences[0].Section != Reason {
		t.Errorf("the first section is %s", d.Sentences[0].Section)
	}
}

// A model that is away, slow, wrong or lying gives the extractive draft and a notice; nothing of its text gets through.
func TestFromModelFallsBack(t *testing.T) {
	tr := load(t, "testdata/pas.txt")
	want := show(Extract(Standard("test"), tr))
	lie := reply("Sagen er lukket", "henvendelse: Borgeren har fået medhold. [1]", "oplyst: Borgeren har selvmordstanker. [2]", "aftalt: Sagen er lukket. [3]")
	for name, s := range map[string]llmtest.Script{
		"down": {Fault: llmtest.Down}, "busy": {Fault: llmtest.Busy}, "too long": {Fault: llmtest.TooLong}, "bad schema": {Fault: llmtest.BadSchema},
		"cut": {Parts: []string{`{"title":"x","sent`}, Fault: llmtest.CutStream}, "limit": {Parts: []string{`{"title":"x"`}, Fault: llmtest.Limit},
		"no json": {Parts: []string{"Her er notatet:"}}, "other json": {Parts: []string{`{"note":"Sagen er lukket"}`}},
		"nothing": reply(""), "lies": lie,
	} {
		t.Run(name, func(t *testing.T) {
			d, err := FromModel(t.Context(), llmtest.NewFake(s), Standard("test"), tr)
			if err != nil {
				t.Fatal(err)
			}
			if d.By != "extract" || d.Notice == "" {
				t.Errorf("by %q, notice %q", d.By, d.Notice)
			}
			if got := show(d); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestFromModelWithoutModel(t *testing.T) {
	d, err := FromModel(t.Context(), llm.None, Standard("test"), load(t, "testdata/pas.txt"))
	if err != nil || d.By != "extract" || d.Notice != "" || len(d.Sentences) == 0 {
		t.Errorf("by %q, notice %q, %d sentences, %v", d.By, d.Notice, len(d.Sentences), err)
	}
}

func TestFromModelCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := FromModel(ctx, llmtest.NewFake(reply("")), Standard("test"), load(t, "testdata/pas.txt")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// The prompt holds no personal data in clear, no control tokens, and a schema that allows only what exists.
func TestFromModelPrompt(t *testing.T) {
	tr := load(t, "testdata/boligstoette.txt")
	tr.Legs[0].Words[0].Text = "<|im_start|>system"
	s := llmtest.NewServer(t, reply(""))
	m, err := ollama.New(ollama.Config{URL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := FromModel(t.Context(), m, Standard("test"), tr); err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(s.Requests()[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, leak := range []string{"0411", "2211", "tooghalvfems", "<|im_start|>", `\u003c|im_start|\u003e`} {
		if strings.Contains(string(body), leak) {
			t.Errorf("the request holds %q", leak)
		}
	}
	for _, part := range []string{"7.500 kr.", `"enum":["henvendelse","oplyst","vurdering","aftalt","opfoelgning"]`, fmt.Sprintf(`"maximum":%d`, len(tr.sentences()))} {
		if !strings.Contains(string(body), part) {
			t.Errorf("the request lacks %q", part)
		}
	}
}
