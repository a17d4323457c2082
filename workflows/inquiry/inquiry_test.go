package inquiry

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/testsuite"
)

var start = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

// fake is the service as the workflow sees it: a list of plans, one after the other; it notes what was done and when.
type fake struct {
	env   *testsuite.TestWorkflowEnvironment
	plans []PlanResult
	fail  int // activities that fail first
	log   []string
}

func (f *fake) PlanInquiry(_ context.Context, in PlanInput) (PlanResult, error) {
	if f.fail > 0 {
		f.fail--
		return PlanResult{}, fmt.Errorf("the database is away")
	}
	if in.InquiryID != "i" {
		return PlanResult{}, fmt.Errorf("inquiry %q", in.InquiryID)
	}
	p := f.plans[0]
	if len(f.plans) > 1 {
		f.plans = f.plans[1:]
	}
	return p, nil
}

func (f *fake) TendInquiry(_ context.Context, in ActInput) (ActResult, error) {
	f.log = append(f.log, fmt.Sprintf("%v %s", f.env.Now().Sub(start).Round(time.Second), in.Step))
	return ActResult{}, nil
}

func at(step Step, d time.Duration) PlanResult { return PlanResult{step, start.Add(d)} }

func TestInquiry(t *testing.T) {
	for name, tc := range map[string]struct {
		plans []PlanResult
		fail  int
		moved []time.Duration
		want  []string
	}{
		"escalated, ended, expired": {
			plans: []PlanResult{at(Escalate, 10*time.Minute), at(Remind, 5*time.Hour), at(Expire, 2*time.Hour), {}},
			moved: []time.Duration{time.Hour},
			want:  []string{"10m0s escalate", "2h0m0s expire"},
		},
		"claimed in time: the timer is forgotten": {
			plans: []PlanResult{at(Escalate, 10*time.Minute), at(Close, 5*time.Hour), {}},
			moved: []time.Duration{5 * time.Minute},
			want:  []string{"5h0m0s close"},
		},
		"overdue from the start": {
			plans: []PlanResult{at(Escalate, -time.Hour), {}},
			want:  []string{"0s escalate"},
		},
		"the service is away for long": {
			plans: []PlanResult{at(Escalate, 10*time.Second), {}}, fail: 5,
			want: []string{"31s escalate"},
		},
		"many signals": {
			plans: []PlanResult{at(Remind, time.Hour), at(Remind, time.Hour), at(Remind, time.Hour), at(Remind, time.Hour), {}},
			moved: []time.Duration{time.Minute, 2 * time.Minute, 3 * time.Minute},
			want:  []string{"1h0m0s remind"},
		},
		"unknown": {plans: []PlanResult{{}}},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fake{plans: tc.plans, fail: tc.fail}
			synctest.Test(t, func(t *testing.T) { testInquiry(t, f, tc.moved) })
			if diff := cmp.Diff(tc.want, f.log); diff != "" {
				t.Fatal(diff)
			}
		})
	}
}

// The tests run in bubbles, whose clock stands still while a slow machine works: the environment lets activities and timers race
// by the clock on the wall.

func testInquiry(t *testing.T, f *fake, signals []time.Duration) {
	var s testsuite.WorkflowTestSuite
	f.env = s.NewTestWorkflowEnvironment()
	f.env.SetStartTime(start)
	f.env.SetWorkflowRunTimeout(0)
	f.env.RegisterActivity(Activities(f))
	for _, d := range signals {
		f.env.RegisterDelayedCallback(func() { f.env.SignalWorkflow(Moved, nil) }, d)
	}
	f.env.ExecuteWorkflow(Inquiry, Input{InquiryID: "i"})
	if err := f.env.GetWorkflowError(); err != nil || !f.env.IsWorkflowCompleted() {
		t.Fatalf("did not end well: %v", err)
	}
}

func TestNextCanBeAsked(t *testing.T) { synctest.Test(t, testNext) }

func testNext(t *testing.T) {
	var s testsuite.WorkflowTestSuite
	f := &fake{env: s.NewTestWorkflowEnvironment(), plans: []PlanResult{at(Escalate, time.Hour), {}}}
	f.env.SetStartTime(start)
	f.env.RegisterActivity(Activities(f))
	f.env.RegisterDelayedCallback(func() {
		v, err := f.env.QueryWorkflow(Next)
		if err != nil {
			t.Error(err)
			return
		}
		var next PlanResult
		if err := v.Get(&next); err != nil || next.Step != Escalate || !next.At.Equal(start.Add(time.Hour)) {
			t.Errorf("got %+v, %v", next, err)
		}
	}, time.Minute)
	f.env.ExecuteWorkflow(Inquiry, Input{InquiryID: "i"})
	if err := f.env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
}
