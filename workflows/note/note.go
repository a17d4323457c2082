// Package note is the life of a journal note: draft, review with reminders and a
// deadline, approval, delivery until the case system gives a receipt, the time that
// the content is kept, erasure.
//
// The journal's database decides what is approved; it tells the workflow by signal,
// and the signal waits in the journal's outbox until Temporal has it. Inputs carry ids
// only. One run per conversation: the workflow id is ID(conversation).
package note

import (
	"context"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"samtale.dk/samtale/workflows/erasure"
)

// Queue is where the activities run: the journal's worker.
const Queue = "journal"

// ID is the workflow id of a conversation's note.
func ID(conversation string) string { return "note-" + conversation }

// Signals.
const (
	// Approved: a person approved the note. No argument.
	Approved = "approved"
	// Discarded: a person ended the note without delivery. No argument.
	Discarded = "discarded"
	// DeliverNow: try the delivery at once, not after the pause. No argument.
	DeliverNow = "deliver-now"
)

// State is the query that tells where the workflow is (a Stage).
const State = "state"

// Stage of the note's life.
type Stage string

// The stages, in order; a discarded note goes from StageReview to StageKept.
const (
	StageDraft    Stage = ""
	StageReview   Stage = "review"
	StageDelivery Stage = "delivery"
	StageKept     Stage = "kept" // delivered or discarded; content waits for erasure
	StageErased   Stage = "erased"
)

// Input names the conversation. The other fields are what a run hands to the next when
// its history has grown long; a starter leaves them zero.
type Input struct {
	ConversationID string
	Stage          Stage     `json:",omitempty"`
	NoteID         string    `json:",omitempty"`
	RemindAt       time.Time `json:",omitzero"`
	DeadlineAt     time.Time `json:",omitzero"`
	EraseAt        time.Time `json:",omitzero"`
	Attempts       int       `json:",omitempty"` // failed deliveries in a row
	Discarded      bool      `json:",omitempty"`
}

// Result is empty: what came of the note stands in the journal.
type Result struct{}

// Activities is what the workflow needs done; all of them may run again.
type Activities interface {
	Draft(ctx context.Context, in DraftInput) (DraftResult, error)
	Remind(ctx context.Context, in RemindInput) (RemindResult, error)
	Deliver(ctx context.Context, in DeliverInput) (DeliverResult, error)
	Retain(ctx context.Context, in RetainInput) (RetainResult, error)
}

// DraftInput asks for a draft. A conversation has one note: a second call finds it.
type DraftInput struct{ ConversationID string }

// DraftResult names the note and the area's deadlines. Gone: the content was erased.
type DraftResult struct {
	NoteID               string
	RemindAt, DeadlineAt time.Time
	Gone                 bool
}

// RemindInput tells the caseworkers that a note waits; Overdue: past its deadline.
type RemindInput struct {
	ConversationID, NoteID string
	Overdue                bool
}

// RemindResult is empty.
type RemindResult struct{}

// DeliverInput asks for one attempt at delivering the approved version. NextIn is the
// pause until the next one if this fails; people see it.
type DeliverInput struct {
	ConversationID, NoteID string
	NextIn                 time.Duration
}

// DeliverResult says whether the case system gave its receipt. What went wrong
// otherwise stands in the journal.
type DeliverResult struct{ Delivered bool }

// RetainInput asks until when the content is kept; a discarded note's goes at once.
type RetainInput struct {
	ConversationID, NoteID string
	Discarded              bool
}

// RetainResult is the time of the erasure.
type RetainResult struct{ EraseAt time.Time }

// Note is the workflow.
func Note(ctx workflow.Context, in Input) (Result, error) {
	n := &life{Input: in}
	err := workflow.SetQueryHandler(ctx, State, func() (Stage, error) { return n.Stage, nil })
	if err != nil {
		return Result{}, err
	}
	for n.Stage != StageErased {
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return Result{}, n.continueAsNew(ctx)
		}
		if err := n.step(ctx); err != nil {
			return Result{}, err
		}
	}
	return Result{}, nil
}

// life is the workflow's state. Every step leaves it such that a new run can go on.
type life struct{ Input }

func (n *life) step(ctx workflow.Context) error {
	switch n.Stage {
	case StageDraft:
		return n.draft(ctx)
	case StageReview:
		return n.review(ctx)
	case StageDelivery:
		return n.deliver(ctx)
	default:
		return n.erase(ctx)
	}
}

