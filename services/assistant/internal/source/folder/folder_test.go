package folder_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/services/assistant/internal/source"
	"samtale.dk/samtale/services/assistant/internal/source/folder"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/errs"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func list(t *testing.T, s *folder.Source) []source.Entry {
	t.Helper()
	l, err := s.List(t.Context(), nil, time.Time{})
	if err != nil || !l.Complete {
		t.Fatalf("complete %v: %v", l.Complete, err)
	}
	return l.Entries
}

func TestFolder(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "by", "a.jsonl"), `{"id":"1","title":"A","text":"a"}`)
	write(t, filepath.Join(root, "by", "under", "b.JSONL"), `{"id":"2","title":"B","text":"b"}`)
	write(t, filepath.Join(root, "by", "c.txt"), "c")
	s := folder.New(root, "by")
	first := list(t, s)
	if len(first) != 2 || first[0].Item != "a.jsonl" || first[1].Item != "under/b.JSONL" {
		t.Fatalf("%+v", first)
	}
	a, err := s.Fetch(t.Context(), first[1])
	if diff := cmp.Diff([]knowledgev1.Record{{ID: "2", Title: "B", Text: "b"}}, a.Records); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	write(t, filepath.Join(root, "by", "a.jsonl"), `{"id":"1","title":"A","text":"b"}`)
	if second := list(t, s); second[0].Modified == first[0].Modified || second[1].Modified != first[1].Modified {
		t.Errorf("%+v, then %+v", first, second)
	}
	if err := os.Remove(filepath.Join(root, "by", "a.jsonl")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Fetch(t.Context(), first[0]); !errors.Is(err, source.ErrGone) {
		t.Errorf("a file that is gone: %v", err)
	}
}

// A source does not leave its folder, neither by its name nor by a link.
func TestStaysInside(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "secret.jsonl"), `{"id":"1"}`)
	write(t, filepath.Join(root, "open", "a.jsonl"), `{"id":"1"}`)
	if err := os.Symlink("../secret.jsonl", filepath.Join(root, "open", "link.jsonl")); err != nil {
		t.Fatal(err)
	}
	if _, err := folder.New(filepath.Join(root, "open"), "..").List(t.Context(), nil, time.Time{}); errs.KindOf(err) != errs.Invalid {
		t.Errorf("above: %v", err)
	}
	if _, err := folder.New(root, "none").List(t.Context(), nil, time.Time{}); errs.KindOf(err) != errs.Invalid {
		t.Errorf("nowhere: %v", err)
	}
	s := folder.New(root, "open")
	if a, err := s.Fetch(t.Context(), source.Entry{Item: "link.jsonl"}); err == nil {
		t.Errorf("by a link: %+v", a)
	}
	if a, err := s.Fetch(t.Context(), source.Entry{Item: "../secret.jsonl"}); err == nil {
		t.Errorf("by a name: %+v", a)
	}
}

func TestParse(t *testing.T) {
	long := `{"id":"` + strings.Repeat("a", 5<<20) + `"}`
	text := "\xEF\xBB\xBF{\"id\":\"1\"}\r\n\n  \n{\"id\":2}\n[]\n{\"id\":\"3\"" + "\n" + long + "\n{\"id\":\"4\",\"unknown\":1}\n{\"id\":\"\xE6\"}"
	got, bad, err := folder.Parse(strings.NewReader(text), "f")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]knowledgev1.Record{{ID: "1"}, {ID: "4"}}, got); diff != "" {
		t.Error(diff)
	}
	var where []string
	for _, f := range bad {
		where = append(where, f.Item)
	}
	if diff := cmp.Diff([]string{"f linje 4", "f linje 5", "f linje 6", "f linje 7", "f linje 9"}, where); diff != "" {
		t.Error(diff)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("{\"id\":\"1\"}\n\n{\"id\":2}\r\nx")
	f.Add("\xEF\xBB\xBF\n\x00\n[]")
	f.Fuzz(func(t *testing.T, s string) {
		records, bad, err := folder.Parse(strings.NewReader(s), "f")
		if err != nil {
			t.Fatal(err)
		}
		lines := 0
		for line := range strings.SplitSeq(strings.TrimPrefix(s, "\xEF\xBB\xBF"), "\n") {
			if strings.TrimSpace(line) != "" {
				lines++
			}
		}
		if len(records)+len(bad) != lines {
			t.Errorf("%d records and %d problems of %d lines", len(records), len(bad), lines)
		}
	})
}
