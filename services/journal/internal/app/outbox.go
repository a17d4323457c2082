package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/journal/internal/store"
	"samtale.dk/samtale/workflows/erasure"
	"samtale.dk/samtale/workflows/phonecall"
)

const (
	batch = 64 // rows read at once
	// idle is how often an outbox is looked at without having been woken: another
	// journal on the same database may have died with rows in it.
	idle      = 5 * time.Second
	retryWait = time.Second
	sendLimit = 10 * time.Second
)

// pump passes a lane of the outbox on, in order, until ctx ends. A row that cannot be
// sent now is tried again; rows behind it wait.
func (a *App) pump(ctx context.Context, lane string, send func(context.Context, store.Out) error) error {
	for {
		wait := idle
		sent, err := a.drain(ctx, lane, send)
		switch {
		case err != nil && ctx.Err() == nil:
			a.Log.Warn("outbox waits", "lane", lane, "err", err)
			wait = retryWait
		case sent == batch:
			wait = 0
		}
		select {
		case <-ctx.Done():
			return nil
		case <-a.Store.Wake(lane):
		case <-time.After(wait):
		}
	}
}

func (a *App) drain(ctx context.Context, lane string, send func(context.Context, store.Out) error) (int, error) {
	rows, err := a.Store.Read().Outbox(ctx, lane, batch)
	if err != nil {
		return 0, err
	}
	for i, o := range rows {
		sendCtx, cancel := context.WithTimeout(ctx, sendLimit)
		err := send(sendCtx, o)
		cancel()
		if err != nil {
			return i, err
		}
		if err := a.Store.Read().Sent(ctx, o.ID); err != nil {
			return i, err
		}
		a.metrics.sent.WithLabelValues(lane).Inc()
	}
	return len(rows), nil
}

// publish sends an event. Its id makes sending it twice harmless.
func (a *App) publish(ctx context.Context, o store.Out) error {
	msg := nats.NewMsg(o.Target)
	msg.Data = o.Body
	_, err := a.Bus.JS.PublishMsg(ctx, msg, jetstream.WithMsgID(o.EventID))
	return err
}

// signal starts or signals a workflow. One that has ended, or was never there, needs
// no signal.
func (a *App) signal(ctx context.Context, o store.Out) error {
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
