package notes

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"samtale.dk/samtale/models/danish"
	"samtale.dk/samtale/models/evidence"
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
		if !ok || strings.HasPrefix(line, "#") {
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
	for i, s := range danish.Mask(tokens) {
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

func TestExtractShow(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		t.Log(f, "\n"+show(Extract(Standard("bolig"), load(t, f))))
	}
}
