package knowledge_test

import (
	"context"
	"io/fs"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"samtale.dk/samtale/models/embed"
	"samtale.dk/samtale/models/vector"
	"samtale.dk/samtale/models/vector/embedded"
	"samtale.dk/samtale/services/assistant/internal/knowledge"
	"samtale.dk/samtale/services/assistant/internal/schema"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/bus/bustest"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/store"
	"samtale.dk/samtale/services/platform/store/storetest"
)

var now = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

const patience = 2 * time.Minute

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// each runs f on every database that is at hand.
func each(t *testing.T, f func(t *testing.T, h *harness)) {
	storetest.Run(t, schema.Migrations(), func(t *testing.T, db *store.DB) {
		f(t, &harness{db: db, bus: bustest.New(t), dir: t.TempDir(), now: now})
	})
}

// onSQLite is for what does not depend on the database.
func onSQLite(t testing.TB) *harness {
	t.Helper()
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "test.db"))
	must(t, err)
	t.Cleanup(func() { db.Close() })
	must(t, db.Migrate(t.Context(), schema.Migrations()))
	return &harness{db: db, bus: bustest.New(t), dir: t.TempDir(), now: now}
}

// harness is what a library needs around it.
type harness struct {
	*knowledge.Library
	db      *store.DB
	bus     *bus.Bus
	dir     string // of the index
	starter fs.FS
	now     time.Time
	index   vector.Index
	log     slog.Handler
	stop    func()
	metrics *prometheus.Registry // of the library that was started last
	// With a model.
	embedder embed.Embedder
	model    *embed.Model
}

// open opens the index as the service does.
func (h *harness) open(t testing.TB) vector.Index {
	t.Helper()
	ix, err := embedded.Open(embedded.Config{Dir: h.dir, Dense: h.model})
	if err != nil {
		ix, err = embedded.Create(embedded.Config{Dir: h.dir, Dense: h.model})
	}
	must(t, err)
	return ix
}

// start runs a library and waits until it answers.
func (h *harness) start(t testing.TB) *harness {
	t.Helper()
	h.run(t)
	h.await(t, func() error { return h.Ready(t.Context()) })
	return h
}

func (h *harness) run(t testing.TB) {
	t.Helper()
	if h.index == nil {
		h.index = h.open(t)
	}
	if h.log == nil {
		h.log = slog.DiscardHandler
	}
	h.metrics = prometheus.NewRegistry()
	var err error
	h.Library, err = knowledge.New(knowledge.Config{
		DB: h.db, Bus: h.bus, Index: h.index, Embedder: h.embedder, Model: h.model, Starter: h.starter, Log: slog.New(h.log), Metrics: h.metrics,
		Now: func() time.Time { return h.now }, SyncWithin: patience,
	})
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	stopped := false
	h.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		must(t, <-done)
		must(t, h.index.Close())
		h.index = nil
	}
	t.Cleanup(h.stop)
}

// await tries until f has nothing to complain about.
func (h *harness) await(t testing.TB, f func() error) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// patient is for a request on a slow machine.
func patient(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// load imports records into a source, all at once.
func (h *harness) load(t testing.TB, source string, replace bool, records ...knowledgev1.Record) knowledgev1.Run {
	t.Helper()
	h.now = h.now.Add(time.Second)
	r, err := h.Import(t.Context(), knowledgev1.ImportRequest{
		Import: "import-" + h.now.Format("150405"), Source: source, Records: records, First: 1, Last: true, Replace: replace,
	})
	must(t, err)
	return r
}

// found are the ids that a search gives.
func (h *harness) found(t *testing.T, req knowledgev1.SearchRequest) []string {
	t.Helper()
	rep, err := h.Search(t.Context(), req)
	must(t, err)
	var out []string
	for _, hit := range rep.Hits {
		out = append(out, hit.ID)
	}
	return out
}

func wantKind(t *testing.T, err error, kind errs.Kind) {
	t.Helper()
	if errs.KindOf(err) != kind {
		t.Fatalf("got %v, want %s", err, kind)
	}
}
