// Package inquiry is the workflow that sees to it that no citizen's inquiry is forgotten: nobody claims it in time, who has
// it does not react, the citizen is gone for long, the time that its content is kept has passed.
//
// The assistant's database decides what an inquiry needs next; the workflow waits for that time and has it done, and plans
// anew whenever the service says that something is due earlier (a signal that waits in the service's outbox until Temporal has
// it). Inputs carry ids only. One run per inquiry: the workflow id is ID(inquiry).
package inquiry

import (
	"context"
	"time"

	"go.temporal.io/sdk/workflow"
)

// Queues: where the workflow runs, and where its activities do (the assistant's worker).
const (
	WorkflowQueue = "workflows"
	Queue         = "assistant"
)

// ID is the workflow id of an inquiry.
func ID(inquiry string) string { return "inquiry-" + inquiry }

// Moved is the signal that something may be due earlier than the workflow waits for. No argument.
const Moved = "moved"

// Next is the query that tells what the workflow waits for (a PlanResult).
const Next = "next"

// Step is something that becomes due.
type Step string

// The steps.
const (
	Nothing  Step = ""         // the inquiry needs nothing any more
	Escalate Step = "escalate" // nobody has claimed it in time
	Remind   Step = "remind"   // the caseworkers are reminded of it
	Return   Step = "return"   // who has it does not react: back into the queue
	Quiet    Step = "quiet"    // the citizen is gone for long
	Close    Step = "close"    // nobody has written for days
	Erase    Step = "erase"    // its content goes, where the journal does not see to it
	Expire   Step = "expire"   // the receipt number opens nothing any more
)

// Input names the inquiry.
type Input struct{ InquiryID string }

// Result is empty: what came of the inquiry stands in the assistant's database.
type Result struct{}

// Activities is what the workflow needs done; all of them may run again.
type Activities interface {
	PlanInquiry(ctx context.Context, in PlanInput) (PlanResult, error)
	TendInquiry(ctx context.Context, in ActInput) (ActResult, error)
}

// PlanInput asks what becomes due next.
type PlanInput struct{ InquiryID string }

// PlanResult is the next step and its time.
type PlanResult struct {
	Step Step
	At   time.Time `json:",omitzero"`
}

// ActInput has a step done. One that is not due any more does nothing.
type ActInput struct {
	InquiryID string
	Step      Step
}

// ActResult is empty.
type ActResult struct{}

// Inquiry is the workflow.
func Inquiry(ctx workflow.Context, in Input) (Result, error) {
	var next PlanResult
	err := workflow.SetQueryHandler(ctx, Next, func() (PlanResult, error) { return next, nil })
	if err != nil {
		return Result{}, err
	}
	moved := workflow.GetSignalChannel(ctx, Moved)
	for {
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return Result{}, workflow.NewContinueAsNewError(ctx, Inquiry, in) // plans anew, so no signal is missed
		}
		for moved.ReceiveAsync(nil) { // what they tell is in the plan that is made now
		}
		next, err = plan(ctx, PlanInput(in))
		if err != nil || next.Step == Nothing {
			return Result{}, err
		}
		due, err := await(ctx, moved, next)
		if err != nil {
			return Result{}, err
		}
		if !due {
			continue
		}
		if _, err := act(ctx, ActInput{in.InquiryID, next.Step}); err != nil {
			return Result{}, err
		}
	}
}

// await returns when the step is due, or earlier, with false, when there is to be a new plan.
func await(ctx workflow.Context, moved workflow.ReceiveChannel, next PlanResult) (due bool, err error) {
	timerCtx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	workflow.NewSelector(ctx).
		AddReceive(moved, func(c workflow.ReceiveChannel, _ bool) { c.Receive(ctx, nil) }).
		AddFuture(workflow.NewTimer(timerCtx, next.At.Sub(workflow.Now(ctx))), func(f workflow.Future) { due = f.Get(ctx, nil) == nil }).
		Select(ctx)
	return due, ctx.Err()
}
