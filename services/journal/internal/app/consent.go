package app

import (
	"context"
	"slices"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/journal/internal/store"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/workflows/erasure"
)

// onChoice looks whether a consent was withdrawn. What was written down on it is out of
// sight when this is done; the workflow deletes it.
func (a *App) onChoice(ctx context.Context, e consentv1.Choice) error {
	a.metrics.events.WithLabelValues(consentv1.Stream).Inc()
	if err := checkID(e.ConversationID); err != nil {
		return err
	}
	if !slices.Contains(withdrawable(), e.Kind) {
		return nil
	}
	// Events may come twice and late: what counts is what the consent service says now.
	rep, err := bus.Request[consentv1.ChoicesReply](ctx, a.Bus, consentv1.ChoicesSubject, consentv1.ConversationRequest{ConversationID: e.ConversationID})
	if err != nil {
		return err
	}
	switch latest, withdrawn := standing(rep.Choices, e.Kind); {
	case latest:
		return a.Store.InTx(ctx, func(tx *store.Tx) error { return tx.Resume(ctx, e.ConversationID, e.Kind) })
	case withdrawn:
		return a.withdraw(ctx, e)
	}
	return nil
}

// standing tells what of a kind holds now. A no to being written down is a withdrawal only
// after a yes; that a machine may write the note may be the area's rule, without a yes.
func standing(choices []consentv1.Choice, kind string) (latest, withdrawn bool) {
	withdrawn = kind == consentv1.AINote
	for _, c := range choices { // oldest first
		if c.Kind == kind {
			latest = c.Value
			withdrawn = withdrawn || c.Value
		}
	}
	return latest, withdrawn && !latest
}

func (a *App) withdraw(ctx context.Context, e consentv1.Choice) error {
	return a.Store.InTx(ctx, func(tx *store.Tx) error {
		added, err := tx.Withdraw(ctx, e.ConversationID, e.Kind, a.Now())
		if err != nil || !added {
			return err
		}
		return tx.Signal(ctx, erasure.WithdrawID(e.ConversationID, e.Kind), store.Withdraw)
	})
}

// onHold lets an erasure that a legal hold stopped go on when the hold is lifted.
func (a *App) onHold(ctx context.Context, e consentv1.Hold) error {
	a.metrics.events.WithLabelValues(consentv1.Stream).Inc()
	if err := checkID(e.ConversationID); err != nil || e.On {
		return err
	}
	return a.Store.InTx(ctx, func(tx *store.Tx) error {
		ids := []string{erasure.ID(e.ConversationID)}
		for _, kind := range withdrawable() {
			ids = append(ids, erasure.WithdrawID(e.ConversationID, kind))
		}
		for _, id := range ids {
			if err := tx.Signal(ctx, id, erasure.Retry); err != nil {
				return err
			}
		}
		return nil
	})
}
