// Package app is the meeting service at work: it answers requests about bookings and rooms, tells what has changed, wakes the
// workflows, and forgets what is erased.
package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/meeting/internal/booking"
	"samtale.dk/samtale/services/meeting/internal/nodes"
	"samtale.dk/samtale/services/meeting/internal/room"
	"samtale.dk/samtale/services/meeting/internal/store"
	"samtale.dk/samtale/services/platform/audit"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/bus/streams"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/outbox"
	"samtale.dk/samtale/workflows/meeting"
)

// Config is what New needs.
type Config struct {
	Store *store.Store
	Bus   *bus.Bus
	Book  *booking.Book
	Hall  *room.Hall
	Nodes *nodes.Nodes
	// Alone says that no other process has the database: whatever holds rooms in it when this one starts is gone.
	Alone bool
	// Dial reaches Temporal; it waits for it as long as ctx lives. Work runs the activities.
	Dial  func(ctx context.Context) (client.Client, error)
	Work  func(ctx context.Context, c client.Client) error
	Queue string // of the workflows
	// Limits are longer where a test must not fail for a machine that is slow.
	Limits Limits
	// Sample writes an invitation by a set-up to an imagined meeting, in a language.
	Sample  func(s meetingv1.Setup, language string) (meetingv1.Preview, error)
	Log     *slog.Logger
	Metrics prometheus.Registerer
}

// Limits bound what others wait for. The zero value means the defaults in brackets.
type Limits struct {
	Request time.Duration // until nobody waits for an answer any more: a process that was stopped in the middle of a request gives it up [10 s]
	Drain   time.Duration // for the last words of the rooms of a node that stops [15 s]
}

// App is the running service.
type App struct {
	Config
	temporal atomic.Pointer[client.Client]
	busy     sync.RWMutex // held for reading by requests about meetings that are at work
	looks    *audit.Looks
}

// New returns the service, not yet running.
func New(cfg Config) (*App, error) {
	gauge := func(name, help string, f func() float64) error {
		return cfg.Metrics.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "samtale", Subsystem: "meeting", Name: name, Help: help,
		}, f))
	}
	err := errors.Join(
		gauge("rooms", "Meetings that are held at this node.", func() float64 { n, _ := cfg.Hall.Rooms(); return float64(n) }),
		gauge("participants", "People with sound or picture at this node.", func() float64 { _, n := cfg.Hall.Rooms(); return float64(n) }),
		gauge("nodes", "Other nodes of the meeting service that this one knows of.", func() float64 { return float64(cfg.Nodes.Others()) }),
		gauge("audio_only_subscribers", "People whose network carries no picture now, at this node.", func() float64 { return float64(cfg.Hall.SFU.Stats().SoundOnly) }),
		gauge("packets_out", "Media packets sent since the start.", func() float64 { return float64(cfg.Hall.SFU.Stats().PacketsOut) }),
		gauge("send_errors", "Media packets that could not be sent since the start.", func() float64 { return float64(cfg.Hall.SFU.Stats().SendErrors) }),
		gauge("queue_dropped", "Media packets dropped since the start because a queue was full.", func() float64 { return float64(cfg.Hall.SFU.Stats().QueueDropped) }),
	)
	cfg.Limits = Limits{Request: cmp.Or(cfg.Limits.Request, 10*time.Second), Drain: cmp.Or(cfg.Limits.Drain, 15*time.Second)}
	return &App{Config: cfg, looks: audit.New("meeting")}, err
}

// Run serves until ctx is done, then lets the rooms go.
func (a *App) Run(ctx context.Context) error {
	err := a.Bus.EnsureStreams(ctx, streams.Meeting(), streams.Call(), streams.Transcript(), streams.Consent(), streams.Journal())
	if err != nil {
		return stopped(ctx, err)
	}
	if a.Alone {
		if err := a.takeover(ctx); err != nil {
			return stopped(ctx, err)
		}
	}
	d, err := a.open()
	if err != nil {
		return fmt.Errorf("meeting: %w", err)
	}
	defer a.closeDoors(d)
	stop, err := a.consume(ctx)
	defer stop()
	if err != nil {
		return stopped(ctx, err)
	}
	g, gctx := errgroup.WithContext(ctx)
	staying, leave := context.WithCancel(context.WithoutCancel(ctx)) // until the rooms are gone
	g.Go(func() error { return a.Nodes.Run(staying) })
	g.Go(func() error { return a.Store.Pump(gctx, a.Log, store.LaneBus, outbox.ToBus(a.Bus), nil) })
	g.Go(func() error { return a.Store.Pump(gctx, a.Log, store.LaneChoice, a.Hall.Choice, nil) })
	g.Go(func() error { return a.workflows(gctx) })
	g.Go(func() error { return a.Hall.Keep(gctx) })
	g.Go(func() error {
		<-gctx.Done()
		defer leave()
		a.Hall.Retire()
		a.Nodes.Report()
		if a.Nodes.Successor() {
			_ = d.all.Stop() // the others take what comes; fails only on a closed connection
		}
		drain, cancel := context.WithTimeout(context.WithoutCancel(gctx), a.Limits.Drain)
		defer cancel()
		a.Hall.Drain(drain)
		return nil
	})
	return stopped(ctx, g.Wait())
}

