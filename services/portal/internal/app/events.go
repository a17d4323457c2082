package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"samtale.dk/samtale/services/contract/audiov1"
	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/seal"
	"samtale.dk/samtale/services/portal/internal/who"
)

const (
	// streamQueue is how many events may wait for one reader: some 10 s of two people
	// speaking. A reader further behind is dropped and told to fetch again.
	streamQueue = 256
	// streamWrite bounds one write to a reader.
	streamWrite = 10 * time.Second
	// streamPing keeps proxies from closing a quiet stream.
	streamPing = 15 * time.Second
)

// sse is one server-sent event. Events with an id can be resumed after it.
type sse struct {
	id   string
	name string
	data any
	last bool // the stream ends after it
}

// stream feeds one reader. Bus callbacks put events in; run writes them out.
type stream struct {
	app   *App
	w     http.ResponseWriter
	gone  <-chan struct{} // closed when the reader left
	queue chan sse
	slow  chan struct{} // closed when the queue overflowed
	once  sync.Once
	stops []func()
	still func() error // fails when the reader's login has ended
}

func (a *App) newStream(w http.ResponseWriter, r *http.Request) *stream {
	return &stream{
		app: a, w: w, gone: r.Context().Done(), queue: make(chan sse, streamQueue), slow: make(chan struct{}),
		still: func() error { _, err := a.person(r, false); return err },
	}
}

// put queues an event and never waits.
func (s *stream) put(e sse) {
	select {
	case s.queue <- e:
	default:
		s.once.Do(func() { close(s.slow) })
	}
}

// wait queues an event and waits for room: for sources that can be held back.
func (s *stream) wait(e sse) {
	select {
	case s.queue <- e:
	case <-s.gone:
	}
}

func (s *stream) close() {
	for _, f := range s.stops {
		f()
	}
}

// listen feeds core messages of a subject into the stream until it closes.
func listen[T any](s *stream, subject string, f func(v T)) error {
	sub, err := bus.Listen(s.app.Bus, subject, func(_ context.Context, v T) { f(v) })
	if err != nil {
		return err
	}
	s.stops = append(s.stops, func() { sub.Unsubscribe() })
	return nil
}

// consume feeds a JetStream subject into the stream, from after the sequence that the
// reader saw last (0: from the start with all, else only what is new).
func (s *stream) consume(ctx context.Context, name, subject string, after uint64, all bool, f func(m jetstream.Msg, seq uint64)) error {
	cfg := jetstream.OrderedConsumerConfig{FilterSubjects: []string{subject}, DeliverPolicy: jetstream.DeliverNewPolicy}
	switch {
	case after > 0:
		cfg.DeliverPolicy, cfg.OptStartSeq = jetstream.DeliverByStartSequencePolicy, after+1
	case all:
		cfg.DeliverPolicy = jetstream.DeliverAllPolicy
	}
	cons, err := s.app.Bus.JS.OrderedConsumer(ctx, name, cfg)
	if err != nil {
		return errs.E(errs.Unavailable, "", fmt.Errorf("stream %s: %w", name, err))
	}
	cc, err := cons.Consume(func(m jetstream.Msg) {
		md, err := m.Metadata()
		if err == nil {
			f(m, md.Sequence.Stream)
		}
	})
	if err != nil {
		return errs.E(errs.Unavailable, "", fmt.Errorf("stream %s: %w", name, err))
	}
	s.stops = append(s.stops, cc.Stop)
	return nil
}

