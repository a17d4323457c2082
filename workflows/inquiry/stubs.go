package inquiry

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// heartbeat is how long a worker may be silent before another takes the activity over.
const heartbeat = 5 * time.Second

// patient retries without end: the assistant, its bus or its database may be away for long, and no inquiry may be lost over
// it.
func patient(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue: Queue, StartToCloseTimeout: 20 * time.Second, HeartbeatTimeout: heartbeat,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: time.Minute},
	})
}

func plan(ctx workflow.Context, in PlanInput) (out PlanResult, err error) {
	ctx = patient(ctx)
	err = workflow.ExecuteActivity(ctx, Activities.PlanInquiry, in).Get(ctx, &out)
	return out, err
}

func act(ctx workflow.Context, in ActInput) (out ActResult, err error) {
	ctx = patient(ctx)
	err = workflow.ExecuteActivity(ctx, Activities.TendInquiry, in).Get(ctx, &out)
	return out, err
}
