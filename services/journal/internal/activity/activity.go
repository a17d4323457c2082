// Package activity is the journal's side of the workflows: it implements the
// Activities of phonecall, note and erasure. Every method may run again after it has
// already worked, and finds that then. Methods run concurrently.
package activity

import (
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"time"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/journal/internal/areas"
	"samtale.dk/samtale/services/journal/internal/content"
	"samtale.dk/samtale/services/journal/internal/deliver"
	"samtale.dk/samtale/services/journal/internal/draft"
	"samtale.dk/samtale/services/journal/internal/record"
	"samtale.dk/samtale/services/journal/internal/store"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/workflows/erasure"
	"samtale.dk/samtale/workflows/note"
	"samtale.dk/samtale/workflows/phonecall"
)

// Activities holds what the activities need.
type Activities struct {
	Store     *store.Store
	Bus       *bus.Bus
	Vault     content.Vault
	Areas     *areas.Client
	Drafter   *draft.Drafter
	Deliverer deliver.Adapter
	Public    ed25519.PublicKey // of the key that approvals are signed with
	Log       *slog.Logger
	Now       func() time.Time
}

var (
	_ phonecall.Activities = (*Activities)(nil)
	_ note.Activities      = (*Activities)(nil)
	_ erasure.Activities   = (*Activities)(nil)
)

// again makes an error that nothing here expects one that is tried again: a workflow
// that failed over it would leave its conversation unattended.
func again(err error) error {
	if err == nil || errs.KindOf(err) == errs.Unavailable {
		return err
	}
	return errs.E(errs.Internal, "", err)
}

// chatEvery is how often it is asked whether a chat goes on. It may last for days, and its gateway keeps it in a database.
const chatEvery = 10 * time.Minute

// CheckCall implements phonecall.Activities: the conversation's own gateway is asked.
func (a *Activities) CheckCall(ctx context.Context, in phonecall.CheckCallInput) (phonecall.CheckCallResult, error) {
	c, err := a.Store.Read().Conversation(ctx, in.ConversationID)
	if err != nil && !errors.Is(err, errs.NotFound) {
		return phonecall.CheckCallResult{}, again(err)
	}
	_, err = bus.Request[callv1.Call](ctx, a.Bus, callv1.CheckSubjectOf(c.Channel), callv1.CheckRequest{ConversationID: in.ConversationID})
	if errs.KindOf(err) == errs.NotFound {
		return phonecall.CheckCallResult{}, nil
	}
	res := phonecall.CheckCallResult{Alive: err == nil}
	if c.Channel == callv1.ChannelChat {
		res.NextIn = chatEvery
	}
	return res, again(err)
}

// EndLost implements phonecall.Activities. A call that has ended meanwhile stays so.
func (a *Activities) EndLost(ctx context.Context, in phonecall.EndLostInput) (phonecall.EndLostResult, error) {
	err := a.Store.InTx(ctx, func(tx *store.Tx) error {
		c, err := tx.Conversation(ctx, in.ConversationID)
		if err != nil || !c.EndedAt.IsZero() {
			return err
		}
		legs, err := tx.Legs(ctx, c.ID)
		if err != nil {
			return err
		}
		e := callv1.Ended{ConversationID: c.ID, Reason: "lost"}
		e.Time = a.Now()
		for _, l := range legs {
			e.Transcribed = e.Transcribed || l.HeardTo > 0
		}
		return record.End(ctx, tx, a.Now(), e)
	})
	return phonecall.EndLostResult{}, again(err)
}

// CloseTranscript implements phonecall.Activities.
func (a *Activities) CloseTranscript(ctx context.Context, in phonecall.CloseTranscriptInput) (phonecall.CloseTranscriptResult, error) {
	err := a.Store.InTx(ctx, func(tx *store.Tx) error {
		c, err := tx.Conversation(ctx, in.ConversationID)
		if err != nil || !c.ClosedAt.IsZero() {
			return err
		}
		if err := tx.CloseTranscript(ctx, c.ID, a.Now()); err != nil {
			return err
		}
		if c.State == store.Ended {
			if err := tx.Move(ctx, c.ID, store.Drafting); err != nil {
				return err
			}
		}
		return record.Changed(ctx, tx, a.Now(), c.ID, "transcript")
	})
	return phonecall.CloseTranscriptResult{}, again(err)
}
