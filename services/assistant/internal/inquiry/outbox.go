package inquiry

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"samtale.dk/samtale/services/assistant/internal/inquiry/store"
	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/workflows/inquiry"
)

const (
	batch = 64 // rows read at once
	// idle is how often an outbox is looked at without having been woken: another service on the same database may have
	// died with rows in it.
	idle      = 5 * time.Second
	retryWait = time.Second
	sendLimit = 10 * time.Second
)

// pump passes a lane of the outbox on, in order, until ctx ends. A row that cannot be sent now is tried again; rows behind it
// wait.
func (s *Service) pump(ctx context.Context, lane string, send func(context.Context, store.Out) error) error {
	for {
		wait := idle
		sent, err := s.drain(ctx, lane, send)
		switch {
		case err != nil && ctx.Err() == nil:
			s.Log.Warn("outbox of inquiries waits", "lane", lane, "err", err)
			wait = retryWait
		case sent == batch:
			wait = 0
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.store.Wake(lane):
		case <-time.After(wait):
		}
	}
}

func (s *Service) drain(ctx context.Context, lane string, send func(context.Context, store.Out) error) (int, error) {
	rows, err := s.store.Read().Outbox(ctx, lane, batch)
	if err != nil {
		return 0, err
	}
	var sent []string
	for _, o := range rows {
		sendCtx, cancel := context.WithTimeout(ctx, sendLimit)
		err = send(sendCtx, o)
		cancel()
		if err != nil {
			break
		}
		sent = append(sent, o.ID)
	}
	if len(sent) == 0 {
		return 0, err
	}
	// Removed at once, for each removal is a write to the disk; what a crash leaves behind is sent again.
	return len(sent), errors.Join(err, s.store.Read().Sent(ctx, sent...))
}

// publish sends an event. Its id makes sending it twice harmless.
func (s *Service) publish(ctx context.Context, o store.Out) error {
	msg := nats.NewMsg(o.Target)
	msg.Data = o.Body
	_, err := s.Bus.JS.PublishMsg(ctx, msg, jetstream.WithMsgID(o.EventID))
	return err
}

// nudge tells the inquiry's workflow to plan anew; it is started when it does not run. One that had ended finds nothing to do
// and ends again.
func nudge(ctx context.Context, w Workflows, id string) error {
	_, err := w.SignalWithStartWorkflow(ctx, inquiry.ID(id), inquiry.Moved, nil, client.StartWorkflowOptions{
		ID: inquiry.ID(id), TaskQueue: inquiry.WorkflowQueue, WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
	}, inquiry.Inquiry, inquiry.Input{InquiryID: id})
	return err
}

// introduce tells the journal who the citizen is, when they were logged in, so that they find the conversation among theirs.
// The caseworker who took the inquiry stands for it.
func (s *Service) introduce(ctx context.Context, o store.Out) error {
	i, err := s.store.Read().Inquiry(ctx, o.Target)
	if err != nil {
		return err
	}
	c, erased, err := s.contentOf(ctx, i)
	if err != nil || erased || c.PartyID == "" {
		return err
	}
	_, err = bus.Request[journalv1.Conversation](ctx, s.Bus, journalv1.PartySubject, journalv1.PartyRequest{
		ConversationID: i.ConversationID, ID: c.PartyID, Name: c.Name, OnBehalfOf: c.OnBehalfOf,
		Actor: journalv1.Actor{ID: i.Caseworker, Role: roleCaseworker, Areas: []string{i.ServiceArea}, Purpose: "Du var logget ind, da du skrev til os"},
	})
	if errors.Is(err, errs.Invalid) { // it will not be better next time
		s.Log.Error("the journal does not take who the citizen is", "inquiry_id", i.ID, "err", err)
		return nil
	}
	return err
}
