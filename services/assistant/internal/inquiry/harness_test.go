package inquiry

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"samtale.dk/samtale/services/assistant/internal/schema"
	"samtale.dk/samtale/services/consent/consenttest"
	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/inquiryv1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/bus/natsserver"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/seal"
	platformstore "samtale.dk/samtale/services/platform/store"
	"samtale.dk/samtale/workflows/inquiry"
)

// fakeTemporal notes which workflows were started or told. The workflow has its own tests; here the tests take its steps.
type fakeTemporal struct {
	mu   sync.Mutex
	told []string
	down bool
}

func (f *fakeTemporal) SignalWithStartWorkflow(_ context.Context, id, signal string, _ any, o client.StartWorkflowOptions, _ any, args ...any) (client.WorkflowRun, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down {
		return nil, serviceerror.NewUnavailable("down")
	}
	f.told = append(f.told, signal+" "+id+" "+o.TaskQueue+" "+args[0].(inquiry.Input).InquiryID)
	return nil, nil
}

func (f *fakeTemporal) set(down bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down = down
}

func (f *fakeTemporal) nudged(id string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Contains(f.told, "moved inquiry-"+id+" workflows "+id)
}

// asked is a session store.
type asked map[string][]assistantv1.Answer

func (a asked) Turns(_ context.Context, session string) ([]assistantv1.Answer, error) {
	return a[session], nil
}

// clock is set by the test.
type clock struct {
	mu   sync.Mutex
	now  time.Time
	from func() time.Time // another clock to go by
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Millisecond) // no two things happen at once
	if c.from != nil && c.from().After(c.now) {
		c.now = c.from()
	}
	return c.now
}

// set lets the next look show a time.
func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t.Add(-time.Millisecond)
}

// follow goes by another clock, too.
func (c *clock) follow(from func() time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.from = from
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// monday is in the opening hours of all areas.
var monday = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// slowMachine is how long a slow machine may take for anything.
const slowMachine = 2 * time.Minute

// world is the service with a real bus, database and consent service.
type world struct {
	*Service
	t        *testing.T
	data     string
	nats     *natsserver.Server
	bus      *bus.Bus // the portal's
	clock    *clock
	temporal *fakeTemporal
	sessions asked
	changes  *record
	stop     func()
}

// areasJSON: a is open round the clock and escalates to b; b has hours and lets no machine write.
const areasJSON = `[
 {"id":"a","name":"Boligstøtte","name_en":"Housing","numbers":["1"],"basis":"art. 6","purpose":"Så vi kan hjælpe dig.","allow_transcript":true,
  "allow_ai_note":true,"text_version":"t-1","template":"standard/1","approve_within":"48h","remind_after":"24h","keep_after":"1h",
  "claim_within":"10m","escalate_to":"b"},
 {"id":"b","name":"Pension","name_en":"Pension","numbers":["2"],"basis":"art. 6","purpose":"Så vi kan hjælpe dig.","allow_transcript":true,
  "allow_ai_note":false,"text_version":"t-1","template":"standard/1","approve_within":"48h","remind_after":"24h","keep_after":"1h",
  "claim_within":"30m","video":"https://video.eksempel.dk/pension","hours":[{"day":1,"from":"09:00","to":"15:00"},{"day":2,"from":"09:00","to":"15:00"}]}]`

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, data: t.TempDir(), clock: &clock{now: monday}, temporal: &fakeTemporal{}, sessions: asked{}}
	var err error
	w.nats, err = natsserver.Start(natsserver.Config{StoreDir: filepath.Join(w.data, "nats")})
	if err != nil {
		t.Fatal(err)
	}
	w.bus, err = bus.Connect("test", bus.Config{}, slog.New(slog.DiscardHandler), w.nats.Option())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.nats.Stop)
	t.Cleanup(func() { w.bus.Close() })
	consenttest.Start(t, w.nats.Option(), areasJSON)
	t.Cleanup(func() { w.stop() })
	w.start()
	w.changes = w.watch()
	return w
}

// consumes waits until a service has its consumer. The embedded server of this release races with itself when one service
// updates a stream while another begins to consume it.
func (w *world) consumes(durable string) {
	w.t.Helper()
	w.eventually(durable, func() bool {
		_, err := w.bus.JS.Consumer(w.t.Context(), consentv1.Stream, durable)
		return err == nil
	})
}

// start runs the service on the world's data; w.stop ends it.
func (w *world) start() {
	w.t.Helper()
	db, err := platformstore.Open(w.t.Context(), "sqlite:"+filepath.Join(w.data, "assistant.db"))
	if err == nil {
		err = db.Migrate(w.t.Context(), schema.Migrations())
	}
	if err != nil {
		w.t.Fatal(err)
	}
	b, err := bus.Connect("assistant", bus.Config{}, slog.New(slog.DiscardHandler), w.nats.Option())
	if err != nil {
		w.t.Fatal(err)
	}
	ring, err := seal.NewRing(b)
	if err != nil {
		w.t.Fatal(err)
	}
	w.Service, err = New(Config{
		DB: db, Bus: b, Keys: ring, ReceiptKey: make([]byte, 32), Sessions: w.sessions, Log: slog.New(slog.DiscardHandler),
		Dial: func(context.Context) (Workflows, error) { return w.temporal, nil }, Metrics: prometheus.NewRegistry(), Now: w.clock.Now,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	svc, err := b.Service("inquiry", "test")
	if err == nil {
		err = errors.Join(w.Register(svc), b.NC.Flush())
	}
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	w.consumes("inquiry-choice")
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Errorf("Run: %v", err)
		}
		svc.Stop()
		b.Close()
		db.Close()
	})
}

