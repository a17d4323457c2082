// Package meeting is a booked meeting on its way: invitation, changes, reminders, what happens when nobody comes, and the
// deletion of a booking that never became a conversation. What is said in a meeting and its note are the journal's workflows.
//
// The meeting service's database decides what holds; it tells the workflow by signal that something has changed, and the workflow
// asks for the plan. Inputs carry ids only. One run per meeting: the workflow id is ID(meeting).
package meeting

import (
	"context"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// Queue is where the activities run: the meeting service's worker.
const Queue = "meeting"

// ID is the workflow id of a meeting.
func ID(meeting string) string { return "meeting-" + meeting }

// Changed is the signal that the booking has changed. No argument.
const Changed = "changed"

// Kinds of messages that participants get.
const (
	Invitation   = "invitation"
	Change       = "change"
	Cancellation = "cancellation"
	Reminder     = "reminder"
	NoShow       = "noshow"
)

// Input names the meeting. The other fields are what a run hands to the next; a starter leaves them zero.
type Input struct {
	MeetingID string
	Told      int  `json:",omitempty"` // 1 + the sequence of the booking that participants know of
	Reminded  int  `json:",omitempty"` // how many reminders of that booking were sent or have passed
	Missed    bool `json:",omitempty"` // the citizen was told that we did not meet
}

// Result is empty.
type Result struct{}

// Activities is what the workflow needs done; all of them may run again.
type Activities interface {
	Plan(ctx context.Context, in PlanInput) (PlanResult, error)
	Notify(ctx context.Context, in NotifyInput) (NotifyResult, error)
	Settle(ctx context.Context, in SettleInput) (PlanResult, error)
	Forget(ctx context.Context, in ForgetInput) (ForgetResult, error)
	DeleteRecording(ctx context.Context, in DeleteRecordingInput) (DeleteRecordingResult, error)
}

// PlanInput asks how the meeting stands.
type PlanInput struct{ MeetingID string }

// PlanResult is how it stands.
type PlanResult struct {
	State    string // booked, live, ended, cancelled, noshow; empty: there is nothing (more) to do
	Sequence int    // more at each change
	StartsAt time.Time
	SettleAt time.Time // when to look whether anybody came, or whether it was left open
	ForgetAt time.Time // when a booking that became no conversation is deleted
	Held     bool      // it became a conversation: the journal deletes it
	// RecordingUntil is when its recording is deleted; zero: there is none.
	RecordingUntil time.Time `json:",omitzero"`
}

// NotifyInput tells every participant.
type NotifyInput struct {
	MeetingID, Kind string
	Sequence        int // the same message of the same booking is sent once
}

// NotifyResult is empty: what was sent stands in the outbox that the desk sees.
type NotifyResult struct{}

// SettleInput asks for a decision: did anybody come, is it over?
type SettleInput struct{ MeetingID string }

// ForgetInput asks for the deletion.
type ForgetInput struct{ MeetingID string }

// ForgetResult is empty.
type ForgetResult struct{}

// DeleteRecordingInput asks for the deletion of a meeting's recording.
type DeleteRecordingInput struct{ MeetingID string }

// DeleteRecordingResult: Held means that a legal hold forbids it.
type DeleteRecordingResult struct{ Held bool }

// HoldCheck is how often a held deletion is tried again.
const HoldCheck = 24 * time.Hour

// reminders before the start, the longest first.
func reminders() []time.Duration { return []time.Duration{24 * time.Hour, time.Hour} }

// Meeting is the workflow.
func Meeting(ctx workflow.Context, in Input) (Result, error) {
	m := &life{Input: in}
	for {
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return Result{}, workflow.NewContinueAsNewError(ctx, Meeting, m.Input)
		}
		done, err := m.step(ctx)
		if done || err != nil {
			return Result{}, err
		}
	}
}

// life is the workflow's state. Every step leaves it such that a new run can go on.
type life struct{ Input }

func (m *life) step(ctx workflow.Context) (done bool, err error) {
	p, err := plan(ctx, PlanInput{m.MeetingID})
	if err != nil {
		return false, err
	}
	switch p.State {
	case "booked":
		return false, m.booked(ctx, p)
	case "live":
		return false, m.until(ctx, p.SettleAt, func() error { _, err := settle(ctx, SettleInput{m.MeetingID}); return err })
	case "noshow": // others have met, or waited, and have ended it
		if err := m.missed(ctx, p.Sequence); err != nil {
			return false, err
		}
	case "cancelled":
		if m.Told > 0 {
			if err := m.notify(ctx, Cancellation, p.Sequence); err != nil {
				return false, err
			}
		}
	}
	return true, m.forget(ctx, p)
}

