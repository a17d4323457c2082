// Package erasure is the workflow that deletes the content of one conversation: first
// the key, which makes every copy unreadable at once, then the copies themselves. A
// legal hold stops it; it asks again every day until the hold is lifted.
//
// When a person withdraws a consent, only what stood on it is deleted: the key stays for
// the note that a person then writes.
//
// Inputs carry ids only. One run per conversation: the workflow id is ID(conversation), or
// WithdrawID for a withdrawal.
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

// LiveCheck is how often a withdrawal looks whether the call goes on: what still comes of
// it is deleted as well.
const LiveCheck = time.Minute

// Retry is the signal that tries a held erasure now (the hold was lifted), or deletes once
// more (the consent was withdrawn again). No argument.
const Retry = "retry"

// ID is the workflow id of a conversation's erasure.
func ID(conversation string) string { return "erase-" + conversation }

// WithdrawID is the workflow id of a withdrawal of one kind of consent.
func WithdrawID(conversation, kind string) string { return "withdraw-" + kind + "-" + conversation }

// Input names what is to be erased and why (consentv1.EraseRequest.Reason). Withdrawn is
// the kind of consent that was withdrawn (consentv1.Transcription, AINote); empty: all
// content is erased.
type Input struct {
	ConversationID string
	Reason         string
	Withdrawn      string `json:",omitempty"`
}

// Result says when the key was destroyed; zero for a withdrawal.
type Result struct{ ErasedAt time.Time }

// Activities is what the workflow needs done; all of them may run again.
type Activities interface {
	DestroyKey(ctx context.Context, in DestroyKeyInput) (DestroyKeyResult, error)
	PurgeStreams(ctx context.Context, in PurgeStreamsInput) (PurgeStreamsResult, error)
	DeleteContent(ctx context.Context, in DeleteContentInput) (DeleteContentResult, error)
	CheckHold(ctx context.Context, in CheckHoldInput) (CheckHoldResult, error)
	DeleteWithdrawn(ctx context.Context, in DeleteWithdrawnInput) (DeleteWithdrawnResult, error)
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

// CheckHoldInput asks whether a legal hold forbids deletion.
type CheckHoldInput struct{ ConversationID string }

// CheckHoldResult is the answer.
type CheckHoldResult struct{ Held bool }

// DeleteWithdrawnInput deletes what stood on a consent that was withdrawn.
type DeleteWithdrawnInput struct{ ConversationID, Kind string }

// DeleteWithdrawnResult: Live says that more may come, because the transcript is not closed.
type DeleteWithdrawnResult struct{ Live bool }

// Erasure is the workflow.
func Erasure(ctx workflow.Context, in Input) (Result, error) {
	if in.Withdrawn != "" {
		return Result{}, withdraw(ctx, in)
	}
	retry := workflow.GetSignalChannel(ctx, Retry)
	for {
		key, err := destroyKey(ctx, DestroyKeyInput{in.ConversationID, in.Reason})
		if err != nil {
			return Result{}, err
		}
		if !key.Held {
			return finish(ctx, in, key.ErasedAt)
		}
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return Result{}, workflow.NewContinueAsNewError(ctx, Erasure, in)
		}
		pause(ctx, retry, HoldCheck)
	}
}

// pause waits for the signal, at most d.
func pause(ctx workflow.Context, retry workflow.ReceiveChannel, d time.Duration) {
	timer, cancel := workflow.WithCancel(ctx)
	defer cancel()
	workflow.NewSelector(ctx).
		AddReceive(retry, func(c workflow.ReceiveChannel, _ bool) { c.Receive(ctx, nil) }).
		AddFuture(workflow.NewTimer(timer, d), func(workflow.Future) {}).
		Select(ctx)
}

// withdraw deletes until nothing more can come and nobody has asked again.
func withdraw(ctx workflow.Context, in Input) error {
	retry := workflow.GetSignalChannel(ctx, Retry)
	for ctx.Err() == nil {
		for retry.ReceiveAsync(nil) { // asked until now: one pass answers them all
		}
		wait, err := withdrawOnce(ctx, in)
		if err != nil {
			return err
		}
		if wait > 0 && workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return workflow.NewContinueAsNewError(ctx, Erasure, in)
		}
		if wait > 0 {
			pause(ctx, retry, wait)
		} else if retry.Len() == 0 {
			return nil
		}
	}
	return ctx.Err()
}

// withdrawOnce deletes what is there now; wait is the time until it is to be tried again,
// or 0.
func withdrawOnce(ctx workflow.Context, in Input) (wait time.Duration, err error) {
	hold, err := checkHold(ctx, CheckHoldInput{in.ConversationID})
	if err != nil || hold.Held {
		return HoldCheck, err
	}
	done, err := deleteWithdrawn(ctx, DeleteWithdrawnInput{in.ConversationID, in.Withdrawn})
	if err != nil || done.Live {
		return LiveCheck, err
	}
	return 0, nil
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

func checkHold(ctx workflow.Context, in CheckHoldInput) (out CheckHoldResult, err error) {
	ctx = options(ctx, 20*time.Second)
	err = workflow.ExecuteActivity(ctx, Activities.CheckHold, in).Get(ctx, &out)
	return out, err
}

func deleteWithdrawn(ctx workflow.Context, in DeleteWithdrawnInput) (out DeleteWithdrawnResult, err error) {
	ctx = options(ctx, time.Minute)
	err = workflow.ExecuteActivity(ctx, Activities.DeleteWithdrawn, in).Get(ctx, &out)
	return out, err
}
