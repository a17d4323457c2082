package phone

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/services/contract/audiov1"
	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/phone/dialer"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/bus/natsserver"
	"samtale.dk/samtale/services/platform/bus/streams"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/health"
	"samtale.dk/samtale/services/platform/process"
	"samtale.dk/samtale/services/platform/seal"
)

// world is the phone service with what is around it: a real bus, a consent service
// that keeps keys and choices in memory, and a speech worker that keeps what it heard.
type world struct {
	t    *testing.T
	bus  *bus.Bus
	sip  string // host:port
	env  process.Env
	stop func()
	url  string // of NATS

	mu      sync.Mutex
	keys    map[string][]byte
	choices []consentv1.Choice
	full    bool // consent cannot keep a choice: its disk is full
	unkept  int  // choices that were refused for that
	legs    map[string]*heard
	started map[string]callv1.Started
	changed map[string][]callv1.Changed
	ended   map[string]callv1.Ended
	shown   map[string]callv1.TextLine      // with followText: what desks see, by line
	finals  map[string][]transcriptv1.Final // and what was committed of typed legs, by conversation
	news    chan struct{}                   // replaced and closed on every event
	seen    map[string]bool                 // events by id: one whose acknowledgement is late is published again
	areas   []consentv1.Area
}

// heard is one leg as the speech worker got it.
type heard struct {
	attach audiov1.Attach
	pcm    []int16
	loud   int     // stretches of 10 ms that are loud
	flags  []uint8 // per frame
	lost   int64
	ended  bool
}

// TestMain makes SIP patient: what is not answered within half a second is sent again otherwise, which a machine that is busy
// takes to, and who tests with a client that is no telephone has to know. Nothing is lost here that must be sent again.
func TestMain(m *testing.M) {
	sip.SetTimers(5*time.Second, 10*time.Second, 10*time.Second)
	os.Exit(m.Run())
}

func start(t *testing.T, settings ...string) *world {
	t.Helper()
	return startAt(t, freeAddr(t), settings...)
}

// startAt starts a world whose SIP address is known; later settings count.
func startAt(t *testing.T, addr string, settings ...string) *world {
	t.Helper()
	t.Parallel()
	srv, err := natsserver.Start(natsserver.Config{StoreDir: t.TempDir(), Host: "127.0.0.1", Port: -1})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(logWriter(t), &slog.HandlerOptions{Level: slog.LevelInfo}))
	b, err := bus.Connect("test", bus.Config{}, log, srv.Option())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		t: t, bus: b, keys: map[string][]byte{}, legs: map[string]*heard{}, news: make(chan struct{}),
		started: map[string]callv1.Started{}, seen: map[string]bool{}, changed: map[string][]callv1.Changed{}, ended: map[string]callv1.Ended{},
		areas: demoAreas(),
	}
	w.url = srv.URL()
	w.serveConsent()
	w.serveSpeech()
	w.follow()
	w.sip = addr
	w.env = process.Env{
		Environ: append([]string{
			"SAMTALE_SIP_ADDR=" + w.sip, "SAMTALE_RTP_PORTS=" + ownPorts(), "SAMTALE_DATA=" + t.TempDir(), "SAMTALE_DRAIN=1s",
			// What ends by itself ends only in tests about that: elsewhere a busy machine would decide.
			"SAMTALE_MESSAGE_SILENCE=5m", "SAMTALE_MESSAGE_MAX=10m", "SAMTALE_QUEUE_OFFER=10m", "SAMTALE_DESK_CONNECT=5m", "SAMTALE_DESK_LOST=5m",
		}, settings...),
		Log: log, Metrics: prometheus.NewRegistry(), Health: health.New(), NATS: []nats.Option{srv.Option()},
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Run(ctx, w.env) }()
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("phone: %v", err)
		}
	})
	t.Cleanup(func() { w.stop(); b.Close(); srv.Stop() })
	w.ready()
	return w
}