// consume follows what the consent service and the journal tell. Stop is never nil.
func (a *App) consume(ctx context.Context) (stop func(), err error) {
	var stops []func()
	stop = func() {
		for _, s := range stops {
			s()
		}
	}
	add := func(s func(), err error) error {
		if err == nil {
			stops = append(stops, s)
		}
		return err
	}
	of := func(durable, subject string) bus.Consumer {
		return bus.Consumer{Stream: consentv1.Stream, Durable: durable, Subjects: []string{subject}}
	}
	err = add(bus.Consume(ctx, a.Bus, of("meeting-erased", consentv1.ErasedSubject("*")), a.erase))
	if err == nil {
		err = add(bus.Consume(ctx, a.Bus, of("meeting-choices", consentv1.ChoiceEventSubject("*")), a.withdrawn))
	}
	if err == nil {
		err = add(bus.Consume(ctx, a.Bus, of("meeting-holds", consentv1.HoldEventSubject("*")), a.unheld))
	}
	if err == nil {
		err = add(bus.Consume(ctx, a.Bus, bus.Consumer{
			Stream: journalv1.Stream, Durable: "meeting-retained", Subjects: []string{journalv1.Changed{ConversationID: "*"}.Subject()},
		}, a.retained))
	}
	return stop, err
}

func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// Ready probes the database, the bus (by asking ourselves) and the workflow service.
func (a *App) Ready(ctx context.Context) error {
	if err := a.Store.Ready(ctx); err != nil {
		return err
	}
	if err := a.Nodes.Ask(ctx, a.Nodes.ID); err != nil {
		return err
	}
	c := a.temporal.Load()
	if c == nil {
		return errs.E(errs.Unavailable, "", errors.New("not connected to Temporal"))
	}
	_, err := (*c).CheckHealth(ctx, &client.CheckHealthRequest{})
	return err
}

// workflows waits for Temporal, then wakes workflows and runs the activities.
func (a *App) workflows(ctx context.Context) error {
	c, err := a.Dial(ctx)
	if err != nil {
		return stopped(ctx, err)
	}
	defer c.Close()
	a.temporal.Store(&c)
	defer a.temporal.Store(nil)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return a.Store.Pump(ctx, a.Log, store.LaneWork, a.wake, nil) })
	g.Go(func() error { return a.Work(ctx, c) })
	return g.Wait()
}

func (a *App) wake(ctx context.Context, o outbox.Row) error {
	c := *a.temporal.Load()
	id := o.Target[len(meeting.ID("")):]
	_, err := c.SignalWithStartWorkflow(ctx, o.Target, meeting.Changed, nil,
		client.StartWorkflowOptions{ID: o.Target, TaskQueue: a.Queue}, meeting.Meeting, meeting.Input{MeetingID: id})
	return err
}

// requestLimit bounds requests at work per subject.
const requestLimit = 64

func (a *App) open() (d doors, err error) {
	d.all, err = a.Bus.Service("meeting", "Bookings, lobbies, rooms, media of video meetings")
	if err == nil {
		d.own, err = a.Bus.Service("meeting-node", "What other nodes of the meeting service ask of this one")
	}
	if err != nil {
		return d, err
	}
	return d, a.endpoints(d)
}

// closeDoors takes no more requests, and waits until those at work are answered.
func (a *App) closeDoors(d doors) {
	// Each fails only on a closed connection, and then nobody waits for an answer.
	_ = d.all.Stop()
	_ = d.own.Stop()
	_ = a.Bus.NC.FlushTimeout(flushLimit) // what was on its way is here
	a.busy.Lock()
	defer a.busy.Unlock()
}

// flushLimit is for the bus to know that a node takes no more requests.
const flushLimit = 2 * time.Second

