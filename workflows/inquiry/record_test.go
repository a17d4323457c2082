package inquiry

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
	record(t, c, ID("i1"), "testdata/ended.json")
	record(t, c, ID("i2"), "testdata/returned.json")
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
