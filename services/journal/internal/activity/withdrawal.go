package activity

import (
	"context"
	"errors"
	"fmt"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/journal/internal/draft"
	"samtale.dk/samtale/services/journal/internal/record"
	"samtale.dk/samtale/services/journal/internal/review"
	"samtale.dk/samtale/services/journal/internal/store"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/workflows/erasure"
)

// CheckHold implements erasure.Activities.
func (a *Activities) CheckHold(ctx context.Context, in erasure.CheckHoldInput) (erasure.CheckHoldResult, error) {
	rep, err := bus.Request[consentv1.HoldReply](ctx, a.Bus, consentv1.HoldStateSubject, consentv1.ConversationRequest{ConversationID: in.ConversationID})
	return erasure.CheckHoldResult{Held: rep.On}, again(err)
}

// DeleteWithdrawn implements erasure.Activities: the words that stood on the consent, and
// what a machine wrote from them, unless a person has approved it.
func (a *Activities) DeleteWithdrawn(ctx context.Context, in erasure.DeleteWithdrawnInput) (erasure.DeleteWithdrawnResult, error) {
	c, err := a.Store.Read().Conversation(ctx, in.ConversationID)
	if errors.Is(err, errs.NotFound) {
		return erasure.DeleteWithdrawnResult{}, again(a.deleteWithdrawn(ctx, store.Conversation{ID: in.ConversationID}, in.Kind))
	}
	if err != nil || !c.ErasedAt.IsZero() {
		return erasure.DeleteWithdrawnResult{}, again(err)
	}
	if err := a.deleteWithdrawn(ctx, c, in.Kind); err != nil {
		return erasure.DeleteWithdrawnResult{}, again(err)
	}
	if in.Kind != consentv1.Transcription {
		return erasure.DeleteWithdrawnResult{}, nil
	}
	if c.ClosedAt.IsZero() { // the stream is still written, and its publishers count on its last message
		return erasure.DeleteWithdrawnResult{Live: true}, nil
	}
	_, err = a.PurgeStreams(ctx, erasure.PurgeStreamsInput{ConversationID: c.ID})
	return erasure.DeleteWithdrawnResult{}, err
}

func (a *Activities) deleteWithdrawn(ctx context.Context, c store.Conversation, kind string) error {
	tx := a.Store.Read()
	gone, err := tx.Withdrawals(ctx, c.ID)
	if err != nil {
		return err
	}
	_, standing := gone[kind]
	words, err := tx.HasWithdrawn(ctx, c.ID)
	if err != nil {
		return err
	}
	words = words && kind == consentv1.Transcription
	if !words && !standing {
		return nil // given again, and nothing of the time before is left
	}
	n, old, changed, err := a.emptied(ctx, c.ID, kind, words)
	if err != nil || !changed && !words {
		return err
	}
	return a.Store.DeleteWithdrawn(ctx, c.ID, func(tx *store.Tx) error {
		if changed {
			err := putEmptied(ctx, tx, n, old)
			if errors.Is(err, errs.NotFound) { // somebody has saved it in between
				return errs.E(errs.Unavailable, "", err)
			}
			if err != nil {
				return err
			}
		}
		if c.State == "" {
			return nil // words without a call: nobody to tell
		}
		if err := tx.Publish(ctx, withdrawalEntry(c.ID, kind, a)); err != nil {
			return err
		}
		return record.Changed(ctx, tx, a.Now(), c.ID, "withdrawn")
	})
}

// putEmptied writes what emptied has made. A note that was approved stays the version that it is, and may be delivered this moment.
func putEmptied(ctx context.Context, tx *store.Tx, n store.Note, old int) error {
	if n.Version == old {
		return tx.ReplaceText(ctx, n.ID, old, n.Sealed)
	}
	return tx.UpdateNote(ctx, n, old)
}

// withdrawalEntry is what the citizen reads in their log.
func withdrawalEntry(conversation, kind string, a *Activities) consentv1.Audit {
	purpose := "Du har trukket dit samtykke tilbage. Det, der var skrevet ned, er slettet."
	if kind == consentv1.AINote {
		purpose = "Du ønsker ikke et notat skrevet af maskine. Kladden er slettet."
	}
	return consentv1.Audit{
		Meta: event.NewMeta("audit.v1.entry", "journal", a.Now()), ConversationID: conversation,
		Actor: "journal", Role: "system", Action: "withdraw-" + kind, Purpose: purpose,
	}
}

// emptied is the conversation's note as it is to be after the withdrawal, with the version
// that it replaces; changed is false when it stays as it is, or there is none. words says
// that words are deleted: then nothing of the note points at them any more.
func (a *Activities) emptied(ctx context.Context, conversation, kind string, words bool) (n store.Note, old int, changed bool, err error) {
	n, err = a.Store.Read().Note(ctx, conversation)
	if errors.Is(err, errs.NotFound) {
		return n, 0, false, nil
	}
	if err != nil {
		return n, 0, false, err
	}
	b, err := a.Vault.Note(ctx, n)
	if errors.Is(err, errs.NotFound) { // the key is gone, and all content with it
		return n, 0, false, nil
	}
	if err != nil {
		return n, 0, false, err
	}
	old = n.Version
	switch {
	case n.State == journalv1.NoteDraft && (words || b.DraftedBy != review.Form):
		b = b.Emptied(draft.Withdrawn(kind), kind != consentv1.Transcription)
		n.Version, n.UpdatedAt, n.UpdatedBy = old+1, a.Now(), "journal"
	case n.State != journalv1.NoteDraft && words:
		b = b.Unquoted()
	default:
		return n, old, false, nil
	}
	n.Sealed, err = a.Vault.SealNote(ctx, conversation, b)
	if err != nil {
		return n, old, false, fmt.Errorf("seal the emptied note: %w", err)
	}
	return n, old, true, nil
}
