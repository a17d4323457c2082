package journal

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/journal/internal/activity"
	"samtale.dk/samtale/services/journal/internal/app"
	"samtale.dk/samtale/services/journal/internal/store"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/bus/natsserver"
	"samtale.dk/samtale/services/platform/bus/streams"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/health"
	"samtale.dk/samtale/services/platform/masterkey"
	"samtale.dk/samtale/services/platform/process"
	"samtale.dk/samtale/services/platform/seal"
	platformstore "samtale.dk/samtale/services/platform/store"
	"samtale.dk/samtale/workflows/erasure"
	"samtale.dk/samtale/workflows/note"
	"samtale.dk/samtale/workflows/phonecall"
)

// fakeTemporal notes what the journal tells the workflows. The workflows themselves have
// their own tests; here the tests run the activities in their order.
type fakeTemporal struct {
	client.Client
	mu   sync.Mutex
	told []string
	down bool
}

func (f *fakeTemporal) tell(what string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down {
		return serviceerror.NewUnavailable("down")
	}
	f.told = append(f.told, what)
	return nil
}

func (f *fakeTemporal) list() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string{}, f.told...)
}

func (f *fakeTemporal) ExecuteWorkflow(_ context.Context, o client.StartWorkflowOptions, _ any, args ...any) (client.WorkflowRun, error) {
	return nil, f.tell("start " + o.ID + " " + args[0].(phonecall.Input).ConversationID)
}

func (f *fakeTemporal) SignalWorkflow(_ context.Context, id, _, signal string, _ any) error {
	return f.tell(signal + " " + id)
}

func (f *fakeTemporal) SignalWithStartWorkflow(_ context.Context, id, signal string, _ any, o client.StartWorkflowOptions, _ any, args ...any) (client.WorkflowRun, error) {
	in := args[0].(erasure.Input)
	return nil, f.tell(signal + " or start " + id + " " + o.TaskQueue + " " + in.Withdrawn + " " + in.ConversationID)
}

func (f *fakeTemporal) CheckHealth(context.Context, *client.CheckHealthRequest) (*client.CheckHealthResponse, error) {
	return nil, nil
}

func (f *fakeTemporal) Close() {}

// world is a journal with a real bus, database and files; keys, areas and choices are
// a small consent service of the test's own (services do not import each other).
type world struct {
	t        *testing.T
	data     string
	nats     *natsserver.Server
	bus      *bus.Bus
	keys     *keeper
	temporal *fakeTemporal
	acts     *activity.Activities
	store    *store.Store
	stop     func()
}

// keeper stands in for the consent service.
type keeper struct {
	bus     *bus.Bus
	mu      sync.Mutex
	keys    map[string][]byte
	erased  map[string]time.Time
	held    bool
	choices []consentv1.Choice
	area    consentv1.Area
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

func (k *keeper) erase(ctx context.Context, r consentv1.EraseRequest) (consentv1.EraseReply, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.held {
		return consentv1.EraseReply{}, errs.E(errs.Conflict, "", nil)
	}
	if _, gone := k.erased[r.ConversationID]; !gone {
		k.erased[r.ConversationID] = time.Now().UTC()
	}
	err := k.bus.Send(ctx, consentv1.Erased{Meta: meta("consent.v1.event.erased", begin), ConversationID: r.ConversationID})
	if err != nil {
		return consentv1.EraseReply{}, err
	}
	return consentv1.EraseReply{ErasedAt: k.erased[r.ConversationID]}, nil
}

// change makes the consent service know something else from now on.
func (k *keeper) change(f func(k *keeper)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	f(k)
}

func (k *keeper) serve(t *testing.T, b *bus.Bus) {
	t.Helper()
	k.bus = b
	svc, err := b.Service("consent", "test")
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(
		bus.Handle(b, svc, consentv1.KeySubject, 100, k.key),
		bus.Handle(b, svc, consentv1.EraseSubject, 100, k.erase),
		bus.Handle(b, svc, consentv1.HoldStateSubject, 100, func(context.Context, consentv1.ConversationRequest) (consentv1.HoldReply, error) {
			k.mu.Lock()
			defer k.mu.Unlock()
			return consentv1.HoldReply{On: k.held}, nil
		}),
		bus.Handle(b, svc, consentv1.AreasSubject, 100, func(context.Context, consentv1.AreasRequest) (consentv1.AreasReply, error) {
			k.mu.Lock()
			defer k.mu.Unlock()
			return consentv1.AreasReply{Areas: []consentv1.Area{k.area}}, nil
		}),
		bus.Handle(b, svc, consentv1.ChoicesSubject, 100, func(context.Context, consentv1.ConversationRequest) (consentv1.ChoicesReply, error) {
			k.mu.Lock()
			defer k.mu.Unlock()
			return consentv1.ChoicesReply{Choices: k.choices}, nil
		}),
	)
	if err != nil {
		t.Fatal(err)
	}
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, data: t.TempDir(), temporal: &fakeTemporal{}, keys: &keeper{
		keys: map[string][]byte{}, erased: map[string]time.Time{},
		area: consentv1.Area{
			ID: "borgerservice", AllowTranscript: true, AllowAINote: true, ApproveWithin: 48 * time.Hour,
			RemindAfter: 24 * time.Hour, KeepAfter: time.Hour, KLE: "99.99.99", Facet: "G01",
		},
	}}
	var err error
	w.nats, err = natsserver.Start(natsserver.Config{StoreDir: filepath.Join(w.data, "nats")})
	if err != nil {
		t.Fatal(err)
	}
	w.bus, err = bus.Connect("test", bus.Config{}, slog.New(slog.DiscardHandler), w.nats.Option())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.stop(); w.bus.Close(); w.nats.Stop() })
	w.keys.serve(t, w.bus)
	err = w.bus.EnsureStreams(long(t), streams.Consent())
	if err != nil {
		t.Fatal(err)
	}
	w.start()
	return w
}

