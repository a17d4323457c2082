package meeting

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"samtale.dk/samtale/media/sfu"
	"samtale.dk/samtale/services/consent/consenttest"
	"samtale.dk/samtale/services/contract/audiov1"
	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/meeting/internal/app"
	"samtale.dk/samtale/services/meeting/internal/store"
	"samtale.dk/samtale/services/platform/audiofeed"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/bus/natsserver"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/health"
	"samtale.dk/samtale/services/platform/masterkey"
	"samtale.dk/samtale/services/platform/process"
	"samtale.dk/samtale/services/platform/seal"
	platformstore "samtale.dk/samtale/services/platform/store"
)

// patience is how long a test waits for what should happen at once: the machine may be busy.
const patience = 5 * time.Minute

const areasJSON = `[{"id":"a","name":"Boligstøtte","name_en":"Housing","numbers":["1"],"basis":"art. 6","purpose":"Så vi kan hjælpe dig.",
 "allow_transcript":true,"allow_ai_note":true,"text_version":"t-1","template":"standard/1","approve_within":"48h","remind_after":"24h",
 "keep_after":"1h","claim_within":"10m","escalate_to":"a"}]`

// world is the meeting service with a real bus, database, consent service and SFU, and a speech worker that keeps what it heard.
// There is no Temporal: its workflow has its own tests.
type world struct {
	t    *testing.T
	data string
	nats *natsserver.Server
	bus  *bus.Bus
	keys *seal.Ring
	dsn  string
	log  slog.Handler // nil: nobody reads it
	on   clocks
	node *node        // the newest
	look *store.Store // the database, when there are several nodes

	inbox     chan *nats.Msg // of all subscriptions, so that what came first is seen first
	following sync.Mutex
	followers map[*nats.Subscription]func(*nats.Msg)

	mu      sync.Mutex
	news    chan struct{} // replaced and closed when something has happened
	heard   map[string]*heard
	started []callv1.Started
	ended   []callv1.Ended
	finals  []transcriptv1.Final
	events  []meetingv1.RoomEvent
	choices []consentv1.Choice
}

// heard is one leg as the speech worker got it, in samples. A gateway that has heard nothing of the worker for long attaches it again:
// it goes on where it was.
type heard struct {
	conversation, leg      string
	epoch                  uint64
	clear, masked, missing int64
	ended                  bool
}

func (h *heard) length() int64 { return h.clear + h.masked + h.missing }

func newWorld(t *testing.T, change ...func(*world)) *world {
	t.Helper()
	t.Parallel()
	w := &world{
		t: t, data: t.TempDir(), heard: map[string]*heard{}, news: make(chan struct{}), on: machine(),
		inbox: make(chan *nats.Msg, 1<<16), followers: map[*nats.Subscription]func(*nats.Msg){},
	}
	w.on.limit = app.Limits{Request: patience, Drain: patience}
	w.dsn = "sqlite:" + filepath.Join(w.data, "meeting.db")
	for _, f := range change {
		f(w)
	}
	var err error
	w.nats, err = natsserver.Start(natsserver.Config{StoreDir: filepath.Join(w.data, "nats")})
	w.must(err)
	w.bus, err = bus.Connect("test", bus.Config{}, slog.New(slog.DiscardHandler), w.nats.Option())
	w.must(err)
	t.Cleanup(w.nats.Stop)
	t.Cleanup(func() { w.bus.Close() })
	w.keys, err = seal.NewRing(w.bus)
	w.must(err)
	consenttest.Start(t, w.nats.Option(), areasJSON)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	go w.read(ctx)
	w.speech()
	follow(w, "call.v1.started.>", once(&w.started))
	follow(w, "call.v1.ended.>", once(&w.ended))
	follow(w, "transcript.v1.final.>", once(&w.finals))
	follow(w, "meeting.v1.room.*", func(e meetingv1.RoomEvent) { w.events = append(w.events, e) })
	follow(w, "consent.v1.event.choice.*", func(e consentv1.Choice) { w.choices = append(w.choices, e) })
	w.start()
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// follow takes what comes on a subject. Whatever the subjects are, f is called in the order in which the bus delivered it.
func follow[T any](w *world, subject string, f func(T)) {
	w.t.Helper()
	w.following.Lock()
	defer w.following.Unlock()
	sub, err := w.bus.NC.ChanSubscribe(subject, w.inbox)
	w.must(err)
	w.followers[sub] = func(m *nats.Msg) {
		var e T
		if err := json.Unmarshal(m.Data, &e); err != nil {
			w.t.Errorf("%s: %v", m.Subject, err)
			return
		}
		w.note(func() { f(e) })
	}
}

// once adds an event that is not there yet: the outbox may tell twice.
func once[T event.Message](all *[]T) func(T) {
	return func(e T) {
		if !slices.ContainsFunc(*all, func(o T) bool { return o.Envelope().ID == e.Envelope().ID }) {
			*all = append(*all, e)
		}
	}
}

// read gives what came to those who follow it.
func (w *world) read(ctx context.Context) {
	for {
		select {
		case m := <-w.inbox:
			w.following.Lock()
			f := w.followers[m.Sub]
			w.following.Unlock()
			f(m)
		case <-ctx.Done():
			return
		}
	}
}

// note changes what is known and wakes until.
func (w *world) note(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
	close(w.news)
	w.news = make(chan struct{})
}

// until waits for a condition, which is looked at with w.mu held on every event, and now and then.
func (w *world) until(what string, cond func() bool) {
	w.t.Helper()
	limit := time.After(patience)
	for {
		w.mu.Lock()
		ok, news := cond(), w.news
		w.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-news:
		case <-time.After(50 * time.Millisecond):
		case <-limit:
			w.t.Fatalf("never: %s", what)
		}
	}
}

