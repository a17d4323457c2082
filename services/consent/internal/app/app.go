// Package app wires the consent service: requests over the bus, the consumer of the
// audit stream, the pump of the outbox, and the probe. Requests run concurrently; the store serialises what
// must be.
package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/micro"
	"github.com/prometheus/client_golang/prometheus"

	"samtale.dk/samtale/models/danish"
	"samtale.dk/samtale/services/consent/internal/store"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/bus/streams"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/outbox"
)

// Config is what New needs.
type Config struct {
	Store   *store.Store
	Bus     *bus.Bus
	Areas   []consentv1.Area
	Log     *slog.Logger
	Metrics prometheus.Registerer
	Now     func() time.Time // nil: time.Now
}

// App is the running service.
type App struct {
	Config
	metrics metrics
	listens atomic.Bool // the consumer runs, on a stream that is there
}

// metrics have no labels.
type metrics struct {
	keys, erased, choices, audited prometheus.Counter
}

// New returns the service, not yet running.
func New(cfg Config) (*App, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "samtale", Subsystem: "consent", Name: name, Help: help})
	}
	a := &App{Config: cfg, metrics: metrics{
		keys:    counter("key_requests_total", "Requests for a conversation's key."),
		erased:  counter("erased_total", "Erasures, also repeated ones."),
		choices: counter("choices_total", "Choices received."),
		audited: counter("audit_entries_total", "Audit entries received."),
	}}
	for _, c := range []prometheus.Collector{a.metrics.keys, a.metrics.erased, a.metrics.choices, a.metrics.audited} {
		if err := cfg.Metrics.Register(c); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// Run serves until ctx is done, then finishes what it has begun.
func (a *App) Run(ctx context.Context) error {
	svc, err := a.Bus.Service("consent", "Keys, choices, legal holds, service areas and audit log")
	if err != nil {
		return fmt.Errorf("consent: %w", err)
	}
	defer svc.Stop()
	// Keys and areas are served before the streams are there: others wait for them.
	if err := a.endpoints(svc); err != nil {
		return err
	}
	err = a.Bus.EnsureStreams(ctx, streams.Consent())
	if err != nil {
		return ended(ctx, err)
	}
	stop, err := bus.Consume(ctx, a.Bus, bus.Consumer{
		Stream: consentv1.Stream, Durable: "consent-audit", Subjects: []string{"audit.v1.>"},
	}, a.audit)
	if err != nil {
		return ended(ctx, err)
	}
	defer stop()
	a.listens.Store(true)
	defer a.listens.Store(false)
	return a.Store.Pump(ctx, a.Log, store.LaneBus, outbox.ToBus(a.Bus), nil)
}

// ended turns an error that stopping caused into none.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// requestLimit bounds requests at work per subject; they wait for one disk.
const requestLimit = 64

func (a *App) endpoints(svc micro.Service) error {
	return errors.Join(
		bus.Handle(a.Bus, svc, consentv1.KeySubject, requestLimit, a.key),
		bus.Handle(a.Bus, svc, consentv1.EraseSubject, requestLimit, a.erase),
		bus.Handle(a.Bus, svc, consentv1.ChoiceSubject, requestLimit, a.choice),
		bus.Handle(a.Bus, svc, consentv1.ChoicesSubject, requestLimit, a.choicesOf),
		bus.Handle(a.Bus, svc, consentv1.HoldSubject, requestLimit, a.hold),
		bus.Handle(a.Bus, svc, consentv1.HoldStateSubject, requestLimit, a.holdOf),
		bus.Handle(a.Bus, svc, consentv1.AuditListSubject, requestLimit, a.auditOf),
		bus.Handle(a.Bus, svc, consentv1.AuditFindSubject, requestLimit, a.findAudit),
		bus.Handle(a.Bus, svc, consentv1.AreasSubject, requestLimit, a.areas),
	)
}

// Ready asks the service over the bus, as others do, and the database. Before the stream is there nobody hears of a choice.
func (a *App) Ready(ctx context.Context) error {
	if err := a.Store.Ready(ctx); err != nil {
		return err
	}
	if err := a.Bus.Ready(ctx); err != nil {
		return err
	}
	if !a.listens.Load() {
		return errs.E(errs.Unavailable, "", errors.New("does not consume its stream yet"))
	}
	_, err := bus.Request[consentv1.AreasReply](ctx, a.Bus, consentv1.AreasSubject, consentv1.AreasRequest{})
	return err
}

func checkID(conversation string) error {
	if err := event.CheckToken(conversation); err != nil {
		return errs.E(errs.Invalid, "", err)
	}
	return nil
}

func (a *App) key(ctx context.Context, r consentv1.KeyRequest) (consentv1.KeyReply, error) {
	a.metrics.keys.Inc()
	if err := checkID(r.ConversationID); err != nil {
		return consentv1.KeyReply{}, err
	}
	return a.Store.Key(ctx, r.ConversationID, r.Create, a.Now())
}

// erase announces every time it is asked: a caller that never got an answer asks
// again, so the announcement cannot be lost between the database and the stream.
func (a *App) erase(ctx context.Context, r consentv1.EraseRequest) (consentv1.EraseReply, error) {
	if err := checkID(r.ConversationID); err != nil {
		return consentv1.EraseReply{}, err
	}
	at, err := a.Store.Erase(ctx, r, a.Now())
	if err != nil {
		return consentv1.EraseReply{}, err
	}
	a.metrics.erased.Inc()
	e := consentv1.Erased{
		Meta:           event.Meta{ID: "erased-" + r.ConversationID, Type: "consent.v1.event.erased", Source: "consent", Time: at},
		ConversationID: r.ConversationID, Reason: r.Reason,
	}
	if err := a.Bus.Publish(ctx, e); err != nil {
		return consentv1.EraseReply{}, err
	}
	return consentv1.EraseReply{ErasedAt: at}, nil
}

func (a *App) choice(ctx context.Context, c consentv1.Choice) (consentv1.Choice, error) {
	if err := checkChoice(c); err != nil {
		return c, err
	}
	a.metrics.choices.Inc()
	c.OnBehalfOf = danish.Hide(c.OnBehalfOf) // who it is in full stands in the conversation, sealed
	now := a.Now()
	if c.ID == "" {
		c.Meta = event.NewMeta("consent.v1.event.choice", "consent", now)
	}
	if c.At.IsZero() {
		c.At = now.UTC()
	}
	return c, a.Store.AddChoice(ctx, c)
}

func checkChoice(c consentv1.Choice) error {
	if err := checkID(c.ConversationID); err != nil {
		return err
	}
	bad := func(what string) error { return errs.E(errs.Invalid, "", errors.New("choice: "+what)) }
	switch c.Kind {
	case consentv1.Recording, consentv1.Transcription, consentv1.AINote:
	default:
		return bad("unknown kind")
	}
	switch c.How {
	case consentv1.HowDTMF, consentv1.HowOral, consentv1.HowButton, consentv1.HowArea:
	default:
		return bad("unknown how")
	}
	if c.Who == "" || c.Basis == "" || c.Purpose == "" || c.TextVersion == "" {
		return bad("who, basis, purpose and text_version are required")
	}
	return nil
}

func (a *App) choicesOf(ctx context.Context, r consentv1.ConversationRequest) (consentv1.ChoicesReply, error) {
	if err := checkID(r.ConversationID); err != nil {
		return consentv1.ChoicesReply{}, err
	}
	list, err := a.Store.Choices(ctx, r.ConversationID)
	return consentv1.ChoicesReply{Choices: list}, err
}

const maxReason = 1000 // bytes

func (a *App) hold(ctx context.Context, r consentv1.HoldRequest) (consentv1.HoldReply, error) {
	if err := checkID(r.ConversationID); err != nil {
		return consentv1.HoldReply{}, err
	}
	r.Reason = danish.Hide(r.Reason) // it stays when the conversation is erased
	if r.Actor == "" || r.On && r.Reason == "" {
		return consentv1.HoldReply{}, errs.E(errs.Invalid, "Skriv, hvorfor samtalen skal fredes mod sletning.", nil)
	}
	if len(r.Reason) > maxReason {
		return consentv1.HoldReply{}, errs.E(errs.Invalid, "Begrundelsen er for lang.", nil)
	}
	return a.Store.SetHold(ctx, r, a.Now())
}

func (a *App) holdOf(ctx context.Context, r consentv1.ConversationRequest) (consentv1.HoldReply, error) {
	if err := checkID(r.ConversationID); err != nil {
		return consentv1.HoldReply{}, err
	}
	return a.Store.Hold(ctx, r.ConversationID)
}

// auditLimit is how many entries a query gets when it does not say, and at most.
const auditLimit = 500

func (a *App) auditOf(ctx context.Context, q consentv1.AuditQuery) (consentv1.AuditReply, error) {
	if err := checkID(q.ConversationID); err != nil {
		return consentv1.AuditReply{}, err
	}
	if q.Limit <= 0 || q.Limit > auditLimit {
		q.Limit = auditLimit
	}
	list, err := a.Store.Audit(ctx, q)
	return consentv1.AuditReply{Entries: list}, err
}

// findConversations bounds a search: a case has no more.
const findConversations = 500

func (a *App) findAudit(ctx context.Context, q consentv1.AuditSearch) (consentv1.AuditPage, error) {
	if len(q.Conversations) > findConversations {
		return consentv1.AuditPage{}, errs.E(errs.Invalid, "Søgningen rammer for mange samtaler.", nil)
	}
	if q.Limit <= 0 || q.Limit > auditLimit {
		q.Limit = auditLimit
	}
	for _, e := range []struct {
		by   *consentv1.AuditReader
		told func(consentv1.AuditSearch, time.Time) consentv1.Audit
	}{{q.Export, exported}, {q.Look, searched}} {
		if e.by == nil {
			continue
		}
		if e.by.Actor == "" || e.by.Role == "" {
			return consentv1.AuditPage{}, errs.E(errs.Invalid, "", errors.New("audit log: read by whom?"))
		}
		if err := a.Store.AddAudit(ctx, e.told(q, a.Now())); err != nil {
			return consentv1.AuditPage{}, err
		}
	}
	return a.Store.FindAudit(ctx, q)
}

func exported(q consentv1.AuditSearch, now time.Time) consentv1.Audit {
	return read(q, *q.Export, event.NewMeta("audit.v1.entry", "consent", now), "export-audit", "Tilsyn: udtræk af, hvem der har set oplysninger")
}

// searchWindow is for how long looking for the same again is one search.
const searchWindow = 15 * time.Minute

// searched tells what kind of thing was looked for, and not which: that may be the number of a citizen's case.
func searched(q consentv1.AuditSearch, now time.Time) consentv1.Audit {
	var by []string
	for _, x := range []struct {
		asked bool
		what  string
	}{
		{q.Actor != "", "person"}, {q.Action != "", "handling"}, {len(q.Conversations) > 0, "samtale"}, {!q.From.IsZero() || !q.Till.IsZero(), "periode"},
	} {
		if x.asked {
			by = append(by, x.what)
		}
	}
	purpose := "Tilsyn: søgning efter, hvem der har set oplysninger"
	if len(by) > 0 {
		purpose += " (" + strings.Join(by, ", ") + ")"
	}
	same := fmt.Appendf(nil, "%q %q %q %d %d %q %q %d", q.Conversations, q.Actor, q.Action, q.From.Unix(), q.Till.Unix(), q.Look.Actor, q.Look.Role,
		now.Truncate(searchWindow).Unix())
	sum := sha256.Sum256(same)
	meta := event.Meta{ID: hex.EncodeToString(sum[:16]), Type: "audit.v1.entry", Source: "consent", Time: now}
	return read(q, *q.Look, meta, "search-audit", purpose)
}

// read is an entry about the log itself. It stands with the conversation when it is about one alone, so that its citizen sees it.
func read(q consentv1.AuditSearch, by consentv1.AuditReader, meta event.Meta, action, purpose string) consentv1.Audit {
	e := consentv1.Audit{Meta: meta, ConversationID: consentv1.AuditLog, Actor: by.Actor, Role: by.Role, Action: action, Purpose: purpose}
	if len(q.Conversations) == 1 {
		e.ConversationID = q.Conversations[0]
	}
	return e
}

func (a *App) areas(context.Context, consentv1.AreasRequest) (consentv1.AreasReply, error) {
	return consentv1.AreasReply{Areas: a.Areas}, nil
}

// audit keeps an entry of the stream. One that can never be kept is skipped.
func (a *App) audit(ctx context.Context, e consentv1.Audit) error {
	if err := checkID(e.ConversationID); err != nil || e.ID == "" {
		return fmt.Errorf("audit entry without id or conversation: %w", bus.ErrSkip)
	}
	if err := a.Store.AddAudit(ctx, e); err != nil {
		return err
	}
	a.metrics.audited.Inc()
	return nil
}
