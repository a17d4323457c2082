package phonecall

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"samtale.dk/samtale/workflows/note"
)

var start = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

type fake struct {
	env  *testsuite.TestWorkflowEnvironment
	log  []string
	call func(at time.Duration) (alive bool, err error)
	next time.Duration
}

func (f *fake) add(what string) {
	f.log = append(f.log, fmt.Sprintf("%v %s", f.env.Now().Sub(start).Round(time.Second), what))
}

func (f *fake) CheckCall(context.Context, CheckCallInput) (CheckCallResult, error) {
	if f.call == nil {
		return CheckCallResult{Alive: true}, nil
	}
	alive, err := f.call(f.env.Now().Sub(start))
	return CheckCallResult{Alive: alive, NextIn: f.next}, err
}

func (f *fake) EndLost(context.Context, EndLostInput) (EndLostResult, error) {
	f.add("lost")
	return EndLostResult{}, nil
}

func (f *fake) CloseTranscript(_ context.Context, in CloseTranscriptInput) (CloseTranscriptResult, error) {
	f.add("close " + in.ConversationID)
	return CloseTranscriptResult{}, nil
}

func TestPhoneCall(t *testing.T) {
	type signals map[time.Duration]string
	for name, tc := range map[string]struct {
		fake fake
		at   signals
		want []string
	}{
		"ends, transcript follows": {
			at:   signals{10 * time.Minute: Ended, 10*time.Minute + 3*time.Second: Transcript},
			want: []string{"10m3s close c", "10m3s note c"},
		},
		"transcript is complete before the end is known": {
			at:   signals{time.Minute: Transcript, 2 * time.Minute: Ended},
			want: []string{"2m0s close c", "2m0s note c"},
		},
		"transcript never completes": {
			at:   signals{time.Minute: Ended},
			want: []string{"3m0s close c", "3m0s note c"},
		},
		"a long call is left alone": {
			at:   signals{3 * time.Hour: Ended, 3*time.Hour + time.Second: Transcript},
			want: []string{"3h0m1s close c", "3h0m1s note c"},
		},
		"the call vanishes": {
			fake: fake{call: func(at time.Duration) (bool, error) { return at < 5*time.Minute, nil }},
			want: []string{"5m10s lost", "5m25s close c", "5m25s note c"},
		},
		"the phone service is away for a while, the call is not lost": {
			fake: fake{call: func(at time.Duration) (bool, error) {
				if at < 30*time.Minute {
					return false, errors.New("no answer")
				}
				return true, nil
			}},
			at:   signals{time.Hour: Ended, time.Hour + time.Second: Transcript},
			want: []string{"1h0m1s close c", "1h0m1s note c"},
		},
		"a chat is asked about less often, until it does not answer": {
			fake: fake{next: 10 * time.Minute, call: func(at time.Duration) (bool, error) { return at < 15*time.Minute, nil }},
			want: []string{"20m40s lost", "20m55s close c", "20m55s note c"},
		},
		"one missed check is a restarted phone service": {
			fake: fake{call: func(at time.Duration) (bool, error) { return at != 3*time.Minute, nil }},
			at:   signals{10 * time.Minute: Ended, 10*time.Minute + time.Second: Transcript},
			want: []string{"10m1s close c", "10m1s note c"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := tc.fake
			synctest.Test(t, func(t *testing.T) { testPhoneCall(t, &f, tc.at) })
			if diff := cmp.Diff(tc.want, f.log); diff != "" {
				t.Fatal(diff)
			}
		})
	}
}

// The tests run in bubbles, whose clock stands still while a slow machine works: the environment lets activities and timers race
// by the clock on the wall.

func testPhoneCall(t *testing.T, f *fake, at map[time.Duration]string) {
	var s testsuite.WorkflowTestSuite
	f.env = s.NewTestWorkflowEnvironment()
	f.env.SetStartTime(start)
	f.env.RegisterActivity(Activities(f))
	f.env.RegisterWorkflowWithOptions(func(_ workflow.Context, in note.Input) (note.Result, error) {
		f.add("note " + in.ConversationID)
		return note.Result{}, nil
	}, workflow.RegisterOptions{Name: "Note"})
	for d, signal := range at {
		f.env.RegisterDelayedCallback(func() { f.env.SignalWorkflow(signal, nil) }, d)
	}
	f.env.ExecuteWorkflow(PhoneCall, Input{ConversationID: "c"})
	if err := f.env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
}

// A conversation that outlives its history goes on in the next one; an end that waits is not forgotten over it.
func TestLongConversation(t *testing.T) {
	for name, ended := range map[string]bool{"goes on": false, "has just ended": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { testLongConversation(t, ended) })
		})
	}
}

func testLongConversation(t *testing.T, ended bool) {
	var s testsuite.WorkflowTestSuite
	f := &fake{env: s.NewTestWorkflowEnvironment()}
	f.call = func(at time.Duration) (bool, error) {
		if at >= time.Hour {
			f.env.SetContinueAsNewSuggested(true)
			if ended {
				f.env.SignalWorkflow(Ended, nil)
			}
		}
		return true, nil
	}
	f.env.SetStartTime(start)
	f.env.RegisterActivity(Activities(f))
	f.env.RegisterWorkflowWithOptions(func(_ workflow.Context, in note.Input) (note.Result, error) {
		f.add("note " + in.ConversationID)
		return note.Result{}, nil
	}, workflow.RegisterOptions{Name: "Note"})
	f.env.ExecuteWorkflow(PhoneCall, Input{ConversationID: "c"})
	var again *workflow.ContinueAsNewError
	err := f.env.GetWorkflowError()
	if errors.As(err, &again) == ended || (len(f.log) > 0) != ended {
		t.Fatalf("got %v, %v", err, f.log)
	}
}
