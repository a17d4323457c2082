package knowledge_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/models/vector"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
)

// records of a small town's knowledge.
func records() []knowledgev1.Record {
	return []knowledgev1.Record{
		{
			ID: "flytning-frist", ArticleID: "flytning", URL: "https://www.borger.dk/flytning", Title: "Flytning", Section: "Frist",
			HTML: `<p>Du skal melde flytning <b>senest 5 dage</b> efter, at du er flyttet.</p><p>Brug <a href="/meld">Meld flytning</a>.</p>`,
		},
		{
			ID: "flytning-frist@0751", ArticleID: "flytning", URL: "https://www.borger.dk/flytning", Title: "Flytning", Section: "Frist",
			Municipality: "0751", Text: "I Aarhus kan du få hjælp på Dokk1 om torsdagen.",
		},
		{
			ID: "pas-pris@2025", ArticleID: "pas", URL: "https://www.borger.dk/pas", Title: "Pas", Section: "Hvad koster et pas?",
			Text: "Et pas til en voksen koster 893 kr. i 2025.", ValidFrom: "2025-01-01", ValidTo: "2025-12-31",
		},
		{
			ID: "pas-pris", ArticleID: "pas", URL: "https://www.borger.dk/pas", Title: "Pas", Section: "Hvad koster et pas?",
			Text: "Et pas til en voksen koster 911 kr.", ValidFrom: "2026-01-01",
		},
		{
			ID: "passport", ArticleID: "passport", URL: "https://lifeindenmark.borger.dk/passport", Title: "Passport", Section: "Price",
			Text: "A passport for an adult costs DKK 911.", Language: "en",
		},
	}
}

func TestLibrary(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		h.start(t)
		if r := h.load(t, "by", false, records()...); r.Added != 5 || r.Failed != 0 || r.State != knowledgev1.RunDone {
			t.Fatalf("import: %+v", r)
		}
		for name, tc := range map[string]struct {
			req  knowledgev1.SearchRequest
			want []string
		}{
			"whole country":     {knowledgev1.SearchRequest{Query: "hvornår skal jeg melde flytning"}, []string{"by/flytning-frist"}},
			"with difference":   {knowledgev1.SearchRequest{Query: "melde flytning frist dage", Municipality: "0751"}, []string{"by/flytning-frist", "by/flytning-frist@0751"}},
			"difference first":  {knowledgev1.SearchRequest{Query: "hjælp på Dokk1", Municipality: "0751"}, []string{"by/flytning-frist@0751", "by/flytning-frist"}},
			"one of the pair":   {knowledgev1.SearchRequest{Query: "hjælp på Dokk1", Municipality: "0751", K: 1}, []string{"by/flytning-frist@0751"}},
			"other town":        {knowledgev1.SearchRequest{Query: "hjælp på Dokk1 flytning", Municipality: "0101"}, []string{"by/flytning-frist"}},
			"valid today":       {knowledgev1.SearchRequest{Query: "hvad koster et pas", Language: "da"}, []string{"by/pas-pris"}},
			"valid last year":   {knowledgev1.SearchRequest{Query: "hvad koster et pas", Language: "da", At: "2025-06-01"}, []string{"by/pas-pris@2025"}},
			"English":           {knowledgev1.SearchRequest{Query: "passport price", Language: "en"}, []string{"by/passport"}},
			"nothing like this": {knowledgev1.SearchRequest{Query: "kvantemekanik"}, nil},
		} {
			if diff := cmp.Diff(tc.want, h.found(t, tc.req)); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
		vs, err := h.Variants(t.Context(), "by/pas-pris")
		must(t, err)
		if len(vs) != 1 || vs[0].ID != "by/pas-pris@2025" {
			t.Errorf("variants: %+v", vs)
		}
		c, err := h.Chunk(t.Context(), "by/flytning-frist")
		must(t, err)
		if want := "Du skal melde flytning senest 5 dage efter, at du er flyttet.\n\nBrug Meld flytning."; c.Text != want {
			t.Errorf("text %q", c.Text)
		}
		if diff := cmp.Diff([]knowledgev1.Link{{Label: "Meld flytning", URL: "https://www.borger.dk/meld"}}, c.Links); diff != "" {
			t.Error(diff)
		}
		_, err = h.Chunk(t.Context(), "by/nothing")
		wantKind(t, err, errs.NotFound)
	})
}

