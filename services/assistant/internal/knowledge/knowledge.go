// Package knowledge is what the assistant knows: micro-articles (chunks) with where they come from and how long they hold, and the
// search over them.
//
// The database decides. The index ([vector.Index]) only proposes: every hit is read from the database, and what is deleted, expired
// or of a paused source is left out there, whatever the index still says. A chunk that has changed is marked in the transaction that
// changes it; the mark goes when the index has it, so that a crash in between loses nothing. An index that is missing, damaged or
// made otherwise is made again from the database, and until then searches say so.
//
// Differences of a municipality are chunks of their own beside the base: 98 municipalities are not 98 copies.
//
// A Library is safe for concurrent use. Run loads the starter knowledge, keeps the index in step and tells the others what has
// changed; one lock orders the changes of the index. What people ask is never logged.
package knowledge

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/micro"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"samtale.dk/samtale/models/embed"
	"samtale.dk/samtale/models/vector"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/store"
)

// Config is what New needs.
type Config struct {
	DB    *store.DB // migrated
	Bus   *bus.Bus
	Index vector.Index
	// Embedder makes dense vectors of Model for the index, which was opened with the same one; nil: none.
	Embedder embed.Embedder
	Model    *embed.Model
	// Starter holds the starter knowledge as *.jsonl; nil: none, and what was loaded earlier is removed.
	Starter fs.FS
	Log     *slog.Logger
	Metrics prometheus.Registerer
	Now     func() time.Time // nil: time.Now
	// SyncWithin is how long a change waits for the loop's work on the index; 0: 2 s. Making a large one again takes longer.
	SyncWithin time.Duration
}

// Library is the running knowledge.
type Library struct {
	cfg     Config
	now     func() time.Time
	db      *store.DB
	metrics metrics
	zone    *time.Location

	indexing chan struct{} // holds one while the index is changed
	state    atomic.Pointer[indexState]
	wake     chan struct{} // there may be something to index
	plan     chan struct{} // a source was saved, removed or is wanted
	news     news
}

// New returns the library, not yet running: searches are refused until Run has looked at the index.
func New(cfg Config) (*Library, error) {
	clock := cfg.Now
	if clock == nil {
		clock = time.Now
	}
	if (cfg.Embedder == nil) != (cfg.Model == nil) {
		return nil, errors.New("knowledge: an embedder and its model belong together")
	}
	zone, err := time.LoadLocation("Europe/Copenhagen")
	if err != nil {
		return nil, fmt.Errorf("knowledge: %w", err)
	}
	l := &Library{
		cfg: cfg, db: cfg.DB, zone: zone, now: func() time.Time { return clock().UTC().Truncate(time.Microsecond) },
		indexing: make(chan struct{}, 1), wake: make(chan struct{}, 1), plan: make(chan struct{}, 1), news: news{wake: make(chan struct{}, 1)},
	}
	l.state.Store(&indexState{})
	l.metrics, err = newMetrics(cfg.Metrics, l)
	return l, err
}

// Run serves until ctx is done.
func (l *Library) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return l.tell(ctx) })
	g.Go(func() error { return l.keep(ctx) })
	return g.Wait()
}

// Requests at once, per subject.
const (
	searches = 64
	writes   = 8
)

// Register adds the endpoints.
func (l *Library) Register(svc micro.Service) error {
	b := l.cfg.Bus
	return errors.Join(
		bus.Handle(b, svc, knowledgev1.ImportSubject, writes, l.Import),
		bus.Handle(b, svc, knowledgev1.RemoveSubject, writes, l.Remove),
		bus.Handle(b, svc, knowledgev1.SearchSubject, searches, l.overBus),
		bus.Handle(b, svc, knowledgev1.ChunkSubject, searches, func(ctx context.Context, req knowledgev1.ChunkRequest) (knowledgev1.Chunk, error) {
			return l.Chunk(ctx, req.ID)
		}),
		bus.Handle(b, svc, knowledgev1.AskedSubject, writes, l.SetAsked),
		bus.Handle(b, svc, knowledgev1.SourcesSubject, writes, l.Sources),
		bus.Handle(b, svc, knowledgev1.SaveSourceSubject, writes, l.SaveSource),
		bus.Handle(b, svc, knowledgev1.RunSourceSubject, writes, l.RunSource),
	)
}

// Ready reports whether searches are answered.
func (l *Library) Ready(ctx context.Context) error {
	if s := l.state.Load(); !s.ready {
		return errs.E(errs.Unavailable, "", fmt.Errorf("knowledge index is being made: %d%%", s.percent))
	}
	return l.db.Ready(ctx)
}

// day is today at the authority's place.
func (l *Library) day() string { return l.now().In(l.zone).Format(knowledgev1.DateLayout) }

// nudge wakes a loop that may sleep.
func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // already awake
	}
}

// metrics of the library. Labels: what became of a record.
type metrics struct {
	records  *prometheus.CounterVec
	searches prometheus.Counter
	sparse   prometheus.Counter // searches that had to do without the embedding model
}

func newMetrics(r prometheus.Registerer, l *Library) (metrics, error) {
	opts := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Namespace: "samtale", Subsystem: "assistant", Name: name, Help: help}
	}
	m := metrics{
		records:  prometheus.NewCounterVec(opts("records_total", "Micro-articles taken in."), []string{"outcome"}),
		searches: prometheus.NewCounter(opts("searches_total", "Searches answered.")),
		sparse:   prometheus.NewCounter(opts("searches_without_model_total", "Searches without the embedding model, which did not answer.")),
	}
	ready := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "samtale", Subsystem: "assistant", Name: "index_percent", Help: "How much of the index is made; 100: searches are answered.",
	}, func() float64 { return float64(l.state.Load().percent) })
	return m, errors.Join(r.Register(m.records), r.Register(m.searches), r.Register(m.sparse), r.Register(ready), r.Register(newFresh(l)))
}