// run writes events until the reader leaves, is too slow, or the portal stops.
func (s *stream) run() error {
	h := s.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	s.app.metrics.streams.Inc()
	defer s.app.metrics.streams.Dec()
	reconnected := s.app.Bus.NC.StatusChanged(nats.CONNECTED)
	defer s.app.Bus.NC.RemoveStatusListener(reconnected)
	ping := time.NewTicker(streamPing)
	defer ping.Stop()
	if err := s.text(": samtale\nretry: 1000\n\n"); err != nil {
		return nil
	}
	for {
		var err error
		select {
		case <-s.gone:
			return nil
		case <-s.app.stop:
			return nil
		case <-s.slow:
			s.app.metrics.dropped.Inc()
			s.write(sse{name: "resync", data: struct{}{}})
			return nil
		case <-reconnected: // core messages may have been missed
			err = s.write(sse{name: "resync", data: struct{}{}})
		case e := <-s.queue:
			if err = s.write(e); e.last {
				return nil
			}
		case <-ping.C:
			if err = s.still(); err == nil {
				err = s.text(": ping\n\n")
			}
		}
		if err != nil {
			return nil // the reader is gone, or logged out
		}
	}
}

func (s *stream) write(e sse) error {
	data, err := json.Marshal(e.data)
	if err != nil {
		return err
	}
	text := "event: " + e.name + "\ndata: " + string(data) + "\n\n"
	if e.id != "" {
		text = "id: " + e.id + "\n" + text
	}
	return s.text(text)
}