// speech is a worker that takes every leg and commits what it gets.
func (w *world) speech() {
	w.t.Helper()
	svc, err := w.bus.Service("speech", "test")
	w.must(err)
	w.must(bus.Handle(w.bus, svc, audiov1.AttachSubject, 64, func(_ context.Context, a audiov1.Attach) (audiov1.Attached, error) {
		var h *heard
		known := false
		rep := audiov1.Attached{Worker: "test"}
		w.note(func() {
			if h, known = w.heard[a.LegID]; !known {
				h = &heard{conversation: a.ConversationID, leg: a.LegID}
				w.heard[a.LegID] = h
			}
			h.epoch, rep.Resume, rep.Done = a.Epoch, h.length(), h.ended
		})
		if known {
			return rep, nil
		}
		if _, err := w.bus.NC.Subscribe(audiov1.Subject(a.ConversationID, a.LegID), func(m *nats.Msg) { w.hear(h, m.Data) }); err != nil {
			return rep, err
		}
		return rep, w.bus.NC.Flush()
	}))
	ctx, cancel := context.WithCancel(context.Background())
	w.t.Cleanup(cancel) // after the nodes, which wait for the last words
	go func() {
		for ctx.Err() == nil {
			w.mu.Lock()
			for id, h := range w.heard {
				p := audiov1.Progress{Worker: "test", Epoch: h.epoch, Received: h.length(), Committed: h.length(), Done: h.ended}
				if data, err := json.Marshal(p); err == nil {
					_ = w.bus.NC.Publish(audiov1.ProgressSubject(h.conversation, id), data)
				}
			}
			w.mu.Unlock()
			time.Sleep(50 * time.Millisecond) // the beat of a worker
		}
	}()
}

func (w *world) hear(h *heard, data []byte) {
	var f audiov1.Frame
	if err := f.Decode(data); err != nil {
		w.t.Errorf("frame: %v", err)
		return
	}
	w.note(func() {
		from := f.Position
		if f.Flags&audiov1.FlagLost != 0 {
			from -= int64(f.Lost)
		}
		if from != h.length() {
			return // sent again
		}
		h.missing += f.Position - from
		if n := int64(len(f.PCM)); f.Flags&audiov1.FlagMasked != 0 {
			h.masked += n
		} else {
			h.clear += n
		}
		h.ended = h.ended || f.Flags&audiov1.FlagEnd != 0
	})
}

// node is one process of the meeting service.
type node struct {
	*app.App
	db   *platformstore.DB
	bus  *bus.Bus
	unit *sfu.SFU
	feed *audiofeed.Gateway
	stop context.CancelFunc
	done chan error
	over sync.Once

	ran atomic.Int64 // of its clock, in nanoseconds: it stands, and the node counts as one that runs, unless a test moves it
	mad atomic.Bool  // the clock leaps whenever it is read: the node counts as stopped
}

// clock is by what a node finds that it was stopped. However slow the machine is, it was not.
func (n *node) clock() time.Time {
	if n.mad.Load() {
		n.ran.Add(int64(time.Minute))
	}
	return time.Unix(1, n.ran.Load())
}

