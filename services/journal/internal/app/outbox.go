package app

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"samtale.dk/samtale/services/journal/internal/store"
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
	if o.Name == store.Start {
		err = startCall(ctx, c, o.Target)
	} else {
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
