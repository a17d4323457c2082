// Package app is the journal at work: it consumes the events of calls and speech,
// answers requests about conversations and notes, and passes on what its outbox holds.
//
// Consumers and pumps run beside the requests (events in, events out, workflow
// signals out). All of them change state through store transactions only; an event is
// acknowledged after its transaction, so that nothing acknowledged is lost.
package app

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/micro"
	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/journal/internal/content"
	"samtale.dk/samtale/services/journal/internal/draft"
	"samtale.dk/samtale/services/journal/internal/store"
	"samtale.dk/samtale/services/platform/audit"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/bus/streams"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/outbox"
)

// Config is what New needs.
type Config struct {
	Store   *store.Store
	Bus     *bus.Bus
	Vault   content.Vault
	Drafter *draft.Drafter
	Sign    ed25519.PrivateKey
	// Parties is the key of citizens' pseudonyms.
	Parties []byte
	// Dial reaches Temporal; it waits for it as long as ctx lives.
	Dial func(ctx context.Context) (client.Client, error)
	// Work runs the worker of the journal's activities until ctx ends; nil: none.
	Work    func(ctx context.Context, c client.Client) error
	Log     *slog.Logger
	Metrics prometheus.Registerer
	Now     func() time.Time // nil: time.Now
}

// App is the running journal.
type App struct {
	Config
	temporal atomic.Pointer[client.Client]
	listens  atomic.Bool // the consumers run, on streams that are there
	looks    *audit.Looks
	metrics  metrics
}

// New returns the journal, not yet running.
func New(cfg Config) (*App, error) {
	clock := cfg.Now
	if clock == nil {
		clock = time.Now
	}
	// What is shown at once and what is read back later must be the same time.
	cfg.Now = func() time.Time { return clock().UTC().Truncate(time.Microsecond) }
	m, err := newMetrics(cfg.Metrics)
	if err != nil {
		return nil, err
	}
	return &App{Config: cfg, metrics: m, looks: audit.New("journal")}, nil
}

// metrics of the journal. Labels: lane of the outbox; stream of the event.
type metrics struct {
	events  *prometheus.CounterVec
	sent    *prometheus.CounterVec
	refused prometheus.Counter // requests that a role check refused
}

func newMetrics(r prometheus.Registerer) (metrics, error) {
	opts := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Namespace: "samtale", Subsystem: "journal", Name: name, Help: help}
	}
	m := metrics{
		events:  prometheus.NewCounterVec(opts("events_total", "Events taken in."), []string{"stream"}),
		sent:    prometheus.NewCounterVec(opts("outbox_sent_total", "Outbox rows passed on."), []string{"lane"}),
		refused: prometheus.NewCounter(opts("refused_total", "Requests that a role check refused.")),
	}
	return m, errors.Join(r.Register(m.events), r.Register(m.sent), r.Register(m.refused))
}

// count counts what has gone out on a lane.
func (a *App) count(lane string) func(rows int) {
	return func(rows int) { a.metrics.sent.WithLabelValues(lane).Add(float64(rows)) }
}

// Run serves until ctx is done, then finishes what it has begun.
func (a *App) Run(ctx context.Context) error {
	svc, err := a.Bus.Service("journal", "Conversations, transcripts, notes, deliveries")
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	defer svc.Stop()
	if err := a.endpoints(svc); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return a.consume(ctx) })
	g.Go(func() error {
		return a.Store.Pump(ctx, a.Log, store.LaneBus, outbox.ToBus(a.Bus), a.count(store.LaneBus))
	})
	g.Go(func() error { return a.workflows(ctx) })
	err = g.Wait()
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// workflows waits for Temporal, then passes signals on and runs the activities.
func (a *App) workflows(ctx context.Context) error {
	c, err := a.Dial(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	defer c.Close()
	a.temporal.Store(&c)
	defer a.temporal.Store(nil)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return a.Store.Pump(ctx, a.Log, store.LaneWork, a.signal, a.count(store.LaneWork)) })
	if a.Work != nil {
		g.Go(func() error { return a.Work(ctx, c) })
	}
	return g.Wait()
}

