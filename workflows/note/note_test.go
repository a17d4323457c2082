package note

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"samtale.dk/samtale/workflows/erasure"
)

var start = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// fake is the journal as the workflow sees it; it notes what was asked and when.
type fake struct {
	env    *testsuite.TestWorkflowEnvironment
	log    []string
	refuse int // deliveries that the case system refuses
	held   int
	keep   time.Duration
	gone   bool
}

func (f *fake) note(format string, args ...any) {
	f.log = append(f.log, fmt.Sprintf("%v ", f.env.Now().Sub(start).Round(time.Second))+fmt.Sprintf(format, args...))
}

func (f *fake) Draft(context.Context, DraftInput) (DraftResult, error) {
	f.note("draft")
	return DraftResult{NoteID: "n", RemindAt: start.Add(24 * time.Hour), DeadlineAt: start.Add(48 * time.Hour), Gone: f.gone}, nil
}

func (f *fake) Remind(_ context.Context, in RemindInput) (RemindResult, error) {
	f.note("remind overdue=%v", in.Overdue)
	return RemindResult{}, nil
}

func (f *fake) Deliver(_ context.Context, in DeliverInput) (DeliverResult, error) {
	f.note("deliver %s", in.NoteID)
	if f.refuse > 0 {
		f.refuse--
		return DeliverResult{}, nil
	}
	return DeliverResult{Delivered: true}, nil
}

func (f *fake) Retain(_ context.Context, in RetainInput) (RetainResult, error) {
	f.note("retain discarded=%v", in.Discarded)
	if in.Discarded {
		return RetainResult{EraseAt: f.env.Now()}, nil
	}
	return RetainResult{EraseAt: f.env.Now().Add(f.keep)}, nil
}

func (f *fake) DestroyKey(_ context.Context, in erasure.DestroyKeyInput) (erasure.DestroyKeyResult, error) {
	f.note("destroy key: %s", in.Reason)
	f.held--
	return erasure.DestroyKeyResult{Held: f.held >= 0, ErasedAt: f.env.Now()}, nil
}

func (f *fake) PurgeStreams(context.Context, erasure.PurgeStreamsInput) (erasure.PurgeStreamsResult, error) {
	return erasure.PurgeStreamsResult{}, nil
}

func (f *fake) CheckHold(context.Context, erasure.CheckHoldInput) (erasure.CheckHoldResult, error) {
	return erasure.CheckHoldResult{}, errors.New("not asked for here")
}

func (f *fake) DeleteWithdrawn(context.Context, erasure.DeleteWithdrawnInput) (erasure.DeleteWithdrawnResult, error) {
	return erasure.DeleteWithdrawnResult{}, errors.New("not asked for here")
}

func (f *fake) DeleteContent(context.Context, erasure.DeleteContentInput) (erasure.DeleteContentResult, error) {
	f.note("delete content")
	return erasure.DeleteContentResult{}, nil
}

// run takes a note to its end; at gives what happens when. It runs in a bubble, whose clock stands still while a slow machine works:
// the environment lets activities and timers race by the clock on the wall.
func run(t *testing.T, f *fake, in Input, at map[time.Duration]string) {
	t.Helper()
	var s testsuite.WorkflowTestSuite
	f.env = s.NewTestWorkflowEnvironment()
	f.env.SetStartTime(start)
	f.env.SetWorkflowRunTimeout(0)
	f.env.RegisterWorkflow(erasure.Erasure)
	f.env.RegisterActivity(Activities(f))
	f.env.RegisterActivity(erasure.Activities(f))
	for d, signal := range at {
		f.env.RegisterDelayedCallback(func() { f.env.SignalWorkflow(signal, nil) }, d)
	}
	in.ConversationID = "c"
	f.env.ExecuteWorkflow(Note, in)
	if !f.env.IsWorkflowCompleted() {
		t.Fatal("did not end")
	}
	if err := f.env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	v, err := f.env.QueryWorkflow(State)
	if err != nil {
		t.Fatal(err)
	}
	var stage Stage
	if err := v.Get(&stage); err != nil || stage != StageErased {
		t.Fatalf("ended in stage %q (%v)", stage, err)
	}
}

