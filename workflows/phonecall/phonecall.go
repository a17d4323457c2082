// Package phonecall is the workflow that follows a phone call or a spoken message from
// its start to its transcript, and then starts the note. It watches: audio, words and
// call control never pass through it. A call that vanishes without saying so is ended
// here, so that what was said until then still becomes a note.
//
// Inputs carry ids only. One run per conversation: the workflow id is ID(conversation).
package phonecall

import (
	"context"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"samtale.dk/samtale/workflows/note"
)

// Queues: where the workflow runs, and where its activities do (the journal's worker).
const (
	WorkflowQueue = "workflows"
	Queue         = "journal"
)

// ID is the workflow id of a conversation's call.
func ID(conversation string) string { return "call-" + conversation }

// Signals from the journal, none with an argument.
const (
	Ended      = "ended"      // the call has ended
	Transcript = "transcript" // every word of every leg is there
)

const (
	// checkEvery is how often a silent call is asked about.
	checkEvery = 30 * time.Second
	// lostAfter checks in a row without the call it counts as vanished; one could be a
	// phone service that has just restarted.
	lostAfter = 2
	// transcriptWithin bounds the wait for the last words. Recognition is live, so
	// they are seconds away, or their audio is lost.
	transcriptWithin = 2 * time.Minute
)

// Input names the conversation.
type Input struct{ ConversationID string }

// Result is empty.
type Result struct{}

// Activities is what the workflow needs done; all of them may run again.
type Activities interface {
	CheckCall(ctx context.Context, in CheckCallInput) (CheckCallResult, error)
	EndLost(ctx context.Context, in EndLostInput) (EndLostResult, error)
	CloseTranscript(ctx context.Context, in CloseTranscriptInput) (CloseTranscriptResult, error)
}

// CheckCallInput asks the phone service whether the call lives.
type CheckCallInput struct{ ConversationID string }

// CheckCallResult is its answer.
type CheckCallResult struct{ Alive bool }

// EndLostInput ends a vanished call in the journal.
type EndLostInput struct{ ConversationID string }

// EndLostResult is empty.
type EndLostResult struct{}

// CloseTranscriptInput sets down what the transcript covers.
type CloseTranscriptInput struct{ ConversationID string }

// CloseTranscriptResult is empty.
type CloseTranscriptResult struct{}

// PhoneCall is the workflow.
func PhoneCall(ctx workflow.Context, in Input) (Result, error) {
	if err := awaitEnd(ctx, in); err != nil {
		return Result{}, err
	}
	if err := awaitTranscript(ctx); err != nil {
		return Result{}, err
	}
	if _, err := closeTranscript(ctx, CloseTranscriptInput(in)); err != nil {
		return Result{}, err
	}
	return Result{}, startNote(ctx, in)
}

func awaitEnd(ctx workflow.Context, in Input) error {
	ended := workflow.GetSignalChannel(ctx, Ended)
	for missed := 0; missed < lostAfter; {
		got, err := receive(ctx, ended, checkEvery)
		if err != nil || got {
			return err
		}
		call, err := checkCall(ctx, CheckCallInput(in))
		switch {
		case err != nil && ctx.Err() != nil:
			return err
		case err != nil: // the phone service does not answer: nothing is known
		case call.Alive:
			missed = 0
		default:
			missed++
		}
	}
	_, err := endLost(ctx, EndLostInput(in))
	return err
}

func awaitTranscript(ctx workflow.Context) error {
	_, err := receive(ctx, workflow.GetSignalChannel(ctx, Transcript), transcriptWithin)
	return err
}

// receive waits for a signal at most d.
func receive(ctx workflow.Context, c workflow.ReceiveChannel, d time.Duration) (got bool, err error) {
	timerCtx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	workflow.NewSelector(ctx).
		AddReceive(c, func(c workflow.ReceiveChannel, _ bool) {
			c.Receive(ctx, nil)
			got = true
		}).
		AddFuture(workflow.NewTimer(timerCtx, d), func(workflow.Future) {}).
		Select(ctx)
	return got, ctx.Err()
}

// startNote lets the note live on its own; this workflow is done then.
func startNote(ctx workflow.Context, in Input) error {
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:            note.ID(in.ConversationID),
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_ABANDON,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
	})
	child := workflow.ExecuteChildWorkflow(ctx, note.Note, note.Input{ConversationID: in.ConversationID})
	err := child.GetChildWorkflowExecution().Get(ctx, nil)
	if temporal.IsWorkflowExecutionAlreadyStartedError(err) {
		return nil
	}
	return err
}