func (s *stream) text(t string) error {
	rc := http.NewResponseController(s.w)
	if err := rc.SetWriteDeadline(time.Now().Add(streamWrite)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := s.w.Write([]byte(t)); err != nil {
		return err
	}
	return rc.Flush()
}

// lastID is the stream sequence that the reader saw last.
func lastID(r *http.Request) uint64 {
	n, err := strconv.ParseUint(r.Header.Get("Last-Event-ID"), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// inboxEvents brings the live calls (whole list, whenever it changes), what happens in the journal, and which inquiries
// moved on. Journal events carry ids: a reader that comes back misses none.
func (a *App) inboxEvents(w http.ResponseWriter, r *http.Request, p who.Person) error {
	s := a.newStream(w, r)
	defer s.close()
	if err := a.liveCalls(r.Context(), s, p); err != nil {
		return err
	}
	if p.Is("caseworker") {
		if err := errors.Join(s.journal(r.Context(), "*", lastID(r), p), s.inquiries(p)); err != nil {
			return err
		}
	}
	return s.run()
}

// liveCalls puts the calls into a stream, and again whenever one changes. Changes are heard before the first list is asked for, and wait
// for it: one that came in between is newer.
func (a *App) liveCalls(ctx context.Context, s *stream, p who.Person) error {
	var mu sync.Mutex
	mu.Lock()
	defer mu.Unlock()
	show := func(all callv1.ListReply) { s.put(sse{name: "calls", data: visibleCalls(all, p)}) }
	err := listen(s, callv1.SnapshotTopic, func(all callv1.ListReply) {
		mu.Lock()
		defer mu.Unlock()
		show(all)
	})
	if err != nil {
		return err
	}
	all, err := bus.Request[callv1.ListReply](ctx, a.Bus, callv1.ListSubject, callv1.ListRequest{})
	if err != nil {
		return err
	}
	show(all)
	return nil
}

func (s *stream) journal(ctx context.Context, conversation string, after uint64, p who.Person) error {
	subject := journalv1.Changed{ConversationID: conversation}.Subject()
	return s.consume(ctx, journalv1.Stream, subject, after, false, func(m jetstream.Msg, seq uint64) {
		var c journalv1.Changed
		if json.Unmarshal(m.Data(), &c) != nil || !p.Sees(c.ServiceArea) {
			return
		}
		s.wait(sse{id: strconv.FormatUint(seq, 10), name: "changed", data: c})
	})
}

// Events of one conversation.

// liveWord is a word on its way to the desk; times are seconds since the conversation
// began, and clear values of masked words are not in it.
type liveWord struct {
	ID         string  `json:"id,omitempty"`
	Text       string  `json:"text"`
	Start      float64 `json:"start"`
	End        float64 `json:"end"`
	Confidence float64 `json:"confidence"`
	Masked     string  `json:"masked,omitempty"`
	Sentence   bool    `json:"sentence,omitempty"`
}

type liveRange struct {
	Start  float64            `json:"start"`
	End    float64            `json:"end"`
	State  transcriptv1.State `json:"state"`
	Reason string             `json:"reason,omitempty"`
}

// liveWords is the data of "partial" (Ledger empty) and "final" events.
type liveWords struct {
	Leg    string      `json:"leg"`
	Role   string      `json:"role"`
	From   float64     `json:"from"`
	To     float64     `json:"to,omitempty"`
	Words  []liveWord  `json:"words"`
	Ledger []liveRange `json:"ledger,omitempty"`
	Engine string      `json:"engine,omitempty"`
	Demo   bool        `json:"demo,omitempty"`
	Last   bool        `json:"last,omitempty"`
}

// conversationEvents brings the words as they are spoken, the call's state and the
// note's progress. Finals carry ids: a reader that comes back gets every word it missed.
func (a *App) conversationEvents(w http.ResponseWriter, r *http.Request, p who.Person) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	ctx := r.Context()
	legs := &legTimes{app: a, person: p, conversation: id}
	if err := legs.refresh(ctx); err != nil {
		return err // also when p may not see it
	}
	said := &spoken{app: a, conversation: id}
	s := a.newStream(w, r)
	defer s.close()
	err = errors.Join(
		listen(s, consentv1.ChoiceEventSubject(id), func(consentv1.Choice) {
			if said.load(ctx) != nil {
				s.put(sse{name: "resync", data: struct{}{}})
			}
		}),
		said.load(ctx),
		listen(s, transcriptv1.PartialSubject(id, "*"), func(v transcriptv1.Partial) {
			part := legs.partial(ctx, v)
			if !said.shown(legs.when(part.From)) {
				part.Words = []liveWord{}
			}
			s.put(sse{name: "partial", data: part})
		}),
		s.typed(ctx, id, p),
		listen(s, callv1.SnapshotTopic, func(all callv1.ListReply) {
			for _, c := range visibleCalls(all, p).Calls {
				if c.ConversationID == id {
					legs.learn(c.StartedAt, c.Legs)
					s.put(sse{name: "call", data: c})
				}
			}
		}),
		listen(s, journalv1.Changed{ConversationID: id}.Subject(), func(c journalv1.Changed) {
			s.put(sse{name: "changed", data: c})
		}),
		s.consume(ctx, transcriptv1.Stream, transcriptv1.FinalSubject(id, "*"), lastID(r), true, func(m jetstream.Msg, seq uint64) {
			s.final(ctx, m, seq, legs, said)
		}),
	)
	if err != nil {
		return err
	}
	return s.run()
}

// typed brings real-time text to the caseworker who has the call: what was typed so far, and what is typed from now on.
func (s *stream) typed(ctx context.Context, id string, p who.Person) error {
	show := func(l callv1.TextLine) {
		if l.Caseworker == p.ID {
			s.put(sse{name: "text", data: l})
		}
	}
	if err := listen(s, callv1.TextTopic(id), show); err != nil {
		return err
	}
	so, err := bus.Request[callv1.TextReply](ctx, s.app.Bus, callv1.TextSubject, callv1.TextRequest{ConversationID: id, Caseworker: p.ID})
	if err != nil {
		return nil // the call is over, or another's: lines that are typed once it is theirs are told
	}
	for _, l := range so.Lines {
		show(l)
	}
	return nil
}

func (s *stream) final(ctx context.Context, m jetstream.Msg, seq uint64, legs *legTimes, said *spoken) {
	var f transcriptv1.Final
	if json.Unmarshal(m.Data(), &f) != nil || f.Revision != 0 {
		return
	}
	var b transcriptv1.Body
	err := seal.OpenJSON(ctx, s.app.Keys, f.ConversationID, "body", f.Sealed, &b)
	switch {
	case errors.Is(err, errs.NotFound):
		s.wait(sse{name: "erased", data: struct{}{}})
	case err != nil:
		s.app.Log.Error("final does not open", "conversation", f.ConversationID, "leg", f.LegID, "err", err)
		s.wait(sse{name: "resync", data: struct{}{}})
	default:
		words := legs.final(ctx, f, b)
		if !said.shown(legs.when(words.From)) {
			words.Words = []liveWord{}
		}
		s.wait(sse{id: strconv.FormatUint(seq, 10), name: "final", data: words})
	}
}

// legTimes knows where each leg of a conversation begins. It asks the phone service
// while the call lives, then the journal; both also decide whether p may see it.
type legTimes struct {
	app          *App
	person       who.Person
	conversation string

	mu    sync.Mutex
	began time.Time
	legs  map[string]float64 // seconds since the conversation began
	roles map[string]string
	tried time.Time
}

func (t *legTimes) refresh(ctx context.Context) error {
	a := t.app
	call, err := bus.Request[callv1.Call](ctx, a.Bus, callv1.CheckSubject, callv1.CheckRequest{ConversationID: t.conversation})
	if err == nil && len(visibleCalls(callv1.ListReply{Calls: []callv1.Call{call}}, t.person).Calls) == 1 {
		t.learn(call.StartedAt, call.Legs)
		return nil
	}
	c, err := bus.Request[journalv1.Conversation](ctx, a.Bus, journalv1.GetSubject, ref(t.person)(t.conversation))
	if err != nil {
		return err
	}
	t.learn(c.StartedAt, c.Legs)
	return nil
}

func (t *legTimes) learn(began time.Time, legs []callv1.Leg) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.legs == nil {
		t.legs, t.roles = map[string]float64{}, map[string]string{}
	}
	t.began = began
	for _, l := range legs {
		t.legs[l.ID], t.roles[l.ID] = l.StartedAt.Sub(began).Seconds(), l.Role
	}
}

// when gives the time of day of a place in the conversation, in seconds since it began.
func (t *legTimes) when(at float64) time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.began.Add(time.Duration(at * float64(time.Second)))
}

