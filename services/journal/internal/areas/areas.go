// Package areas reads the rules of service areas from the consent service and keeps
// them for a moment. Safe for concurrent use.
package areas

import (
	"context"
	"sync"
	"time"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/platform/bus"
)

// keep is how long the rules are used without asking again; they change by restart.
const keep = time.Minute

// Client asks the consent service.
type Client struct {
	bus  *bus.Bus
	mu   sync.Mutex
	list []consentv1.Area
	till time.Time
}

// New returns a client.
func New(b *bus.Bus) *Client { return &Client{bus: b} }

// Get returns the rules of an area. One that is not known (any more) gets careful
// ones: nothing is drafted by machine, and content is kept for a fortnight.
func (c *Client) Get(ctx context.Context, id string) (consentv1.Area, error) {
	list, err := c.all(ctx)
	if err != nil {
		return consentv1.Area{}, err
	}
	for _, a := range list {
		if a.ID == id {
			return a, nil
		}
	}
	const day = 24 * time.Hour
	return consentv1.Area{ID: id, Name: id, NameEN: id, ApproveWithin: 2 * day, RemindAfter: day, KeepAfter: 14 * day}, nil
}

func (c *Client) all(ctx context.Context) ([]consentv1.Area, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Now().Before(c.till) {
		return c.list, nil
	}
	rep, err := bus.Request[consentv1.AreasReply](ctx, c.bus, consentv1.AreasSubject, consentv1.AreasRequest{})
	if err != nil {
		return nil, err
	}
	c.list, c.till = rep.Areas, time.Now().Add(keep)
	return c.list, nil
}
