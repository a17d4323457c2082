package phonecall_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"google.golang.org/protobuf/types/known/durationpb"

	"samtale.dk/samtale/workflows/erasure"
	"samtale.dk/samtale/workflows/note"
	"samtale.dk/samtale/workflows/phonecall"
)

// TestRecordHistories runs the workflows on a real server and writes their histories
// to the testdata folders, which the replay tests read. It runs only when
// SAMTALE_RECORD_TEMPORAL names a server (SAMTALE_TEMPORAL_LISTEN of bin/standalone):
// after a change that old histories need not survive, or for a new path.
func TestRecordHistories(t *testing.T) {
	addr := os.Getenv("SAMTALE_RECORD_TEMPORAL")
	if addr == "" {
		t.Skip("SAMTALE_RECORD_TEMPORAL names no server; recording is by hand")
	}
	r := newRecorder(t, addr)
	r.start(phonecall.ID("c1"), phonecall.PhoneCall, phonecall.Input{ConversationID: "c1"})
	r.signal(phonecall.ID("c1"), phonecall.Ended)
	r.signal(phonecall.ID("c1"), phonecall.Transcript)
	r.record(phonecall.ID("c1"), "testdata/ended.json")
	time.Sleep(4 * time.Second) // reminder and deadline pass
	r.signal(note.ID("c1"), note.Approved)
	r.record(note.ID("c1"), "../note/testdata/delivered.json")

	r.start(note.ID("c2"), note.Note, note.Input{ConversationID: "c2"})
	r.signal(note.ID("c2"), note.Discarded)
	time.Sleep(2 * time.Second)
	r.signal(erasure.ID("c2"), erasure.Retry)
	r.record(erasure.ID("c2"), "../erasure/testdata/held.json")
	r.record(note.ID("c2"), "../note/testdata/discarded.json")
}

type recorder struct {
	t *testing.T
	c client.Client
}

// newRecorder works in a namespace of its own, so that nobody else takes its tasks.
func newRecorder(t *testing.T, addr string) recorder {
	t.Helper()
	const namespace = "record"
	ns, err := client.NewNamespaceClient(client.Options{HostPort: addr})
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	err = ns.Register(t.Context(), &workflowservice.RegisterNamespaceRequest{
		Namespace: namespace, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
	})
	if err != nil {
		t.Fatalf("%v (start the server with a fresh data folder)", err)
	}
	time.Sleep(12 * time.Second) // until every part of the server knows it
	c, err := client.Dial(client.Options{HostPort: addr, Namespace: namespace, Identity: "recorder"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	defs := worker.New(c, phonecall.WorkflowQueue, worker.Options{Identity: "workflows"})
	defs.RegisterWorkflow(phonecall.PhoneCall)
	defs.RegisterWorkflow(note.Note)
	defs.RegisterWorkflow(erasure.Erasure)
	acts := worker.New(c, phonecall.Queue, worker.Options{Identity: "journal"})
	acts.RegisterActivity(&journal{held: 1, refuse: 1})
	for _, w := range []worker.Worker{defs, acts} {
		if err := w.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(w.Stop)
	}
	return recorder{t, c}
}

func (r recorder) start(id string, workflow, in any) {
	r.t.Helper()
	_, err := r.c.ExecuteWorkflow(r.t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: phonecall.WorkflowQueue}, workflow, in)
	if err != nil {
		r.t.Fatal(err)
	}
	time.Sleep(time.Second) // the first steps are taken before any signal
}

func (r recorder) signal(id, name string) {
	r.t.Helper()
	if err := r.c.SignalWorkflow(r.t.Context(), id, "", name, nil); err != nil {
		r.t.Fatal(err)
	}
	time.Sleep(500 * time.Millisecond)
}

// record waits for the workflow's end and writes its history.
func (r recorder) record(id, path string) {
	r.t.Helper()
	if err := r.c.GetWorkflow(r.t.Context(), id, "").Get(r.t.Context(), nil); err != nil {
		r.t.Fatal(err)
	}
	var h historypb.History
	it := r.c.GetWorkflowHistory(r.t.Context(), id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for it.HasNext() {
		e, err := it.Next()
		if err != nil {
			r.t.Fatal(err)
		}
		h.Events = append(h.Events, e)
	}
	data, err := temporalproto.CustomJSONMarshalOptions{Indent: " "}.Marshal(&h)
	if err != nil {
		r.t.Fatal(err)
	}
	host, err := os.Hostname() // names the worker's own queue
	if err != nil {
		r.t.Fatal(err)
	}
	data = bytes.ReplaceAll(data, []byte(`"`+host+`:`), []byte(`"worker:`))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, append(data, '\n'), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// journal answers for the journal, with short times.
type journal struct{ held, refuse int }

func (*journal) CheckCall(context.Context, phonecall.CheckCallInput) (phonecall.CheckCallResult, error) {
	return phonecall.CheckCallResult{Alive: true}, nil
}

func (*journal) EndLost(context.Context, phonecall.EndLostInput) (phonecall.EndLostResult, error) {
	return phonecall.EndLostResult{}, nil
}

func (*journal) CloseTranscript(context.Context, phonecall.CloseTranscriptInput) (phonecall.CloseTranscriptResult, error) {
	return phonecall.CloseTranscriptResult{}, nil
}

func (*journal) Draft(_ context.Context, in note.DraftInput) (note.DraftResult, error) {
	now := time.Now()
	return note.DraftResult{NoteID: "n-" + in.ConversationID, RemindAt: now.Add(time.Second), DeadlineAt: now.Add(2 * time.Second)}, nil
}

func (*journal) Remind(context.Context, note.RemindInput) (note.RemindResult, error) {
	return note.RemindResult{}, nil
}

func (j *journal) Deliver(context.Context, note.DeliverInput) (note.DeliverResult, error) {
	j.refuse--
	return note.DeliverResult{Delivered: j.refuse < 0}, nil
}

func (*journal) Retain(_ context.Context, in note.RetainInput) (note.RetainResult, error) {
	return note.RetainResult{EraseAt: time.Now().Add(time.Second)}, nil
}

func (j *journal) DestroyKey(_ context.Context, in erasure.DestroyKeyInput) (erasure.DestroyKeyResult, error) {
	if in.Reason == "discarded" {
		j.held--
		return erasure.DestroyKeyResult{Held: j.held >= 0, ErasedAt: time.Now()}, nil
	}
	return erasure.DestroyKeyResult{ErasedAt: time.Now()}, nil
}

func (*journal) PurgeStreams(context.Context, erasure.PurgeStreamsInput) (erasure.PurgeStreamsResult, error) {
	return erasure.PurgeStreamsResult{}, nil
}

func (*journal) DeleteContent(context.Context, erasure.DeleteContentInput) (erasure.DeleteContentResult, error) {
	return erasure.DeleteContentResult{}, nil
}
