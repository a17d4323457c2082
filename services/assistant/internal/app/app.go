// Package app is the assistant at work: it wires the knowledge, the answers, sessions, what is learnt, and the inquiries, and answers
// the requests about questions itself.
//
// Requests run concurrently up to a limit and are refused beyond it. The parts' loops run beside them until the context ends. Temporal
// may come late or be away: questions are answered all the same.
package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/micro"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	"samtale.dk/samtale/services/assistant/internal/answer"
	"samtale.dk/samtale/services/assistant/internal/answer/question"
	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
)

// Sessions keeps the citizens' histories.
type Sessions interface {
	Questions(ctx context.Context, session string) ([]question.Turn, error)
	Add(ctx context.Context, session string, a assistantv1.Answer, t question.Turn) error
}

// Ledger takes answers into account.
type Ledger interface {
	Record(ctx context.Context, r answer.Result) error
}

// Peers asks other authorities' assistants what we do not know. nil: our own answer stands.
type Peers interface {
	Answer(ctx context.Context, req assistantv1.AskRequest, own assistantv1.Answer) *assistantv1.Answer
}

// Part is a concept of the service: its requests, and its loop.
type Part interface {
	Register(svc micro.Service) error
	Run(ctx context.Context) error
}

// Config is what New needs.
type Config struct {
	Bus      *bus.Bus
	Pipeline *answer.Pipeline
	Sessions Sessions
	Ledger   Ledger
	Peers    Peers
	Parts    []Part // of the micro service "assistant"
	Inquiry  Part   // of the micro service "inquiry"
	// Work reaches Temporal and runs the activities until ctx ends.
	Work    func(ctx context.Context) error
	Probe   func(ctx context.Context) error // of what Ready does not ask itself
	Log     *slog.Logger
	Metrics prometheus.Registerer
}

// App is the running assistant.
type App struct {
	Config
	metrics metrics
}

// metrics of the assistant. Labels: reason of the answer; who drafted it (extract or model); what failed (session, ledger).
type metrics struct {
	answers  *prometheus.CounterVec
	took     *prometheus.HistogramVec
	unkept   *prometheus.CounterVec
	suggests prometheus.Counter
}

func newMetrics(r prometheus.Registerer) (metrics, error) {
	opts := func(name, help string) prometheus.Opts {
		return prometheus.Opts{Namespace: "samtale", Subsystem: "assistant", Name: name, Help: help}
	}
	m := metrics{
		answers: prometheus.NewCounterVec(prometheus.CounterOpts(opts("answers_total", "Questions, by the reason of what was answered.")), []string{"reason"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "samtale", Subsystem: "assistant", Name: "answer_seconds", Help: "Time from question to whole answer.",
			Buckets: []float64{.002, .005, .01, .02, .05, .1, .25, 1, 5, 15, 60},
		}, []string{"by"}),
		unkept:   prometheus.NewCounterVec(prometheus.CounterOpts(opts("unkept_total", "Answers that were given, but not kept.")), []string{"what"}),
		suggests: prometheus.NewCounter(prometheus.CounterOpts(opts("suggestions_total", "Suggestions shown at the desk."))),
	}
	return m, errors.Join(r.Register(m.answers), r.Register(m.took), r.Register(m.unkept), r.Register(m.suggests))
}

// New returns the assistant, not yet running.
func New(cfg Config) (*App, error) {
	m, err := newMetrics(cfg.Metrics)
	if err != nil {
		return nil, err
	}
	return &App{cfg, m}, nil
}

// Requests at once. With a model, answers wait for it in its own short queue and are taken word for word beyond that.
const (
	askLimit     = 400
	suggestLimit = 32
	proposeLimit = 4 // an editor's wish waits for the model, and citizens come first
)

