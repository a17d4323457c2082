package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/knowledgev1"
)

// stand answers as the portal's API does; the tests of services/portal hold it to that.
func stand(t *testing.T, routes map[string]http.HandlerFunc) []string {
	t.Helper()
	mux := http.NewServeMux()
	for pattern, h := range routes {
		mux.HandleFunc(pattern, h)
	}
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return []string{"SAMTALE_URL=" + s.URL}
}

func give(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func TestAskCommand(t *testing.T) {
	var got assistantv1.AskRequest
	environ := stand(t, map[string]http.HandlerFunc{"POST /api/v1/ask": func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewDecoder(r.Body).Decode(&got)
		give(w, assistantv1.Answer{Answered: true, Reason: "answered", Language: "en", Why: "The state is responsible.", AsOf: "2026-01-01", Sentences: []assistantv1.Sentence{{
			Text: "Det koster 610 kr.", Evidence: []assistantv1.Evidence{{Quote: "koster 610 kr.", URL: "https://www.borger.dk/navn", Title: "Navn"}},
		}, {Text: "et pas", List: 1, Question: "hvad skal jeg have med?"}, {Text: "log ind", List: 2, Number: 3}}, Routes: []assistantv1.Route{{Kind: "chat", Label: "Chat", Target: "/henvendelse"}}})
	}})
	out, _, err := run(t, Ask, environ, "hvad koster det?", "--municipality", "0751", "--at", "2026-01-01", "--session", "s")
	if err != nil {
		t.Fatal(err)
	}
	if got.Question != "hvad koster det?" || got.Municipality != "0751" || got.At != "2026-01-01" || got.Session != "s" {
		t.Errorf("sent %+v", got)
	}
	for _, want := range []string{"Det koster 610 kr. [1]\n\nhvad skal jeg have med?\n- et pas", "\n3) log ind", "https://www.borger.dk/navn", "“koster 610 kr.”", "Chat: /henvendelse", "The state is responsible. As of 2026-01-01."} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %s", want, out)
		}
	}
	out, _, err = run(t, Ask, environ, "--json", "hvad koster det?")
	var a assistantv1.Answer
	if err != nil || json.Unmarshal([]byte(out), &a) != nil || !a.Answered {
		t.Errorf("%v: %s", err, out)
	}
	if _, _, err := run(t, Ask, environ); !errors.Is(err, ErrUsage) {
		t.Errorf("no question: %v", err)
	}
}

