package app

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/meeting/internal/nodes"
	"samtale.dk/samtale/services/meeting/internal/store"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
)

// Requests about one meeting come to any node. The one that has the room does them; one that nobody has is placed, when it is
// needed, at the node that has the least to do. So no link and no client knows of nodes.

const (
	// routeWithin bounds how long a room is looked for that moves. Who asked waits ten seconds at most.
	routeWithin = 7 * time.Second
	routePause  = 100 * time.Millisecond
)

// opOver ends a meeting that was left open: what a workflow asks for.
const opOver = "meeting.v1.over"

// about names the meeting of a request; empty: none that exists, and any node says so.
type about[Req any] func(ctx context.Context, r Req) string

// media tells whether a request needs the room although the meeting may not have begun.
type media bool

// doors are where requests come in: those that any node may take, and those for this one. A node that leaves closes the first at once.
type doors struct{ all, own micro.Service }

// anywhere serves a subject that any node may take: from who asks whomever it comes to, and from who asks this node.
func anywhere[Req, Resp any](a *App, d doors, subject string, do func(context.Context, Req) (Resp, error)) error {
	fresh := fresh(a, do)
	return errors.Join(
		bus.Handle(a.Bus, d.all, subject, requestLimit, fresh),
		bus.Handle(a.Bus, d.all, bus.At(a.Nodes.ID, subject), requestLimit, fresh),
	)
}

// fresh refuses what was asked while this process did not run: who asked has been answered by another node, or has done something else
// since. Who does wait asks again.
func fresh[Req, Resp any](a *App, do func(context.Context, Req) (Resp, error)) func(context.Context, Req) (Resp, error) {
	return func(ctx context.Context, r Req) (Resp, error) {
		if !a.Nodes.Awake() {
			var none Resp
			return none, store.ErrElsewhere
		}
		return do(ctx, r)
	}
}

// handle serves a subject: from everybody, and from the other nodes. What is asked twice under one name is done once.
func handle[Req, Resp any](a *App, d doors, subject string, m media, of about[Req], do func(context.Context, Req) (Resp, error)) error {
	done := new(bus.Once[Resp])
	once := func(ctx context.Context, r Req) (Resp, error) {
		return done.Do(ctx, func() (Resp, error) { return do(ctx, r) })
	}
	return serve(a, d, subject, m, of, once)
}

// looks serves a subject that changes nothing: twice is as good as once, and answers may be large.
func looks[Req, Resp any](a *App, d doors, subject string, of about[Req], do func(context.Context, Req) (Resp, error)) error {
	return serve(a, d, subject, false, of, do)
}

func serve[Req, Resp any](a *App, d doors, subject string, m media, of about[Req], do func(context.Context, Req) (Resp, error)) error {
	here := func(ctx context.Context, r Req) (Resp, error) {
		a.busy.RLock()
		defer a.busy.RUnlock()
		if at, err := a.holder(ctx, of(ctx, r)); err != nil || at.Node != "" && at.Node != a.Nodes.ID {
			var none Resp
			return none, errors.Join(err, store.ErrElsewhere)
		}
		return do(ctx, r)
	}
	return errors.Join(
		bus.Handle(a.Bus, d.own, nodes.Subject(a.Nodes.ID, subject), requestLimit, fresh(a, here)),
		anywhere(a, d, subject, func(ctx context.Context, r Req) (Resp, error) {
			a.busy.RLock()
			defer a.busy.RUnlock()
			ctx, cancel := context.WithTimeout(ctx, a.Limits.Request)
			defer cancel()
			return route(ctx, a, subject, m, of(ctx, r), r, do)
		}),
	)
}

// route has a request done where its room is, and again when the room has moved meanwhile.
func route[Req, Resp any](
	ctx context.Context, a *App, subject string, m media, meeting string, r Req, do func(context.Context, Req) (Resp, error),
) (Resp, error) {
	late := time.After(routeWithin)
	for {
		resp, err := once(ctx, a, subject, m, meeting, r, do)
		if err == nil || !moved(err) || a.Hall.Leaving() && !a.Nodes.Successor() { // this process is waited for
			return resp, err
		}
		select {
		case <-late:
			return resp, errors.Join(store.ErrElsewhere, err)
		case <-time.After(routePause):
		}
	}
}

