//go:build linux

package ollama_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/models/danish"
	"samtale.dk/samtale/models/evidence"
	"samtale.dk/samtale/models/llm/ggufgen"
	"samtale.dk/samtale/models/llm/ollama"
	"samtale.dk/samtale/models/notes"
)

// talk makes a transcript of turns, one sentence each, so that the prompt numbers them as they stand here.
func talk(turns ...string) notes.Transcript {
	citizen, caseworker := notes.Leg{ID: "b", Role: evidence.Citizen}, notes.Leg{ID: "s", Role: evidence.Caseworker}
	var now int64
	for _, turn := range turns {
		who, text, _ := strings.Cut(turn, ": ")
		l := &citizen
		if who == "S" {
			l = &caseworker
		}
		for i, tk := range danish.Tokens(text) {
			l.Words = append(l.Words, notes.Word{
				ID: fmt.Sprintf("%s-%d", l.ID, now), Text: tk.Text, Start: now, End: now + 4000, Confidence: .9, Sentence: i == 0,
			})
			now += 5000
		}
		now += 16000
	}
	return notes.Transcript{Legs: []notes.Leg{citizen, caseworker}}
}

var passport = talk(
	"B: Jeg har mistet mit pas i Spanien den 12. oktober 2026.",
	"S: Et nyt pas koster 893 kr.",
	"S: Behandlingstiden er 14 dage.",
	"S: Jeg booker en tid til dig den 1. december kl. 10.30.",
)

// said writes an answer in the order that the schema's grammar keeps, which is that of the alphabet.
func said(t *testing.T, title string, lines ...string) string {
	t.Helper()
	type sentence struct {
		Evidence []int  `json:"evidence"`
		Section  string `json:"section"`
		Text     string `json:"text"`
	}
	var out struct {
		Sentences []sentence `json:"sentences"`
		Title     string     `json:"title"`
	}
	out.Title = title
	for _, l := range lines {
		var s sentence
		var n int
		var rest string
		if _, err := fmt.Sscanf(l, "%d %s", &n, &s.Section); err != nil {
			t.Fatal(err)
		}
		_, rest, _ = strings.Cut(l, " ")
		_, s.Text, _ = strings.Cut(rest, " ")
		s.Evidence = []int{n}
		out.Sentences = append(out.Sentences, s)
	}
	data, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// draft asks a real server for a note.
func (s server) draft(t *testing.T, name string, m ggufgen.Model, change ...func(*ollama.Config)) notes.Draft {
	t.Helper()
	d, err := notes.FromModel(t.Context(), s.connect(t, s.create(t, name, m), change...), notes.Standard("test"), passport)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// levels are the texts of a draft by what is proven of them.
func levels(d notes.Draft) map[string][]string {
	out := map[string][]string{}
	for _, s := range d.Sentences {
		l := string(s.Verdict.Level)
		out[l] = append(out[l], s.Text)
	}
	for _, texts := range out {
		slices.Sort(texts)
	}
	return out
}

func TestNoteByARealServer(t *testing.T) {
	s := start(t)
	honest := []string{
		"1 henvendelse Borgeren har mistet sit pas i Spanien den 12. oktober 2026.",
		"2 oplyst Et nyt pas koster 893 kr.",
		"3 oplyst Behandlingstiden er 14 dage.",
	}
	d := s.draft(t, "sanddru", ggufgen.Model{Says: said(t, "Mistet pas i Spanien", honest...)})
	if d.By != "sanddru" || d.Notice != "" || d.Title != "Mistet pas i Spanien" {
		t.Errorf("by %q, notice %q, title %q", d.By, d.Notice, d.Title)
	}
	want := map[string][]string{"supported": {"Behandlingstiden er 14 dage.", "Borgeren har mistet sit pas i Spanien den 12. oktober 2026.", "Et nyt pas koster 893 kr."}}
	if diff := cmp.Diff(want, levels(d)); diff != "" {
		t.Errorf("honest (-want +got)\n%s", diff)
	}

	// Lies between true sentences stand in the draft, marked; none counts as proven.
	mixed := append(honest, "2 oplyst Et nyt pas koster 983 kr.", "1 aftalt Borgeren får ikke et nyt pas.")
	d = s.draft(t, "blandet", ggufgen.Model{Says: said(t, "Sagen er lukket", mixed...)})
	want["unsupported"] = []string{"Borgeren får ikke et nyt pas.", "Et nyt pas koster 983 kr."}
	if diff := cmp.Diff(want, levels(d)); diff != "" {
		t.Errorf("mixed (-want +got)\n%s", diff)
	}
	if d.By != "blandet" || d.Title == "Sagen er lukket" {
		t.Errorf("mixed: by %q, title %q", d.By, d.Title)
	}
}

// Nothing of a model that lies, loops or cannot answer gets into the note: it is made of quotations, and says why.
func TestNoteFallsBackOnARealServer(t *testing.T) {
	s := start(t)
	lies := said(t, "Sagen er lukket", "1 henvendelse Borgeren har fået medhold.", "2 oplyst Et nyt pas koster 1.200 kr.", "4 aftalt Sagen er lukket.")
	for name, c := range map[string]struct {
		model  ggufgen.Model
		change func(*ollama.Config)
		notice string
	}{
		"lyver":     {ggufgen.Model{Says: lies}, nil, "kunne ikke dokumenteres"},
		"prosa":     {ggufgen.Model{Says: "Her er notatet: Sagen er lukket."}, nil, "kunne ikke dokumenteres"},
		"uendelig":  {ggufgen.Model{Says: "og så videre og så endnu mere ", Loops: true}, nil, "blev afbrudt"},
		"gentager":  {ggufgen.Model{Says: "igen ", Piece: 5, Loops: true}, nil, "blev afbrudt"},
		"forlille":  {ggufgen.Model{Says: lies}, func(c *ollama.Config) { c.Context = 256 }, "for lang"},
		"ikkeder":   {ggufgen.Model{Says: lies}, func(c *ollama.Config) { c.Model = "en-anden" }, "sat forkert op"},
		"ikkeoppe":  {ggufgen.Model{Says: lies}, func(c *ollama.Config) { c.URL = "http://127.0.0.1:1" }, "kunne ikke nås"},
		"tavs":      {ggufgen.Model{Says: ""}, nil, "kunne ikke dokumenteres"},
		"underlige": {ggufgen.Model{Says: "\u200b\u202e\U000E0041 Sagen er lukket"}, nil, "kunne ikke dokumenteres"},
	} {
		t.Run(name, func(t *testing.T) {
			var change []func(*ollama.Config)
			if c.change != nil {
				change = append(change, c.change)
			}
			got := s.draft(t, name, c.model, change...)
			if got.By != "extract" || !strings.Contains(got.Notice, c.notice) {
				t.Errorf("by %q, notice %q, want %q", got.By, got.Notice, c.notice)
			}
			want := notes.Extract(notes.Standard("test"), passport)
			if diff := cmp.Diff(levels(want), levels(got)); diff != "" || got.Title != want.Title {
				t.Errorf("title %q, want %q (-want +got)\n%s", got.Title, want.Title, diff)
			}
			if len(got.Sentences) == 0 {
				t.Error("the draft is empty")
			}
		})
	}
}
