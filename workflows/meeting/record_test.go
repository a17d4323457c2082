package meeting

import (
	"context"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"samtale.dk/samtale/workflows/recordtest"
)

// TestRecordHistories runs the workflow on a real server and writes its histories to testdata.
func TestRecordHistories(t *testing.T) {
	c := recordtest.Dial(t)
	now := time.Now()
	plan := func(state string, in time.Duration) PlanResult {
		return PlanResult{State: state, StartsAt: now.Add(in), SettleAt: now.Add(in + time.Second), ForgetAt: now.Add(in + 2*time.Second)}
	}
	held := func(state string, sequence int) PlanResult {
		p := plan(state, time.Hour)
		p.Sequence, p.Held = sequence, state != "booked"
		return p
	}
	s := &scripted{plans: map[string]PlanResult{
		// Nobody comes: invited, reminded an hour before, settled, told, forgotten.
		"noshow": plan("booked", time.Hour+2*time.Second),
		// Moved once, held, ended by somebody: left to the journal.
		"held": held("booked", 0),
		// Cancelled after the invitation.
		"cancelled": plan("booked", time.Hour),
	}}
	const queue = "meeting-workflows"
	defs := worker.New(c, queue, worker.Options{Identity: "workflows"})
	defs.RegisterWorkflow(Meeting)
	acts := worker.New(c, Queue, worker.Options{Identity: "meeting"})
	acts.RegisterActivity(Activities(s))
	for _, w := range []worker.Worker{defs, acts} {
		if err := w.Start(); err != nil {
			t.Fatal(err)
		}
		defer w.Stop()
	}
	change := func(id string, p *PlanResult) {
		t.Helper()
		if p != nil {
			s.set(id, *p)
		}
		_, err := c.SignalWithStartWorkflow(t.Context(), ID(id), Changed, nil,
			client.StartWorkflowOptions{ID: ID(id), TaskQueue: queue}, Meeting, Input{MeetingID: id})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
	}
	for id := range s.plans {
		change(id, nil)
	}
	moved, live, ended := held("booked", 1), held("live", 1), held("ended", 1)
	for _, p := range []PlanResult{moved, live, ended} {
		change("held", &p)
	}
	cancelled := plan("cancelled", -time.Hour)
	change("cancelled", &cancelled)
	soon := plan("booked", 0)
	soon.Sequence = 1
	change("noshow", &soon)
	for id := range s.plans {
		recordtest.Write(t, c, ID(id), "testdata/"+id+".json")
	}
}

// scripted is the meeting service with plans that the recording changes.
type scripted struct {
	mu    sync.Mutex
	plans map[string]PlanResult
}

func (s *scripted) set(id string, p PlanResult) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plans[id] = p
}

func (s *scripted) Plan(_ context.Context, in PlanInput) (PlanResult, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.plans[in.MeetingID], nil
}

func (s *scripted) Settle(_ context.Context, in SettleInput) (PlanResult, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.plans[in.MeetingID]
	p.State = "noshow"
	s.plans[in.MeetingID] = p
	return p, nil
}

func (*scripted) Notify(context.Context, NotifyInput) (NotifyResult, error) {
	return NotifyResult{}, nil
}

func (*scripted) Forget(context.Context, ForgetInput) (ForgetResult, error) {
	return ForgetResult{}, nil
}

func (*scripted) DeleteRecording(context.Context, DeleteRecordingInput) (DeleteRecordingResult, error) {
	return DeleteRecordingResult{}, nil
}