func TestNote(t *testing.T) {
	for name, tc := range map[string]struct {
		fake fake
		in   Input
		at   map[time.Duration]string
		want []string
	}{
		"approved at once, kept for two weeks": {
			fake: fake{keep: 14 * 24 * time.Hour},
			at:   map[time.Duration]string{time.Hour: Approved},
			want: []string{"0s draft", "1h0m0s deliver n", "1h0m0s retain discarded=false", "337h0m0s destroy key: retention", "337h0m0s delete content"},
		},
		"erased with the receipt": {
			at:   map[time.Duration]string{time.Hour: Approved},
			want: []string{"0s draft", "1h0m0s deliver n", "1h0m0s retain discarded=false", "1h0m0s destroy key: retention", "1h0m0s delete content"},
		},
		"reminded, overdue daily, then approved": {
			at: map[time.Duration]string{100 * time.Hour: Approved},
			want: []string{
				"0s draft", "24h0m0s remind overdue=false", "48h0m0s remind overdue=true", "72h0m0s remind overdue=true",
				"96h0m0s remind overdue=true", "100h0m0s deliver n", "100h0m0s retain discarded=false",
				"100h0m0s destroy key: retention", "100h0m0s delete content",
			},
		},
		"discarded": {
			fake: fake{keep: 14 * 24 * time.Hour},
			at:   map[time.Duration]string{time.Hour: Discarded},
			want: []string{"0s draft", "1h0m0s retain discarded=true", "1h0m0s destroy key: discarded", "1h0m0s delete content"},
		},
		"the case system refuses three times": {
			fake: fake{refuse: 3},
			at:   map[time.Duration]string{0: Approved},
			want: []string{
				"0s draft", "0s deliver n", "2s deliver n", "6s deliver n", "14s deliver n",
				"14s retain discarded=false", "14s destroy key: retention", "14s delete content",
			},
		},
		"a person asks for delivery now": {
			fake: fake{refuse: 8},
			at:   map[time.Duration]string{0: Approved, 300 * time.Second: DeliverNow},
			want: []string{
				"0s draft", "0s deliver n", "2s deliver n", "6s deliver n", "14s deliver n", "30s deliver n", "1m2s deliver n",
				"2m6s deliver n", "4m14s deliver n", "5m0s deliver n",
				"5m0s retain discarded=false", "5m0s destroy key: retention", "5m0s delete content",
			},
		},
		"legal hold": {
			fake: fake{held: 2},
			at:   map[time.Duration]string{0: Approved},
			want: []string{
				"0s draft", "0s deliver n", "0s retain discarded=false",
				"0s destroy key: retention", "24h0m0s destroy key: retention", "48h0m0s destroy key: retention", "48h0m0s delete content",
			},
		},
		"erased before it was drafted": {fake: fake{gone: true}, want: []string{"0s draft"}},
		"goes on in a new run": {
			in:   Input{Stage: StageDelivery, NoteID: "n", Attempts: 11},
			fake: fake{refuse: 1},
			want: []string{"0s deliver n", "1h0m0s deliver n", "1h0m0s retain discarded=false", "1h0m0s destroy key: retention", "1h0m0s delete content"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { run(t, &tc.fake, tc.in, tc.at) })
			if diff := cmp.Diff(tc.want, tc.fake.log); diff != "" {
				t.Fatal(diff)
			}
		})
	}
}

func TestLongHistoryGoesOnWithWhatWasDecided(t *testing.T) {
	for name, tc := range map[string]struct {
		signal string
		want   Input
	}{
		"waiting":   {"", Input{Stage: StageReview, NoteID: "n", RemindAt: start.Add(time.Hour)}},
		"approved":  {Approved, Input{Stage: StageDelivery, NoteID: "n", RemindAt: start.Add(time.Hour)}},
		"discarded": {Discarded, Input{Stage: StageKept, NoteID: "n", RemindAt: start.Add(time.Hour), EraseAt: start.Add(time.Second), Discarded: true}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { testGoesOn(t, tc.signal, tc.want) })
		})
	}
}

func testGoesOn(t *testing.T, signal string, want Input) {
	var s testsuite.WorkflowTestSuite
	f := &fake{env: s.NewTestWorkflowEnvironment()}
	f.env.SetStartTime(start)
	f.env.RegisterActivity(Activities(f))
	if signal != "" {
		f.env.RegisterDelayedCallback(func() { f.env.SignalWorkflow(signal, nil) }, 0)
	}
	// The signal lies waiting when the history is found to be long.
	f.env.ExecuteWorkflow(func(ctx workflow.Context, in Input) error {
		if err := workflow.Sleep(ctx, time.Second); err != nil {
			return err
		}
		return (&life{in}).continueAsNew(ctx)
	}, Input{ConversationID: "c", Stage: StageReview, NoteID: "n", RemindAt: start.Add(time.Hour)})
	var next Input
	var again *workflow.ContinueAsNewError
	if err := f.env.GetWorkflowError(); !errors.As(err, &again) {
		t.Fatal(err)
	}
	if err := converter.GetDefaultDataConverter().FromPayloads(again.Input, &next); err != nil {
		t.Fatal(err)
	}
	want.ConversationID = "c"
	if diff := cmp.Diff(want, next); diff != "" {
		t.Fatal(diff)
	}
}

func TestLongHistoryStartsANewRun(t *testing.T) { synctest.Test(t, testNewRun) }

func testNewRun(t *testing.T) {
	var s testsuite.WorkflowTestSuite
	env := s.NewTestWorkflowEnvironment()
	env.SetContinueAsNewSuggested(true)
	env.ExecuteWorkflow(Note, Input{ConversationID: "c", Stage: StageDelivery, NoteID: "n", Attempts: 7})
	var again *workflow.ContinueAsNewError
	if err := env.GetWorkflowError(); !errors.As(err, &again) {
		t.Fatal(err)
	}
}
