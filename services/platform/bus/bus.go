// Package bus is NATS as the services use it: events on JetStream that are stored
// once and consumed idempotently, requests with typed bodies and error kinds, and
// plain core messages for audio and partials.
//
// A service of several processes is asked by a queue group, or, where its processes report ([Report]), one by one: [Insist].
//
// A Bus owns one connection; Close drains it. Handlers run on the subscription's
// goroutine (core) or the consumer's (JetStream), one message at a time per
// subscription. Trace context travels in message headers.
package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nats.go/micro"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/platform/errs"
)

// Config says how to reach NATS.
type Config struct {
	URL   string `env:"SAMTALE_NATS_URL" envDefault:"nats://127.0.0.1:4222"`
	Creds string `env:"SAMTALE_NATS_CREDS"` // path of a NATS credentials file
}

// Bus is a connection to NATS with its JetStream context.
type Bus struct {
	NC  *nats.Conn
	JS  jetstream.JetStream
	log *slog.Logger
	tr  trace.Tracer

	mu    sync.Mutex
	crews map[string]*crew // of the services that were asked, by name
}

// Connect dials NATS and keeps reconnecting for ever; messages published while the
// connection is away fail with errs.Unavailable once the buffer is full. Extra
// options (nats.InProcessServer in standalone) come last.
func Connect(name string, cfg Config, log *slog.Logger, opts ...nats.Option) (*Bus, error) {
	all := []nats.Option{
		nats.Name(name),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(200 * time.Millisecond),
		nats.ReconnectJitter(100*time.Millisecond, 100*time.Millisecond),
		nats.RetryOnFailedConnect(true),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("bus disconnected", "err", err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { log.Info("bus reconnected") }),
		nats.ErrorHandler(func(_ *nats.Conn, s *nats.Subscription, err error) {
			if s != nil {
				log.Warn("bus error", "subject", s.Subject, "err", err)
				return
			}
			log.Warn("bus error", "err", err)
		}),
	}
	if cfg.Creds != "" {
		all = append(all, nats.UserCredentials(cfg.Creds))
	}
	nc, err := nats.Connect(cfg.URL, append(all, opts...)...)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("open JetStream: %w", err)
	}
	return &Bus{NC: nc, JS: js, log: log, tr: otel.Tracer("samtale/bus")}, nil
}

// Close drains subscriptions and pending publishes, then closes the connection.
func (b *Bus) Close() error {
	if b.NC.IsClosed() {
		return nil
	}
	closed := make(chan struct{})
	b.NC.SetClosedHandler(func(*nats.Conn) { close(closed) })
	if err := b.NC.Drain(); err != nil {
		b.NC.Close()
		return err
	}
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		b.NC.Close()
	}
	return nil
}

// Ready reports whether the connection and JetStream answer.
func (b *Bus) Ready(ctx context.Context) error {
	if !b.NC.IsConnected() {
		return errs.E(errs.Unavailable, "", errors.New("not connected to NATS"))
	}
	_, err := b.JS.AccountInfo(ctx)
	return err
}

// Stream describes a JetStream stream that a service needs.
type Stream struct {
	Name     string
	Subjects []string
	MaxAge   time.Duration // 0: kept until erased by other rules
}

// EnsureStreams creates or updates streams (file storage, duplicates window 10 min),
// waiting for NATS to come up as long as ctx lives.
func (b *Bus) EnsureStreams(ctx context.Context, streams ...Stream) error {
	for _, s := range streams {
		cfg := jetstream.StreamConfig{
			Name: s.Name, Subjects: s.Subjects, MaxAge: s.MaxAge,
			Storage: jetstream.FileStorage, Duplicates: 10 * time.Minute,
		}
		if s.MaxAge > 0 && s.MaxAge < cfg.Duplicates {
			cfg.Duplicates = s.MaxAge
		}
		err := b.Retry(ctx, func() error {
			_, err := b.JS.CreateOrUpdateStream(ctx, cfg)
			return err
		})
		if err != nil {
			return fmt.Errorf("stream %s: %w", s.Name, err)
		}
	}
	return nil
}

// Retry calls f until it succeeds or ctx ends, then with f's last error: when a service starts, the bus may be away, or slow because
// all start at once.
func (b *Bus) Retry(ctx context.Context, f func() error) error {
	for {
		err := f()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(250 * time.Millisecond):
		}
	}
}

