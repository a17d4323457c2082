package phonecall

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// checkCall gives up after a minute: the caller asks again later anyway.
func checkCall(ctx workflow.Context, in CheckCallInput) (out CheckCallResult, err error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue: Queue, StartToCloseTimeout: 10 * time.Second, ScheduleToCloseTimeout: time.Minute,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second},
	})
	err = workflow.ExecuteActivity(ctx, Activities.CheckCall, in).Get(ctx, &out)
	return out, err
}

// heartbeat is how long a worker may be silent before another takes the activity over.
const heartbeat = 5 * time.Second

// patient retries without end: what was said must become a note.
func patient(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue: Queue, StartToCloseTimeout: 20 * time.Second, HeartbeatTimeout: heartbeat,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: time.Minute},
	})
}

func endLost(ctx workflow.Context, in EndLostInput) (out EndLostResult, err error) {
	ctx = patient(ctx)
	err = workflow.ExecuteActivity(ctx, Activities.EndLost, in).Get(ctx, &out)
	return out, err
}

func closeTranscript(ctx workflow.Context, in CloseTranscriptInput) (out CloseTranscriptResult, err error) {
	ctx = patient(ctx)
	err = workflow.ExecuteActivity(ctx, Activities.CloseTranscript, in).Get(ctx, &out)
	return out, err
}
