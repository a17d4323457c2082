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
	// meetingPatience is how long one node may take before another is asked, too: it may hang. What is asked twice is done once, or
	// twice with the same result; the first answer counts.
	meetingPatience = 2 * time.Second
	meetingPause    = 250 * time.Millisecond
)

// askMeeting asks the meeting service about one meeting, and again while its room is on its way from one machine to another, or its
// only machine is being started anew.
func askMeeting[Resp, Req any](ctx context.Context, a *App, subject string, req Req) (Resp, error) {
	ctx, cancel := context.WithTimeout(ctx, meetingWithin)
	defer cancel()
	type answer struct {
		resp Resp
		err  error
	}
	answers := make(chan answer)
	next := time.NewTimer(0)
	defer next.Stop()
	var last answer
	for {
		select {
		case <-next.C:
			go func() {
				resp, err := bus.Request[Resp](ctx, a.Bus, subject, req)
				select {
				case answers <- answer{resp, err}:
				case <-ctx.Done():
				}
			}()
			next.Reset(meetingPatience)
		case last = <-answers:
			if !onTheWay(last.err) {
				return last.resp, last.err
			}
			next.Reset(meetingPause)
		case <-ctx.Done():
			if last.err == nil {
				last.err = errs.E(errs.Unavailable, "", ctx.Err())
			}
			return last.resp, last.err
		}
	}
}

// onTheWay tells whether it is worth asking again: nobody is there, or the service says so.
func onTheWay(err error) bool {
	var e *errs.Error
	return errors.As(err, &e) && e.Kind == errs.Unavailable && (e.RetryAfter > 0 || errors.Is(err, nats.ErrNoResponders))
}
