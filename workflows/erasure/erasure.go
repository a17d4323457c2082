// Package erasure is the workflow that deletes the content of one conversation: first
// the key, which makes every copy unreadable at once, then the copies themselves. A
// legal hold stops it; it asks again every day until the hold is lifted.
//
// Inputs carry ids only. One run per conversation: the workflow id is ID(conversation).
package erasure

import (
	"context"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// Queue is where the activities run: the journal's worker.
const Queue = "journal"

// HoldCheck is how often a held erasure is tried again. A signal Retry does it at once.
const HoldCheck = 24 * time.Hour

// Retry is the signal that tries a held erasure now (the hold was lifted). No argument.
const Retry = "retry"

// ID is the workflow id of a conversation's erasure.
func ID(conversation string) string { return "erase-" + conversation }

// Input names what is to be erased and why (consentv1.EraseRequest.Reason).
type Input struct {
	ConversationID string
	Reason         string
}

// Result says when the key was destroyed.
type Result struct{ ErasedAt time.Time }

// Activities is what the workflow needs done; all of them may run again.
type Activities interface {
	DestroyKey(ctx context.Context, in DestroyKeyInput) (DestroyKeyResult, error)
	PurgeStreams(ctx context.Context, in PurgeStreamsInput) (PurgeStreamsResult, error)
	DeleteContent(ctx context.Context, in DeleteContentInput) (DeleteContentResult, error)
}

// DestroyKeyInput asks the consent service to destroy the key.
type DestroyKeyInput struct{ ConversationID, Reason string }

// DestroyKeyResult says when; Held means that a legal hold forbids it.
type DestroyKeyResult struct {
	Held     bool
	ErasedAt time.Time
}

// PurgeStreamsInput removes the conversation's sealed messages from the streams.
type PurgeStreamsInput struct{ ConversationID string }

// PurgeStreamsResult is empty.
type PurgeStreamsResult struct{}

// DeleteContentInput removes words, note and party from the journal's database.
type DeleteContentInput struct {
	ConversationID string
	ErasedAt       time.Time
}

// DeleteContentResult is empty.
type DeleteContentResult struct{}

// Erasure is the workflow.
func Erasure(ctx workflow.Context, in Input) (Result, error) {
	retry := workflow.GetSignalChannel(ctx, Retry)
	for {
		key, err := destroyKey(ctx, DestroyKeyInput(in))
		if err != nil {
			return Result{}, err
		}
		if !key.Held {
			return finish(ctx, in, key.ErasedAt)
		}
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return Result{}, workflow.NewContinueAsNewError(ctx, Erasure, in)
		}
		timer, cancel := workflow.WithCancel(ctx)
		workflow.NewSelector(ctx).
			AddReceive(retry, func(c workflow.ReceiveChannel, _ bool) { c.Receive(ctx, nil) }).
			AddFuture(workflow.NewTimer(timer, HoldCheck), func(workflow.Future) {}).
			Select(ctx)
		cancel()
	}
}

func finish(ctx workflow.Context, in Input, at time.Time) (Result, error) {
	if _, err := purgeStreams(ctx, PurgeStreamsInput{in.ConversationID}); err != nil {
		return Result{}, err
	}
	if _, err := deleteContent(ctx, DeleteContentInput{in.ConversationID, at}); err != nil {
		return Result{}, err
	}
	return Result{ErasedAt: at}, nil
}

// heartbeat is how long a worker may be silent before another takes the activity over.
const heartbeat = 5 * time.Second

// options: an erasure is never given up; a dependency that is away delays it.
func options(ctx workflow.Context, timeout time.Duration) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue: Queue, StartToCloseTimeout: timeout, HeartbeatTimeout: heartbeat,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: 5 * time.Minute},
	})
}

func destroyKey(ctx workflow.Context, in DestroyKeyInput) (out DestroyKeyResult, err error) {
	ctx = options(ctx, 20*time.Second)
	err = workflow.ExecuteActivity(ctx, Activities.DestroyKey, in).Get(ctx, &out)
	return out, err
}

func purgeStreams(ctx workflow.Context, in PurgeStreamsInput) (out PurgeStreamsResult, err error) {
	ctx = options(ctx, time.Minute)
	err = workflow.ExecuteActivity(ctx, Activities.PurgeStreams, in).Get(ctx, &out)
	return out, err
}

func deleteContent(ctx workflow.Context, in DeleteContentInput) (out DeleteContentResult, err error) {
	ctx = options(ctx, time.Minute)
	err = workflow.ExecuteActivity(ctx, Activities.DeleteContent, in).Get(ctx, &out)
	return out, err
}
