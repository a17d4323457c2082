package store

import (
	"context"

	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/platform/outbox"
)

// Lanes of the outbox. Each is sent in order, and one that is stuck does not hold up the other.
const (
	LaneBus  = "bus"  // events
	LaneWork = "work" // workflows to start, or to tell that something has changed
)

// Publish puts an event in the outbox.
func (t *Tx) Publish(ctx context.Context, m event.Message) error {
	return t.s.PutEvent(ctx, t.Tx, LaneBus, m)
}

// Nudge has the inquiry's workflow plan anew, and starts it when it does not run.
func (t *Tx) Nudge(ctx context.Context, inquiry string) error {
	return t.s.Put(ctx, t.Tx, LaneWork, outbox.Row{Target: inquiry})
}