// start runs the service on the world's data, as Run does.
func (w *world) start() *node {
	w.t.Helper()
	cfg := Settings{DB: w.dsn, Sender: "Test", SenderMail: "test@example.dk", Public: "http://example.dk", Recordings: filepath.Join(w.data, "recordings"), RecordingMB: 100, DialIn: dialIn}
	log := slog.New(slog.DiscardHandler)
	if w.log != nil {
		log = slog.New(w.log)
	}
	if os.Getenv("TEST_LOG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	env := process.Env{Log: log, Metrics: prometheus.NewRegistry(), Health: health.New()}
	n := &node{done: make(chan error, 1)}
	var err error
	n.db, err = platformstore.Open(w.t.Context(), w.dsn)
	w.must(err)
	w.must(n.db.Migrate(w.t.Context(), store.Migrations()))
	n.bus, err = bus.Connect("meeting", bus.Config{}, log, w.nats.Option())
	w.must(err)
	n.unit, err = sfu.New(sfu.Config{UDP: []string{"127.0.0.1:0"}, Log: log})
	w.must(err)
	n.feed = audiofeed.New(audiofeed.Config{Name: "meeting", Bus: n.bus, Log: log, Metrics: env.Metrics})
	master, err := masterkey.LoadOrCreate("", w.data)
	w.must(err)
	cfg.Temporal.Addr = "127.0.0.1:1" // nobody is there
	on := w.on
	on.ran = n.clock
	n.App, err = assemble(cfg, env, master, store.New(n.db, event.NewID(time.Now())), n.bus, n.unit, n.feed, on)
	w.must(err)
	ctx, cancel := context.WithCancel(context.Background())
	n.stop = cancel
	go func() { n.done <- n.Run(ctx) }()
	w.node = n
	w.t.Cleanup(func() { w.end(n, false) })
	w.until("the service answers", func() bool { return n.Nodes.Ask(w.t.Context(), n.Nodes.ID) == nil })
	return n
}

// end stops a node in order; killed: it can neither write nor tell anything more from now on.
func (w *world) end(n *node, killed bool) { n.over.Do(func() { w.finish(n, killed) }) }

func (w *world) finish(n *node, killed bool) {
	if killed {
		n.db.Close()
		n.bus.NC.Close()
		n.feed.Close()
		n.unit.Close()
	}
	n.stop()
	if err := <-n.done; err != nil && !killed {
		w.t.Errorf("meeting: %v", err)
	}
	n.feed.Close()
	n.unit.Close()
	if !killed {
		n.bus.Close()
		n.db.Close()
	}
}

// ask is a request to the service, however long that takes.
func ask[Resp any](w *world, subject string, req any) (Resp, error) {
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	return bus.Request[Resp](ctx, w.bus, subject, req)
}

// get is one that succeeds.
func get[Resp any](w *world, subject string, req any) Resp {
	w.t.Helper()
	resp, err := ask[Resp](w, subject, req)
	if err != nil {
		w.t.Fatalf("%s: %v %s", subject, err, errs.Text(err))
	}
	return resp
}

// refused is one that does not.
func refused(w *world, kind errs.Kind, subject string, req any) {
	w.t.Helper()
	_, err := ask[json.RawMessage](w, subject, req)
	if errs.KindOf(err) != kind {
		w.t.Errorf("%s: %v, want %v", subject, err, kind)
	}
}

var mette = meetingv1.Actor{ID: "mette", Role: "caseworker", Name: "Mette Lund", Areas: []string{"a"}}

// book books a meeting of a caseworker, a citizen, a companion and an interpreter.
func (w *world) book(change ...func(*meetingv1.BookRequest)) meetingv1.Meeting {
	w.t.Helper()
	r := meetingv1.BookRequest{
		Title: "Opfølgning", ServiceArea: "a", Minutes: 30, Choices: meetingv1.Choices{Transcript: true, AINote: true}, Actor: mette,
		Participants: []meetingv1.Participant{
			{Role: meetingv1.RoleCaseworker, Name: "Mette Lund", User: "mette"},
			{Role: meetingv1.RoleCitizen, Name: "Bente"},
			{Role: meetingv1.RoleCompanion, Name: "Ole"},
			{Role: meetingv1.RoleInterpreter, Name: "Ana"},
		},
	}
	for _, f := range change {
		f(&r)
	}
	return get[meetingv1.Meeting](w, meetingv1.BookSubject, r)
}

// guest is one browser with one link.
type guest struct {
	*tab  // once it has joined
	w     *world
	seat  meetingv1.SeatRef
	entry meetingv1.Entry
}

func (w *world) enter(m meetingv1.Meeting, who int, login *meetingv1.Login) *guest {
	w.t.Helper()
	p := m.Participants[who]
	e := get[meetingv1.Entry](w, meetingv1.EnterSubject, meetingv1.EnterRequest{
		MeetingID: m.ID, Secret: filepath.Base(p.Link), Device: "device-" + event.NewID(time.Now()), Login: login,
	})
	return &guest{w: w, seat: e.Seat, entry: e}
}

func (w *world) host(m meetingv1.Meeting) *guest {
	w.t.Helper()
	return w.enter(m, 0, &meetingv1.Login{Subject: "mette", Name: "Mette Lund", Role: "caseworker"})
}

func (g *guest) knock(name string, transcribe *bool) meetingv1.Entry {
	g.w.t.Helper()
	g.entry = get[meetingv1.Entry](g.w, meetingv1.KnockSubject, meetingv1.KnockRequest{Seat: g.seat, Name: name, Transcribe: transcribe})
	return g.entry
}

func (g *guest) decide(decision string) {
	g.w.t.Helper()
	get[meetingv1.Meeting](g.w, meetingv1.AdmitSubject, meetingv1.AdmitRequest{
		MeetingID: g.seat.MeetingID, ParticipantID: g.seat.ParticipantID, Decision: decision, Text: "Et øjeblik", Actor: mette,
	})
}

// admitted comes through the lobby.
func (w *world) admitted(m meetingv1.Meeting, who int, name string, transcribe bool) *guest {
	w.t.Helper()
	g := w.enter(m, who, nil)
	g.knock(name, &transcribe)
	g.decide(meetingv1.Admit)
	return g
}

func (g *guest) act(action, target, value string, targets ...string) meetingv1.Entry {
	g.w.t.Helper()
	return get[meetingv1.Entry](g.w, meetingv1.ActSubject, meetingv1.ActRequest{Seat: g.seat, Action: action, Target: target, Value: value, Targets: targets})
}

func (g *guest) say(id, text string) meetingv1.Message {
	g.w.t.Helper()
	return get[meetingv1.Message](g.w, meetingv1.SaySubject, meetingv1.SayRequest{ID: id, Seat: g.seat, Text: text})
}

func (g *guest) history() meetingv1.HistoryReply {
	g.w.t.Helper()
	return again[meetingv1.HistoryReply](g.w, meetingv1.HistorySubject, g.seat)
}

// participant is how the booking has somebody now.
func (w *world) participant(id, who string) meetingv1.Participant {
	w.t.Helper()
	for _, p := range get[meetingv1.Meeting](w, meetingv1.GetSubject, meetingv1.Ref{ID: id, Actor: mette}).Participants {
		if p.ID == who {
			return p
		}
	}
	w.t.Fatal("no such participant")
	return meetingv1.Participant{}
}

// typed are the words that reached the transcript as typed ones.
func (w *world) typed(meeting string) (words []transcriptv1.Word) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.finals {
		if f.ConversationID != meeting || f.Engine != "typed" {
			continue
		}
		var body transcriptv1.Body
		w.must(seal.OpenJSON(w.t.Context(), w.keys, meeting, "body", f.Sealed, &body))
		words = append(words, body.Words...)
	}
	return words
}

func (w *world) over(meeting string) callv1.Ended {
	w.t.Helper()
	var end callv1.Ended
	w.until("the end of the meeting", func() bool {
		i := slices.IndexFunc(w.ended, func(e callv1.Ended) bool { return e.ConversationID == meeting })
		if i >= 0 {
			end = w.ended[i]
		}
		return i >= 0
	})
	return end
}

// startedOnce checks that a meeting whose end was seen began once: what it told before its end has come before it.
func (w *world) startedOnce(end callv1.Ended) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.started) != 1 || !end.StartedAt.Equal(w.started[0].Time) {
		w.t.Errorf("started %+v, the end says %v", w.started, end.StartedAt)
	}
}

func sealJSON(w *world, meeting string, v any) ([]byte, error) {
	return seal.JSON(w.t.Context(), w.keys, meeting, "body", v)
}