// start runs the journal on the world's data; w.stop ends it.
func (w *world) start() {
	w.t.Helper()
	env := process.Env{
		Environ: []string{"SAMTALE_DATA=" + w.data}, Log: slog.New(slog.DiscardHandler),
		Metrics: prometheus.NewRegistry(), Health: health.New(), NATS: []nats.Option{w.nats.Option()},
	}
	cfg, err := load(env)
	if err != nil {
		w.t.Fatal(err)
	}
	master, err := masterkey.LoadOrCreate("", w.data)
	if err != nil {
		w.t.Fatal(err)
	}
	db, err := platformstore.Open(long(w.t), cfg.DB)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := db.Migrate(long(w.t), store.Migrations()); err != nil {
		w.t.Fatal(err)
	}
	b, err := env.Connect("journal", cfg.Bus)
	if err != nil {
		w.t.Fatal(err)
	}
	w.store = store.New(db)
	conf, acts, err := assemble(cfg, env, master, w.store, b)
	if err != nil {
		w.t.Fatal(err)
	}
	w.acts = acts
	// A clock that begins in the middle of a window in which looks count as one.
	real := time.Now()
	conf.Now = func() time.Time { return begin.Add(time.Hour + time.Minute + time.Since(real)) }
	conf.Dial = func(context.Context) (client.Client, error) { return w.temporal, nil }
	a, err := app.New(conf)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	w.eventually("ready", func() bool { return a.Ready(ctx) == nil })
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Errorf("Run: %v", err)
		}
		b.Close()
		db.Close()
	})
}

// patience is what a slow machine may take, for what has to happen at all.
const patience = 2 * time.Minute

// long is a context for what has time: without a limit of its own a request gives up after seconds.
func long(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	w.t.Fatalf("never: %s", what)
}

func (w *world) publish(m event.Message) {
	w.t.Helper()
	if err := w.bus.Publish(long(w.t), m); err != nil {
		w.t.Fatal(err)
	}
}

// ask sends a request and fails the test unless it succeeds.
func ask[Resp, Req any](w *world, subject string, req Req) Resp {
	w.t.Helper()
	rep, err := try[Resp](w, subject, req)
	if err != nil {
		w.t.Fatalf("%s: %v", subject, err)
	}
	return rep
}

// try sends a request.
func try[Resp, Req any](w *world, subject string, req Req) (Resp, error) {
	return bus.Request[Resp](long(w.t), w.bus, subject, req)
}

// refuse sends a request that must fail with a kind.
func refuse[Req any](w *world, kind errs.Kind, subject string, req Req) error {
	w.t.Helper()
	_, err := try[json.RawMessage](w, subject, req)
	if !errors.Is(err, kind) {
		w.t.Fatalf("%s: got %v, want %v", subject, err, kind)
	}
	return err
}

var (
	caseworker = journalv1.Actor{ID: "cw1", Role: "caseworker", Name: "Karin Vestergaard", Areas: []string{"borgerservice"}}
	begin      = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
)

const rate = 16000

// call is a conversation that the tests let happen.
type call struct {
	id      string
	legs    []callv1.Leg
	started callv1.Started
	follows string // conversation that it goes on from
}

func newCall() *call {
	c := &call{id: event.NewID(begin)}
	c.legs = []callv1.Leg{
		{ID: event.NewID(begin), Role: callv1.RoleCitizen, StartedAt: begin},
		{ID: event.NewID(begin.Add(time.Second)), Role: callv1.RoleCaseworker, StartedAt: begin, User: "cw1"},
	}
	return c
}

func meta(typ string, at time.Time) event.Meta { return event.NewMeta(typ, "test", at) }

