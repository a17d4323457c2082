// Package journaltest runs a real journal inside another service's tests, to prove that what that service publishes becomes
// a note. There is no Temporal: the test takes the workflows' steps itself, in their order.
package journaltest

import (
	"context"
	"crypto/ed25519"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/client"

	"samtale.dk/samtale/models/llm"
	"samtale.dk/samtale/services/journal/internal/activity"
	"samtale.dk/samtale/services/journal/internal/app"
	"samtale.dk/samtale/services/journal/internal/areas"
	"samtale.dk/samtale/services/journal/internal/content"
	"samtale.dk/samtale/services/journal/internal/deliver"
	"samtale.dk/samtale/services/journal/internal/draft"
	"samtale.dk/samtale/services/journal/internal/store"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/seal"
	platformstore "samtale.dk/samtale/services/platform/store"
	"samtale.dk/samtale/workflows/erasure"
	"samtale.dk/samtale/workflows/note"
	"samtale.dk/samtale/workflows/phonecall"
)

// Journal is a running journal.
type Journal struct {
	acts *activity.Activities
	told told
}

// Start runs a journal on the bus until the test ends. It keeps its files in a folder of its own. The consent service is the
// test's.
func Start(t testing.TB, opts ...nats.Option) *Journal {
	t.Helper()
	data, log := t.TempDir(), slog.New(slog.DiscardHandler)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	db, err := platformstore.Open(t.Context(), "sqlite:"+filepath.Join(data, "journal.db"))
	must(err)
	must(db.Migrate(t.Context(), store.Migrations()))
	b, err := bus.Connect("journal", bus.Config{}, log, opts...)
	must(err)
	ring, err := seal.NewRing(b)
	must(err)
	deliverer, err := deliver.New("folder="+filepath.Join(data, "delivered"), "")
	must(err)
	_, sign, err := ed25519.GenerateKey(nil)
	must(err)
	st, vault, rules := store.New(db), content.Vault{Keys: ring}, areas.New(b)
	drafter := &draft.Drafter{Model: llm.None, Store: st, Vault: vault, Areas: rules, Bus: b, Log: log}
	j := &Journal{acts: &activity.Activities{
		Store: st, Bus: b, Vault: vault, Areas: rules, Drafter: drafter, Deliverer: deliverer, Public: sign.Public().(ed25519.PublicKey),
		Log: log, Now: func() time.Time { return time.Now().UTC() },
	}}
	a, err := app.New(app.Config{
		Store: st, Bus: b, Vault: vault, Drafter: drafter, Sign: sign, Parties: make([]byte, 32),
		Dial: func(context.Context) (client.Client, error) { return &j.told, nil }, Log: log, Metrics: prometheus.NewRegistry(),
	})
	must(err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("journal: %v", err)
		}
		b.Close()
		db.Close()
	})
	return j
}

// Started reports whether the journal knows the conversation and follows it.
func (j *Journal) Started(conversation string) bool { return j.told.has("start", conversation) }

// Complete reports whether the journal has the conversation's end and every word before it.
func (j *Journal) Complete(conversation string) bool {
	return j.told.has(phonecall.Transcript, conversation)
}

// Alive asks the conversation's gateway whether it goes on, as the journal does every half minute.
func (j *Journal) Alive(ctx context.Context, conversation string) (bool, error) {
	res, err := j.acts.CheckCall(ctx, phonecall.CheckCallInput{ConversationID: conversation})
	return res.Alive, err
}

// Draft closes the transcript and drafts the note.
func (j *Journal) Draft(ctx context.Context, conversation string) error {
	_, err := j.acts.CloseTranscript(ctx, phonecall.CloseTranscriptInput{ConversationID: conversation})
	if err != nil {
		return err
	}
	_, err = j.acts.Draft(ctx, note.DraftInput{ConversationID: conversation})
	return err
}

// Deliver delivers the approved note.
func (j *Journal) Deliver(ctx context.Context, conversation, noteID string) (bool, error) {
	res, err := j.acts.Deliver(ctx, note.DeliverInput{ConversationID: conversation, NoteID: noteID, NextIn: time.Minute})
	return res.Delivered, err
}

// Erase erases the conversation, as after the time that it is kept.
func (j *Journal) Erase(ctx context.Context, conversation string) error {
	res, err := j.acts.DestroyKey(ctx, erasure.DestroyKeyInput{ConversationID: conversation, Reason: "retention"})
	if err != nil {
		return err
	}
	_, err = j.acts.PurgeStreams(ctx, erasure.PurgeStreamsInput{ConversationID: conversation})
	if err != nil {
		return err
	}
	_, err = j.acts.DeleteContent(ctx, erasure.DeleteContentInput{ConversationID: conversation, ErasedAt: res.ErasedAt})
	return err
}

// told stands where Temporal is and notes what the workflows are told.
type told struct {
	client.Client
	mu   sync.Mutex
	list []string
}

func (w *told) add(what, id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = append(w.list, what+" "+id)
}

func (w *told) has(what, conversation string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, x := range w.list {
		if x == what+" "+phonecall.ID(conversation) {
			return true
		}
	}
	return false
}

func (w *told) ExecuteWorkflow(_ context.Context, o client.StartWorkflowOptions, _ any, _ ...any) (client.WorkflowRun, error) {
	w.add("start", o.ID)
	return nil, nil
}

func (w *told) SignalWorkflow(_ context.Context, id, _, signal string, _ any) error {
	w.add(signal, id)
	return nil
}

func (w *told) SignalWithStartWorkflow(_ context.Context, id, signal string, _ any, _ client.StartWorkflowOptions, _ any, _ ...any) (client.WorkflowRun, error) {
	w.add(signal, id)
	return nil, nil
}

func (*told) Close() {}
