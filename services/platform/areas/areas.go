// Package areas reads the service areas from the consent service and keeps them for a moment. What a service does with an area, and
// what it does where one is not known (any more), is its own. Safe for concurrent use.
package areas

import (
	"context"
	"errors"
	"sync"
	"time"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
)

const (
	// keep is how long the list is used without asking again; it changes when the consent service is restarted.
	keep = time.Minute
	// patience is how long an answer may take: only a service that hangs needs it, one that is away is known at once.
	patience = 5 * time.Second
	// pause is how long nobody asks again after a failure, so that callers do not queue up behind a service that is away.
	pause = time.Second
)

// Client asks the consent service.
type Client struct {
	request func(context.Context) (consentv1.AreasReply, error)
	now     func() time.Time

	mu   sync.Mutex
	list []consentv1.Area
	err  error // of the last request, while there is no list
	till time.Time
}

// New returns a client.
func New(b *bus.Bus) *Client {
	return &Client{now: time.Now, request: func(ctx context.Context) (consentv1.AreasReply, error) {
		return bus.Request[consentv1.AreasReply](ctx, b, consentv1.AreasSubject, consentv1.AreasRequest{})
	}}
}

// All lists the areas. While the consent service is away it gives the last list; before there is one, an error of kind Unavailable.
func (c *Client) All(ctx context.Context) ([]consentv1.Area, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now().Before(c.till) {
		return c.list, c.err
	}
	short, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	rep, err := c.request(short)
	if err == nil && len(rep.Areas) == 0 {
		err = errs.E(errs.Unavailable, "", errors.New("the consent service knows no areas"))
	}
	switch {
	case err == nil:
		c.list, c.err, c.till = rep.Areas, nil, c.now().Add(keep)
	case ctx.Err() != nil: // the caller gave up; that says nothing of the service
		return c.list, orNone(c.list, ctx.Err())
	default:
		c.err, c.till = orNone(c.list, err), c.now().Add(pause)
	}
	return c.list, c.err
}

// orNone is err where there is no list to go on with.
func orNone(list []consentv1.Area, err error) error {
	if list != nil {
		return nil
	}
	return err
}

// Find returns an area by its id; ok is false for one that is not known (any more).
func (c *Client) Find(ctx context.Context, id string) (a consentv1.Area, ok bool, err error) {
	list, err := c.All(ctx)
	for _, a := range list {
		if a.ID == id {
			return a, true, nil
		}
	}
	return consentv1.Area{}, false, err
}
