package ingest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// fake is the assistant as the workflow sees it; it notes what was asked.
type fake struct {
	log   []string
	none  bool // the source is not to be fetched
	parts int
	away  map[string]int // how often an activity finds nobody
	bad   map[string]bool
}

func (f *fake) note(name, format string, args ...any) error {
	f.log = append(f.log, name+fmt.Sprintf(format, args...))
	if f.away[name] > 0 {
		f.away[name]--
		return errors.New("nobody answers")
	}
	if f.bad[name] {
		return temporal.NewNonRetryableApplicationError("no sitemap", "invalid", nil)
	}
	return nil
}

func (f *fake) OpenIngest(_ context.Context, in OpenIngestInput) (OpenIngestResult, error) {
	err := f.note("open", " %s", in.SourceID)
	if f.none {
		return OpenIngestResult{}, err
	}
	return OpenIngestResult{RunID: "r"}, err
}

func (f *fake) ListArticles(_ context.Context, in ListArticlesInput) (ListArticlesResult, error) {
	return ListArticlesResult{}, f.note("list", " %s", in.RunID)
}

func (f *fake) FetchArticles(_ context.Context, in FetchArticlesInput) (FetchArticlesResult, error) {
	if err := f.note("fetch", " %s", in.RunID); err != nil {
		return FetchArticlesResult{}, err
	}
	f.parts--
	return FetchArticlesResult{Done: f.parts <= 0}, nil
}

func (f *fake) CloseIngest(_ context.Context, in CloseIngestInput) (CloseIngestResult, error) {
	return CloseIngestResult{}, f.note("close", " %s failed=%v", in.RunID, in.Failed)
}

func TestIngest(t *testing.T) {
	for name, tc := range map[string]struct {
		fake fake
		in   Input
		want []string
	}{
		"in three parts":           {fake{parts: 3}, Input{SourceID: "s"}, []string{"open s", "list r", "fetch r", "fetch r", "fetch r", "close r failed=false"}},
		"paused":                   {fake{none: true}, Input{SourceID: "s"}, []string{"open s"}},
		"goes on in a new history": {fake{}, Input{SourceID: "s", RunID: "r"}, []string{"fetch r", "close r failed=false"}},
		"nobody answers at first": {
			fake{away: map[string]int{"open": 1, "list": 2, "fetch": 1, "close": 1}},
			Input{SourceID: "s"},
			[]string{"open s", "open s", "list r", "list r", "list r", "fetch r", "fetch r", "close r failed=false", "close r failed=false"},
		},
		"nothing to list": {
			fake{bad: map[string]bool{"list": true}}, Input{SourceID: "s"}, []string{"open s", "list r", "close r failed=true"},
		},
		"nobody answers any more": {
			fake{away: map[string]int{"fetch": attempts}},
			Input{SourceID: "s", RunID: "r"},
			[]string{"fetch r", "fetch r", "fetch r", "fetch r", "fetch r", "fetch r", "fetch r", "fetch r", "close r failed=true"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { testIngest(t, &tc.fake, tc.in) })
			if diff := cmp.Diff(tc.want, tc.fake.log); diff != "" {
				t.Fatal(diff)
			}
		})
	}
}

// The tests run in bubbles, whose clock stands still while a slow machine works: the environment lets activities and timers race
// by the clock on the wall.

func testIngest(t *testing.T, f *fake, in Input) {
	var s testsuite.WorkflowTestSuite
	env := s.NewTestWorkflowEnvironment()
	env.RegisterActivity(Activities(f))
	env.ExecuteWorkflow(Ingest, in)
	if err := env.GetWorkflowError(); err != nil || !env.IsWorkflowCompleted() {
		t.Fatalf("ended %v: %v", env.IsWorkflowCompleted(), err)
	}
}

func TestLongHistoryGoesOn(t *testing.T) { synctest.Test(t, testLongHistory) }

func testLongHistory(t *testing.T) {
	var s testsuite.WorkflowTestSuite
	env := s.NewTestWorkflowEnvironment()
	env.RegisterActivity(Activities(&fake{parts: 3}))
	env.SetContinueAsNewSuggested(true)
	env.ExecuteWorkflow(Ingest, Input{SourceID: "s"})
	var again *workflow.ContinueAsNewError
	if err := env.GetWorkflowError(); !errors.As(err, &again) {
		t.Fatal(err)
	}
	var next Input
	if err := converter.GetDefaultDataConverter().FromPayloads(again.Input, &next); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Input{SourceID: "s", RunID: "r"}, next); diff != "" {
		t.Fatal(diff)
	}
}

// A workflow that is stopped leaves its run open: the next one goes on with it.
func TestStopped(t *testing.T) {
	var s testsuite.WorkflowTestSuite
	env := s.NewTestWorkflowEnvironment()
	// No bubble, for the activity's next attempt waits for ever; a slow machine is neither stuck nor in a deadlock.
	env.SetTestTimeout(2 * time.Minute)
	env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: 2 * time.Minute})
	f := &fake{away: map[string]int{"fetch": attempts}}
	env.RegisterActivity(Activities(f))
	env.RegisterDelayedCallback(env.CancelWorkflow, attempts*1e9)
	env.ExecuteWorkflow(Ingest, Input{SourceID: "s", RunID: "r"})
	if err := env.GetWorkflowError(); !temporal.IsCanceledError(err) {
		t.Fatalf("got %v", err)
	}
	if diff := cmp.Diff([]string{"fetch r"}, f.log); diff != "" {
		t.Fatal(diff)
	}
}