// Run serves until ctx is done.
func (a *App) Run(ctx context.Context) error {
	svc, err := a.Bus.Service("assistant", "Questions with proven answers, knowledge, sessions")
	if err != nil {
		return fmt.Errorf("assistant: %w", err)
	}
	defer svc.Stop()
	inq, err := a.Bus.Service("inquiry", "Citizens' inquiries to a person")
	if err != nil {
		return fmt.Errorf("assistant: %w", err)
	}
	defer inq.Stop()
	failed := []error{
		bus.Handle(a.Bus, svc, assistantv1.AskSubject, askLimit, a.ask),
		bus.Handle(a.Bus, svc, assistantv1.SuggestSubject, suggestLimit, a.suggest),
		bus.Handle(a.Bus, svc, assistantv1.TrySubject, suggestLimit, a.Pipeline.Try),
		bus.Handle(a.Bus, svc, assistantv1.ProposeSubject, proposeLimit, a.Pipeline.Propose),
		bus.Handle(a.Bus, svc, knowledgev1.EvaluationSubject, suggestLimit, evaluation),
		a.Inquiry.Register(inq),
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, p := range append(a.Parts, a.Inquiry) {
		if p != a.Inquiry {
			failed = append(failed, p.Register(svc))
		}
		g.Go(func() error { return p.Run(ctx) })
	}
	g.Go(func() error { return a.Work(ctx) })
	if err := errors.Join(failed...); err != nil {
		return fmt.Errorf("assistant: %w", err)
	}
	err = g.Wait()
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// Ready probes what the answers need, then asks ourselves over the bus, which goes through index and database.
func (a *App) Ready(ctx context.Context) error {
	if err := a.Probe(ctx); err != nil {
		return err
	}
	_, err := bus.Request[knowledgev1.SearchReply](ctx, a.Bus, knowledgev1.SearchSubject, knowledgev1.SearchRequest{Query: "flytning", K: 1})
	return err
}

func evaluation(context.Context, knowledgev1.EvaluationRequest) (knowledgev1.Evaluation, error) {
	return answer.Evaluation()
}

// ask answers one question, telling what it does on the way.
func (a *App) ask(ctx context.Context, req assistantv1.AskRequest) (assistantv1.Answer, error) {
	begin := time.Now()
	if req.ID == "" {
		req.ID = event.NewID(begin)
	}
	if err := event.CheckToken(req.ID); err != nil {
		return assistantv1.Answer{}, errs.E(errs.Invalid, "Svarets nummer er ikke gyldigt.", err)
	}
	ctx, end := otel.Tracer("assistant").Start(ctx, "ask")
	defer end.End()
	tell := a.tell(req.ID)
	var last assistantv1.Event // held back: a peer may have more to say
	res, err := a.Pipeline.Ask(ctx, req, a.turns(ctx, req), func(e assistantv1.Event) {
		if e.Kind == assistantv1.EventAnswer {
			last = e
			return
		}
		tell(e)
	})
	if err != nil {
		return assistantv1.Answer{}, err
	}
	if theirs := a.Peers.Answer(ctx, req, res.Answer); theirs != nil {
		res.Answer, last.Answer = *theirs, theirs
	}
	tell(last)
	end.SetAttributes(attribute.String("answer", req.ID), attribute.String("reason", res.Reason))
	a.metrics.answers.WithLabelValues(res.Reason).Inc()
	by := "model"
	if res.DraftedBy == answer.DraftedByExtract {
		by = answer.DraftedByExtract
	}
	a.metrics.took.WithLabelValues(by).Observe(time.Since(begin).Seconds())
	a.keep(ctx, res)
	return res.Answer, nil
}

// turns reads what was asked before. Without it the question stands alone.
func (a *App) turns(ctx context.Context, req assistantv1.AskRequest) []question.Turn {
	if req.Session == "" {
		return nil
	}
	turns, err := a.Sessions.Questions(ctx, req.Session)
	if err != nil {
		a.Log.Warn("history not read", "answer", req.ID, "err", err)
	}
	return turns
}

// tell sends the events of an answer to whoever listens; the answer itself does not depend on it.
func (a *App) tell(id string) answer.Tell {
	subject := assistantv1.AnswerSubject(id)
	return func(e assistantv1.Event) {
		data, err := json.Marshal(e)
		if err == nil {
			err = a.Bus.NC.Publish(subject, data)
		}
		if err != nil {
			a.Log.Warn("event of an answer not sent", "answer", id, "err", err)
		}
	}
}

// keepWithin bounds what is done after the answer was made: who listens has it already, and a busy disk must not cost the history.
const keepWithin = 10 * time.Second

// keep notes the answer. The asker gets it also when nothing can be kept: a history that cannot be sealed is not written at all.
func (a *App) keep(ctx context.Context, res answer.Result) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepWithin)
	defer cancel()
	if res.Session != "" {
		if err := a.Sessions.Add(ctx, res.Session, res.Answer, res.Turn); err != nil {
			a.metrics.unkept.WithLabelValues("session").Inc()
			a.Log.Warn("history not kept", "answer", res.ID, "err", err)
		}
	}
	if err := a.Ledger.Record(ctx, res); err != nil {
		a.metrics.unkept.WithLabelValues("ledger").Inc()
		a.Log.Warn("answer not counted", "answer", res.ID, "err", err)
	}
}

func (a *App) suggest(ctx context.Context, req assistantv1.SuggestRequest) (assistantv1.SuggestReply, error) {
	rep, err := a.Pipeline.Suggest(ctx, req)
	a.metrics.suggests.Add(float64(len(rep.Suggestions)))
	return rep, err
}

// Temporal is a connection that may not be there yet.
type Temporal struct{ client atomic.Pointer[client.Client] }

// Set gives the connection; nil takes it away.
func (t *Temporal) Set(c *client.Client) { t.client.Store(c) }

// Wait gives the connection as soon as it is there.
func (t *Temporal) Wait(ctx context.Context) (client.Client, error) {
	for {
		if c := t.client.Load(); c != nil {
			return *c, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// Ready probes it.
func (t *Temporal) Ready(ctx context.Context) error {
	c := t.client.Load()
	if c == nil {
		return errs.E(errs.Unavailable, "", errors.New("not connected to Temporal"))
	}
	_, err := (*c).CheckHealth(ctx, &client.CheckHealthRequest{})
	return err
}