func (a *App) endpoints(d doors) error {
	return errors.Join(
		anywhere(a, d, meetingv1.BookSubject, a.book),
		anywhere(a, d, meetingv1.GetSubject, a.get),
		anywhere(a, d, meetingv1.ListSubject, a.list),
		anywhere(a, d, meetingv1.SetupsSubject, a.setups),
		anywhere(a, d, meetingv1.SaveSetupSubject, a.saveSetup),
		anywhere(a, d, meetingv1.ResetSetupSubject, a.resetSetup),
		anywhere(a, d, meetingv1.SetupChangesSubject, a.setupChanges),
		anywhere(a, d, meetingv1.PreviewSubject, a.preview),
		anywhere(a, d, meetingv1.OutboxSubject, a.outbox),
		anywhere(a, d, meetingv1.MineSubject, a.mine),
		bus.Handle(a.Bus, d.all, callv1.CheckSubjectOf(callv1.ChannelMeeting), requestLimit, a.check),

		handle(a, d, meetingv1.ChangeSubject, false, byID(func(r meetingv1.BookRequest) string { return r.ID }), a.change),
		handle(a, d, meetingv1.CancelSubject, false, byID(func(r meetingv1.CancelRequest) string { return r.ID }), a.cancel),
		handle(a, d, meetingv1.JoinSubject, false, byID(func(r meetingv1.Ref) string { return r.ID }), a.join),
		handle(a, d, meetingv1.EnterSubject, false, byID(func(r meetingv1.EnterRequest) string { return r.MeetingID }), a.Hall.Enter),
		handle(a, d, meetingv1.KnockSubject, false, bySeat(func(r meetingv1.KnockRequest) meetingv1.SeatRef { return r.Seat }), a.Hall.Knock),
		looks(a, d, meetingv1.LookSubject, bySeat(seatOf), a.Hall.Look),
		handle(a, d, meetingv1.AdmitSubject, false, byID(func(r meetingv1.AdmitRequest) string { return r.MeetingID }), a.admit),
		handle(a, d, meetingv1.PublishSubject, true, bySeat(func(r meetingv1.MediaRequest) meetingv1.SeatRef { return r.Seat }), a.Hall.Publish),
		handle(a, d, meetingv1.SubscribeSubject, true, bySeat(func(r meetingv1.MediaRequest) meetingv1.SeatRef { return r.Seat }), a.Hall.Subscribe),
		handle(a, d, meetingv1.LeaveSubject, false, bySeat(seatOf), a.Hall.Leave),
		handle(a, d, meetingv1.ActSubject, false, bySeat(func(r meetingv1.ActRequest) meetingv1.SeatRef { return r.Seat }), a.Hall.Act),
		handle(a, d, meetingv1.SaySubject, false, bySeat(func(r meetingv1.SayRequest) meetingv1.SeatRef { return r.Seat }), a.Hall.Say),
		looks(a, d, meetingv1.HistorySubject, bySeat(seatOf), a.Hall.History),
		looks(a, d, meetingv1.FileSubject, bySeat(func(r meetingv1.FileRequest) meetingv1.SeatRef { return r.Seat }), a.Hall.File),
		handle(a, d, meetingv1.DialInSubject, false, a.code, a.Hall.DialIn),
		handle(a, d, meetingv1.SoundSubject, true, bySeat(func(r meetingv1.SoundRequest) meetingv1.SeatRef { return r.Seat }), a.Hall.Sound),
		handle(a, d, meetingv1.LineSubject, false, bySeat(func(r meetingv1.LineReport) meetingv1.SeatRef { return r.Seat }), a.Hall.Line),
		handle(a, d, opOver, false, byID(func(r meetingv1.Ref) string { return r.ID }), a.over),
		a.Nodes.Serve(d.own),
		a.recordingEndpoints(d),
	)
}

// may checks that the actor is a caseworker of the area.
func may(actor meetingv1.Actor, area string) error {
	if actor.ID == "" || actor.Role != "caseworker" || !slices.Contains(actor.Areas, area) {
		return errs.E(errs.Denied, "Mødet hører til et fagområde, som du ikke arbejder i.", nil)
	}
	return nil
}