// Publish stores an event on its JetStream subject; it returns when the stream has
// acknowledged it. Publishing the same id again is harmless.
func (b *Bus) Publish(ctx context.Context, m event.Message, opts ...jetstream.PublishOpt) error {
	msg, err := b.message(ctx, m)
	if err != nil {
		return err
	}
	opts = append([]jetstream.PublishOpt{jetstream.WithMsgID(m.Envelope().ID)}, opts...)
	if _, err := b.JS.PublishMsg(ctx, msg, opts...); err != nil {
		return errs.E(errs.Unavailable, "", fmt.Errorf("publish %s: %w", m.Envelope().Type, err))
	}
	return nil
}

// Send publishes a message over core NATS: at most once, stored nowhere.
func (b *Bus) Send(ctx context.Context, m event.Message) error {
	msg, err := b.message(ctx, m)
	if err != nil {
		return err
	}
	return b.NC.PublishMsg(msg)
}

func (b *Bus) message(ctx context.Context, m event.Message) (*nats.Msg, error) {
	data, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", m.Envelope().Type, err)
	}
	msg := nats.NewMsg(m.Subject())
	msg.Data = data
	inject(ctx, msg.Header)
	return msg, nil
}

// Listen calls f for every core message on subject, decoded into T. Messages that do
// not decode are logged by subject and dropped.
func Listen[T any](b *Bus, subject string, f func(ctx context.Context, v T)) (*nats.Subscription, error) {
	return b.NC.Subscribe(subject, func(m *nats.Msg) {
		var v T
		if err := json.Unmarshal(m.Data, &v); err != nil {
			b.log.Warn("dropped a message that does not decode", "subject", m.Subject, "err", err)
			return
		}
		f(extract(context.Background(), m.Header), v)
	})
}

// Consumer says how to consume a stream.
type Consumer struct {
	Stream   string
	Durable  string   // unique per service and purpose
	Subjects []string // filter; empty: all of the stream
}

// ErrSkip tells Consume that a message can never be handled; it is terminated.
var ErrSkip = errors.New("message can never be handled")

// Consume calls f for every event, in order, at least once: an error redelivers it
// (with growing delay, without limit), ErrSkip drops it with a log line. The returned
// stop function ends consumption and waits for the handler at work.
func Consume[T any](ctx context.Context, b *Bus, c Consumer, f func(ctx context.Context, v T) error) (stop func(), err error) {
	cfg := jetstream.ConsumerConfig{
		Durable: c.Durable, FilterSubjects: c.Subjects,
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: 30 * time.Second,
		MaxDeliver: -1, MaxAckPending: 1, // in order
		DeliverPolicy: jetstream.DeliverAllPolicy,
	}
	var cons jetstream.Consumer
	err = b.Retry(ctx, func() error {
		cons, err = b.JS.CreateOrUpdateConsumer(ctx, c.Stream, cfg)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("consumer %s: %w", c.Durable, err)
	}
	cc, err := cons.Consume(func(m jetstream.Msg) { handle(b, c.Durable, m, f) })
	if err != nil {
		return nil, fmt.Errorf("consume %s: %w", c.Durable, err)
	}
	return func() { cc.Drain(); <-cc.Closed() }, nil
}

func handle[T any](b *Bus, durable string, m jetstream.Msg, f func(context.Context, T) error) {
	ctx := extract(context.Background(), m.Headers())
	ctx, span := b.tr.Start(ctx, "consume "+durable, trace.WithSpanKind(trace.SpanKindConsumer))
	defer span.End()
	var v T
	err := json.Unmarshal(m.Data(), &v)
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrSkip, err)
	} else {
		err = f(ctx, v)
	}
	switch {
	case err == nil:
		m.Ack()
	case errors.Is(err, ErrSkip):
		b.log.Error("event dropped", "consumer", durable, "subject", m.Subject(), "err", err)
		m.Term()
	default:
		md, mdErr := m.Metadata()
		delay := time.Second
		if mdErr == nil {
			delay = min(time.Duration(md.NumDelivered)*500*time.Millisecond, 30*time.Second)
		}
		b.log.Warn("event will be redelivered", "consumer", durable, "subject", m.Subject(), "err", err, "in", delay)
		m.NakWithDelay(delay)
	}
}

// Headers that carry an error back to the caller of a request.
const (
	headerKind  = "Samtale-Error-Kind"
	headerText  = "Samtale-Error-Text"
	headerRetry = "Samtale-Retry-After"
)