// booked tells what is new, then waits for the next reminder, the time when nobody has come, or a change.
func (m *life) booked(ctx workflow.Context, p PlanResult) error {
	if m.Told != p.Sequence+1 {
		kind := Change
		if m.Told == 0 {
			kind = Invitation
		}
		if err := m.notify(ctx, kind, p.Sequence); err != nil {
			return err
		}
		m.Told, m.Reminded = p.Sequence+1, passed(p.StartsAt.Sub(workflow.Now(ctx)))
	}
	if r := reminders(); m.Reminded < len(r) {
		return m.until(ctx, p.StartsAt.Add(-r[m.Reminded]), func() error {
			m.Reminded++
			return m.notify(ctx, Reminder, p.Sequence)
		})
	}
	return m.until(ctx, p.SettleAt, func() error {
		now, err := settle(ctx, SettleInput{m.MeetingID})
		if err != nil || now.State != "noshow" {
			return err
		}
		return m.missed(ctx, p.Sequence)
	})
}

// missed tells the citizen, once, that we did not meet.
func (m *life) missed(ctx workflow.Context, sequence int) error {
	if m.Missed {
		return nil
	}
	m.Missed = true
	return m.notify(ctx, NoShow, sequence)
}

// passed counts the reminders whose time is over already: who is invited an hour before is not reminded of tomorrow.
func passed(left time.Duration) (n int) {
	for _, r := range reminders() {
		if left <= r {
			n++
		}
	}
	return n
}

// until does f at a time, or returns earlier when something has changed.
func (m *life) until(ctx workflow.Context, at time.Time, f func() error) error {
	timerCtx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	due := false
	workflow.NewSelector(ctx).
		AddReceive(workflow.GetSignalChannel(ctx, Changed), func(c workflow.ReceiveChannel, _ bool) { c.Receive(ctx, nil) }).
		AddFuture(workflow.NewTimer(timerCtx, at.Sub(workflow.Now(ctx))), func(f workflow.Future) { due = f.Get(ctx, nil) == nil }).
		Select(ctx)
	if due {
		return f()
	}
	return ctx.Err()
}

func (m *life) notify(ctx workflow.Context, kind string, sequence int) error {
	_, err := notify(ctx, NotifyInput{m.MeetingID, kind, sequence})
	return err
}

// forget deletes a booking that became no conversation; one that did is the journal's to delete, but for its recording, whose time
// is the meeting's own.
func (m *life) forget(ctx workflow.Context, p PlanResult) error {
	if p.State == "" {
		return nil
	}
	if p.Held {
		return m.deleteRecording(ctx, p.RecordingUntil)
	}
	if err := workflow.Sleep(ctx, p.ForgetAt.Sub(workflow.Now(ctx))); err != nil {
		return err
	}
	_, err := forget(ctx, ForgetInput{m.MeetingID})
	return err
}

// deleteRecording deletes a recording when its time is over, and waits for the end of a legal hold.
func (m *life) deleteRecording(ctx workflow.Context, until time.Time) error {
	if until.IsZero() {
		return nil
	}
	for wait := until.Sub(workflow.Now(ctx)); ; wait = HoldCheck {
		if err := workflow.Sleep(ctx, wait); err != nil {
			return err
		}
		out, err := deleteRecording(ctx, DeleteRecordingInput{m.MeetingID})
		if err != nil || !out.Held {
			return err
		}
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return workflow.NewContinueAsNewError(ctx, Meeting, m.Input)
		}
	}
}

// patient retries without end: the meeting service, its bus or its database may be away for long.
func patient(ctx workflow.Context, timeout time.Duration) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue: Queue, StartToCloseTimeout: timeout,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: time.Minute},
	})
}

func plan(ctx workflow.Context, in PlanInput) (out PlanResult, err error) {
	err = workflow.ExecuteActivity(patient(ctx, 20*time.Second), Activities.Plan, in).Get(ctx, &out)
	return out, err
}

// notify may talk to a slow mail server once per participant.
func notify(ctx workflow.Context, in NotifyInput) (out NotifyResult, err error) {
	err = workflow.ExecuteActivity(patient(ctx, 5*time.Minute), Activities.Notify, in).Get(ctx, &out)
	return out, err
}

func settle(ctx workflow.Context, in SettleInput) (out PlanResult, err error) {
	err = workflow.ExecuteActivity(patient(ctx, time.Minute), Activities.Settle, in).Get(ctx, &out)
	return out, err
}

func forget(ctx workflow.Context, in ForgetInput) (out ForgetResult, err error) {
	err = workflow.ExecuteActivity(patient(ctx, 20*time.Second), Activities.Forget, in).Get(ctx, &out)
	return out, err
}

func deleteRecording(ctx workflow.Context, in DeleteRecordingInput) (out DeleteRecordingResult, err error) {
	err = workflow.ExecuteActivity(patient(ctx, time.Minute), Activities.DeleteRecording, in).Get(ctx, &out)
	return out, err
}
