package knowledge_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/errs"
)

func TestImportTwice(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		h.start(t)
		if r := h.load(t, "by", true, records()...); r.Added != 5 {
			t.Fatalf("first: %+v", r)
		}
		before, err := h.Chunk(t.Context(), "by/flytning-frist")
		must(t, err)
		again := records()[:4]
		again[0].Links = []knowledgev1.Link{{Label: "Ring", URL: "https://www.borger.dk/ring"}} // around the text
		again[3].Text = "Et pas til en voksen koster 999 kr."
		r := h.load(t, "by", true, again...)
		if r.Added != 0 || r.Changed != 2 || r.Unchanged != 2 || r.Removed != 1 || r.State != knowledgev1.RunDone {
			t.Fatalf("second: %+v", r)
		}
		want := []knowledgev1.Change{
			{ChunkID: "by/flytning-frist", Title: "Flytning: Frist", What: "changed"},
			{ChunkID: "by/pas-pris", Title: "Pas: Hvad koster et pas?", What: "changed"},
			{ChunkID: "by/passport", Title: "Passport: Price", What: "removed"},
		}
		if diff := cmp.Diff(want, r.Changes); diff != "" {
			t.Error(diff)
		}
		after, err := h.Chunk(t.Context(), "by/flytning-frist")
		must(t, err)
		if after.SHA256 != before.SHA256 || !after.FetchedAt.Equal(h.now) || len(after.Links) != 2 {
			t.Errorf("after %+v", after)
		}
		_, err = h.Chunk(t.Context(), "by/passport")
		wantKind(t, err, errs.NotFound)
		if r := h.load(t, "by", false, records()[4]); r.Added != 1 {
			t.Errorf("back again: %+v", r)
		}
		if got := h.found(t, knowledgev1.SearchRequest{Query: "passport price", Language: "en"}); len(got) != 1 {
			t.Errorf("back again: %v", got)
		}
	})
}

// A large import comes in several requests; one that is sent twice counts once.
func TestImportInParts(t *testing.T) {
	h := onSQLite(t).start(t)
	send := func(first int, last bool, rs ...knowledgev1.Record) knowledgev1.Run {
		t.Helper()
		r, err := h.Import(t.Context(), knowledgev1.ImportRequest{
			Import: "i1", Source: "by", Title: "Byens viden", Records: rs, First: first, Last: last, Replace: true,
		})
		must(t, err)
		return r
	}
	h.load(t, "by", false, knowledgev1.Record{ID: "old", Title: "Gammel", Text: "Gammel tekst."})
	h.now = h.now.Add(time.Minute)
	if r := send(1, false, records()[:2]...); r.State != knowledgev1.RunRunning || r.Added != 2 {
		t.Fatalf("%+v", r)
	}
	if r := send(1, false, records()[:2]...); r.Added != 2 || r.Unchanged != 0 || r.Seen != 2 {
		t.Fatalf("the same again: %+v", r)
	}
	r := send(3, true, records()[2:]...)
	if r.State != knowledgev1.RunDone || r.Added != 5 || r.Removed != 1 || r.Seen != 5 || r.Total != 5 {
		t.Fatalf("%+v", r)
	}
	if again := send(3, true, records()[2:]...); cmp.Diff(r, again) != "" {
		t.Fatalf("after the end: %s", cmp.Diff(r, again))
	}
	rep, err := h.Sources(t.Context(), knowledgev1.SourcesRequest{})
	must(t, err)
	if s := rep.Sources[0]; s.Title != "Byens viden" || s.Chunks != 5 || s.LastRun.ID != "i1" || len(rep.Runs) != 2 {
		t.Errorf("%+v", rep)
	}
}

// An import that nobody finished ends with the next one, and takes nothing any more.
func TestImportAbandoned(t *testing.T) {
	h := onSQLite(t).start(t)
	req := knowledgev1.ImportRequest{Import: "i1", Source: "by", Records: records()[:2], First: 1}
	_, err := h.Import(t.Context(), req)
	must(t, err)
	h.now = h.now.Add(time.Minute)
	h.load(t, "by", true, records()[2:]...)
	req.First, req.Last, req.Replace = 3, true, true
	r, err := h.Import(t.Context(), req)
	must(t, err)
	if r.State != knowledgev1.RunFailed || r.Problem != "Importen blev ikke gjort færdig." || r.Seen != 2 {
		t.Errorf("%+v", r)
	}
	if s := h.sources(t)[0]; s.Chunks != 3 {
		t.Errorf("%d chunks", s.Chunks)
	}
}

