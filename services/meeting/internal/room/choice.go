package room

import (
	"context"
	"encoding/json"
	"fmt"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/meeting/internal/store"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/outbox"
)

// keepChoice keeps a citizen's choice with the consent service. It holds in the room already, and the citizen sees that it does: when
// the service does not answer, the choice waits in the database until it does.
func (h *Hall) keepChoice(ctx context.Context, c consentv1.Choice) error {
	_, err := bus.Request[consentv1.Choice](ctx, h.Bus, consentv1.ChoiceSubject, c)
	if err == nil || errs.KindOf(err) == errs.Invalid {
		return err
	}
	h.Log.Warn("a choice waits for the consent service", "meeting_id", c.ConversationID, "err", err)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepWithin)
	defer cancel()
	return h.Book.Store.InTx(ctx, func(tx *store.Tx) error { return tx.Choose(ctx, c) })
}

// Choice gives the consent service a choice that has waited; it is the sender of the outbox's lane.
func (h *Hall) Choice(ctx context.Context, o outbox.Row) error {
	var c consentv1.Choice
	if err := json.Unmarshal(o.Body, &c); err != nil {
		return fmt.Errorf("choice: %w", err)
	}
	_, err := bus.Request[consentv1.Choice](ctx, h.Bus, consentv1.ChoiceSubject, c)
	if errs.KindOf(err) == errs.Invalid { // it will never be taken, and holds up the others
		h.Log.Error("choice is not recorded", "meeting_id", c.ConversationID, "err", err)
		return nil
	}
	return err
}