// A chunk that is deleted, expired or of a paused source stops answering at once, even when the index cannot be told.
func TestStopsAnsweringAtOnce(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(t *testing.T, h *harness)
		gone   string
	}{
		"replaced": {func(t *testing.T, h *harness) { h.load(t, "by", true, records()[1:]...) }, "by/flytning-frist"},
		"removed": {func(t *testing.T, h *harness) {
			_, err := h.Remove(t.Context(), knowledgev1.SourceRef{ID: "by"})
			must(t, err)
		}, "by/flytning-frist"},
		"paused": {func(t *testing.T, h *harness) {
			_, err := h.SaveSource(t.Context(), knowledgev1.Source{ID: "by", Kind: knowledgev1.KindImport, Title: "By", Paused: true})
			must(t, err)
		}, "by/flytning-frist"},
		"expired over night": {func(_ *testing.T, h *harness) { h.now = time.Date(2026, 12, 31, 23, 30, 0, 0, time.UTC) }, "by/julehjaelp"},
	} {
		t.Run(name, func(t *testing.T) {
			h := onSQLite(t)
			h.index = &deaf{Index: h.open(t)}
			h.start(t)
			xmas := knowledgev1.Record{ID: "julehjaelp", Title: "Julehjælp", Text: "Søg julehjælp hos frivillige om flytning.", ValidTo: "2026-12-31"}
			h.load(t, "by", false, append(records(), xmas)...)
			query := knowledgev1.SearchRequest{Query: "frist for at melde flytning, julehjælp"}
			if got := h.found(t, query); !slices.Contains(got, tc.gone) {
				t.Fatalf("before: %v", got)
			}
			h.index.(*deaf).off.Store(true)
			tc.change(t, h)
			if got := h.found(t, query); slices.Contains(got, tc.gone) {
				t.Fatalf("after: %v", got)
			}
			h.index.(*deaf).off.Store(false)
		})
	}
}

// deaf is an index that cannot be changed while it is off.
type deaf struct {
	vector.Index
	off atomic.Bool
}

func (d *deaf) Upsert(ctx context.Context, p []vector.Point) error {
	if d.off.Load() {
		return vector.ErrUnavailable
	}
	return d.Index.Upsert(ctx, p)
}

func (d *deaf) Delete(ctx context.Context, ids []string) error {
	if d.off.Load() {
		return vector.ErrUnavailable
	}
	return d.Index.Delete(ctx, ids)
}

// What the index could not be told it is told later, also after a restart.
func TestIndexCatchesUp(t *testing.T) {
	h := onSQLite(t)
	d := &deaf{Index: h.open(t)}
	h.index = d
	h.start(t)
	d.off.Store(true)
	h.load(t, "by", false, records()...)
	if got := h.found(t, knowledgev1.SearchRequest{Query: "flytning"}); got != nil {
		t.Fatalf("found %v in an index that does not have it", got)
	}
	h.stop()
	h.start(t)
	h.await(t, func() error {
		if got := h.found(t, knowledgev1.SearchRequest{Query: "melde flytning"}); len(got) == 0 {
			return errors.New("not found yet")
		}
		return nil
	})
}

// An index that is damaged or gone is made again. Until then searches say so, with how far it is.
func TestIndexLost(t *testing.T) {
	h := onSQLite(t)
	h.start(t)
	h.load(t, "by", false, records()...)
	h.stop()
	files, err := filepath.Glob(filepath.Join(h.dir, "*"))
	must(t, err)
	if len(files) == 0 {
		t.Fatal("the index has no files")
	}
	for _, f := range files {
		must(t, os.WriteFile(f, []byte("not an index"), 0o600))
	}
	g := &gate{Index: h.open(t), halfway: make(chan struct{}), open: make(chan struct{})}
	h.index = g
	h.run(t)
	<-g.halfway
	_, err = h.Search(t.Context(), knowledgev1.SearchRequest{Query: "flytning"})
	wantKind(t, err, errs.Unavailable)
	if text := errs.Text(err); !strings.HasPrefix(text, "Vidensbasen bliver gjort klar") {
		t.Errorf("text %q", text)
	}
	if err := h.Ready(t.Context()); err == nil {
		t.Error("ready")
	}
	// What is imported meanwhile is kept and found.
	h.load(t, "by", false, knowledgev1.Record{ID: "sent", Title: "Skorstensfejer", Text: "Bestil skorstensfejeren."})
	close(g.open)
	h.await(t, func() error { return h.Ready(t.Context()) })
	h.await(t, func() error {
		if got := h.found(t, knowledgev1.SearchRequest{Query: "skorstensfejer"}); !slices.Contains(got, "by/sent") {
			return fmt.Errorf("found %v", got)
		}
		return nil
	})
	if got := h.found(t, knowledgev1.SearchRequest{Query: "melde flytning"}); !slices.Contains(got, "by/flytning-frist") {
		t.Errorf("found %v", got)
	}
}