// Request sends req and decodes the answer. Errors of the other side come back with
// their kind and text; no answer in time, or nobody there, is errs.Unavailable.
func Request[Resp, Req any](ctx context.Context, b *Bus, subject string, req Req) (Resp, error) {
	var resp Resp
	data, err := json.Marshal(req)
	if err != nil {
		return resp, fmt.Errorf("encode request: %w", err)
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
	}
	ctx, span := b.tr.Start(ctx, "request "+subject, trace.WithSpanKind(trace.SpanKindClient))
	defer span.End()
	msg := nats.NewMsg(subject)
	msg.Data = data
	inject(ctx, msg.Header)
	if name, _ := ctx.Value(sendsName{}).(string); name != "" {
		msg.Header.Set(headerName, name)
	}
	m, err := b.NC.RequestMsgWithContext(ctx, msg)
	if err != nil {
		return resp, errs.E(errs.Unavailable, "", fmt.Errorf("request %s: %w", subject, err))
	}
	if kind := errs.Kind(m.Header.Get(headerKind)); kind != "" {
		if !kind.Known() {
			kind = errs.Internal
		}
		e := errs.E(kind, m.Header.Get(headerText), nil)
		e.RetryAfter, _ = time.ParseDuration(m.Header.Get(headerRetry))
		return resp, e
	}
	if err := json.Unmarshal(m.Data, &resp); err != nil {
		return resp, fmt.Errorf("decode answer of %s: %w", subject, err)
	}
	return resp, nil
}

// Service starts a described service (nats.go/micro) to add endpoints to.
func (b *Bus) Service(name, description string) (micro.Service, error) {
	return micro.AddService(b.NC, micro.Config{Name: name, Version: "1.0.0", Description: description})
}

// Handle adds a typed endpoint on a subject; members of the service share the work.
// Each request runs on its own goroutine, at most limit at once; more are refused
// with errs.Limited, so that a slow dependency cannot pile work up.
func Handle[Req, Resp any](b *Bus, s micro.Service, subject string, limit int, f func(ctx context.Context, req Req) (Resp, error)) error {
	slots := make(chan struct{}, limit)
	name := endpointName(subject)
	h := func(r micro.Request) {
		select {
		case slots <- struct{}{}:
		default:
			b.respondErr(r, errs.E(errs.Limited, "", nil))
			return
		}
		go func() {
			defer func() { <-slots }()
			b.serve(r, subject, func(ctx context.Context) (any, error) {
				var req Req
				if err := json.Unmarshal(r.Data(), &req); err != nil {
					return nil, errs.E(errs.Invalid, "", err)
				}
				return f(ctx, req)
			})
		}()
	}
	return s.AddEndpoint(name, micro.HandlerFunc(h), micro.WithEndpointSubject(subject))
}

func (b *Bus) serve(r micro.Request, subject string, f func(ctx context.Context) (any, error)) {
	ctx := extract(context.Background(), nats.Header(r.Headers()))
	ctx = context.WithValue(ctx, hasName{}, r.Headers().Get(headerName))
	ctx, span := b.tr.Start(ctx, "serve "+subject, trace.WithSpanKind(trace.SpanKindServer))
	defer span.End()
	defer func() {
		if p := recover(); p != nil {
			b.log.Error("handler panicked", "subject", subject, "panic", fmt.Sprint(p))
			b.respondErr(r, errs.E(errs.Internal, "", nil))
		}
	}()
	resp, err := f(ctx)
	if err != nil {
		switch errs.KindOf(err) {
		case errs.Internal:
			b.log.Error("request failed", "subject", subject, "err", err)
		case errs.Unavailable: // something is away or still starting; who asked is told to come back
			b.log.Warn("request refused", "subject", subject, "err", err)
		}
		b.respondErr(r, err)
		return
	}
	data, err := json.Marshal(resp)
	if err != nil {
		b.respondErr(r, err)
		return
	}
	if most := b.NC.MaxPayload(); int64(len(data)) > most { // who asks must not wait for what no message can hold
		b.log.Error("reply too long", "subject", subject, "bytes", len(data), "most", most)
		b.respondErr(r, errs.E(errs.Internal, "Svaret er for stort til at blive sendt.", nil))
		return
	}
	r.Respond(data)
}

func (b *Bus) respondErr(r micro.Request, err error) {
	h := micro.Headers{headerKind: {string(errs.KindOf(err))}}
	var e *errs.Error
	if errors.As(err, &e) {
		if e.Text != "" {
			h[headerText] = []string{e.Text}
		}
		if e.RetryAfter > 0 {
			h[headerRetry] = []string{e.RetryAfter.String()}
		}
	}
	r.Respond(nil, micro.WithHeaders(h))
}

func endpointName(subject string) string {
	out := []byte(subject)
	for i, c := range out {
		if c == '.' || c == '*' || c == '>' {
			out[i] = '-'
		}
	}
	return string(out)
}

func inject(ctx context.Context, h nats.Header) {
	otel.GetTextMapPropagator().Inject(ctx, propagation.HeaderCarrier(h))
}

func extract(ctx context.Context, h nats.Header) context.Context {
	return otel.GetTextMapPropagator().Extract(ctx, propagation.HeaderCarrier(h))
}