func (n *life) draft(ctx workflow.Context) error {
	d, err := draft(ctx, DraftInput{n.ConversationID})
	if err != nil {
		return err
	}
	if d.Gone {
		n.Stage = StageErased
		return nil
	}
	n.NoteID, n.RemindAt, n.DeadlineAt = d.NoteID, d.RemindAt, d.DeadlineAt
	n.Stage = StageReview
	return nil
}

// remindEvery is the pause between reminders of a note that is past its deadline.
const remindEvery = 24 * time.Hour

// review waits for a person's decision or the next reminder, whichever comes first. A
// note is never approved or dropped by a deadline.
func (n *life) review(ctx workflow.Context) error {
	timerCtx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	due := false
	workflow.NewSelector(ctx).
		AddReceive(workflow.GetSignalChannel(ctx, Approved), func(c workflow.ReceiveChannel, _ bool) {
			c.Receive(ctx, nil)
			n.Stage = StageDelivery
		}).
		AddReceive(workflow.GetSignalChannel(ctx, Discarded), func(c workflow.ReceiveChannel, _ bool) {
			c.Receive(ctx, nil)
			n.Discarded = true
		}).
		AddFuture(workflow.NewTimer(timerCtx, n.RemindAt.Sub(workflow.Now(ctx))), func(f workflow.Future) {
			due = f.Get(ctx, nil) == nil
		}).
		Select(ctx)
	switch {
	case n.Stage == StageDelivery:
		return nil
	case n.Discarded:
		return n.retain(ctx)
	case due:
		return n.remind(ctx)
	}
	return ctx.Err()
}

func (n *life) remind(ctx workflow.Context) error {
	overdue := !workflow.Now(ctx).Before(n.DeadlineAt)
	if _, err := remind(ctx, RemindInput{n.ConversationID, n.NoteID, overdue}); err != nil {
		return err
	}
	if overdue {
		n.RemindAt = workflow.Now(ctx).Add(remindEvery)
	} else {
		n.RemindAt = n.DeadlineAt
	}
	return nil
}

// Pauses between attempts at delivery: they double, and end never.
const (
	firstPause   = 2 * time.Second
	longestPause = time.Hour
)

// pause after the given number of failures in a row.
func pause(failures int) time.Duration {
	d := firstPause
	for range failures {
		if d = 2 * d; d >= longestPause {
			return longestPause
		}
	}
	return d
}

func (n *life) deliver(ctx workflow.Context) error {
	wait := pause(n.Attempts)
	res, err := deliver(ctx, DeliverInput{n.ConversationID, n.NoteID, wait})
	if err != nil {
		return err
	}
	if res.Delivered {
		n.Attempts = 0
		return n.retain(ctx)
	}
	n.Attempts++
	timerCtx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	workflow.NewSelector(ctx).
		AddReceive(workflow.GetSignalChannel(ctx, DeliverNow), func(c workflow.ReceiveChannel, _ bool) { c.Receive(ctx, nil) }).
		AddFuture(workflow.NewTimer(timerCtx, wait), func(workflow.Future) {}).
		Select(ctx)
	return ctx.Err()
}

func (n *life) retain(ctx workflow.Context) error {
	r, err := retain(ctx, RetainInput{n.ConversationID, n.NoteID, n.Discarded})
	if err != nil {
		return err
	}
	n.EraseAt, n.Stage = r.EraseAt, StageKept
	return nil
}

func (n *life) erase(ctx workflow.Context) error {
	if err := workflow.Sleep(ctx, n.EraseAt.Sub(workflow.Now(ctx))); err != nil {
		return err
	}
	reason := "retention"
	if n.Discarded {
		reason = "discarded"
	}
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowID: erasure.ID(n.ConversationID)})
	err := workflow.ExecuteChildWorkflow(ctx, erasure.Erasure, erasure.Input{ConversationID: n.ConversationID, Reason: reason}).Get(ctx, nil)
	if err != nil && !temporal.IsWorkflowExecutionAlreadyStartedError(err) {
		return err
	}
	n.Stage = StageErased
	return nil
}

// continueAsNew hands the state to a fresh history. Signals that wait are decided on
// first, for they would not follow.
func (n *life) continueAsNew(ctx workflow.Context) error {
	if n.Stage == StageReview {
		if workflow.GetSignalChannel(ctx, Approved).ReceiveAsync(nil) {
			n.Stage = StageDelivery
		} else if workflow.GetSignalChannel(ctx, Discarded).ReceiveAsync(nil) {
			n.Discarded = true
			if err := n.retain(ctx); err != nil {
				return err
			}
		}
	}
	return workflow.NewContinueAsNewError(ctx, Note, n.Input)
}
