package app

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"

	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
)

const (
	meetingWithin = 10 * time.Second
	// meetingPatience is how long one node may take before another is asked, too: it may hang, and not yet be known to.
	meetingPatience = 400 * time.Millisecond
)

// askMeeting asks the meeting service about one meeting, and again while its room is on its way from one machine to another, or its
// only machine is being started anew.
func askMeeting[Resp, Req any](ctx context.Context, a *App, subject string, req Req) (Resp, error) {
	ctx, cancel := context.WithTimeout(ctx, meetingWithin)
	defer cancel()
	return bus.Insist[Resp](ctx, a.Bus, subject, req, meetingPatience, onTheWay)
}

// askBooking asks the meeting service about what needs no room. Where nobody is there, that is said at once.
func askBooking[Resp, Req any](ctx context.Context, a *App, subject string, req Req) (Resp, error) {
	ctx, cancel := context.WithTimeout(ctx, meetingWithin)
	defer cancel()
	return bus.Insist[Resp](ctx, a.Bus, subject, req, meetingPatience, promised)
}

// onTheWay tells whether it is worth asking again: nobody is there, or the service says so.
func onTheWay(err error) bool { return promised(err) || errors.Is(err, nats.ErrNoResponders) }

func promised(err error) bool {
	var e *errs.Error
	return errors.As(err, &e) && e.Kind == errs.Unavailable && e.RetryAfter > 0
}
