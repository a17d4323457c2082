package bus_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/bus/bustest"
	"samtale.dk/samtale/services/platform/errs"
)

var stream = bus.Stream{Name: "TEST", Subjects: []string{"test.v1.>"}}

type note struct {
	event.Meta
	ConversationID string `json:"conversation_id"`
	N              int    `json:"n"`
}

func (n note) Subject() string { return event.Join("test.v1.note", n.ConversationID) }

func numbered(n int) note {
	return note{event.NewMeta("test.v1.note", "test", time.Now()), "c-1", n}
}

func publish(t *testing.T, b *bus.Bus, notes ...note) {
	t.Helper()
	for _, n := range notes {
		if err := b.Publish(long(t), n); err != nil {
			t.Fatal(err)
		}
	}
}

// consume collects what arrives until f says done.
func consume(t *testing.T, b *bus.Bus, durable string, f func(n note) error) {
	t.Helper()
	stop, err := bus.Consume(t.Context(), b, bus.Consumer{Stream: stream.Name, Durable: durable},
		func(_ context.Context, n note) error { return f(n) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
}

const patience = 2 * time.Minute

// long is a context for what has time: without a limit of its own a request to JetStream gives up after seconds.
func long(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func receive[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

// An event that fails is redelivered before the next one: the order holds.
func TestRedeliveryKeepsOrder(t *testing.T) {
	b := bustest.New(t, stream)
	publish(t, b, numbered(1), numbered(2), numbered(3))
	got := make(chan int, 16)
	failed := false
	consume(t, b, "order", func(n note) error {
		got <- n.N
		if n.N == 2 && !failed {
			failed = true
			return errors.New("database is away")
		}
		return nil
	})
	seen := map[int]int{}
	last := 0
	for last != 3 {
		n := receive(t, got)
		if n < last || n > last+1 { // again it may come, when its receipt is late
			t.Fatalf("%d after %d", n, last)
		}
		last = n
		seen[n]++
	}
	if seen[2] < 2 {
		t.Fatalf("what failed came %d times", seen[2])
	}
}

func TestSkip(t *testing.T) {
	b := bustest.New(t, stream)
	publish(t, b, numbered(1))
	if _, err := b.JS.Publish(long(t), "test.v1.note.c-1", []byte("not JSON")); err != nil {
		t.Fatal(err)
	}
	publish(t, b, numbered(2))
	got := make(chan int, 16)
	consume(t, b, "skip", func(n note) error {
		got <- n.N
		if n.N == 1 {
			return fmt.Errorf("unknown conversation: %w", bus.ErrSkip)
		}
		return nil
	})
	if a, z := receive(t, got), receive(t, got); a != 1 || z != 2 {
		t.Fatalf("got %d, %d", a, z)
	}
	await(t, func() error { return settled(t, b, "skip", 3) })
}

func await(t *testing.T, f func() error) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// The same id is stored once, whoever publishes it.
func TestPublishTwice(t *testing.T) {
	b := bustest.New(t, stream)
	n := numbered(1)
	publish(t, b, n, n, numbered(2))
	s, err := b.JS.Stream(long(t), stream.Name)
	if err != nil {
		t.Fatal(err)
	}
	info, err := s.Info(long(t))
	if err != nil || info.State.Msgs != 2 {
		t.Fatalf("%d messages, %v", info.State.Msgs, err)
	}
}

// A stopped consumer has finished its handler, and its successor goes on where it was.
func TestStopWaitsAndResumes(t *testing.T) {
	b := bustest.New(t, stream)
	publish(t, b, numbered(1))
	entered, leave := make(chan struct{}), make(chan struct{})
	var done bool
	stop, err := bus.Consume(t.Context(), b, bus.Consumer{Stream: stream.Name, Durable: "d"}, func(context.Context, note) error {
		close(entered)
		<-leave
		done = true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	receive(t, entered)
	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	select {
	case <-stopped:
		t.Fatal("stop did not wait for the handler")
	case <-time.After(50 * time.Millisecond):
	}
	close(leave)
	receive(t, stopped)
	if !done {
		t.Fatal("the handler was cut off")
	}
	publish(t, b, numbered(2))
	got := make(chan int, 4)
	consume(t, b, "d", func(n note) error { got <- n.N; return nil })
	if n := receive(t, got); n != 2 {
		t.Fatalf("resumed at %d", n)
	}
}

type question struct {
	Want string `json:"want"`
}

type answer struct {
	Text string `json:"text"`
}

func serve(t *testing.T, b *bus.Bus, limit int, f func(ctx context.Context, q question) (answer, error)) {
	t.Helper()
	s, err := b.Service("test", "answers questions")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Stop() })
	if err := bus.Handle(b, s, "test.v1.ask", limit, f); err != nil {
		t.Fatal(err)
	}
}

func ask(t *testing.T, b *bus.Bus, want string) (answer, error) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return bus.Request[answer](ctx, b, "test.v1.ask", question{want})
}

func TestErrorsCrossTheWire(t *testing.T) {
	b := bustest.New(t)
	serve(t, b, 4, func(_ context.Context, q question) (answer, error) {
		secret := errors.New("Bente Holm, 000000-0001")
		switch q.Want {
		case "panic":
			panic(secret)
		case "plain":
			return answer{}, secret
		case "retry":
			return answer{}, &errs.Error{Kind: errs.Limited, RetryAfter: 3 * time.Second}
		case "lines":
			return answer{}, errs.E(errs.Invalid, "Ret datoen.\r\nSamtale-Error-Kind: internal", secret)
		case "ok":
			return answer{"hej"}, nil
		}
		return answer{}, fmt.Errorf("load: %w", errs.E(errs.Kind(q.Want), "Gør sådan: æøå", secret))
	})
	for _, k := range []errs.Kind{errs.Invalid, errs.Unauthenticated, errs.Denied, errs.NotFound, errs.Conflict, errs.Limited, errs.Unavailable, errs.Internal} {
		_, err := ask(t, b, string(k))
		if !errors.Is(err, k) || errs.Text(err) != "Gør sådan: æøå" {
			t.Errorf("%s came back as %v", k, err)
		}
		if strings.Contains(err.Error(), "Bente") {
			t.Errorf("%s: the cause crossed the wire", k)
		}
	}
	for want, kind := range map[string]errs.Kind{"plain": errs.Internal, "panic": errs.Internal, "newer": errs.Internal, "lines": errs.Invalid} {
		if _, err := ask(t, b, want); errs.KindOf(err) != kind {
			t.Errorf("%s came back as %v", want, err)
		}
	}
	_, err := ask(t, b, "retry")
	var e *errs.Error
	if !errors.As(err, &e) || e.RetryAfter != 3*time.Second {
		t.Errorf("retry came back as %v", err)
	}
	if got, err := ask(t, b, "ok"); err != nil || got.Text != "hej" {
		t.Errorf("after errors: %+v, %v", got, err)
	}
}

func TestBadRequest(t *testing.T) {
	b := bustest.New(t)
	serve(t, b, 1, func(context.Context, question) (answer, error) { return answer{}, nil })
	m, err := b.NC.Request("test.v1.ask", []byte("not JSON"), patience)
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Header.Get("Samtale-Error-Kind"); got != string(errs.Invalid) {
		t.Fatalf("kind %q", got)
	}
}

// A reply that no message can hold is an error at once, not a wait for nothing.
func TestReplyTooLong(t *testing.T) {
	b := bustest.New(t)
	svc, err := b.Service("test", "for tests")
	if err != nil {
		t.Fatal(err)
	}
	defer svc.Stop()
	err = bus.Handle(b, svc, "test.v1.long", 1, func(_ context.Context, n int) (string, error) { return strings.Repeat("x", n), nil })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if _, err := bus.Request[string](ctx, b, "test.v1.long", 2<<20); errs.KindOf(err) != errs.Internal || ctx.Err() != nil {
		t.Errorf("got %v", err)
	}
	if s, err := bus.Request[string](ctx, b, "test.v1.long", 1<<10); err != nil || len(s) != 1<<10 {
		t.Errorf("after it: %d bytes, %v", len(s), err)
	}
}

func TestNobodyThere(t *testing.T) {
	b := bustest.New(t)
	if _, err := ask(t, b, "x"); !errors.Is(err, errs.Unavailable) {
		t.Fatalf("got %v", err)
	}
}

func TestDeadline(t *testing.T) {
	b := bustest.New(t)
	leave := make(chan struct{})
	defer close(leave)
	serve(t, b, 1, func(context.Context, question) (answer, error) { <-leave; return answer{}, nil })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := bus.Request[answer](ctx, b, "test.v1.ask", question{}); !errors.Is(err, errs.Unavailable) {
		t.Fatalf("got %v", err)
	}
}

// Of two that serve one subject the first hangs, and the second says once that it takes a moment.
func TestInsist(t *testing.T) {
	b := bustest.New(t)
	hung := make(chan struct{}, 100)
	if _, err := b.NC.QueueSubscribe("test.v1.ask", "q", func(*nats.Msg) { hung <- struct{}{} }); err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int32
	serve(t, b, 4, func(context.Context, question) (answer, error) {
		if asked.Add(1) == 1 {
			return answer{}, &errs.Error{Kind: errs.Unavailable, RetryAfter: time.Second}
		}
		return answer{"hej"}, nil
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for len(hung) == 0 { // who is asked first is drawn by lot
		asked.Store(0)
		again := func(err error) bool { return errors.Is(err, errs.Unavailable) }
		got, err := bus.Insist[answer](ctx, b, "test.v1.ask", question{}, 10*time.Millisecond, again)
		if err != nil || got.Text != "hej" {
			t.Fatalf("answered %+v, %v", got, err)
		}
	}
	_, err := bus.Insist[answer](ctx, b, "test.v1.nobody", question{}, time.Hour, func(error) bool { return false })
	if !errors.Is(err, errs.Unavailable) {
		t.Errorf("nobody there: %v", err)
	}
}

// member serves test.v1.ask as one member only.
func member(t *testing.T, b *bus.Bus, id string, f func(context.Context, question) (answer, error)) {
	t.Helper()
	svc, err := b.Service("test", "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { svc.Stop() })
	if err := bus.Handle(b, svc, bus.At(id, "test.v1.ask"), 64, f); err != nil {
		t.Fatal(err)
	}
}

func reports(t *testing.T, b *bus.Bus, ids ...string) {
	t.Helper()
	for _, id := range ids {
		data, err := json.Marshal(bus.Report{Node: id})
		if err != nil {
			t.Fatal(err)
		}
		if err := b.NC.Publish(bus.Reports("test"), data); err != nil {
			t.Fatal(err)
		}
	}
}

// Of the members that report, one that hangs costs no more than patience, and one that is gone nothing. Nobody serves all of them.
func TestInsistAsksMembers(t *testing.T) {
	b := bustest.New(t)
	hung := make(chan struct{}, 1000)
	if _, err := b.NC.Subscribe(bus.At("hung", "test.v1.ask"), func(*nats.Msg) { hung <- struct{}{} }); err != nil {
		t.Fatal(err)
	}
	member(t, b, "well", func(context.Context, question) (answer, error) { return answer{"hej"}, nil })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for len(hung) == 0 { // who is asked first is drawn by lot; the first request finds nobody to ask
		reports(t, b, "hung", "gone", "well")
		got, err := bus.Insist[answer](ctx, b, "test.v1.ask", question{}, 10*time.Millisecond, func(err error) bool {
			reports(t, b, "well")
			return errors.Is(err, errs.Unavailable)
		})
		if err != nil || got.Text != "hej" {
			t.Fatalf("answered %+v, %v", got, err)
		}
	}
}

// What comes twice under one name is done once; both get the answer. Another request is another one, and one that failed is done anew.
func TestOnce(t *testing.T) {
	b := bustest.New(t)
	var came, did atomic.Int32
	var once bus.Once[answer]
	both := make(chan struct{})
	do := func(ctx context.Context, q question) (answer, error) {
		if q.Want == "both" && came.Add(1) == 2 {
			close(both)
		}
		return once.Do(ctx, func() (answer, error) {
			n := did.Add(1)
			switch {
			case q.Want == "both":
				<-both
			case q.Want == "fail" && n == 1:
				return answer{}, &errs.Error{Kind: errs.Unavailable, RetryAfter: time.Second}
			}
			return answer{fmt.Sprint(n)}, nil
		})
	}
	member(t, b, "a", do)
	member(t, b, "b", do)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ask := func(want string) string {
		t.Helper()
		got, err := bus.Insist[answer](ctx, b, "test.v1.ask", question{want}, time.Millisecond, func(err error) bool {
			reports(t, b, "a", "b")
			return errors.Is(err, errs.Unavailable)
		})
		if err != nil {
			t.Fatal(err)
		}
		return got.Text
	}
	if got := ask("both"); got != "1" || did.Load() != 1 {
		t.Errorf("done %d times, answered %s", did.Load(), got)
	}
	if first, next := ask("one"), ask("one"); first == next {
		t.Errorf("two requests were answered %s", first)
	}
	did.Store(0)
	if got := ask("fail"); got != "2" {
		t.Errorf("after an error: %s", got)
	}
	if got, err := once.Do(ctx, func() (answer, error) { return answer{"unnamed"}, nil }); err != nil || got.Text != "unnamed" {
		t.Errorf("%v, %v", got, err)
	}
}

// Work above the limit is refused at once, and the slots come back.
func TestLimit(t *testing.T) {
	b := bustest.New(t)
	entered, leave := make(chan struct{}, 8), make(chan struct{})
	serve(t, b, 2, func(context.Context, question) (answer, error) {
		entered <- struct{}{}
		<-leave
		return answer{"done"}, nil
	})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if _, err := ask(t, b, "slow"); err != nil {
				t.Error(err)
			}
		})
	}
	receive(t, entered)
	receive(t, entered)
	if _, err := ask(t, b, "one too many"); !errors.Is(err, errs.Limited) {
		t.Fatalf("got %v", err)
	}
	close(leave)
	wg.Wait()
	await(t, func() error { _, err := ask(t, b, "again"); return err })
}

func TestListenDropsGarbage(t *testing.T) {
	b := bustest.New(t)
	got := make(chan note, 4)
	sub, err := bus.Listen(b, "test.v1.note.*", func(_ context.Context, n note) { got <- n })
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Unsubscribe()
	if err := b.NC.Publish("test.v1.note.c-1", []byte("{")); err != nil {
		t.Fatal(err)
	}
	want := numbered(7)
	if err := b.Send(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, receive(t, got)); diff != "" {
		t.Fatal(diff)
	}
}

func TestTraceContextTravels(t *testing.T) {
	otel.SetTextMapPropagator(propagation.TraceContext{})
	b := bustest.New(t, stream)
	id := trace.TraceID{1, 2, 3}
	ctx := trace.ContextWithSpanContext(long(t), trace.NewSpanContext(trace.SpanContextConfig{TraceID: id, SpanID: trace.SpanID{9}}))
	if err := b.Publish(ctx, numbered(1)); err != nil {
		t.Fatal(err)
	}
	got := make(chan trace.TraceID, 1)
	stop, err := bus.Consume(t.Context(), b, bus.Consumer{Stream: stream.Name, Durable: "t"}, func(ctx context.Context, _ note) error {
		got <- trace.SpanContextFromContext(ctx).TraceID()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	if tid := receive(t, got); tid != id {
		t.Fatalf("trace %s", tid)
	}
}

// NATS restarts: what it acknowledged is there, consumers and requests go on, and what
// was published meanwhile is refused, not lost in silence.
func TestServerRestart(t *testing.T) {
	srv := bustest.NewServer(t)
	b := srv.Connect("test")
	if err := b.EnsureStreams(t.Context(), stream); err != nil {
		t.Fatal(err)
	}
	got := make(chan int, 16)
	consume(t, b, "r", func(n note) error { got <- n.N; return nil })
	serve(t, b, 4, func(context.Context, question) (answer, error) { return answer{"hej"}, nil })
	publish(t, b, numbered(1))
	if n := receive(t, got); n != 1 {
		t.Fatalf("got %d", n)
	}
	await(t, func() error { return settled(t, b, "r", 1) }) // else it would come again, rightly
	srv.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	err := b.Publish(ctx, numbered(2))
	cancel()
	if !errors.Is(err, errs.Unavailable) {
		t.Fatalf("published into nothing: %v", err)
	}
	if b.Ready(t.Context()) == nil {
		t.Fatal("ready without a server")
	}
	srv.Start()
	await(t, func() error { return b.Ready(t.Context()) })
	await(t, func() error { return b.Publish(t.Context(), numbered(3)) })
	for n := receive(t, got); n != 3; n = receive(t, got) {
		if n != 2 { // 2 may have been in the client's buffer
			t.Fatalf("got %d", n)
		}
	}
	await(t, func() error { _, err := ask(t, b, "x"); return err })
}

// settled fails until a consumer has acknowledged everything up to a message.
func settled(t *testing.T, b *bus.Bus, durable string, upTo uint64) error {
	cons, err := b.JS.Consumer(t.Context(), stream.Name, durable)
	if err != nil {
		return err
	}
	info := cons.CachedInfo()
	if info.NumAckPending+int(info.NumPending) != 0 || info.AckFloor.Stream != upTo {
		return fmt.Errorf("%d to acknowledge, %d to come, floor %d", info.NumAckPending, info.NumPending, info.AckFloor.Stream)
	}
	return nil
}

// A client may start before its server.
func TestConnectEarly(t *testing.T) {
	srv := bustest.NewServer(t)
	srv.Stop()
	b := srv.Connect("early")
	ready := make(chan error, 1)
	go func() { ready <- b.EnsureStreams(t.Context(), stream) }()
	srv.Start()
	if err := receive(t, ready); err != nil {
		t.Fatal(err)
	}
}

// Close delivers what was handed over before.
func TestCloseFlushes(t *testing.T) {
	srv := bustest.NewServer(t)
	in, out := srv.Connect("in"), srv.Connect("out")
	got := make(chan note, 64)
	if _, err := bus.Listen(in, "test.v1.note.*", func(_ context.Context, n note) { got <- n }); err != nil {
		t.Fatal(err)
	}
	if err := in.NC.Flush(); err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		if err := out.Send(t.Context(), numbered(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		if n := receive(t, got); n.N != i {
			t.Fatalf("got %d, want %d", n.N, i)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatalf("second close: %v", err)
	}
	if err := out.Send(t.Context(), numbered(1)); !errors.Is(err, nats.ErrConnectionClosed) {
		t.Fatalf("sent on a closed bus: %v", err)
	}
}

// Logs name subjects and errors, never the content of a message.
func TestLogsHoldNoContent(t *testing.T) {
	srv := bustest.NewServer(t)
	var buf syncBuffer
	b, err := bus.Connect("log", bus.Config{}, slog.New(slog.NewTextHandler(&buf, nil)), srv.Option())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	if err := b.EnsureStreams(t.Context(), stream); err != nil {
		t.Fatal(err)
	}
	if _, err := b.JS.Publish(long(t), "test.v1.note.c-9", []byte(`{"n":"jeg hedder Bente"}`)); err != nil {
		t.Fatal(err)
	}
	consume(t, b, "log", func(note) error { return nil })
	await(t, func() error {
		if !strings.Contains(buf.String(), "test.v1.note.c-9") {
			return errors.New("the dropped event was not logged")
		}
		return nil
	})
	if strings.Contains(buf.String(), "Bente") {
		t.Fatalf("content in the log:\n%s", buf.String())
	}
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