// A municipality that does not exist is refused before anything is asked: what is in force there is not what is in force everywhere.
func TestNoSuchMunicipality(t *testing.T) {
	for name, run := range map[string]func() error{
		"ask": func() error { _, _, err := run(t, Ask, nil, "hvad koster det?", "--municipality", "9999"); return err },
		"search": func() error {
			_, _, err := run(t, Knowledge, nil, "search", "pas", "--municipality", "751")
			return err
		},
	} {
		if err := run(); !errors.Is(err, ErrUsage) || !strings.Contains(err.Error(), "such as 0751 for Aarhus") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestKnowledgeImport(t *testing.T) {
	var batches []knowledgev1.ImportRequest
	environ := stand(t, map[string]http.HandlerFunc{"POST /api/v1/knowledge/import": func(w http.ResponseWriter, r *http.Request) {
		var b knowledgev1.ImportRequest
		_ = json.NewDecoder(r.Body).Decode(&b)
		batches = append(batches, b)
		give(w, knowledgev1.Run{Added: 1})
	}})
	var lines strings.Builder
	for i := range knowledgev1.MaxBatch + 2 {
		fmt.Fprintf(&lines, `{"id":"r%d","title":"T","text":"Tekst."}`+"\n", i)
	}
	file := filepath.Join(t.TempDir(), "egne.jsonl")
	if err := os.WriteFile(file, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := run(t, Knowledge, environ, "import", file, "--replace"); err != nil {
		t.Fatal(err)
	}
	if len(batches) != 2 || batches[0].Last || !batches[1].Last || batches[0].Import != batches[1].Import || len(batches[1].Records) != 2 ||
		batches[1].First != knowledgev1.MaxBatch+1 || batches[0].Source != "egne" || !batches[1].Replace {
		t.Errorf("%d batches: %+v", len(batches), batches[len(batches)-1].First)
	}
	// A broken line is told with its number, the rest is sent, and nothing is removed.
	batches = nil
	if err := os.WriteFile(file, []byte("{\"id\":\"a\",\"title\":\"T\",\"text\":\"Tekst.\"}\n{\"id\":\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, stderr, err := run(t, Knowledge, environ, "import", file, "--replace")
	if err == nil || !strings.Contains(stderr, "linje 2") || len(batches) != 1 || len(batches[0].Records) != 1 || batches[0].Replace {
		t.Errorf("%v, %s, %+v", err, stderr, batches)
	}
	if _, _, err := run(t, Knowledge, environ, "import", file, "--source", "to ord"); !errors.Is(err, ErrUsage) {
		t.Errorf("bad source: %v", err)
	}
}

// Files as other programs leave them: what can be read is sent with its line, the rest is told with it.
func TestKnowledgeImportOddFiles(t *testing.T) {
	const rec = `{"id":"a","title":"T","text":"Tekst."}`
	big := `{"id":"a","title":"T","html":"` + strings.Repeat("<p>æ</p>", 5000) + `"}`
	for _, tc := range []struct {
		name, file string
		lines      [][]int // of each call's records
		told       []string
	}{
		{"byte order mark", "\xEF\xBB\xBF" + rec + "\r\n\r\n" + rec, [][]int{{1, 3}}, nil},
		{"unreadable between", rec + "\n{\n" + `{"id":5}` + "\n[]\n" + rec + "\n", [][]int{{1, 5}}, []string{"linje 2: Linjen", "linje 3: Feltet id", "linje 4: Linjen"}},
		{"not UTF-8", rec + "\n" + strings.ReplaceAll(rec, "k", "\xE6") + "\n", [][]int{{1}}, []string{"linje 2: Linjen er ikke i UTF-8"}},
		{"long lines", rec + "\n" + strings.Repeat("x", maxLine+1) + "\n" + `{"text":"` + strings.Repeat("x", maxBatch) + "\"}\n" + rec, [][]int{{1, 4}}, []string{"linje 2: Linjen er for lang", "linje 3: Artiklen er for lang"}},
		{"large articles", strings.Repeat(big+"\n", 15), [][]int{{1, 2, 3, 4, 5, 6}, {7, 8, 9, 10, 11, 12}, {13, 14, 15}}, nil},
		{"nothing", "\n \n", nil, []string{"no records"}},
		{"nothing readable", "[\n" + rec + ",\n" + rec + "]\n", nil, []string{"linje 1", "linje 2", "linje 3", "no records"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var sent [][]int
			environ := stand(t, map[string]http.HandlerFunc{"POST /api/v1/knowledge/import": func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				var b knowledgev1.ImportRequest
				if err := json.Unmarshal(body, &b); err != nil || len(body) > 900<<10 || len(b.Records) != len(b.Lines) || b.First != b.Lines[0] {
					t.Errorf("%d bytes, %d records, lines %d, first %d: %v", len(body), len(b.Records), b.Lines, b.First, err)
				}
				sent = append(sent, b.Lines)
				give(w, knowledgev1.Run{})
			}})
			file := filepath.Join(t.TempDir(), "egne.jsonl")
			if err := os.WriteFile(file, []byte(tc.file), 0o600); err != nil {
				t.Fatal(err)
			}
			out, stderr, err := run(t, Knowledge, environ, "import", file, "--json")
			if diff := cmp.Diff(tc.lines, sent); diff != "" || (err == nil) != (tc.told == nil) {
				t.Errorf("%v: %s", err, diff)
			}
			if tc.lines != nil {
				var r knowledgev1.Run
				if err := json.Unmarshal([]byte(out), &r); err != nil || r.Failed != len(tc.told) || len(r.Failures) != len(tc.told) {
					t.Errorf("%v: %s", err, out)
				}
			}
			for _, want := range tc.told {
				if !strings.Contains(stderr+fmt.Sprint(err), want) {
					t.Errorf("no %q in %s%v", want, stderr, err)
				}
			}
		})
	}
}

func TestKnowledgeSearchAndRemove(t *testing.T) {
	var removed string
	environ := stand(t, map[string]http.HandlerFunc{
		"GET /api/v1/knowledge/search": func(w http.ResponseWriter, r *http.Request) {
			if q := r.URL.Query(); q.Get("q") != "pas" || q.Get("k") != "3" || q.Get("explain") != "1" {
				t.Errorf("asked for %s", r.URL.RawQuery)
			}
			give(w, []knowledgev1.Hit{{Chunk: knowledgev1.Chunk{ID: "s/a", ArticleID: "a", Title: "Pas", URL: "https://x", Text: "Tekst."}, Score: .5}})
		},
		"DELETE /api/v1/knowledge/sources/{id}": func(w http.ResponseWriter, r *http.Request) {
			removed = r.PathValue("id")
			give(w, knowledgev1.Run{Removed: 4})
		},
		"GET /api/v1/knowledge/sources": func(w http.ResponseWriter, _ *http.Request) {
			give(w, knowledgev1.SourcesReply{Sources: []knowledgev1.Source{{ID: "starter", Kind: "starter", Title: "Startviden", Chunks: 907}}})
		},
	})
	out, _, err := run(t, Knowledge, environ, "search", "pas", "--k", "3", "--explain", "--json")
	var hits []map[string]any
	if err != nil || json.Unmarshal([]byte(out), &hits) != nil || len(hits) != 1 {
		t.Fatalf("%v: %s", err, out)
	}
	for _, field := range []string{"id", "article_id", "title", "url", "score", "text"} {
		if _, ok := hits[0][field]; !ok {
			t.Errorf("no %s", field)
		}
	}
	out, _, err = run(t, Knowledge, environ, "remove", "--source", "mine")
	if err != nil || removed != "mine" || !strings.Contains(out, "4 removed") {
		t.Errorf("%v: removed %q, %s", err, removed, out)
	}
	if _, _, err := run(t, Knowledge, environ, "remove"); !errors.Is(err, ErrUsage) {
		t.Errorf("no source: %v", err)
	}
	out, _, err = run(t, Knowledge, environ, "sources")
	if err != nil || !strings.Contains(out, "907") {
		t.Errorf("%v: %s", err, out)
	}
	if _, _, err := run(t, Knowledge, environ, "nothing"); !errors.Is(err, ErrUsage) {
		t.Errorf("unknown task: %v", err)
	}
}

func TestKnowledgeAsked(t *testing.T) {
	chunk := knowledgev1.Chunk{ID: "s/da flytning#frist/1", Title: "Flytning", Asked: []string{"hvornår melder man flytning"}, EditorAsked: []string{"vi flytter"}, Unanswered: []string{"hvem flytter klaveret"}}
	var sets, nots [][]string
	environ := stand(t, map[string]http.HandlerFunc{
		"GET /api/v1/knowledge/chunks/{id...}": func(w http.ResponseWriter, r *http.Request) {
			if r.PathValue("id") != chunk.ID {
				t.Errorf("asked for %q", r.PathValue("id"))
			}
			give(w, chunk)
		},
		"PUT /api/v1/knowledge/asked/{id...}": func(w http.ResponseWriter, r *http.Request) {
			var req knowledgev1.AskedRequest
			if err := json.NewDecoder(r.Body).Decode(&req); err != nil || req.Asked == nil || r.PathValue("id") != chunk.ID {
				t.Errorf("%q: %+v, %v", r.PathValue("id"), req, err)
			}
			sets, nots = append(sets, req.Asked), append(nots, req.Unanswered)
			set := chunk
			set.EditorAsked, set.EditorUnanswered = req.Asked, req.Unanswered
			give(w, set)
		},
	})
	out, _, err := run(t, Knowledge, environ, "asked", chunk.ID)
	if err != nil || out != "source  hvornår melder man flytning\neditor  vi flytter\nsource, not  hvem flytter klaveret\n" {
		t.Errorf("%v: %q", err, out)
	}
	file := filepath.Join(t.TempDir(), "asked.txt")
	if err := os.WriteFile(file, []byte("vi skal flytte\r\n\n  ny adresse \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, _, err = run(t, Knowledge, environ, "asked", chunk.ID, "--set", file, "--json")
	var got knowledgev1.Chunk
	if err != nil || json.Unmarshal([]byte(out), &got) != nil || !slices.Equal(got.EditorAsked, []string{"vi skal flytte", "ny adresse"}) {
		t.Errorf("%v: %s", err, out)
	}
	env := Env{Environ: append([]string{"SAMTALE_MASTER_KEY=" + keyHex}, environ...), Stdin: strings.NewReader("\n"), Stdout: io.Discard, Stderr: io.Discard}
	if err := Knowledge(t.Context(), env, []string{"asked", chunk.ID, "--set", "-"}); err != nil {
		t.Error(err)
	}
	if len(sets) != 2 || len(sets[1]) != 0 || nots[0] != nil || nots[1] != nil {
		t.Errorf("set %q, not answered %q", sets, nots)
	}
	out, _, err = run(t, Knowledge, environ, "asked", chunk.ID, "--unanswered", file)
	if err != nil || !strings.HasSuffix(out, "editor, not  vi skal flytte\neditor, not  ny adresse\n") || !slices.Equal(sets[2], chunk.EditorAsked) {
		t.Errorf("%v: %q, kept %q", err, out, sets)
	}
	sets = sets[:2]
	if _, _, err := run(t, Knowledge, environ, "asked", chunk.ID, "--unanswered", "-", "--set", "-"); !errors.Is(err, ErrUsage) {
		t.Errorf("twice the standard input: %v", err)
	}
	if _, _, err := run(t, Knowledge, environ, "asked", chunk.ID, "--set", file+".not"); !errors.Is(err, os.ErrNotExist) || len(sets) != 2 {
		t.Errorf("no file: %v", err)
	}
	if _, _, err := run(t, Knowledge, environ, "asked"); !errors.Is(err, ErrUsage) {
		t.Errorf("no article: %v", err)
	}
}