// ready waits until the phone service answers whatever a test may ask it: it knows the areas, and who serves meetings, which it
// says last on the bus, is there. Its health says only that calls are taken.
func (w *world) ready() {
	w.t.Helper()
	w.until("phone is ready", func() bool {
		_, ok := w.env.Health.Run(w.t.Context())
		_, dial := ask[callv1.AnswerReply](w, callv1.DialSubject, callv1.DialRequest{ServiceArea: "borgerservice"})
		_, bring := ask[meetingv1.BringReply](w, meetingv1.BringSubject, meetingv1.BringRequest{})
		return ok && errs.KindOf(dial) == errs.Invalid && errs.KindOf(bring) == errs.Invalid
	})
}

func logWriter(t *testing.T) io.Writer {
	if testing.Verbose() && os.Getenv("TEST_LOG") != "" {
		return os.Stderr
	}
	return io.Discard
}

// nextPort and nextRange count through ranges below the ephemeral ports that no other package's tests use, so that tests that
// run at once do not take each other's.
var nextPort, nextRange atomic.Uint32

// ownPorts is a range for RTP that no other test uses soon: a telephone of a test that
// has ended may still send to its old port, and would be taken for the peer.
func ownPorts() string {
	low := 10000 + (uint32(os.Getpid())*7+nextRange.Add(1))%100*50
	return fmt.Sprintf("%d-%d", low, low+49)
}

func freeAddr(t *testing.T) string {
	t.Helper()
	for range 200 {
		addr := fmt.Sprintf("127.0.0.1:%d", 15000+(uint32(os.Getpid())*37+nextPort.Add(1))%5000)
		pc, err := net.ListenPacket("udp", addr)
		if err != nil {
			continue
		}
		l, err := net.Listen("tcp", addr)
		pc.Close()
		if err != nil {
			continue
		}
		l.Close()
		return addr
	}
	t.Fatal("no free port")
	return ""
}

func demoAreas() []consentv1.Area {
	return []consentv1.Area{
		{
			ID: "borgerservice", Name: "Borgerservice", Numbers: []string{"borgerservice", "100"}, AllowTranscript: true,
			AllowAINote: true, Basis: "samtykke", Purpose: "notat", TextVersion: "1",
		},
		{ID: "pension", Name: "Pension", Numbers: []string{"pension", "300"}, AllowTranscript: true, Basis: "samtykke"},
		{ID: "lukket", Name: "Uden udskrift", Numbers: []string{"lukket"}},
	}
}

func (w *world) serveConsent() {
	svc, err := w.bus.Service("consent", "test")
	if err != nil {
		w.t.Fatal(err)
	}
	must := func(err error) {
		if err != nil {
			w.t.Fatal(err)
		}
	}
	must(bus.Handle(w.bus, svc, consentv1.KeySubject, 64, func(_ context.Context, r consentv1.KeyRequest) (consentv1.KeyReply, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.keys[r.ConversationID] == nil {
			w.keys[r.ConversationID] = seal.NewKey()
		}
		return consentv1.KeyReply{Key: w.keys[r.ConversationID]}, nil
	}))
	must(bus.Handle(w.bus, svc, consentv1.AreasSubject, 64, func(context.Context, consentv1.AreasRequest) (consentv1.AreasReply, error) {
		return consentv1.AreasReply{Areas: w.areas}, nil
	}))
	must(bus.Handle(w.bus, svc, consentv1.ChoiceSubject, 64, func(_ context.Context, c consentv1.Choice) (consentv1.Choice, error) {
		var full bool
		w.note(func() {
			if full = w.full; full {
				w.unkept++
			}
		})
		if full {
			return c, errs.E(errs.Unavailable, "", nil)
		}
		w.note(func() {
			if !slices.ContainsFunc(w.choices, func(had consentv1.Choice) bool { return had.ID == c.ID }) { // sent again when we were slow
				w.choices = append(w.choices, c)
			}
		})
		return c, w.bus.Publish(context.Background(), c) // as the real one does
	}))
	must(w.bus.NC.Flush())
}

