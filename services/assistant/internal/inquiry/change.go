package inquiry

import (
	"context"
	"errors"
	"time"

	"samtale.dk/samtale/services/assistant/internal/inquiry/store"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/inquiryv1"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/seal"
)

// change is an inquiry inside a transaction. What it does to the row is saved, told and planned for when it is done.
type change struct {
	store.Inquiry
	tx   *store.Tx
	area area
	now  time.Time
	keys seal.Keys
}

// errNothing ends a change that had nothing to do; it is no error.
var errNothing = errors.New("nothing to do")

// change runs f on an inquiry in a transaction and saves the row. The workflow is told when something is due earlier than it
// waits for; what is due later it finds when it wakes. f may run again.
func (s *Service) change(ctx context.Context, id string, f func(ctx context.Context, c *change) error) (store.Inquiry, error) {
	before, err := s.store.Read().Inquiry(ctx, id)
	if err != nil {
		return before, err
	}
	keys, err := s.hold(ctx, before.ConversationID)
	if err != nil {
		return before, err
	}
	area, err := s.areas.get(ctx, before.ServiceArea)
	if err != nil {
		return before, err
	}
	var after store.Inquiry
	err = s.store.InTx(ctx, func(tx *store.Tx) error {
		i, err := tx.Inquiry(ctx, id)
		if err != nil {
			return err
		}
		if i.ServiceArea != area.ID {
			return errs.E(errs.Conflict, "", nil) // it was forwarded in the last milliseconds
		}
		after = i
		c := &change{tx: tx, Inquiry: i, area: area, now: s.Now(), keys: keys}
		if err := f(ctx, c); err != nil {
			return err
		}
		after = c.Inquiry
		if err := tx.Save(ctx, after); err != nil || !plan(after, c.area).At.Before(plan(i, area).At) {
			return err
		}
		return tx.Nudge(ctx, id)
	})
	if errors.Is(err, errNothing) {
		return after, nil
	}
	if err == nil && after.Withdrawn && after.Over() { // its words are deleted now
		err = s.store.Scrub(ctx)
	}
	return after, err
}

// changed puts the event about the inquiry in the outbox.
func (c *change) changed(ctx context.Context, what string) error {
	return c.tx.Publish(ctx, inquiryv1.Changed{
		Meta: event.NewMeta("inquiry.v1.event.changed", source, c.now), InquiryID: c.ID, ConversationID: c.ConversationID,
		ServiceArea: c.ServiceArea, Also: c.Also, State: c.State, Channel: c.Channel, Caseworker: c.Caseworker, What: what, Seq: c.Messages,
	})
}

// step writes a line of the inquiry's history and tells of it. Its note, where there is one, is sealed.
func (c *change) step(ctx context.Context, what, note string) error {
	var sealed []byte
	if note != "" {
		var err error
		sealed, err = seal.JSON(ctx, c.keys, c.ConversationID, fieldStep, note)
		if err != nil {
			return err
		}
	}
	err := c.tx.AddStep(ctx, c.ID, store.Step{At: c.now, What: what, Area: c.ServiceArea, Note: sealed})
	if err != nil {
		return err
	}
	return c.changed(ctx, what)
}

// system writes a message that nobody said. It is no part of the transcript.
func (c *change) system(ctx context.Context, text string) error {
	return c.add(ctx, event.NewID(c.now), inquiryv1.FromSystem, message{typed: typed{Text: text}})
}

// add numbers and keeps a message.
func (c *change) add(ctx context.Context, id, sender string, m message) error {
	sealed, err := seal.JSON(ctx, c.keys, c.ConversationID, fieldMessage, m)
	if err != nil {
		return err
	}
	c.Messages++
	return c.tx.AddMessage(ctx, c.ID, store.Message{Seq: c.Messages, ID: id, At: c.now, Sender: sender, Sealed: sealed})
}

// audit writes what somebody did.
func (c *change) audit(ctx context.Context, a inquiryv1.Actor, action, purpose string) error {
	return c.tx.Publish(ctx, consentv1.Audit{
		Meta: event.NewMeta("audit.v1.entry", source, c.now), ConversationID: c.ConversationID,
		Actor: a.ID, Role: a.Role, Action: action, Purpose: purpose,
	})
}

// deadline is when the inquiry must be claimed, counted in opening time from now.
func (c *change) deadline() {
	c.ClaimBy = c.area.Add(c.now, c.area.ClaimWithin).Truncate(time.Microsecond)
}
