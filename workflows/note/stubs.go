package note

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// heartbeat is how long a worker may be silent before another takes the activity over.
const heartbeat = 5 * time.Second

// patient retries without end: the journal, its bus or its database may be away for
// long, and a note must not be lost over it.
func patient(ctx workflow.Context, timeout time.Duration) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue: Queue, StartToCloseTimeout: timeout, HeartbeatTimeout: heartbeat,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: time.Minute},
	})
}

// draft may wait for a language model on a slow machine.
func draft(ctx workflow.Context, in DraftInput) (out DraftResult, err error) {
	ctx = patient(ctx, 5*time.Minute)
	err = workflow.ExecuteActivity(ctx, Activities.Draft, in).Get(ctx, &out)
	return out, err
}

func remind(ctx workflow.Context, in RemindInput) (out RemindResult, err error) {
	ctx = patient(ctx, 20*time.Second)
	err = workflow.ExecuteActivity(ctx, Activities.Remind, in).Get(ctx, &out)
	return out, err
}

// deliver reports a refusal of the case system as a result; its retries here are only
// for a journal that died or lost its database.
func deliver(ctx workflow.Context, in DeliverInput) (out DeliverResult, err error) {
	ctx = patient(ctx, time.Minute)
	err = workflow.ExecuteActivity(ctx, Activities.Deliver, in).Get(ctx, &out)
	return out, err
}

func retain(ctx workflow.Context, in RetainInput) (out RetainResult, err error) {
	ctx = patient(ctx, 20*time.Second)
	err = workflow.ExecuteActivity(ctx, Activities.Retain, in).Get(ctx, &out)
	return out, err
}
