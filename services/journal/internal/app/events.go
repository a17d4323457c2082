package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/journal/internal/record"
	"samtale.dk/samtale/services/journal/internal/store"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/workflows/phonecall"
)

// onCall takes an event of the phone service. Types that it does not know are newer
// than it and none of its business.
func (a *App) onCall(ctx context.Context, raw json.RawMessage) error {
	a.metrics.events.WithLabelValues(callv1.Stream).Inc()
	var meta event.Meta
	if err := json.Unmarshal(raw, &meta); err != nil {
		return fmt.Errorf("%w: %w", bus.ErrSkip, err)
	}
	switch meta.Type {
	case "call.v1.started":
		return take(ctx, raw, a.onStarted)
	case "call.v1.changed":
		return take(ctx, raw, a.onChanged)
	case "call.v1.ended":
		return take(ctx, raw, a.onEnded)
	}
	return nil
}

func take[T any](ctx context.Context, raw json.RawMessage, f func(context.Context, T) error) error {
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		return fmt.Errorf("%w: %w", bus.ErrSkip, err)
	}
	return f(ctx, v)
}

// checkID skips events whose conversation could never be named in a subject.
func checkID(id string) error {
	if err := event.CheckToken(id); err != nil {
		return fmt.Errorf("%w: conversation %w", bus.ErrSkip, err)
	}
	return nil
}

func (a *App) onStarted(ctx context.Context, e callv1.Started) error {
	if err := checkID(e.ConversationID); err != nil {
		return err
	}
	c := store.Conversation{
		ID: e.ConversationID, Channel: e.Channel, ServiceArea: e.ServiceArea, Caseworker: e.Caseworker,
		Extension: e.Extension, StartedAt: e.Time, Party: e.Sealed,
		Template: e.Template, KeepAfter: e.KeepAfter,
	}
	if err := a.follow(ctx, &c, e.Follows); err != nil {
		return err
	}
	if err := a.loggedIn(ctx, &c); err != nil {
		return err
	}
	return a.Store.InTx(ctx, func(tx *store.Tx) error { return record.Begin(ctx, tx, a.Now(), c, e.Legs) })
}

func (a *App) onChanged(ctx context.Context, e callv1.Changed) error {
	if err := checkID(e.ConversationID); err != nil {
		return err
	}
	var was, whose string
	if len(e.Sealed) > 0 { // somebody else is at the other end now, after a transfer, or has logged in
		var err error
		if was, whose, err = a.whose(ctx, e.ConversationID, e.Sealed); err != nil {
			return err
		}
	}
	return a.Store.InTx(ctx, func(tx *store.Tx) error {
		for _, l := range e.Legs {
			if err := tx.PutLeg(ctx, e.ConversationID, l); err != nil {
				return err
			}
		}
		if len(e.Sealed) > 0 {
			if err := tx.SetParty(ctx, e.ConversationID, e.Sealed, was, whose); err != nil {
				return err
			}
		}
		return tx.SetCaseworker(ctx, e.ConversationID, e.Caseworker, e.ServiceArea)
	})
}

func (a *App) onEnded(ctx context.Context, e callv1.Ended) error {
	if err := checkID(e.ConversationID); err != nil {
		return err
	}
	return a.Store.InTx(ctx, func(tx *store.Tx) error {
		// The start may have been before this journal's time.
		err := record.Begin(ctx, tx, a.Now(), store.Conversation{
			ID: e.ConversationID, Channel: e.Channel, ServiceArea: e.ServiceArea, Caseworker: e.Caseworker, StartedAt: e.StartedAt,
		}, nil)
		if err != nil {
			return err
		}
		for _, l := range e.Legs {
			if err := tx.EndLeg(ctx, e.ConversationID, l); err != nil {
				return err
			}
		}
		if err := tx.EndOtherLegs(ctx, e.ConversationID); err != nil {
			return err
		}
		if err := tx.SetCaseworker(ctx, e.ConversationID, e.Caseworker, e.ServiceArea); err != nil {
			return err
		}
		if err := tx.Signal(ctx, phonecall.ID(e.ConversationID), phonecall.Ended); err != nil {
			return err
		}
		return record.End(ctx, tx, a.Now(), e)
	})
}

func (a *App) onFinal(ctx context.Context, f transcriptv1.Final) error {
	a.metrics.events.WithLabelValues(transcriptv1.Stream).Inc()
	if err := errors.Join(checkID(f.ConversationID), checkFinal(f)); err != nil {
		return err
	}
	return a.Store.InTx(ctx, func(tx *store.Tx) error {
		c, err := tx.Conversation(ctx, f.ConversationID)
		known := err == nil
		if err != nil && !errors.Is(err, errs.NotFound) {
			return err
		}
		if !c.ErasedAt.IsZero() {
			return nil // too late; its key is gone as well
		}
		added, err := tx.AddFinal(ctx, f)
		if err != nil || !added || !known {
			return err
		}
		if !c.ClosedAt.IsZero() { // later than anybody waited: the note can be drafted again
			return record.Changed(ctx, tx, a.Now(), c.ID, "transcript")
		}
		return record.TellComplete(ctx, tx, f.ConversationID)
	})
}

func checkFinal(f transcriptv1.Final) error {
	if f.LegID == "" || f.From < 0 || f.To < f.From || f.Revision < 0 {
		return fmt.Errorf("%w: final of leg %q has no valid range", bus.ErrSkip, f.LegID)
	}
	return nil
}
