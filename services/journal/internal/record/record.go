// Package record is what happens to a conversation: each function changes the database
// and puts what others must hear about it in the outbox, in one transaction.
package record

import (
	"context"
	"errors"
	"time"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/journal/internal/store"
	"samtale.dk/samtale/services/journal/internal/transcript"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/workflows/phonecall"
)

// Begin keeps a new conversation and starts its workflow.
func Begin(ctx context.Context, tx *store.Tx, now time.Time, c store.Conversation, legs []callv1.Leg) error {
	added, err := tx.AddConversation(ctx, c)
	if err != nil {
		return err
	}
	for _, l := range legs {
		if err := tx.PutLeg(ctx, c.ID, l); err != nil {
			return err
		}
	}
	if !added {
		return nil
	}
	if err := tx.Signal(ctx, phonecall.ID(c.ID), store.Start); err != nil {
		return err
	}
	return Changed(ctx, tx, now, c.ID, "started")
}

// End records the end of a call. It may be told twice: by the watching workflow, when
// the call had vanished, and by the phone service after all.
func End(ctx context.Context, tx *store.Tx, now time.Time, e callv1.Ended) error {
	c, err := tx.Conversation(ctx, e.ConversationID)
	if err != nil {
		return err
	}
	if err := tx.End(ctx, c.ID, e.Reason, endOf(e, c), e.Transcribed, e.CallBack); err != nil {
		return err
	}
	if c.EndedAt.IsZero() {
		if err := Changed(ctx, tx, now, c.ID, "ended"); err != nil {
			return err
		}
	}
	return TellComplete(ctx, tx, c.ID)
}

func endOf(e callv1.Ended, c store.Conversation) time.Time {
	if !c.EndedAt.IsZero() {
		return c.EndedAt
	}
	return e.Time
}

// TellComplete tells the workflow when the transcript has become complete.
func TellComplete(ctx context.Context, tx *store.Tx, id string) error {
	c, err := tx.Conversation(ctx, id)
	if err != nil {
		return err
	}
	legs, err := tx.Legs(ctx, id)
	if err != nil || !transcript.Complete(c, legs) || !c.ClosedAt.IsZero() {
		return err
	}
	return tx.Signal(ctx, phonecall.ID(id), phonecall.Transcript)
}

// Changed puts the journal's event about a conversation in the outbox.
func Changed(ctx context.Context, tx *store.Tx, now time.Time, id, what string) error {
	c, err := tx.Conversation(ctx, id)
	if err != nil {
		return err
	}
	e := journalv1.Changed{
		Meta: event.NewMeta("journal.v1.event.changed", "journal", now), ConversationID: id,
		ServiceArea: c.ServiceArea, State: c.State, What: what, EraseAt: c.EraseAt,
	}
	n, err := tx.Note(ctx, id)
	if err != nil && !errors.Is(err, errs.NotFound) {
		return err
	}
	e.NoteID, e.NoteVersion = n.ID, n.Version
	return tx.Publish(ctx, e)
}
