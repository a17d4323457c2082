package store

import (
	"context"

	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/platform/outbox"
)

// Lanes of the outbox. Each is sent in order, and one that is stuck does not hold up
// the other.
const (
	LaneBus  = "bus"  // events
	LaneWork = "work" // starts and signals of workflows
)

// Start as a Name starts the call's workflow, when it does not run yet.
const Start = "start"

// Withdraw as a Name starts the workflow of a withdrawal, or tells a running one.
const Withdraw = "withdraw"

// Publish puts an event in the outbox.
func (t *Tx) Publish(ctx context.Context, m event.Message) error {
	return t.s.PutEvent(ctx, t.Tx, LaneBus, m)
}

// Signal puts the signal of a workflow in the outbox.
func (t *Tx) Signal(ctx context.Context, workflowID, name string) error {
	return t.s.Put(ctx, t.Tx, LaneWork, outbox.Row{Target: workflowID, Name: name})
}
