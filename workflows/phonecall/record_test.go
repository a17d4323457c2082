package phonecall_test

import (
	"context"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"samtale.dk/samtale/workflows/erasure"
	"samtale.dk/samtale/workflows/note"
	"samtale.dk/samtale/workflows/phonecall"
	"samtale.dk/samtale/workflows/recordtest"
)

// TestRecordHistories runs the workflows on a real server and writes their histories to the testdata folders.
func TestRecordHistories(t *testing.T) {
	r := newRecorder(t)
	r.start(phonecall.ID("c1"), phonecall.PhoneCall, phonecall.Input{ConversationID: "c1"})
	r.signal(phonecall.ID("c1"), phonecall.Ended)
	r.signal(phonecall.ID("c1"), phonecall.Transcript)
	recordtest.Write(r.t, r.c, phonecall.ID("c1"), "testdata/ended.json")
	time.Sleep(4 * time.Second) // reminder and deadline pass
	r.signal(note.ID("c1"), note.Approved)
	recordtest.Write(r.t, r.c, note.ID("c1"), "../note/testdata/delivered.json")

	r.start(note.ID("c2"), note.Note, note.Input{ConversationID: "c2"})
	r.signal(note.ID("c2"), note.Discarded)
	time.Sleep(2 * time.Second)
	r.signal(erasure.ID("c2"), erasure.Retry)
	recordtest.Write(r.t, r.c, erasure.ID("c2"), "../erasure/testdata/held.json")
	recordtest.Write(r.t, r.c, note.ID("c2"), "../note/testdata/discarded.json")
}

type recorder struct {
	t *testing.T
	c client.Client
}

func newRecorder(t *testing.T) recorder {
	t.Helper()
	c := recordtest.Dial(t)
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