// serveSpeech is a worker that takes every leg and commits what it hears. A leg that comes again, because we were silent for too
// long, goes on where it was.
func (w *world) serveSpeech() {
	svc, err := w.bus.Service("speech", "test")
	if err != nil {
		w.t.Fatal(err)
	}
	err = bus.Handle(w.bus, svc, audiov1.AttachSubject, 64, func(_ context.Context, a audiov1.Attach) (audiov1.Attached, error) {
		l, again := w.attached(a)
		if !again {
			_, err := w.bus.NC.Subscribe(audiov1.Subject(a.ConversationID, a.LegID), func(m *nats.Msg) { w.hear(l, m.Data) })
			if err != nil {
				return audiov1.Attached{}, err
			}
			if err := w.bus.NC.Flush(); err != nil {
				return audiov1.Attached{}, err
			}
			go w.beat(l)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		return audiov1.Attached{Worker: "test", Resume: l.end(), Done: l.ended}, nil
	})
	if err == nil {
		err = w.bus.NC.Flush()
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// attached is the leg of an attach, and whether we have it already.
func (w *world) attached(a audiov1.Attach) (l *heard, again bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	l, again = w.legs[a.LegID]
	if !again {
		l = &heard{}
		w.legs[a.LegID] = l
	}
	l.attach = a
	return l, again
}

// hear takes a frame. Some of it may be known already, when it is sent again; after a hole it is.
func (w *world) hear(l *heard, data []byte) {
	var f audiov1.Frame
	if err := f.Decode(data); err != nil {
		w.t.Errorf("frame: %v", err)
		return
	}
	w.note(func() {
		if end := l.end(); f.Flags&audiov1.FlagLost != 0 && f.Position > end && f.Position-int64(f.Lost) <= end {
			l.lost += f.Position - end
		}
		known := l.end() - f.Position
		if known < 0 || known > int64(len(f.PCM)) {
			return
		}
		if fresh := f.PCM[known:]; len(fresh) > 0 {
			l.pcm = append(l.pcm, fresh...)
			l.flags = append(l.flags, f.Flags)
			if f.Flags&audiov1.FlagFilled == 0 { // what was made up for lost packets nobody said
				l.loud += loudStretches(fresh)
			}
		}
		l.ended = l.ended || f.Flags&audiov1.FlagEnd != 0
	})
}

// end is the next sample that is not there.
func (h *heard) end() int64 { return int64(len(h.pcm)) + h.lost }

func (w *world) beat(l *heard) {
	t := time.NewTicker(100 * time.Millisecond)
	defer t.Stop()
	for range t.C {
		w.mu.Lock()
		n := l.end()
		p := audiov1.Progress{Worker: "test", Epoch: l.attach.Epoch, Received: n, Committed: n, Done: l.ended}
		subject := audiov1.ProgressSubject(l.attach.ConversationID, l.attach.LegID)
		w.mu.Unlock()
		data, err := json.Marshal(p)
		if err != nil || w.bus.NC.IsClosed() {
			return
		}
		w.bus.NC.Publish(subject, data)
	}
}

// follow keeps the call events. One subscription takes them all, so that who has seen a call's end has seen all before it.
func (w *world) follow() {
	err := w.bus.EnsureStreams(w.t.Context(), streams.Call())
	if err != nil {
		w.t.Fatal(err)
	}
	_, err = w.bus.NC.Subscribe("call.v1.>", w.told)
	if err == nil {
		err = w.bus.NC.Flush()
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) told(m *nats.Msg) {
	switch {
	case strings.HasPrefix(m.Subject, "call.v1.started."):
		keep(w, m, func(e callv1.Started) { w.started[e.ConversationID] = e })
	case strings.HasPrefix(m.Subject, "call.v1.changed."):
		keep(w, m, func(e callv1.Changed) { w.changed[e.ConversationID] = append(w.changed[e.ConversationID], e) })
	case strings.HasPrefix(m.Subject, "call.v1.ended."):
		keep(w, m, func(e callv1.Ended) { w.ended[e.ConversationID] = e })
	}
}

func keep[T any](w *world, m *nats.Msg, f func(T)) {
	var e T
	if err := json.Unmarshal(m.Data, &e); err != nil {
		w.t.Errorf("%s: %v", m.Subject, err)
		return
	}
	w.note(func() {
		id := m.Header.Get(nats.MsgIdHdr)
		if !w.seen[id] {
			w.seen[id] = id != ""
			f(e)
		}
	})
}

// note changes what is known and wakes until.
func (w *world) note(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
	close(w.news)
	w.news = make(chan struct{})
}

// until waits for a condition; it is looked at on every event and ten times a second.
func (w *world) until(what string, cond func() bool) {
	w.t.Helper()
	limit := time.After(2 * time.Minute)
	for {
		w.mu.Lock()
		news := w.news
		w.mu.Unlock()
		if cond() {
			return
		}
		select {
		case <-news:
		case <-time.After(100 * time.Millisecond):
		case <-limit:
			w.t.Fatalf("never: %s", what)
		}
	}
}

func (w *world) endOf(id string) callv1.Ended {
	w.t.Helper()
	var e callv1.Ended
	w.until("call ended", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		var ok bool
		e, ok = w.ended[id]
		return ok
	})
	return e
}

func (w *world) inState(id string, st callv1.State) {
	w.t.Helper()
	w.until("call is "+string(st), func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, c := range w.changed[id] {
			if c.State == st {
				return true
			}
		}
		return false
	})
}

// leg returns a leg's sound once the worker has all of it.
func (w *world) leg(id string) heard {
	w.t.Helper()
	var h heard
	w.until("leg is complete", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		l := w.legs[id]
		if l == nil || !l.ended {
			return false
		}
		h = *l
		return true
	})
	return h
}

func (w *world) dialer(cfg dialer.Config) *dialer.Dialer {
	w.t.Helper()
	if cfg.RTPPorts == "" {
		cfg.RTPPorts = ownPorts()
	}
	d, err := dialer.New(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(d.Close)
	return d
}

func (w *world) uri(user string) string { return "sip:" + user + "@" + w.sip }

// ask sends a request to the phone service.
func ask[Resp, Req any](w *world, subject string, r Req) (Resp, error) {
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	return bus.Request[Resp](ctx, w.bus, subject, r)
}

// loudStretch is 10 ms.
const loudStretch = 160

// loudStretches counts the whole stretches of a sound that are loud.
func loudStretches(s []int16) (n int) {
	for ; len(s) >= loudStretch; s = s[loudStretch:] {
		if pcm.Level(s[:loudStretch]) > -30 {
			n++
		}
	}
	return n
}

// seconds is how much of a leg is loud.
func (h *heard) seconds() float64 { return float64(h.loud) / 100 }

// complete checks that the worker has as much of a leg as the call's end says: heard, or known to be lost.
func (w *world) complete(l callv1.LegEnd) heard {
	w.t.Helper()
	h := w.leg(l.ID)
	if h.end() != l.Samples {
		w.t.Errorf("%s: worker has %d samples, the event says %d", l.Role, h.end(), l.Samples)
	}
	return h
}

// tone is a sound that survives every codec.
func tone(hz float64, d time.Duration) []int16 { return announceTone(hz, d) }

// level of the loudest 100 ms.
func loudest(s []int16) float64 {
	best := pcm.Silence
	for ; len(s) >= 1600; s = s[1600:] {
		best = max(best, pcm.Level(s[:1600]))
	}
	return best
}

// caller is whoever can hang up: a telephone, or what records one.
type caller interface {
	HangUp(ctx context.Context) error
}

// hangUp hangs up. That the other side is slow to say that it has heard of it is none of the caller's business.
func (w *world) hangUp(c caller) {
	w.t.Helper()
	if err := c.HangUp(w.t.Context()); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		w.t.Fatal(err)
	}
}
