package assistant

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"samtale.dk/samtale/services/consent/consenttest"
	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/bus/natsserver"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/health"
	"samtale.dk/samtale/services/platform/process"
	"samtale.dk/samtale/services/platform/store"
)

const areasJSON = `[
 {"id":"borgerservice","name":"Borgerservice","name_en":"Citizen services","phone":"12 00 00 10","numbers":["1"],"basis":"art. 6","purpose":"Hjælp",
  "text_version":"t-1","template":"standard/1","approve_within":"48h","remind_after":"24h","keep_after":"1h"},
 {"id":"pension","name":"Pension","name_en":"Pension","phone":"12 00 00 30","numbers":["2"],"basis":"art. 6","purpose":"Hjælp",
  "text_version":"t-1","template":"standard/1","approve_within":"48h","remind_after":"24h","keep_after":"1h"}]`

// world is the assistant with a real bus and database; Temporal is not there.
type world struct {
	data string
	nats *natsserver.Server
	bus  *bus.Bus
	stop func()
}

func newWorld(t *testing.T, environ ...string) *world {
	t.Helper()
	w := &world{data: t.TempDir()}
	var err error
	w.nats, err = natsserver.Start(natsserver.Config{StoreDir: filepath.Join(w.data, "nats")})
	if err != nil {
		t.Fatal(err)
	}
	w.bus, err = bus.Connect("test", bus.Config{}, slog.New(slog.DiscardHandler), w.nats.Option())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.bus.Close(); w.nats.Stop() })
	consenttest.Start(t, w.nats.Option(), areasJSON)
	w.start(t, environ...)
	t.Cleanup(func() { w.stop() })
	return w
}

// start runs the assistant until w.stop, and waits for its knowledge.
func (w *world) start(t *testing.T, environ ...string) {
	t.Helper()
	env := process.Env{
		Environ: append([]string{"SAMTALE_DATA=" + w.data, "SAMTALE_TEMPORAL_ADDR=127.0.0.1:1"}, environ...), Log: slog.New(slog.DiscardHandler),
		Metrics: prometheus.NewRegistry(), Health: health.New(), NATS: []nats.Option{w.nats.Option()},
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Run(ctx, env) }()
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("assistant: %v", err)
		}
	})
	for {
		rep, err := bus.Request[knowledgev1.SearchReply](t.Context(), w.bus, knowledgev1.SearchSubject, knowledgev1.SearchRequest{Query: "flytning", K: 1})
		if err == nil && len(rep.Hits) > 0 {
			return
		}
		select {
		case <-t.Context().Done():
			t.Fatal("no knowledge")
		case err := <-done:
			t.Fatalf("assistant ended: %v", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// patient is for a request on a slow machine.
func patient(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func (w *world) ask(t *testing.T, q assistantv1.AskRequest) assistantv1.Answer {
	t.Helper()
	if q.ID == "" {
		q.ID = event.NewID(time.Now())
	}
	a, err := bus.Request[assistantv1.Answer](patient(t), w.bus, assistantv1.AskSubject, q)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAsk(t *testing.T) {
	w := newWorld(t)
	id := event.NewID(time.Now())
	events := make(chan assistantv1.Event, 32)
	sub, err := bus.Listen(w.bus, assistantv1.AnswerSubject(id), func(_ context.Context, e assistantv1.Event) { events <- e })
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Unsubscribe()
	if err := w.bus.NC.Flush(); err != nil {
		t.Fatal(err)
	}
	a := w.ask(t, assistantv1.AskRequest{ID: id, Session: "s1", Question: "Hvad koster det at skifte navn? Mit cpr-nummer er 070761-4285."})
	if !a.Answered || a.Reason != assistantv1.ReasonAnswered || !strings.Contains(text(a), "610 kr.") || a.Authority == "" || !a.Demo {
		t.Errorf("got %+v", a)
	}
	if strings.Contains(a.Question, "4285") {
		t.Errorf("not masked: %s", a.Question)
	}
	var sentences []assistantv1.Sentence
	for last := false; !last; {
		e := <-events
		switch e.Kind {
		case assistantv1.EventSentence:
			sentences = append(sentences, *e.Sentence)
		case assistantv1.EventAnswer:
			last = true
		}
	}
	if len(sentences) != len(a.Sentences) {
		t.Errorf("%d sentences told, %d answered", len(sentences), len(a.Sentences))
	}
	for _, s := range a.Sentences {
		for _, e := range s.Evidence {
			c, err := bus.Request[knowledgev1.Chunk](patient(t), w.bus, knowledgev1.ChunkSubject, knowledgev1.ChunkRequest{ID: e.ChunkID})
			if err != nil || c.Text[e.Start:e.End] != e.Quote || c.SHA256 != e.SHA256 {
				t.Errorf("quote %q is not at its place: %v", e.Quote, err)
			}
		}
	}
}

func text(a assistantv1.Answer) string {
	var out []string
	for _, s := range a.Sentences {
		out = append(out, s.Text)
	}
	return strings.Join(append(out, a.Message), " ")
}

// hasKey reports whether the consent service has the key of the session "s1".
func (w *world) hasKey(t *testing.T) bool {
	t.Helper()
	_, err := bus.Request[consentv1.KeyReply](patient(t), w.bus, consentv1.KeySubject, consentv1.KeyRequest{ConversationID: "session-s1"})
	if err != nil && errs.KindOf(err) != errs.NotFound {
		t.Fatal(err)
	}
	return err == nil
}

// words counts the hashes that are kept of what was asked.
func (w *world) words(t *testing.T) (n int) {
	t.Helper()
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(w.data, "assistant.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Read().QueryRow(t.Context(), `SELECT COUNT(*) FROM answer_term`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// The citizen reads the history, asks a follow-up, and deletes it.
func TestSession(t *testing.T) {
	w := newWorld(t)
	w.ask(t, assistantv1.AskRequest{Session: "s1", Question: "Hvordan søger jeg om at skifte navn?"})
	a := w.ask(t, assistantv1.AskRequest{Session: "s1", Question: "og hvad koster det?"})
	if a.Read == "" {
		t.Errorf("follow-up: %+v", a)
	}
	ref := assistantv1.SessionRef{Session: "s1"}
	s, err := bus.Request[assistantv1.Session](patient(t), w.bus, assistantv1.SessionSubject, ref)
	if err != nil || len(s.Answers) != 2 || s.DeleteAt.IsZero() {
		t.Errorf("%d answers, %v", len(s.Answers), err)
	}
	if !w.hasKey(t) {
		t.Error("the session has no key")
	}
	if w.words(t) == 0 {
		t.Error("no word was counted")
	}
	if _, err := bus.Request[assistantv1.Forgotten](patient(t), w.bus, assistantv1.ForgetSubject, ref); err != nil {
		t.Fatal(err)
	}
	if w.hasKey(t) {
		t.Error("the session's key outlived it")
	}
	if n := w.words(t); n != 0 {
		t.Errorf("hashes of %d words outlived the session", n)
	}
	s, err = bus.Request[assistantv1.Session](patient(t), w.bus, assistantv1.SessionSubject, ref)
	if err != nil || len(s.Answers) != 0 {
		t.Errorf("after deletion %d answers, %v", len(s.Answers), err)
	}
}