// Records that cannot be taken are listed by their line, and stop nothing. What is kept of them stays.
func TestImportBadRecords(t *testing.T) {
	h := onSQLite(t).start(t)
	good := records()[0]
	h.load(t, "by", false, good)
	with := func(f func(r *knowledgev1.Record)) knowledgev1.Record {
		r := good
		r.ID = "ny"
		f(&r)
		return r
	}
	for name, tc := range map[string]struct {
		rec  knowledgev1.Record
		want string
	}{
		"no id":          {with(func(r *knowledgev1.Record) { r.ID = "" }), "id"},
		"hidden in id":   {with(func(r *knowledgev1.Record) { r.ID = "a\u200bb" }), "id"},
		"no title":       {with(func(r *knowledgev1.Record) { r.Title = "\u00a0" }), "title"},
		"no text":        {with(func(r *knowledgev1.Record) { r.HTML = "<script>a</script>" }), "tekst"},
		"long text":      {with(func(r *knowledgev1.Record) { r.HTML = ""; r.Text = strings.Repeat("ord ", 20_000) }), "64 KB"},
		"municipality":   {with(func(r *knowledgev1.Record) { r.Municipality = "751" }), "municipality"},
		"no such one":    {with(func(r *knowledgev1.Record) { r.Municipality = "9999" }), "0751 for Aarhus"},
		"no day":         {with(func(r *knowledgev1.Record) { r.ValidFrom = "1. januar" }), "datoer"},
		"ends before":    {with(func(r *knowledgev1.Record) { r.ValidFrom, r.ValidTo = "2026-02-01", "2026-01-01" }), "valid_to"},
		"language":       {with(func(r *knowledgev1.Record) { r.Language = "fr" }), "language"},
		"address":        {with(func(r *knowledgev1.Record) { r.URL = "javascript:alert(1)" }), "url"},
		"address of two": {with(func(r *knowledgev1.Record) { r.URL = "https://borger.dk@evil.example/" }), "url"},
		"too deep":       {with(func(r *knowledgev1.Record) { r.HTML = strings.Repeat("<div>", 10_000) }), "HTML"},
	} {
		t.Run(name, func(t *testing.T) {
			other := knowledgev1.Record{ID: "god", Title: "God", Text: "God tekst " + name}
			r := h.load(t, "by-"+strings.ReplaceAll(name, " ", "-"), false, tc.rec, other)
			if r.Failed != 1 || r.Added != 1 || r.State != knowledgev1.RunDone {
				t.Fatalf("%+v", r)
			}
			if f := r.Failures[0]; !strings.HasPrefix(f.Item, "linje 1") || !strings.Contains(f.Reason, tc.want) {
				t.Errorf("%+v", f)
			}
		})
	}
	broken := good
	broken.Title = ""
	r := h.load(t, "by", true, broken, records()[3])
	if r.Failed != 1 || r.Removed != 0 {
		t.Errorf("%+v", r)
	}
	if _, err := h.Chunk(t.Context(), "by/"+good.ID); err != nil {
		t.Errorf("the old version is gone: %v", err)
	}
	r = h.load(t, "by", true, broken) // a file that is broken altogether removes nothing
	if r.State != knowledgev1.RunFailed || r.Removed != 0 || r.Problem == "" {
		t.Errorf("%+v", r)
	}
}

// A line that was left out, blank or unreadable, moves no number of those after it.
func TestImportLines(t *testing.T) {
	h := onSQLite(t).start(t)
	req := knowledgev1.ImportRequest{
		Import: "a", Source: "by", First: 2, Lines: []int{2, 5, 6}, Last: true,
		Records: []knowledgev1.Record{{ID: "god", Title: "God", Text: "God tekst."}, {ID: "uden", Text: "Tekst."}, {ID: "bedre", Title: "God", Text: "Tekst."}},
	}
	r, err := h.Import(t.Context(), req)
	if err != nil || r.Added != 2 || r.Failed != 1 || r.Failures[0].Item != "linje 5 uden" {
		t.Fatalf("%v: %+v", err, r)
	}
	again, err := h.Import(t.Context(), req)
	if err != nil || again.Seen != 3 {
		t.Errorf("the same batch again: %v: %+v", err, again)
	}
}

func TestImportRefused(t *testing.T) {
	h := onSQLite(t).start(t)
	_, err := h.SaveSource(t.Context(), knowledgev1.Source{ID: "borger", Kind: knowledgev1.KindBorger, Title: "borger.dk"})
	must(t, err)
	h.load(t, "by", false, records()...)
	many := make([]knowledgev1.Record, knowledgev1.MaxBatch+1)
	for name, tc := range map[string]struct {
		req  knowledgev1.ImportRequest
		kind errs.Kind
	}{
		"no import":           {knowledgev1.ImportRequest{Source: "by"}, errs.Invalid},
		"source of two words": {knowledgev1.ImportRequest{Import: "a", Source: "by en"}, errs.Invalid},
		"too many":            {knowledgev1.ImportRequest{Import: "a", Source: "by", Records: many}, errs.Invalid},
		"fewer lines":         {knowledgev1.ImportRequest{Import: "a", Source: "by", Records: many[:2], Lines: []int{1}}, errs.Invalid},
		"lines that fall":     {knowledgev1.ImportRequest{Import: "a", Source: "by", Records: many[:2], Lines: []int{2, 2}}, errs.Invalid},
		"a fetched source":    {knowledgev1.ImportRequest{Import: "a", Source: "borger"}, errs.Conflict},
		"an import of others": {knowledgev1.ImportRequest{Import: "import-" + h.now.Format("150405"), Source: "anden"}, errs.Conflict},
	} {
		_, err := h.Import(t.Context(), tc.req)
		if errs.KindOf(err) != tc.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
}