func (t *legTimes) of(ctx context.Context, leg string) (offset float64, role string) {
	t.mu.Lock()
	offset, known := t.legs[leg]
	role = t.roles[leg]
	ask := !known && time.Since(t.tried) > time.Second
	if ask {
		t.tried = time.Now()
	}
	t.mu.Unlock()
	if ask && t.refresh(ctx) == nil {
		return t.of(ctx, leg)
	}
	return offset, role
}

func (t *legTimes) partial(ctx context.Context, v transcriptv1.Partial) liveWords {
	offset, role := t.of(ctx, v.LegID)
	return liveWords{Leg: v.LegID, Role: role, From: seconds(offset, v.From), Words: liveList(offset, v.Words)}
}

func (t *legTimes) final(ctx context.Context, f transcriptv1.Final, b transcriptv1.Body) liveWords {
	offset, _ := t.of(ctx, f.LegID)
	out := liveWords{
		Leg: f.LegID, Role: f.Role, From: seconds(offset, f.From), To: seconds(offset, f.To), Words: liveList(offset, b.Words),
		Engine: f.Engine, Demo: f.Demo, Last: f.Last,
	}
	for _, r := range f.Ledger {
		out.Ledger = append(out.Ledger, liveRange{seconds(offset, r.Start), seconds(offset, r.End), r.State, r.Reason})
	}
	return out
}

func liveList(offset float64, words []transcriptv1.Word) []liveWord {
	out := make([]liveWord, len(words))
	for i, w := range words {
		out[i] = liveWord{w.ID, w.Text, seconds(offset, w.Start), seconds(offset, w.End), w.Confidence, w.Masked, w.Sentence}
	}
	return out
}

func seconds(offset float64, samples int64) float64 {
	return offset + float64(samples)/audiov1.SampleRate
}
