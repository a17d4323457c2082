// Package inquiry is the way from the assistant to a person: the citizen approves a summary, gets a receipt number, and a
// caseworker claims, answers by chat, call or video, forwards or ends. DESIGN.md tells how nothing of it gets lost.
//
// Requests, activities of the workflow `inquiry`, consumers and the outbox's pumps run beside each other. All of them change
// state through transactions on the database only; what others must hear is in the outbox of the same transaction.
package inquiry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/micro"
	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	"samtale.dk/samtale/services/assistant/internal/inquiry/store"
	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/inquiryv1"
	"samtale.dk/samtale/services/platform/areas"
	"samtale.dk/samtale/services/platform/audit"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/bus/streams"
	"samtale.dk/samtale/services/platform/outbox"
	"samtale.dk/samtale/services/platform/seal"
	platformstore "samtale.dk/samtale/services/platform/store"
)

// ReceiptPurpose derives Config.ReceiptKey from the master key.
const ReceiptPurpose = "inquiry receipts v1"

// source names the publisher in events.
const source = "assistant"

// Sessions reads what a citizen has asked the assistant, oldest first; an unknown session has no turns.
type Sessions interface {
	Turns(ctx context.Context, session string) ([]assistantv1.Answer, error)
}

// Workflows is what is needed of a Temporal client.
type Workflows interface {
	SignalWithStartWorkflow(ctx context.Context, workflowID, signalName string, signalArg any,
		options client.StartWorkflowOptions, workflow any, workflowArgs ...any) (client.WorkflowRun, error)
}

// Config is what New needs.
type Config struct {
	DB         *platformstore.DB // migrated
	Bus        *bus.Bus
	Keys       seal.Keys
	ReceiptKey []byte // 32 bytes: master.Derive(ReceiptPurpose)
	Sessions   Sessions
	// Dial gives the Temporal client; it waits for it as long as ctx lives. Whoever made the client closes it.
	Dial    func(ctx context.Context) (Workflows, error)
	Log     *slog.Logger
	Metrics prometheus.Registerer
	Now     func() time.Time // nil: time.Now
}

// Service keeps inquiries.
type Service struct {
	Config
	store   *store.Store
	areas   calendars
	gate    gate
	looks   *audit.Looks
	metrics metrics
}

// New returns the service, not yet running.
func New(cfg Config) (*Service, error) {
	clock := cfg.Now
	if clock == nil {
		clock = time.Now
	}
	// What is shown at once and what is read back later must be the same time.
	cfg.Now = func() time.Time { return clock().UTC().Truncate(time.Microsecond) }
	g := make(gate, gateLimit)
	cfg.Keys = gated{cfg.Keys, g}
	s := &Service{Config: cfg, store: store.New(cfg.DB), areas: calendars{areas.New(cfg.Bus)}, looks: audit.Daily(source), gate: g}
	var err error
	s.metrics, err = newMetrics(cfg.Metrics, s)
	return s, err
}

// requestLimit bounds requests at work per subject. They wait for one disk: more than some hundred people who press a button
// in the same second are told to try again.
const requestLimit = 512

// Register adds the endpoints to the service "inquiry".
func (s *Service) Register(svc micro.Service) error {
	return errors.Join(
		bus.Handle(s.Bus, svc, inquiryv1.PrepareSubject, requestLimit, s.prepare),
		bus.Handle(s.Bus, svc, inquiryv1.OpenSubject, requestLimit, s.open),
		bus.Handle(s.Bus, svc, inquiryv1.StatusSubject, requestLimit, s.status),
		bus.Handle(s.Bus, svc, inquiryv1.GetSubject, requestLimit, s.get),
		bus.Handle(s.Bus, svc, inquiryv1.ListSubject, requestLimit, s.list),
		bus.Handle(s.Bus, svc, inquiryv1.ClaimSubject, requestLimit, s.claim),
		bus.Handle(s.Bus, svc, inquiryv1.ReleaseSubject, requestLimit, s.release),
		bus.Handle(s.Bus, svc, inquiryv1.ForwardSubject, requestLimit, s.forward),
		bus.Handle(s.Bus, svc, inquiryv1.SaySubject, requestLimit, s.say),
		bus.Handle(s.Bus, svc, inquiryv1.HistorySubject, requestLimit, s.history),
		bus.Handle(s.Bus, svc, inquiryv1.CalledSubject, requestLimit, s.called),
		bus.Handle(s.Bus, svc, inquiryv1.VideoSubject, requestLimit, s.video),
		bus.Handle(s.Bus, svc, inquiryv1.EndSubject, requestLimit, s.end),
		bus.Handle(s.Bus, svc, callv1.CheckSubjectOf(callv1.ChannelChat), requestLimit, s.check),
	)
}

// Run takes in consent events and passes the outbox on until ctx is done.
func (s *Service) Run(ctx context.Context) error {
	if err := s.wakeAll(ctx); err != nil {
		return stopped(ctx, fmt.Errorf("inquiries: %w", err))
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.onBus(ctx) })
	g.Go(func() error { return s.workflows(ctx) })
	err := g.Wait()
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// wakeAll has every unfinished inquiry's workflow plan anew, and starts those that are not there: even a Temporal that has
// lost its database forgets no citizen.
func (s *Service) wakeAll(ctx context.Context) error {
	ids, err := s.store.Read().Unfinished(ctx)
	if err != nil {
		return err
	}
	return s.store.InTx(ctx, func(tx *store.Tx) error {
		for _, id := range ids {
			if err := tx.Nudge(ctx, id); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Service) onBus(ctx context.Context) error {
	err := s.Bus.EnsureStreams(ctx, streams.Inquiry(), streams.Call(), streams.Transcript(), streams.Consent())
	if err != nil {
		return stopped(ctx, err)
	}
	stopErased, err := bus.Consume(ctx, s.Bus, bus.Consumer{
		Stream: consentv1.Stream, Durable: "inquiry-erased", Subjects: []string{consentv1.ErasedSubject("*")},
	}, s.onErased)
	if err != nil {
		return stopped(ctx, err)
	}
	defer stopErased()
	stopChoices, err := bus.Consume(ctx, s.Bus, bus.Consumer{
		Stream: consentv1.Stream, Durable: "inquiry-choice", Subjects: []string{consentv1.ChoiceEventSubject("*")},
	}, s.onChoice)
	if err != nil {
		return stopped(ctx, err)
	}
	defer stopChoices()
	return s.store.Pump(ctx, s.Log, store.LaneBus, outbox.ToBus(s.Bus), nil)
}

// workflows waits for Temporal, then passes signals on.
func (s *Service) workflows(ctx context.Context) error {
	w, err := s.Dial(ctx)
	if err != nil {
		return stopped(ctx, err)
	}
	return s.store.Pump(ctx, s.Log, store.LaneWork, func(ctx context.Context, r outbox.Row) error { return nudge(ctx, w, r.Target) }, nil)
}

// stopped turns an error that stopping caused into none.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
