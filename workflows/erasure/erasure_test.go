package erasure

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/testsuite"
)

type fake struct {
	heldFor int // DestroyKey calls that meet a legal hold
	liveFor int // DeleteWithdrawn calls that meet a call that goes on
	broken  int // PurgeStreams calls that fail
	calls   []string
	at      time.Time
}

func (f *fake) DestroyKey(_ context.Context, in DestroyKeyInput) (DestroyKeyResult, error) {
	f.calls = append(f.calls, "key "+in.ConversationID+" "+in.Reason)
	if f.heldFor > 0 {
		f.heldFor--
		return DestroyKeyResult{Held: true}, nil
	}
	return DestroyKeyResult{ErasedAt: f.at}, nil
}

func (f *fake) PurgeStreams(_ context.Context, in PurgeStreamsInput) (PurgeStreamsResult, error) {
	f.calls = append(f.calls, "streams "+in.ConversationID)
	if f.broken > 0 {
		f.broken--
		return PurgeStreamsResult{}, errors.New("bus is away")
	}
	return PurgeStreamsResult{}, nil
}

func (f *fake) DeleteContent(_ context.Context, in DeleteContentInput) (DeleteContentResult, error) {
	f.calls = append(f.calls, "content "+in.ConversationID)
	return DeleteContentResult{}, nil
}

func (f *fake) CheckHold(_ context.Context, in CheckHoldInput) (CheckHoldResult, error) {
	f.calls = append(f.calls, "hold "+in.ConversationID)
	if f.heldFor > 0 {
		f.heldFor--
		return CheckHoldResult{Held: true}, nil
	}
	return CheckHoldResult{}, nil
}

func (f *fake) DeleteWithdrawn(_ context.Context, in DeleteWithdrawnInput) (DeleteWithdrawnResult, error) {
	f.calls = append(f.calls, "withdrawn "+in.Kind+" "+in.ConversationID)
	if f.liveFor > 0 {
		f.liveFor--
		return DeleteWithdrawnResult{Live: true}, nil
	}
	return DeleteWithdrawnResult{}, nil
}

func run(t *testing.T, f *fake, prepare func(*testsuite.TestWorkflowEnvironment)) time.Duration {
	t.Helper()
	return execute(t, f, Input{ConversationID: "c", Reason: "retention"}, prepare)
}

func execute(t *testing.T, f *fake, in Input, prepare func(*testsuite.TestWorkflowEnvironment)) (took time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { took = executeIn(t, f, in, prepare) })
	return took
}

// executeIn runs the workflow in a bubble: its clock stands still while a slow machine works.
func executeIn(t *testing.T, f *fake, in Input, prepare func(*testsuite.TestWorkflowEnvironment)) time.Duration {
	t.Helper()
	var s testsuite.WorkflowTestSuite
	env := s.NewTestWorkflowEnvironment()
	env.RegisterActivity(Activities(f))
	start := env.Now()
	if prepare != nil {
		prepare(env)
	}
	env.ExecuteWorkflow(Erasure, in)
	if err := env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	var res Result
	if err := env.GetWorkflowResult(&res); err != nil {
		t.Fatal(err)
	}
	if !res.ErasedAt.Equal(f.at) {
		t.Errorf("erased at %v, want %v", res.ErasedAt, f.at)
	}
	return env.Now().Sub(start)
}

func TestErasureGoesOnUntilAllIsGone(t *testing.T) {
	f := &fake{broken: 3, at: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)}
	run(t, f, nil)
	want := []string{"key c retention", "streams c", "streams c", "streams c", "streams c", "content c"}
	if diff := cmp.Diff(want, f.calls); diff != "" {
		t.Fatal(diff)
	}
}

func TestLegalHoldIsAskedAboutDaily(t *testing.T) {
	f := &fake{heldFor: 3}
	took := run(t, f, nil)
	if took < 3*HoldCheck || took > 3*HoldCheck+time.Hour {
		t.Errorf("took %v", took)
	}
	if len(f.calls) != 6 {
		t.Errorf("calls: %q", f.calls)
	}
}

func TestLiftedHoldIsTriedAtOnce(t *testing.T) {
	f := &fake{heldFor: 1}
	took := run(t, f, func(env *testsuite.TestWorkflowEnvironment) {
		env.RegisterDelayedCallback(func() { env.SignalWorkflow(Retry, nil) }, time.Hour)
	})
	if took < time.Hour || took >= HoldCheck {
		t.Errorf("took %v", took)
	}
}

var withdrawn = Input{ConversationID: "c", Reason: "withdrawn", Withdrawn: "transcription"}

func TestAWithdrawalKeepsTheKeyAndFollowsTheCall(t *testing.T) {
	f := &fake{liveFor: 2}
	took := execute(t, f, withdrawn, func(env *testsuite.TestWorkflowEnvironment) {
		env.RegisterDelayedCallback(func() { env.SignalWorkflow(Retry, nil) }, 0) // as the journal starts it
	})
	want := []string{
		"hold c", "withdrawn transcription c", "hold c", "withdrawn transcription c", "hold c", "withdrawn transcription c",
	}
	if diff := cmp.Diff(want, f.calls); diff != "" {
		t.Fatal(diff)
	}
	if took < 2*LiveCheck || took > 3*LiveCheck {
		t.Errorf("took %v", took)
	}
}

func TestALegalHoldStopsAWithdrawal(t *testing.T) {
	f := &fake{heldFor: 1}
	took := execute(t, f, withdrawn, func(env *testsuite.TestWorkflowEnvironment) {
		env.RegisterDelayedCallback(func() {
			if len(f.calls) != 1 {
				t.Errorf("under the hold: %q", f.calls)
			}
			env.SignalWorkflow(Retry, nil)
		}, time.Hour)
	})
	if diff := cmp.Diff([]string{"hold c", "hold c", "withdrawn transcription c"}, f.calls); diff != "" {
		t.Fatal(diff)
	}
	if took < time.Hour || took >= HoldCheck {
		t.Errorf("took %v", took)
	}
}
