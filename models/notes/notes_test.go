package notes

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"samtale.dk/samtale/models/danish"
	"samtale.dk/samtale/models/evidence"
	"samtale.dk/samtale/models/evidence/evidencetest"
)

// load reads a conversation: "B:" is the citizen, "S:" the caseworker. Words come as the speech service gives them:
// normalised, masked, with times and IDs. Each line is one turn, one second after the one before.
func load(t *testing.T, file string) Transcript {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var tokens []danish.Token
	var now int64
	for line := range strings.Lines(string(data)) {
		who, text, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok || who != "B" && who != "S" {
			continue
		}
		for _, tk := range danish.Tokens(text) {
			tk.Speaker, tk.Start, tk.End, tk.Confidence = who, now, now+4000, 0.9
			now += 5000
			tokens = append(tokens, tk)
		}
		now += 16000
	}
	legs := map[string]*Leg{"B": {ID: "leg-b", Role: evidence.Citizen}, "S": {ID: "leg-s", Role: evidence.Caseworker}}
	var masker danish.Masker
	for i, s := range append(masker.Commit(tokens...), masker.Close()...) {
		l := legs[s.Speaker]
		l.Words = append(l.Words, Word{ID: fmt.Sprintf("%s-%d", l.ID, i), Text: s.Text, Start: s.Start, End: s.End, Confidence: s.Confidence, Masked: s.Kind})
	}
	return Transcript{Legs: []Leg{*legs["B"], *legs["S"]}}
}

func show(d Draft) string {
	var b strings.Builder
	fmt.Fprintln(&b, d.Title)
	for _, s := range d.Template.Sections {
		fmt.Fprintf(&b, "%s\n", s.Title)
		n := 0
		for _, x := range d.Sentences {
			if x.Section == s.ID {
				fmt.Fprintf(&b, "  %s (%s)\n", x.Text, x.Verdict)
				n++
			}
		}
		if n == 0 {
			fmt.Fprintf(&b, "  %s\n", NotMentioned)
		}
	}
	return b.String()
}

// wants reads what a conversation's note must hold ("= section: text|or text") and must not ("- text").
func wants(t *testing.T, file string) (must [][2]string, never []string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if section, text, ok := strings.Cut(strings.TrimPrefix(line, "= "), ": "); ok && strings.HasPrefix(line, "= ") {
			must = append(must, [2]string{section, text})
		}
		if text, ok := strings.CutPrefix(line, "- "); ok {
			never = append(never, text)
		}
	}
	return must, never
}

func conversations(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) < 12 {
		t.Fatalf("%d conversations, %v", len(files), err)
	}
	return files
}

// holds reports a sentence of the section with one of the texts.
func holds(d Draft, section, texts string) bool {
	for _, s := range d.Sentences {
		for _, text := range strings.Split(texts, "|") {
			if s.Section == section && strings.Contains(s.Text, text) {
				return true
			}
		}
	}
	return false
}

func TestExtract(t *testing.T) {
	var sentences, asked, omitted, facts, false_ int
	for _, f := range conversations(t) {
		t.Run(filepath.Base(f), func(t *testing.T) {
			tr := load(t, f)
			d := Extract(Standard("test"), tr)
			t.Log("\n" + show(d))
			must, never := wants(t, f)
			asked += len(must)
			for _, m := range must {
				if !holds(d, m[0], m[1]) {
					omitted++
					t.Errorf("%s lacks %q", m[0], m[1])
				}
			}
			said := map[string]bool{}
			for _, x := range tr.sentences() {
				for _, fact := range x.facts {
					said[string(fact.Kind)+fact.Value] = true
				}
			}
			for _, s := range d.Sentences {
				sentences++
				if v := evidence.Verify(s.Claim, tr.Source()); v.Level != evidence.Supported {
					t.Errorf("%q is %s", s.Text, v)
				}
				for _, text := range never {
					if strings.Contains(s.Text, text) {
						t.Errorf("%q holds %q", s.Text, text)
					}
				}
				for _, fact := range danish.Facts(danish.Tokens(s.Text)) {
					facts++
					if !said[string(fact.Kind)+fact.Value] {
						false_++
						t.Errorf("%q states %s %s, which nobody said", s.Text, fact.Kind, fact.Value)
					}
				}
			}
		})
	}
	t.Logf("%d sentences, all supported; %d of %d required fields omitted; %d of %d numbers and dates wrong", sentences, omitted, asked, false_, facts)
}

func TestExtractIsEmptyWhenNothingWasSaid(t *testing.T) {
	for name, tr := range map[string]Transcript{"no legs": {}, "no words": {Legs: []Leg{{ID: "b", Role: evidence.Citizen}}}} {
		d := Extract(Standard("test"), tr)
		if len(d.Sentences) != 0 || len(d.Empty()) != len(d.Template.Sections) || len(d.Missing()) != 1 {
			t.Errorf("%s: %d sentences, %d empty, %d missing", name, len(d.Sentences), len(d.Empty()), len(d.Missing()))
		}
	}
}

// A template with fewer sections gets no sentences in others.
func TestExtractKeepsToTheTemplate(t *testing.T) {
	tpl := Template{Name: "kort/1", Sections: []Section{{ID: FollowUp, Title: "Opfølgning", Kind: Fact}, {ID: Reason, Title: "Henvendelse", Kind: Fact}}}
	d := Extract(tpl, load(t, "testdata/pas.txt"))
	order := ""
	for _, s := range d.Sentences {
		order += s.Section + " "
	}
	if !strings.HasPrefix(order, FollowUp) || !strings.Contains(order, Reason) || strings.Contains(order, Told) {
		t.Errorf("sections are %s", order)
	}
}

// Faults planted in the sentences of real drafts do not survive the verifier.
func TestPlantedFaultsInDrafts(t *testing.T) {
	n := 0
	for _, f := range conversations(t) {
		tr := load(t, f)
		src := tr.Source()
		d := Extract(Standard("test"), tr)
		for i, s := range d.Sentences {
			for _, fault := range evidencetest.Plant(s.Text) {
				n++
				if v := evidence.Verify(evidence.Claim{Text: fault.Text, Spans: s.Spans}, src); v.Level == evidence.Supported {
					t.Errorf("%s: %s: %q instead of %q is supported", filepath.Base(f), fault.Kind, fault.Text, s.Text)
				}
			}
			n++
			other := d.Sentences[(i+1)%len(d.Sentences)]
			if v := evidence.Verify(evidence.Claim{Text: s.Text, Spans: other.Spans}, src); v.Level == evidence.Supported && other.Text != s.Text {
				t.Errorf("%s: %q is supported by the words of %q", filepath.Base(f), s.Text, other.Text)
			}
		}
	}
	t.Logf("%d faults planted", n)
}