func (a *App) book(ctx context.Context, r meetingv1.BookRequest) (meetingv1.Meeting, error) {
	if r.ServiceArea == "" {
		return meetingv1.Meeting{}, errs.E(errs.Invalid, "Vælg, hvilket fagområde mødet hører til (service_area).", nil)
	}
	if err := may(r.Actor, r.ServiceArea); err != nil {
		return meetingv1.Meeting{}, err
	}
	if !slices.ContainsFunc(r.Participants, func(p meetingv1.Participant) bool { return p.Role == meetingv1.RoleCaseworker }) {
		r.Participants = append([]meetingv1.Participant{{Role: meetingv1.RoleCaseworker, Name: r.Actor.Name, User: r.Actor.ID}}, r.Participants...)
	}
	rec, err := a.Book.New(ctx, r)
	if err == nil && rec.State == meetingv1.Live && rec.Own(r.Actor.ID) == nil { // a colleague's that is held, maybe at another node
		_, err = route(ctx, a, meetingv1.JoinSubject, false, rec.ID, meetingv1.Ref{ID: rec.ID, Actor: r.Actor}, a.join)
		if err == nil {
			rec, _, err = a.Book.Get(ctx, rec.ID)
		}
	}
	m := a.own(rec)
	asks := func(p meetingv1.Participant) bool { return p.User == r.Actor.ID }
	if i := slices.IndexFunc(m.Participants, asks); i > 0 && rec.CreatedBy != r.Actor.ID { // a colleague's: one's own seat stands first
		p := m.Participants[i]
		m.Participants = slices.Insert(slices.Delete(m.Participants, i, i+1), 0, p)
	}
	return m, err
}

// own is a meeting as its area's caseworkers see it: with everybody's link.
func (a *App) own(rec booking.Record) meetingv1.Meeting {
	m := rec.Meeting
	m.Leaderless = a.Book.Leaderless(rec)
	m.Participants = slices.Clone(m.Participants)
	for i := range m.Participants {
		p := &m.Participants[i]
		if rec.Seats[p.ID].Secret != "" {
			p.Link = rec.Path(p.ID)
		}
		p.DialCode = rec.Seats[p.ID].Code
		if p.Tail != "" && rec.State != meetingv1.Booked { // of a telephone in the meeting nobody needs more
			p.Phone = "•• " + p.Tail
		}
	}
	return m
}

// find reads a meeting for a caseworker of its area, or for the metadata that an operator may see.
func (a *App) find(ctx context.Context, id string, actor meetingv1.Actor) (booking.Record, error) {
	rec, _, err := a.Book.Get(ctx, id)
	if err != nil {
		return rec, err
	}
	return rec, may(actor, rec.ServiceArea)
}

func (a *App) change(ctx context.Context, r meetingv1.BookRequest) (meetingv1.Meeting, error) {
	if _, err := a.find(ctx, r.ID, r.Actor); err != nil {
		return meetingv1.Meeting{}, err
	}
	if err := may(r.Actor, r.ServiceArea); err != nil {
		return meetingv1.Meeting{}, err
	}
	rec, err := a.Book.Change(ctx, r)
	if err == nil {
		a.Hall.Changed(rec)
	}
	return a.own(rec), err
}

func (a *App) cancel(ctx context.Context, r meetingv1.CancelRequest) (meetingv1.Meeting, error) {
	if _, err := a.find(ctx, r.ID, r.Actor); err != nil {
		return meetingv1.Meeting{}, err
	}
	rec, err := a.Book.Cancel(ctx, r.ID, r.Reason)
	if err == nil && rec.Off && rec.State == meetingv1.Live { // it was opened early
		if err = a.Hall.Over(ctx, rec.ID); err == nil {
			rec, _, err = a.Book.Get(ctx, rec.ID)
		}
	}
	if err == nil {
		a.Hall.Cancelled(rec)
	}
	return a.own(rec), err
}

func (a *App) get(ctx context.Context, r meetingv1.Ref) (meetingv1.Meeting, error) {
	rec, err := a.find(ctx, r.ID, r.Actor)
	if err != nil {
		return meetingv1.Meeting{}, err
	}
	return a.own(rec), a.look(ctx, r.Actor, "view-meeting", rec.ID)
}

// join gives a caseworker of the area a seat in a meeting that is a colleague's. It is in the audit log before the link is given.
func (a *App) join(ctx context.Context, r meetingv1.Ref) (meetingv1.Participant, error) {
	if _, err := a.find(ctx, r.ID, r.Actor); err != nil {
		return meetingv1.Participant{}, err
	}
	action := "join-meeting"
	if r.Lead {
		action = "lead-meeting"
	}
	if err := a.look(ctx, r.Actor, action, r.ID); err != nil {
		return meetingv1.Participant{}, err
	}
	rec, id, err := a.Book.Join(ctx, r.ID, r.Actor, r.Lead)
	if err != nil {
		return meetingv1.Participant{}, err
	}
	p := *rec.Participant(id)
	p.Link = rec.Path(id)
	return p, nil
}

