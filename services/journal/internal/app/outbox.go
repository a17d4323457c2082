package app

import (
	"context"
	"errors"
	"fmt"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/journal/internal/store"
	"samtale.dk/samtale/services/platform/outbox"
	"samtale.dk/samtale/workflows/erasure"
	"samtale.dk/samtale/workflows/phonecall"
)

// signal starts or signals a workflow. One that has ended, or was never there, needs
// no signal.
func (a *App) signal(ctx context.Context, o outbox.Row) error {
	c := *a.temporal.Load()
	var err error
	switch o.Name {
	case store.Start:
		err = startCall(ctx, c, o.Target)
	case store.Withdraw:
		err = startWithdrawal(ctx, c, o.Target)
	default:
		err = c.SignalWorkflow(ctx, o.Target, "", o.Name, nil)
	}
	var gone *serviceerror.NotFound
	var started *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &gone) || errors.As(err, &started) {
		a.Log.Info("workflow needs no signal", "workflow_id", o.Target, "signal", o.Name)
		return nil
	}
	return err
}

func startCall(ctx context.Context, c client.Client, id string) error {
	_, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: id, TaskQueue: phonecall.WorkflowQueue,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
	}, phonecall.PhoneCall, phonecall.Input{ConversationID: strings.TrimPrefix(id, phonecall.ID(""))})
	return err
}

// withdrawable are the kinds of consent that content stands on.
func withdrawable() []string { return []string{consentv1.Transcription, consentv1.AINote} }

func startWithdrawal(ctx context.Context, c client.Client, id string) error {
	for _, kind := range withdrawable() {
		conversation, ok := strings.CutPrefix(id, erasure.WithdrawID("", kind))
		if !ok {
			continue
		}
		_, err := c.SignalWithStartWorkflow(ctx, id, erasure.Retry, nil,
			client.StartWorkflowOptions{ID: id, TaskQueue: phonecall.WorkflowQueue}, erasure.Erasure,
			erasure.Input{ConversationID: conversation, Reason: "withdrawn", Withdrawn: kind})
		return err
	}
	return fmt.Errorf("workflow %s is no withdrawal", id)
}
