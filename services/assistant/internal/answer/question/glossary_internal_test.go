package question

import (
	"encoding/json"
	"io/fs"
	"strings"
	"testing"

	"samtale.dk/samtale/seeds/knowledge"
)

// headings are the titles and headings of the Danish articles of the starter knowledge.
func headings(t *testing.T) [][]string {
	t.Helper()
	var out [][]string
	err := fs.WalkDir(knowledge.Files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := knowledge.Files.ReadFile(path)
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(data)) {
			var r struct{ Title, Section, Language string }
			if err := json.Unmarshal([]byte(line), &r); err != nil {
				return err
			}
			if r.Language != English {
				out = append(out, danishWordsOf(r.Title), danishWordsOf(r.Section))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Each line of the glossary can be read, nobody's entry is another line's, and articles have its Danish words in their headings: a
// word that none has is marked.
func TestGlossary(t *testing.T) {
	all := headings(t)
	stands := func(term string) bool {
		for _, h := range all {
			if named(h, danishWordsOf(term)) {
				return true
			}
		}
		return false
	}
	of, entries := map[string]int{}, 0
	for n, line := range strings.Split(glossaryText, "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		english, danish, ok := strings.Cut(strings.TrimPrefix(line, "~ "), " = ")
		if !ok {
			t.Errorf("line %d cannot be read: %q", n+1, line)
			continue
		}
		for e := range strings.SplitSeq(english, ", ") {
			key := strings.Join(plain(e), " ")
			if before, there := of[key]; key == "" || there && before != n {
				t.Errorf("line %d: %q is nothing, or stands in line %d too", n+1, e, before+1)
			}
			of[key] = n
			entries++
			if g := Glossed("What about " + e + "?"); !strings.HasPrefix(line, "~") && (g.Empty() || g.Known != 1) {
				t.Errorf("line %d: %q is not found: %+v", n+1, e, g)
			}
		}
		for term := range strings.SplitSeq(danish, " | ") {
			word, absent := strings.CutPrefix(term, "+")
			if stands(word) == absent {
				t.Errorf("line %d: %q stands in a heading: %v", n+1, term, !absent)
			}
		}
	}
	if entries < 400 {
		t.Errorf("only %d entries", entries)
	}
	t.Logf("%d entries, %d matters and sides", entries, strings.Count(glossaryText, " = "))
}
