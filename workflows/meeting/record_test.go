package meeting

import (
	"bytes"
	"context"
	"os"
	"sync"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
)

// TestRecordHistories runs the workflow on a real server and writes its histories to testdata, which the replay test reads.
// It runs only when SAMTALE_RECORD_TEMPORAL names a server with the namespace "record" (bin/temporal-dev --namespace record):
// after a change that old histories need not survive, or for a new path.
func TestRecordHistories(t *testing.T) {
	addr := os.Getenv("SAMTALE_RECORD_TEMPORAL")
	if addr == "" {
		t.Skip("SAMTALE_RECORD_TEMPORAL names no server; recording is by hand")
	}
	c, err := client.Dial(client.Options{HostPort: addr, Namespace: "record", Identity: "recorder"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
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
		record(t, c, ID(id), "testdata/"+id+".json")
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

// record waits for the workflow's end and writes its history.
func record(t *testing.T, c client.Client, id, path string) {
	t.Helper()
	if err := c.GetWorkflow(t.Context(), id, "").Get(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	var h historypb.History
	it := c.GetWorkflowHistory(t.Context(), id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for it.HasNext() {
		e, err := it.Next()
		if err != nil {
			t.Fatal(err)
		}
		h.Events = append(h.Events, e)
	}
	data, err := temporalproto.CustomJSONMarshalOptions{Indent: " "}.Marshal(&h)
	if err != nil {
		t.Fatal(err)
	}
	host, err := os.Hostname() // names the worker's own queue
	if err != nil {
		t.Fatal(err)
	}
	data = bytes.ReplaceAll(data, []byte(`"`+host+`:`), []byte(`"worker:`))
	if err := os.MkdirAll("testdata", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(data, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}
