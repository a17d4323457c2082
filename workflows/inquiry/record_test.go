package inquiry

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
	service := &scripted{plans: map[string][]PlanResult{
		"i1": {{Escalate, now.Add(2 * time.Second)}, {Remind, now.Add(time.Hour)}, {Close, now.Add(time.Hour)}, {Erase, now}, {Expire, now}, {}},
		"i2": {{Escalate, now.Add(time.Hour)}, {Remind, now.Add(3 * time.Second)}, {Return, now.Add(4 * time.Second)}, {}},
	}}
	defs := worker.New(c, WorkflowQueue, worker.Options{Identity: "workflows"})
	defs.RegisterWorkflow(Inquiry)
	acts := worker.New(c, Queue, worker.Options{Identity: "assistant"})
	acts.RegisterActivity(Activities(service))
	for _, w := range []worker.Worker{defs, acts} {
		if err := w.Start(); err != nil {
			t.Fatal(err)
		}
		defer w.Stop()
	}
	for _, id := range []string{"i1", "i2"} {
		moved(t, c, id)
	}
	time.Sleep(time.Second)
	moved(t, c, "i2")
	time.Sleep(2 * time.Second)
	moved(t, c, "i1") // twice: the timer before is forgotten
	time.Sleep(time.Second)
	moved(t, c, "i1")
	recordtest.Write(t, c, ID("i1"), "testdata/ended.json")
	recordtest.Write(t, c, ID("i2"), "testdata/returned.json")
}

// scripted gives out plans in order.
type scripted struct {
	mu    sync.Mutex
	plans map[string][]PlanResult
}

func (s *scripted) PlanInquiry(_ context.Context, in PlanInput) (PlanResult, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.plans[in.InquiryID]
	s.plans[in.InquiryID] = p[1:]
	return p[0], nil
}

func (*scripted) TendInquiry(context.Context, ActInput) (ActResult, error) { return ActResult{}, nil }

func moved(t *testing.T, c client.Client, id string) {
	t.Helper()
	_, err := c.SignalWithStartWorkflow(t.Context(), ID(id), Moved, nil,
		client.StartWorkflowOptions{ID: ID(id), TaskQueue: WorkflowQueue}, Inquiry, Input{InquiryID: id})
	if err != nil {
		t.Fatal(err)
	}
}
