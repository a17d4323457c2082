package inquiry

import (
	"context"
	"errors"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/outbox"
	"samtale.dk/samtale/workflows/inquiry"
)

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
func (s *Service) introduce(ctx context.Context, o outbox.Row) error {
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
