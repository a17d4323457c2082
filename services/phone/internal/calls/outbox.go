package calls

import (
	"context"
	"log/slog"
	"time"
)

// outbox sends a call's events in order and at least once: an item that fails is
// tried again until it goes through or the outbox is given up. One goroutine per
// call; the call never waits for the bus.
type outbox struct {
	log   *slog.Logger
	items chan item
	done  chan struct{}
}

type item struct {
	what string
	send func(ctx context.Context) error
}

const (
	// outboxSize is more than a call makes while the bus is away for some minutes.
	outboxSize = 256
	retryMin   = 200 * time.Millisecond
	retryMax   = 5 * time.Second
)

// newOutbox starts sending; ctx gives everything up that was not sent.
func newOutbox(ctx context.Context, log *slog.Logger) *outbox {
	o := &outbox{log: log, items: make(chan item, outboxSize), done: make(chan struct{})}
	go o.run(ctx)
	return o
}

func (o *outbox) run(ctx context.Context) {
	defer close(o.done)
	for it := range o.items {
		if !o.deliver(ctx, it) {
			o.log.Error("call event given up", "event", it.what)
		}
	}
}

func (o *outbox) deliver(ctx context.Context, it item) bool {
	for pause := retryMin; ; pause = min(2*pause, retryMax) {
		err := it.send(ctx)
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		if pause == 4*retryMin { // once it is no hiccup, not each time
			o.log.Warn("call event waits for the bus", "event", it.what, "err", err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return false
		}
	}
}

// add queues an event. It belongs to the call's goroutine.
func (o *outbox) add(what string, send func(ctx context.Context) error) {
	select {
	case o.items <- item{what, send}:
	default:
		o.log.Error("call event dropped, too many wait", "event", what)
	}
}

// close says that nothing more comes; done is closed when all is sent.
func (o *outbox) close() { close(o.items) }
