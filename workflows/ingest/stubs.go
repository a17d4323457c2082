package ingest

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// heartbeat is how long a worker may be silent before another takes the activity over.
const heartbeat = 10 * time.Second

// own is for what only the assistant and its database are needed for: it is tried without end.
func own(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue: Queue, StartToCloseTimeout: time.Minute, HeartbeatTimeout: heartbeat,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: time.Minute},
	})
}

// attempts at a source that does not answer: with their pauses about twenty minutes. Then the run ends, and the next one is due by
// the schedule.
const attempts = 8

// theirs is for what another's server is needed for.
func theirs(ctx workflow.Context, timeout time.Duration) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue: Queue, StartToCloseTimeout: timeout, HeartbeatTimeout: heartbeat,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: 10 * time.Second, MaximumInterval: 10 * time.Minute, MaximumAttempts: attempts},
	})
}

func openIngest(ctx workflow.Context, in OpenIngestInput) (out OpenIngestResult, err error) {
	err = workflow.ExecuteActivity(own(ctx), Activities.OpenIngest, in).Get(ctx, &out)
	return out, err
}

// listArticles may have to read hundreds of sitemaps, politely.
func listArticles(ctx workflow.Context, in ListArticlesInput) (out ListArticlesResult, err error) {
	err = workflow.ExecuteActivity(theirs(ctx, 2*time.Hour), Activities.ListArticles, in).Get(ctx, &out)
	return out, err
}

// fetchArticles works for about a minute and then says what is left; one article may take its time.
func fetchArticles(ctx workflow.Context, in FetchArticlesInput) (out FetchArticlesResult, err error) {
	err = workflow.ExecuteActivity(theirs(ctx, 15*time.Minute), Activities.FetchArticles, in).Get(ctx, &out)
	return out, err
}

func closeIngest(ctx workflow.Context, in CloseIngestInput) (out CloseIngestResult, err error) {
	err = workflow.ExecuteActivity(own(ctx), Activities.CloseIngest, in).Get(ctx, &out)
	return out, err
}
