package assistant

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/bus/natsserver"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/health"
	"samtale.dk/samtale/services/platform/process"
	"samtale.dk/samtale/services/platform/seal"
)

// keeper stands in for the consent service: keys and areas (services do not import each other).
type keeper struct {
	mu     sync.Mutex
	keys   map[string][]byte
	erased map[string]time.Time
}

func (k *keeper) key(_ context.Context, r consentv1.KeyRequest) (consentv1.KeyReply, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, gone := k.erased[r.ConversationID]
	key := k.keys[r.ConversationID]
	if gone || key == nil && !r.Create {
		return consentv1.KeyReply{}, errs.E(errs.NotFound, "", nil)
	}
	if key == nil {
		key = seal.NewKey()
		k.keys[r.ConversationID] = key
	}
	return consentv1.KeyReply{KeyID: "k", Key: key}, nil
}

func (k *keeper) erase(_ context.Context, r consentv1.EraseRequest) (consentv1.EraseReply, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.erased[r.ConversationID] = time.Now()
	return consentv1.EraseReply{ErasedAt: k.erased[r.ConversationID]}, nil
}

func (k *keeper) has(key string) (made, erased bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, erased = k.erased[key]
	return k.keys[key] != nil, erased
}

func (k *keeper) serve(t *testing.T, b *bus.Bus) {
	t.Helper()
	svc, err := b.Service("consent", "test")
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(
		bus.Handle(b, svc, consentv1.KeySubject, 100, k.key),
		bus.Handle(b, svc, consentv1.EraseSubject, 100, k.erase),
		bus.Handle(b, svc, consentv1.AreasSubject, 100, func(context.Context, consentv1.AreasRequest) (consentv1.AreasReply, error) {
			return consentv1.AreasReply{Areas: []consentv1.Area{
				{ID: "borgerservice", Name: "Borgerservice", NameEN: "Citizen services", Phone: "12 00 00 10"},
				{ID: "pension", Name: "Pension", NameEN: "Pension", Phone: "12 00 00 30"},
			}}, nil
		}),
	)
	if err != nil {
		t.Fatal(err)
	}
}

// world is the assistant with a real bus and database; Temporal is not there.
type world struct {
	data string
	nats *natsserver.Server
	bus  *bus.Bus
	keys *keeper
	stop func()
}

func newWorld(t *testing.T, environ ...string) *world {
	t.Helper()
	w := &world{data: t.TempDir(), keys: &keeper{keys: map[string][]byte{}, erased: map[string]time.Time{}}}
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
	w.keys.serve(t, w.bus)
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

func (w *world) ask(t *testing.T, q assistantv1.AskRequest) assistantv1.Answer {
	t.Helper()
	if q.ID == "" {
		q.ID = event.NewID(time.Now())
	}
	a, err := bus.Request[assistantv1.Answer](t.Context(), w.bus, assistantv1.AskSubject, q)
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
			c, err := bus.Request[knowledgev1.Chunk](t.Context(), w.bus, knowledgev1.ChunkSubject, knowledgev1.ChunkRequest{ID: e.ChunkID})
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

// The citizen reads the history, asks a follow-up, and deletes it.
func TestSession(t *testing.T) {
	w := newWorld(t)
	w.ask(t, assistantv1.AskRequest{Session: "s1", Question: "Hvordan søger jeg om at skifte navn?"})
	a := w.ask(t, assistantv1.AskRequest{Session: "s1", Question: "og hvad koster det?"})
	if a.Read == "" {
		t.Errorf("follow-up: %+v", a)
	}
	ref := assistantv1.SessionRef{Session: "s1"}
	s, err := bus.Request[assistantv1.Session](t.Context(), w.bus, assistantv1.SessionSubject, ref)
	if err != nil || len(s.Answers) != 2 || s.DeleteAt.IsZero() {
		t.Errorf("%d answers, %v", len(s.Answers), err)
	}
	if _, err := bus.Request[assistantv1.Forgotten](t.Context(), w.bus, assistantv1.ForgetSubject, ref); err != nil {
		t.Fatal(err)
	}
	if made, erased := w.keys.has("session-s1"); !made || !erased {
		t.Errorf("key made %t, erased %t", made, erased)
	}
	s, err = bus.Request[assistantv1.Session](t.Context(), w.bus, assistantv1.SessionSubject, ref)
	if err != nil || len(s.Answers) != 0 {
		t.Errorf("after deletion %d answers, %v", len(s.Answers), err)
	}
}