func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(slowMachine); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	w.t.Fatalf("never: %s", what)
}

// record is what the inquiries' events said. An event may come twice.
type record struct {
	mu  sync.Mutex
	all []inquiryv1.Changed
}

func (w *world) watch() *record {
	w.t.Helper()
	r := &record{}
	_, err := bus.Listen(w.bus, inquiryv1.ChangedSubject("*"), func(_ context.Context, e inquiryv1.Changed) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if !slices.ContainsFunc(r.all, func(x inquiryv1.Changed) bool { return x.ID == e.ID }) {
			r.all = append(r.all, e)
		}
	})
	if err == nil {
		err = w.bus.NC.Flush()
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// of lists what happened to an inquiry.
func (r *record) of(id string) (what []string, last inquiryv1.Changed) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.all {
		if e.InquiryID == id {
			what, last = append(what, e.What), e
		}
	}
	return what, last
}

// saw waits until an inquiry's events have ended with what.
func (w *world) saw(id, what string) inquiryv1.Changed {
	w.t.Helper()
	var e inquiryv1.Changed
	w.eventually("event "+what, func() bool {
		var all []string
		all, e = w.changes.of(id)
		return len(all) > 0 && all[len(all)-1] == what
	})
	return e
}

// ask sends a request and fails the test unless it succeeds.
func ask[Resp, Req any](w *world, subject string, req Req) Resp {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), slowMachine)
	defer cancel()
	rep, err := bus.Request[Resp](ctx, w.bus, subject, req)
	if err != nil {
		w.t.Fatalf("%s: %v", subject, err)
	}
	return rep
}

// refuse sends a request that must fail with a kind.
func refuse[Req any](w *world, kind errs.Kind, subject string, req Req) error {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), slowMachine)
	defer cancel()
	_, err := bus.Request[json.RawMessage](ctx, w.bus, subject, req)
	if !errors.Is(err, kind) {
		w.t.Fatalf("%s: got %v, want %v", subject, err, kind)
	}
	return err
}

var (
	karin = inquiryv1.Actor{ID: "karin", Role: "caseworker", Name: "Karin Vestergaard", Areas: []string{"a"}}
	ole   = inquiryv1.Actor{ID: "ole", Role: "caseworker", Name: "Ole Lund", Areas: []string{"a", "b"}}
	pia   = inquiryv1.Actor{ID: "pia", Role: "caseworker", Name: "Pia Holm", Areas: []string{"b"}}
)

func (w *world) id() string { return event.NewID(w.clock.Now()) }

// opened opens an inquiry in area a.
func (w *world) opened(channel string) inquiryv1.Inquiry {
	w.t.Helper()
	return ask[inquiryv1.Inquiry](w, inquiryv1.OpenSubject, inquiryv1.OpenRequest{
		ID: w.id(), Channel: channel, ServiceArea: "a", Summary: "Jeg vil gerne vide, om jeg kan få boligstøtte.", Name: "Bente Holm",
		Phone: "20 20 20 20", AINote: true,
	})
}

func (w *world) claimed(channel string) inquiryv1.Inquiry {
	w.t.Helper()
	i := w.opened(channel)
	c := ask[inquiryv1.Inquiry](w, inquiryv1.ClaimSubject, inquiryv1.Ref{ID: i.ID, Actor: karin})
	c.Receipt = i.Receipt
	return c
}

func (w *world) citizenSays(i inquiryv1.Inquiry, text string) inquiryv1.Message {
	w.t.Helper()
	return ask[inquiryv1.Message](w, inquiryv1.SaySubject, inquiryv1.SayRequest{ID: w.id(), Receipt: i.Receipt, Text: text})
}

func (w *world) says(i inquiryv1.Inquiry, a inquiryv1.Actor, text string) inquiryv1.Message {
	w.t.Helper()
	return ask[inquiryv1.Message](w, inquiryv1.SaySubject, inquiryv1.SayRequest{ID: w.id(), InquiryID: i.ID, Text: text, Actor: &a})
}

func (w *world) status(i inquiryv1.Inquiry) inquiryv1.Inquiry {
	w.t.Helper()
	return ask[inquiryv1.Inquiry](w, inquiryv1.StatusSubject, inquiryv1.ReceiptRequest{Receipt: i.Receipt})
}

// tend takes the workflow's next step: the clock goes on until it is due.
func (w *world) tend(i inquiryv1.Inquiry, want inquiry.Step) time.Duration {
	w.t.Helper()
	next, err := w.Activities().PlanInquiry(w.t.Context(), inquiry.PlanInput{InquiryID: i.ID})
	if err != nil {
		w.t.Fatal(err)
	}
	if next.Step != want {
		w.t.Fatalf("next is %q at %v, want %q", next.Step, next.At, want)
	}
	if want == inquiry.Nothing {
		return 0
	}
	in := next.At.Sub(w.clock.Now())
	early := inquiry.ActInput{InquiryID: i.ID, Step: want}
	if in > 0 {
		if _, err := w.Activities().TendInquiry(w.t.Context(), early); err != nil { // nothing may happen yet
			w.t.Fatal(err)
		}
		if again, err := w.Activities().PlanInquiry(w.t.Context(), inquiry.PlanInput{InquiryID: i.ID}); err != nil || again != next {
			w.t.Fatalf("%s happened too early: %+v %v", want, again, err)
		}
		w.clock.add(in)
	}
	for range 2 { // activities may run twice
		if _, err := w.Activities().TendInquiry(w.t.Context(), early); err != nil {
			w.t.Fatal(err)
		}
	}
	return in.Round(time.Second)
}
