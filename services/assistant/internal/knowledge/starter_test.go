package knowledge_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"slices"
	"testing"
	"testing/fstest"

	"samtale.dk/samtale/seeds/knowledge"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/errs"
)

func (h *harness) sources(t *testing.T) []knowledgev1.Source {
	t.Helper()
	rep, err := h.Sources(t.Context(), knowledgev1.SourcesRequest{})
	must(t, err)
	return rep.Sources
}

func starter(lines string) fstest.MapFS {
	return fstest.MapFS{"a.jsonl": &fstest.MapFile{Data: []byte(lines)}, "readme.txt": &fstest.MapFile{Data: []byte("no records")}}
}

const (
	seedOne = `{"id":"1","title":"Flytning","text":"Meld flytning."}` + "\n"
	seedTwo = `{"id":"2","title":"Pas","text":"Hent passet."}` + "\n"
)

// The starter knowledge is there before the first search, is not loaded again by a restart, follows a new version, stays away when a
// person has removed it, and goes when it is switched off.
func TestStarter(t *testing.T) {
	h := onSQLite(t)
	h.starter = starter(seedOne + seedTwo)
	h.start(t)
	h.await(t, func() error {
		_, err := h.Chunk(t.Context(), "starter/1")
		return err
	})
	c, err := h.Chunk(t.Context(), "starter/2")
	must(t, err)
	if s := h.sources(t)[0]; !c.Demo || !s.Demo || s.Chunks != 2 || s.Kind != knowledgev1.KindStarter {
		t.Errorf("%+v of %+v", c, s)
	}
	first := h.sources(t)[0].LastRun.ID
	h.stop()
	h.start(t)
	if again := h.sources(t)[0].LastRun.ID; again != first {
		t.Error("loaded again")
	}
	h.stop()
	h.starter = starter(seedTwo)
	h.start(t)
	_, err = h.Chunk(t.Context(), "starter/1")
	wantKind(t, err, errs.NotFound)
	h.stop()
	h.starter = nil
	h.start(t)
	if all := h.sources(t); len(all) != 0 {
		t.Errorf("switched off: %+v", all)
	}
	h.stop()
	h.starter = starter(seedOne)
	h.start(t)
	if all := h.sources(t); len(all) != 1 || all[0].Chunks != 1 {
		t.Errorf("switched on: %+v", all)
	}
	_, err = h.Remove(t.Context(), knowledgev1.SourceRef{ID: knowledgev1.SourceSeeds})
	must(t, err)
	h.stop()
	h.start(t)
	if all := h.sources(t); len(all) != 0 {
		t.Errorf("removed by a person: %+v", all)
	}
}

// All that is in seeds/knowledge can be taken, and each local difference has its base.
func TestSeeds(t *testing.T) {
	h := onSQLite(t)
	h.starter = knowledge.Files
	h.start(t)
	s := h.sources(t)[0]
	if s.LastRun.Failed > 0 || s.Chunks == 0 || s.Chunks != s.LastRun.Added {
		t.Fatalf("%d chunks, run %+v", s.Chunks, s.LastRun)
	}
	for _, f := range s.LastRun.Failures {
		t.Errorf("%s: %s", f.Item, f.Reason)
	}
	names, err := fs.Glob(knowledge.Files, "*.jsonl")
	must(t, err)
	local := 0
	for _, name := range names {
		data, err := knowledge.Files.ReadFile(name)
		must(t, err)
		for line := range bytes.Lines(data) {
			var r knowledgev1.Record
			must(t, json.Unmarshal(line, &r))
			if r.Municipality == "" {
				continue
			}
			local++
			vs, err := h.Variants(t.Context(), "starter/"+r.ID)
			must(t, err)
			if !slices.ContainsFunc(vs, func(c knowledgev1.Chunk) bool { return c.Municipality == "" }) {
				t.Errorf("%s has no base", r.ID)
			}
		}
	}
	t.Logf("%d micro-articles, %d of them local", s.Chunks, local)
	rep, err := h.Search(t.Context(), knowledgev1.SearchRequest{Query: "hvornår skal jeg melde flytning", K: 3})
	must(t, err)
	if len(rep.Hits) == 0 || rep.Hits[0].ArticleID != "da-flytning-i-danmark" {
		t.Errorf("%+v", rep.Hits)
	}
}