// Ready probes the database, the bus (by asking ourselves), the streams and the workflow service.
func (a *App) Ready(ctx context.Context) error {
	if err := a.Store.Ready(ctx); err != nil {
		return err
	}
	operator := journalv1.Actor{ID: "probe", Role: roleOperator}
	_, err := bus.Request[journalv1.ListReply](ctx, a.Bus, journalv1.ListSubject, journalv1.ListRequest{Actor: operator, Limit: 1})
	if err != nil {
		return err
	}
	if !a.listens.Load() {
		return errs.E(errs.Unavailable, "", errors.New("does not consume its streams yet"))
	}
	c := a.temporal.Load()
	if c == nil {
		return errs.E(errs.Unavailable, "", errors.New("not connected to Temporal"))
	}
	_, err = (*c).CheckHealth(ctx, &client.CheckHealthRequest{})
	return err
}

func (a *App) consume(ctx context.Context) error {
	err := a.Bus.EnsureStreams(ctx, streams.Call(), streams.Transcript(), streams.Journal(), streams.Consent())
	if err != nil {
		return stopped(ctx, err)
	}
	stopCalls, err := bus.Consume(ctx, a.Bus, bus.Consumer{Stream: callv1.Stream, Durable: "journal-call"}, a.onCall)
	if err != nil {
		return stopped(ctx, err)
	}
	defer stopCalls()
	stopFinals, err := bus.Consume(ctx, a.Bus, bus.Consumer{Stream: transcriptv1.Stream, Durable: "journal-transcript"}, a.onFinal)
	if err != nil {
		return stopped(ctx, err)
	}
	defer stopFinals()
	stopChoices, err := bus.Consume(ctx, a.Bus, bus.Consumer{
		Stream: consentv1.Stream, Durable: "journal-choice", Subjects: []string{consentv1.ChoiceEventSubject("*")},
	}, a.onChoice)
	if err != nil {
		return stopped(ctx, err)
	}
	defer stopChoices()
	stopHolds, err := bus.Consume(ctx, a.Bus, bus.Consumer{
		Stream: consentv1.Stream, Durable: "journal-hold", Subjects: []string{consentv1.HoldEventSubject("*")},
	}, a.onHold)
	if err != nil {
		return stopped(ctx, err)
	}
	defer stopHolds()
	a.listens.Store(true)
	defer a.listens.Store(false)
	<-ctx.Done()
	return nil
}

// stopped turns an error that stopping caused into none.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// requestLimit bounds requests at work per subject; drafts by a model wait longer.
const (
	requestLimit = 64
	redraftLimit = 4
)

func (a *App) endpoints(svc micro.Service) error {
	return errors.Join(
		bus.Handle(a.Bus, svc, journalv1.ListSubject, requestLimit, a.list),
		bus.Handle(a.Bus, svc, journalv1.GetSubject, requestLimit, a.get),
		bus.Handle(a.Bus, svc, journalv1.TranscriptSubject, requestLimit, a.transcript),
		bus.Handle(a.Bus, svc, journalv1.NoteSubject, requestLimit, a.note),
		bus.Handle(a.Bus, svc, journalv1.SaveSubject, requestLimit, a.save),
		bus.Handle(a.Bus, svc, journalv1.ConfirmSubject, requestLimit, a.confirm),
		bus.Handle(a.Bus, svc, journalv1.ApproveSubject, requestLimit, a.approve),
		bus.Handle(a.Bus, svc, journalv1.DiscardSubject, requestLimit, a.discard),
		bus.Handle(a.Bus, svc, journalv1.RevealSubject, requestLimit, a.reveal),
		bus.Handle(a.Bus, svc, journalv1.PartySubject, requestLimit, a.party),
		bus.Handle(a.Bus, svc, journalv1.CommentSubject, requestLimit, a.comment),
		bus.Handle(a.Bus, svc, journalv1.CloseTaskSubject, requestLimit, a.closeTask),
		bus.Handle(a.Bus, svc, journalv1.RedraftSubject, redraftLimit, a.redraft),
		bus.Handle(a.Bus, svc, journalv1.DeliverSubject, requestLimit, a.deliverNow),
	)
}
