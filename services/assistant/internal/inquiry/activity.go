package inquiry

import (
	"context"
	"errors"
	"time"

	"samtale.dk/samtale/services/assistant/internal/inquiry/store"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/inquiryv1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/workflows/inquiry"
)

// Activities is the service's side of the workflow, for the worker of queue inquiry.Queue. Every method may run again after
// it has already worked, and finds that then. Methods run concurrently.
type Activities struct{ s *Service }

var _ inquiry.Activities = (*Activities)(nil)

// Activities returns what the worker registers.
func (s *Service) Activities() *Activities { return &Activities{s} }

// again makes an error that nothing here expects one that is tried again: a workflow that failed over it would leave its
// citizen unattended.
func again(err error) error {
	if err == nil || errs.KindOf(err) == errs.Unavailable {
		return err
	}
	return errs.E(errs.Internal, "", err)
}

// PlanInquiry implements inquiry.Activities. An inquiry that does not exist needs nothing.
func (a *Activities) PlanInquiry(ctx context.Context, in inquiry.PlanInput) (inquiry.PlanResult, error) {
	i, err := a.s.store.Read().Inquiry(ctx, in.InquiryID)
	if errors.Is(err, errs.NotFound) {
		return inquiry.PlanResult{}, nil
	}
	if err != nil {
		return inquiry.PlanResult{}, again(err)
	}
	area, err := a.s.areas.get(ctx, i.ServiceArea)
	if err != nil {
		return inquiry.PlanResult{}, again(err)
	}
	return plan(i, area), nil
}

// TendInquiry implements inquiry.Activities.
func (a *Activities) TendInquiry(ctx context.Context, in inquiry.ActInput) (inquiry.ActResult, error) {
	if in.Step == inquiry.Erase {
		return inquiry.ActResult{}, again(a.s.erase(ctx, in.InquiryID))
	}
	done := false
	_, err := a.s.change(ctx, in.InquiryID, func(ctx context.Context, c *change) error {
		done = false
		next := plan(c.Inquiry, c.area)
		if next.Step != in.Step || next.At.After(c.now) {
			return errNothing // somebody was faster
		}
		done = true
		return c.tend(ctx, in.Step)
	})
	if err == nil && done {
		a.s.metrics.tended.WithLabelValues(string(in.Step)).Inc()
	}
	return inquiry.ActResult{}, again(err)
}

// tend does a step that is due.
func (c *change) tend(ctx context.Context, step inquiry.Step) error {
	switch step {
	case inquiry.Escalate:
		c.EscalatedAt, c.Also = c.now, c.area.EscalateTo
		return errors.Join(c.system(ctx, saidEscalated().in(c.Language)), c.step(ctx, "escalated", ""))
	case inquiry.Remind:
		c.RemindedAt = c.now
		return c.changed(ctx, "reminded")
	case inquiry.Return: // it was claimed once, so its own area comes first; the other hears of it too
		c.EscalatedAt, c.Also = c.now, c.area.EscalateTo
		return c.back(ctx)
	case inquiry.Quiet:
		c.QuietAt = c.now
		return errors.Join(c.system(ctx, saidQuiet().in(c.Language)), c.changed(ctx, "message"))
	case inquiry.Close:
		return c.close(ctx, saidClosed(), "caller-hangup")
	case inquiry.Expire:
		c.ReceiptHash, c.ExpiredAt = "", c.now
	}
	return nil
}

// heldFor is how long an erasure waits that a legal hold has stopped.
const heldFor = 24 * time.Hour

// erase destroys the key of a conversation that the journal does not know. The consent service then tells everybody, us too.
func (s *Service) erase(ctx context.Context, id string) error {
	i, err := s.store.Read().Inquiry(ctx, id)
	if err != nil {
		return err
	}
	if next := after(i); !i.Over() || next.Step != inquiry.Erase || next.At.After(s.Now()) {
		return nil
	}
	reason := "retention"
	if i.State == inquiryv1.Withdrawn {
		reason = "withdrawn"
	}
	rep, err := bus.Request[consentv1.EraseReply](ctx, s.Bus, consentv1.EraseSubject,
		consentv1.EraseRequest{ConversationID: i.ConversationID, Reason: reason, Actor: source})
	if errors.Is(err, errs.Conflict) {
		_, err = s.change(ctx, id, func(_ context.Context, c *change) error {
			c.EraseAt = c.now.Add(heldFor)
			return nil
		})
		return err
	}
	if err != nil {
		return err
	}
	return s.erased(ctx, i.ConversationID, rep.ErasedAt)
}

// erased deletes an inquiry's content. What stays: ids, times, states, and how many messages there were.
func (s *Service) erased(ctx context.Context, conversation string, at time.Time) error {
	err := s.store.InTx(ctx, func(tx *store.Tx) error {
		i, err := tx.ByConversation(ctx, conversation)
		if err != nil || !i.ErasedAt.IsZero() {
			return err
		}
		c := &change{tx: tx, Inquiry: i, now: s.Now()}
		c.ErasedAt = at.UTC().Truncate(time.Microsecond)
		if !c.Over() { // its transcript was given up elsewhere: without the key nobody can go on
			c.State, c.EndedAt = inquiryv1.Ended, c.now
		}
		return errors.Join(c.forget(ctx), tx.DeleteNotes(ctx, c.ID), tx.Save(ctx, c.Inquiry), c.changed(ctx, "erased"), tx.Nudge(ctx, c.ID))
	})
	if errors.Is(err, errs.NotFound) {
		return nil // a call's or a meeting's
	}
	if err != nil {
		return err
	}
	return s.store.Scrub(ctx)
}

// forget deletes what was written, and who wrote it.
func (c *change) forget(ctx context.Context) error {
	c.Content, c.WorkerName, c.Video = nil, nil, nil
	return c.tx.DeleteWords(ctx, c.ID)
}