// look writes the audit entry of a look at people's data.
func (a *App) look(ctx context.Context, actor meetingv1.Actor, action, id string) error {
	look := audit.Look{Actor: actor.ID, Role: actor.Role, Action: action, Purpose: "Forberede eller holde et møde"}
	return a.looks.Write(a.Book.Now(), look, []string{id}, func(entries []consentv1.Audit) error {
		return a.Bus.Publish(ctx, entries[0])
	})
}

// horizon is what a list shows when it is not told: what is on today and all that is ahead, for meetings are booked up to two years
// ahead, and what is not in the list nobody can find, change or cancel.
const horizon = 750 * 24 * time.Hour

func (a *App) list(ctx context.Context, r meetingv1.ListRequest) (meetingv1.ListReply, error) {
	if r.Actor.ID == "" || r.Actor.Role != "caseworker" {
		return meetingv1.ListReply{}, errs.E(errs.Denied, "", nil)
	}
	if r.From.IsZero() {
		r.From = a.Book.Now().Add(-24 * time.Hour)
	}
	if r.To.IsZero() {
		r.To = r.From.Add(horizon)
	}
	if r.Limit <= 0 || r.Limit > meetingv1.MaxList {
		r.Limit = meetingv1.MaxList
	}
	list, next, err := a.Book.List(ctx, booking.Query{Areas: r.Actor.Areas, From: r.From, To: r.To, Find: r.Find, After: r.After, Limit: r.Limit})
	rep := meetingv1.ListReply{Meetings: []meetingv1.Meeting{}, Next: next}
	for _, rec := range list {
		rep.Meetings = append(rep.Meetings, a.own(rec))
	}
	return rep, err
}

func (a *App) outbox(ctx context.Context, r meetingv1.OutboxRequest) (meetingv1.OutboxReply, error) {
	rep := meetingv1.OutboxReply{Sent: []meetingv1.Sent{}}
	var ids []string
	if r.MeetingID != "" {
		if _, err := a.find(ctx, r.MeetingID, r.Actor); err != nil {
			return rep, err
		}
		ids = []string{r.MeetingID}
	} else {
		list, err := a.list(ctx, meetingv1.ListRequest{Actor: r.Actor})
		if err != nil {
			return rep, err
		}
		for _, m := range list.Meetings {
			ids = append(ids, m.ID)
		}
	}
	for _, id := range ids {
		sent, err := a.Book.Sent(ctx, id)
		if err != nil {
			return rep, err
		}
		rep.Sent = append(rep.Sent, sent...)
	}
	slices.SortStableFunc(rep.Sent, func(x, y meetingv1.Sent) int { return y.At.Compare(x.At) })
	return rep, nil
}

// mine lists the meetings that a citizen took part in, who proves by the login at the portal that the pseudonym is theirs.
func (a *App) mine(ctx context.Context, r meetingv1.MineRequest) (meetingv1.MineReply, error) {
	if r.PartyRef == "" {
		return meetingv1.MineReply{}, errs.E(errs.Denied, "", nil)
	}
	list, err := a.Book.Mine(ctx, r.PartyRef, r.MeetingID)
	return meetingv1.MineReply{Meetings: list}, err
}

// retained notes when a meeting's content is deleted.
func (a *App) retained(ctx context.Context, e journalv1.Changed) error {
	if e.What != journalv1.Retained || e.EraseAt.IsZero() {
		return nil
	}
	err := a.Book.Retain(ctx, e.ConversationID, e.EraseAt)
	if errors.Is(err, errs.NotFound) { // a call, or what is erased
		return nil
	}
	return err
}

func (a *App) admit(ctx context.Context, r meetingv1.AdmitRequest) (meetingv1.Meeting, error) {
	if _, err := a.find(ctx, r.MeetingID, r.Actor); err != nil {
		return meetingv1.Meeting{}, err
	}
	rec, err := a.Hall.Decide(ctx, r)
	return a.own(rec), err
}

// check tells the journal whether a meeting is still held.
func (a *App) check(ctx context.Context, r callv1.CheckRequest) (callv1.Call, error) {
	rec, _, err := a.Book.Get(ctx, r.ConversationID)
	if err != nil {
		return callv1.Call{}, err
	}
	if rec.State != meetingv1.Live {
		return callv1.Call{}, errs.E(errs.NotFound, "", nil)
	}
	return callv1.Call{ConversationID: rec.ID, Channel: callv1.ChannelMeeting, State: callv1.StateTalking, ServiceArea: rec.ServiceArea}, nil
}
