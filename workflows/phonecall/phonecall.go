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
	// checkEvery is how often a silent call is asked about, unless the answer names another time.
	checkEvery = 30 * time.Second
	// lostAfter checks in a row without the call it counts as vanished; one could meet
	// a phone service that has just restarted.
	lostAfter = 2
	// checkAgain is the time between them.
	checkAgain = 10 * time.Second
	// transcriptWithin bounds the wait for the last words. Recognition is live, so
	// they are seconds away, or their audio is lost.
	transcriptWithin = 2 * time.Minute
	// transcriptAfterLoss is the same for a vanished call: the audio that was not yet
	// heard went with its gateway, so only what a worker has in hand can still come.
	transcriptAfterLoss = 15 * time.Second
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

// CheckCallInput asks the call's gateway whether it lives.
type CheckCallInput struct{ ConversationID string }

// CheckCallResult is its answer. NextIn is when to ask again, for channels that last long; zero: the usual time.
type CheckCallResult struct {
	Alive  bool
	NextIn time.Duration `json:",omitzero"`
}

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
	lost, err := awaitEnd(ctx, in)
	if err != nil {
		return Result{}, err
	}
	if err := awaitTranscript(ctx, lost); err != nil {
		return Result{}, err
	}
	if _, err := closeTranscript(ctx, CloseTranscriptInput(in)); err != nil {
		return Result{}, err
	}
	return Result{}, startNote(ctx, in)
}

// awaitEnd returns when the call has ended; lost says that it vanished.
func awaitEnd(ctx workflow.Context, in Input) (lost bool, err error) {
	ended := workflow.GetSignalChannel(ctx, Ended)
	wait := checkEvery
	for missed := 0; missed < lostAfter; {
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() { // a chat may last for days
			if ended.ReceiveAsync(nil) {
				return false, nil
			}
			return false, workflow.NewContinueAsNewError(ctx, PhoneCall, in)
		}
		got, err := receive(ctx, ended, wait)
		if err != nil || got {
			return false, err
		}
		call, err := checkCall(ctx, CheckCallInput(in))
		switch {
		case err != nil && ctx.Err() != nil:
			return false, err
		case err != nil: // the phone service does not answer: nothing is known
		case call.Alive:
			missed, wait = 0, checkEvery
			if call.NextIn > 0 {
				wait = call.NextIn
			}
		default:
			missed, wait = missed+1, checkAgain
		}
	}
	_, err = endLost(ctx, EndLostInput(in))
	return true, err
}

func awaitTranscript(ctx workflow.Context, lost bool) error {
	within := transcriptWithin
	if lost {
		within = transcriptAfterLoss
	}
	_, err := receive(ctx, workflow.GetSignalChannel(ctx, Transcript), within)
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