// gate is an index whose first rebuild stops halfway until it is let go on.
type gate struct {
	vector.Index
	halfway, open chan struct{}
	once          sync.Once
}

func (g *gate) Rebuild(ctx context.Context, points iter.Seq2[vector.Point, error]) error {
	return g.Index.Rebuild(ctx, func(yield func(vector.Point, error) bool) {
		for p, err := range points {
			g.once.Do(func() {
				close(g.halfway)
				<-g.open
			})
			if !yield(p, err) {
				return
			}
		}
	})
}

func TestSearchRefuses(t *testing.T) {
	h := onSQLite(t).start(t)
	for name, req := range map[string]knowledgev1.SearchRequest{
		"nothing":        {Query: " \u200b "},
		"a megabyte":     {Query: strings.Repeat("flytning ", 1<<17)},
		"too many hits":  {Query: "flytning", K: 101},
		"fewer than one": {Query: "flytning", K: -1},
		"municipality":   {Query: "flytning", Municipality: "*"},
		"no such one":    {Query: "flytning", Municipality: "9999"},
		"day":            {Query: "flytning", At: "i går"},
	} {
		_, err := h.Search(t.Context(), req)
		if errs.KindOf(err) != errs.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestExplain(t *testing.T) {
	h := onSQLite(t).start(t)
	h.load(t, "by", false, records()...)
	rep, err := h.Search(t.Context(), knowledgev1.SearchRequest{Query: "melde flytning", Explain: true})
	must(t, err)
	if len(rep.Hits) == 0 || len(rep.Hits[0].Why) == 0 || rep.Hits[0].Coverage == 0 || len(rep.Terms) == 0 || rep.Encoder == "" {
		t.Errorf("%+v", rep)
	}
}

// The log holds ids, never what was asked.
func TestLogIsSilent(t *testing.T) {
	out := &lines{}
	h := onSQLite(t)
	h.log = slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug})
	d := &deaf{Index: h.open(t)}
	h.index = d
	h.start(t)
	h.load(t, "by", false, records()...)
	h.found(t, knowledgev1.SearchRequest{Query: "hemmelig flytning"})
	d.off.Store(true)
	h.load(t, "by", true, records()[:1]...)
	h.found(t, knowledgev1.SearchRequest{Query: "hemmelig flytning"})
	h.await(t, func() error {
		if !strings.Contains(out.String(), "waits") {
			return errors.New("the index does not wait")
		}
		return nil
	})
	if s := out.String(); strings.Contains(s, "hemmelig") || strings.Contains(s, "melde") {
		t.Errorf("log: %s", s)
	}
}