// moved tells whether a request failed because of where it was done.
func moved(err error) bool {
	var e *errs.Error
	return errors.Is(err, store.ErrElsewhere) || errors.As(err, &e) && e.Kind == errs.Unavailable && e.RetryAfter > 0
}

func once[Req, Resp any](
	ctx context.Context, a *App, subject string, m media, meeting string, r Req, do func(context.Context, Req) (Resp, error),
) (Resp, error) {
	var none Resp
	p, err := a.holder(ctx, meeting)
	if err != nil {
		return none, err
	}
	at, placed := p.Node, p.Node != ""
	if !placed && (bool(m) || p.State == meetingv1.Live) {
		var ok bool
		if at, ok = a.Nodes.Pick(); !ok {
			return none, store.ErrElsewhere // all are leaving; others are on their way
		}
	}
	if at == "" || at == a.Nodes.ID {
		return do(ctx, r)
	}
	there, cancel := a.Nodes.While(ctx, at)
	defer cancel()
	resp, err := bus.Request[Resp](bus.Forward(there), a.Bus, nodes.Subject(at, subject), r)
	switch {
	case err == nil:
		return resp, nil
	case errors.Is(err, nats.ErrNoResponders) && !placed:
		a.Nodes.Forget(at) // it will say when it is there again
		return none, store.ErrElsewhere
	case errors.Is(err, nats.ErrNoResponders):
		_, err = a.Nodes.Gone(ctx, at)
		return none, errors.Join(store.ErrElsewhere, err)
	case there.Err() != nil && ctx.Err() == nil: // it was found to be gone while it was asked
		return none, store.ErrElsewhere
	}
	return none, err
}

// Awake makes sure after a stop of this process what it still has, and that what was asked meanwhile has come: it is refused.
func (a *App) Awake(ctx context.Context) error {
	if err := a.Hall.CheckAll(ctx); err != nil {
		return err
	}
	_ = a.Bus.NC.FlushTimeout(flushLimit) // without the bus nothing comes
	return nil
}

// holder reads which node has a meeting's room, and drops one that is here no more by right.
func (a *App) holder(ctx context.Context, meeting string) (store.Place, error) {
	p, err := a.Store.Read().Place(ctx, meeting)
	if errors.Is(err, errs.NotFound) {
		return store.Place{}, nil
	}
	if err == nil {
		a.Hall.Check(meeting, p)
	}
	return p, err
}

// Over ends a meeting that was left open, wherever its room is.
func (a *App) Over(ctx context.Context, id string) error {
	_, err := route(ctx, a, opOver, false, id, meetingv1.Ref{ID: id}, a.over)
	return err
}

func (a *App) over(ctx context.Context, r meetingv1.Ref) (struct{}, error) {
	return struct{}{}, a.Hall.Over(ctx, r.ID)
}

// Evict takes the rooms of a node away that is gone, and has their people come back.
func (a *App) Evict(ctx context.Context, node string) error {
	var ids []string
	err := a.Store.InTx(ctx, func(tx *store.Tx) (err error) {
		ids, err = tx.Evict(ctx, node, a.Book.Now())
		return err
	})
	if err != nil {
		return err
	}
	for _, id := range ids {
		a.Hall.Moved(id)
	}
	return nil
}

// takeover takes all rooms away from the processes before this one, without waiting to see whether they answer.
func (a *App) takeover(ctx context.Context) error {
	holders, err := a.Store.Read().Holders(ctx)
	for _, node := range holders {
		err = errors.Join(err, a.Evict(ctx, node))
	}
	return err
}

func bySeat[Req any](seat func(Req) meetingv1.SeatRef) about[Req] {
	return func(_ context.Context, r Req) string { return seat(r).MeetingID }
}

func byID[Req any](id func(Req) string) about[Req] {
	return func(_ context.Context, r Req) string { return id(r) }
}

func seatOf(s meetingv1.SeatRef) meetingv1.SeatRef { return s }

// code finds the meeting that a caller's code is for.
func (a *App) code(ctx context.Context, r meetingv1.DialInRequest) string {
	rec, _, err := a.Book.OpenByCode(ctx, r.Code)
	if err != nil {
		return "" // it is refused where it is
	}
	return rec.ID
}