func (w *world) begin(c *call) {
	w.t.Helper()
	sealed, err := seal.JSON(long(w.t), w.ring(), c.id, "party", callv1.Party{Number: "+4520202020", Name: "Bente Holm"})
	if err != nil {
		w.t.Fatal(err)
	}
	c.started = callv1.Started{
		Meta: meta("call.v1.started", begin), ConversationID: c.id, Channel: callv1.ChannelQueue,
		ServiceArea: "borgerservice", Legs: c.legs[:1], Sealed: sealed, Follows: c.follows,
	}
	w.publish(c.started)
	w.publish(callv1.Changed{
		Meta: meta("call.v1.changed", begin), ConversationID: c.id, State: callv1.StateTalking, Caseworker: "cw1", Legs: c.legs,
	})
}

func (w *world) ring() seal.Keys { return seal.Keys(directKeys{w.keys}) }

type directKeys struct{ k *keeper }

func (d directKeys) Key(ctx context.Context, conversation string, create bool) ([]byte, error) {
	rep, err := d.k.key(ctx, consentv1.KeyRequest{ConversationID: conversation, Create: create})
	return rep.Key, err
}

// final is a leg's words as one final: each sentence lasts a second per word.
func (w *world) final(c *call, leg int, from int64, last bool, sentences ...string) transcriptv1.Final {
	w.t.Helper()
	l := c.legs[leg]
	var body transcriptv1.Body
	at := from
	for _, s := range sentences {
		for i, text := range strings.Fields(s) {
			word := transcriptv1.Word{
				ID: l.ID[28:] + "-" + itoa(at/rate), Text: text, Start: at, End: at + rate*9/10, Confidence: 0.9, Sentence: i == 0,
			}
			if clear, masked := strings.CutPrefix(text, "cpr:"); masked {
				word.Text, word.Masked, word.Clear = "••••••-••••", "cpr", clear
			}
			body.Words = append(body.Words, word)
			at += rate
		}
	}
	sealed, err := seal.JSON(long(w.t), w.ring(), c.id, "body", body)
	if err != nil {
		w.t.Fatal(err)
	}
	return transcriptv1.Final{
		Meta: meta("transcript.v1.final", begin), ConversationID: c.id, LegID: l.ID, Role: l.Role, From: from, To: at,
		Engine: "test", Ledger: []transcriptv1.Range{{Start: from, End: at, State: transcriptv1.Transcribed}}, Sealed: sealed, Last: last,
	}
}

func itoa(n int64) string {
	return string([]byte{byte('0' + n/100%10), byte('0' + n/10%10), byte('0' + n%10)})
}

func (w *world) end(c *call, samples ...int64) {
	w.t.Helper()
	e := callv1.Ended{
		Meta: meta("call.v1.ended", begin.Add(time.Minute)), ConversationID: c.id, Channel: callv1.ChannelQueue,
		ServiceArea: "borgerservice", StartedAt: begin, Reason: "hangup", Caseworker: "cw1",
	}
	for i, n := range samples {
		e.Transcribed = true
		e.Legs = append(e.Legs, callv1.LegEnd{Leg: c.legs[i], Samples: n, Transcribed: true})
	}
	w.publish(e)
}

// talk lets a whole call happen and waits until the workflow was told.
func (w *world) talk(c *call) {
	w.t.Helper()
	w.begin(c)
	citizen := w.final(c, 0, 0, true, "Goddag, jeg ringer om min boligstøtte.", "Mit cpr-nummer er cpr:0101901234", "Jeg flyttede den 1. november.")
	worker := w.final(c, 1, 20*rate, true, "Du skal sende lejekontrakten til os.", "Jeg ringer til dig på tirsdag.")
	w.publish(citizen)
	w.publish(worker)
	w.end(c, citizen.To, worker.To)
	w.eventually("transcript is complete", func() bool { return w.was("transcript call-" + c.id) })
}

func (w *world) was(told string) bool {
	for _, x := range w.temporal.list() {
		if x == told {
			return true
		}
	}
	return false
}

// drafted does what the workflows do up to the draft.
func (w *world) drafted(c *call) journalv1.Note {
	w.t.Helper()
	ctx := long(w.t)
	if _, err := w.acts.CloseTranscript(ctx, phonecall.CloseTranscriptInput{ConversationID: c.id}); err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.acts.Draft(ctx, note.DraftInput{ConversationID: c.id}); err != nil {
		w.t.Fatal(err)
	}
	return ask[journalv1.Note](w, journalv1.NoteSubject, journalv1.Ref{ID: c.id, Actor: caseworker})
}

// approved settles every doubtful sentence and approves.
func (w *world) approved(n journalv1.Note) journalv1.Note {
	w.t.Helper()
	for _, s := range n.Sentences {
		if s.Verdict == journalv1.Weak || s.Verdict == journalv1.Unsupported {
			n = ask[journalv1.Note](w, journalv1.ConfirmSubject, journalv1.ConfirmRequest{
				NoteID: n.ID, Version: n.Version, SentenceID: s.ID, Reason: "Det hørte jeg selv", Actor: caseworker,
			})
		}
	}
	return ask[journalv1.Note](w, journalv1.ApproveSubject, journalv1.ApproveRequest{NoteID: n.ID, Version: n.Version, Actor: caseworker})
}