// lines is a log that is read while it is written.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestOverTheBus(t *testing.T) {
	h := onSQLite(t).start(t)
	svc, err := h.bus.Service("assistant", "test")
	must(t, err)
	must(t, h.Register(svc))
	events := make(chan knowledgev1.Changed, 100)
	h.await(t, func() error {
		stop, err := bus.Consume(t.Context(), h.bus, bus.Consumer{Stream: knowledgev1.Stream, Durable: "test"},
			func(_ context.Context, c knowledgev1.Changed) error {
				events <- c
				return nil
			})
		if err == nil {
			t.Cleanup(stop)
		}
		return err
	})
	ctx := patient(t)
	run, err := bus.Request[knowledgev1.Run](ctx, h.bus, knowledgev1.ImportSubject, knowledgev1.ImportRequest{
		Import: "i1", Source: "by", Records: records(), First: 1, Last: true, Actor: "redaktør",
	})
	must(t, err)
	told := <-events
	if told.SourceID != "by" || told.What != "run" || told.Run.ID != run.ID || told.Run.Added != 5 || told.Run.State != knowledgev1.RunDone {
		t.Errorf("event %+v", told)
	}
	rep, err := bus.Request[knowledgev1.SearchReply](ctx, h.bus, knowledgev1.SearchSubject, knowledgev1.SearchRequest{Query: "melde flytning"})
	must(t, err)
	c, err := bus.Request[knowledgev1.Chunk](ctx, h.bus, knowledgev1.ChunkSubject, knowledgev1.ChunkRequest{ID: rep.Hits[0].ID})
	must(t, err)
	if diff := cmp.Diff(rep.Hits[0].Chunk, c); diff != "" {
		t.Error(diff)
	}
	_, err = bus.Request[knowledgev1.Source](ctx, h.bus, knowledgev1.SaveSourceSubject, knowledgev1.Source{ID: "x y", Kind: knowledgev1.KindBorger})
	wantKind(t, err, errs.Invalid)
	_, err = bus.Request[knowledgev1.Run](ctx, h.bus, knowledgev1.RunSourceSubject, knowledgev1.SourceRef{ID: "by"})
	wantKind(t, err, errs.Conflict)
	gone, err := bus.Request[knowledgev1.Run](ctx, h.bus, knowledgev1.RemoveSubject, knowledgev1.SourceRef{ID: "by"})
	must(t, err)
	if gone.Removed != 5 {
		t.Errorf("removed %d", gone.Removed)
	}
	removed := <-events
	for removed.ID == told.ID { // an event may come twice
		removed = <-events
	}
	if removed.What != "removed" {
		t.Errorf("event %+v", removed)
	}
	all, err := bus.Request[knowledgev1.SourcesReply](ctx, h.bus, knowledgev1.SourcesSubject, knowledgev1.SourcesRequest{})
	must(t, err)
	if len(all.Sources) != 0 {
		t.Errorf("sources %+v", all.Sources)
	}
}

// An index that still proposes very many chunks that are gone does not hide those that are there.
func TestManyGone(t *testing.T) {
	h := onSQLite(t)
	d := &deaf{Index: h.open(t)}
	h.index = d
	h.start(t)
	var old []knowledgev1.Record
	for i := range 50 {
		old = append(old, knowledgev1.Record{ID: fmt.Sprint(i), Title: "Flytning flytning", Text: "Flytning, flytning og flytning."})
	}
	h.load(t, "gammel", false, old...)
	h.load(t, "by", false, records()...)
	d.off.Store(true)
	_, err := h.Remove(t.Context(), knowledgev1.SourceRef{ID: "gammel"})
	must(t, err)
	if got := h.found(t, knowledgev1.SearchRequest{Query: "flytning", K: 3}); len(got) == 0 || got[0] != "by/flytning-frist" {
		t.Errorf("found %v", got)
	}
}

// An index that fails while it is searched is made again, although it says that it has everything.
func TestIndexBreaks(t *testing.T) {
	h := onSQLite(t)
	f := &fragile{Index: h.open(t)}
	h.index = f
	h.start(t)
	h.load(t, "by", false, records()...)
	h.await(t, func() error { // nothing is left for the loop to do
		info, err := f.Info(t.Context())
		if err == nil && info.Learned < info.Count {
			err = fmt.Errorf("%+v", info)
		}
		return err
	})
	f.broken.Store(true)
	_, err := h.Search(t.Context(), knowledgev1.SearchRequest{Query: "flytning"})
	wantKind(t, err, errs.Unavailable)
	h.await(t, func() error {
		_, err := h.Search(t.Context(), knowledgev1.SearchRequest{Query: "flytning"})
		return err
	})
}

// fragile is an index that cannot be searched from when it breaks until it is made again.
type fragile struct {
	vector.Index
	broken atomic.Bool
}

func (f *fragile) Search(ctx context.Context, q vector.Query) (vector.Result, error) {
	if f.broken.Load() {
		return vector.Result{}, vector.ErrRebuild
	}
	return f.Index.Search(ctx, q)
}

func (f *fragile) Rebuild(ctx context.Context, points iter.Seq2[vector.Point, error]) error {
	f.broken.Store(false)
	return f.Index.Rebuild(ctx, points)
}
