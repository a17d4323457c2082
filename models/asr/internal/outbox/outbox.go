// Package outbox carries events from an engine to the reader of a session without ever blocking the engine.
//
// Finals and markers queue up to a limit; a partial is kept only until something newer comes. One goroutine per Box moves
// events to the channel; it ends when the box is closed and drained, or at once on Abort.
package outbox

import (
	"sync"

	"samtale.dk/samtale/models/asr"
)

// Limit is how many undelivered finals and markers a session may have. A reader that far behind has stopped reading: at one
// utterance in two seconds it is over half an hour.
const Limit = 2048

// Box is safe for one sender and one reader.
type Box struct {
	mu      sync.Mutex
	queue   []asr.Event
	partial *asr.Event
	closed  bool
	wake    chan struct{}
	stop    chan struct{}
	once    sync.Once
	out     chan asr.Event
}

// New starts a box.
func New() *Box {
	b := &Box{wake: make(chan struct{}, 1), stop: make(chan struct{}), out: make(chan asr.Event)}
	go b.run()
	return b
}

// Events is closed after Close once everything is delivered, or right after Abort.
func (b *Box) Events() <-chan asr.Event { return b.out }

// Put queues an event. It fails with asr.ErrBehind when the reader has stopped, with asr.ErrClosed after Close.
func (b *Box) Put(e asr.Event) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return asr.ErrClosed
	}
	if e.Kind == asr.Partial {
		b.partial = &e
	} else {
		if len(b.queue) >= Limit {
			return asr.ErrBehind
		}
		b.partial = nil // a decision makes the guess before it stale
		b.queue = append(b.queue, e)
	}
	b.signal()
	return nil
}

// Close lets the reader have what is queued, then closes the channel.
func (b *Box) Close() {
	b.mu.Lock()
	b.closed = true
	b.partial = nil
	b.signal()
	b.mu.Unlock()
}

// Abort drops what is queued and closes the channel.
func (b *Box) Abort() {
	b.once.Do(func() { close(b.stop) })
	b.Close()
}

func (b *Box) signal() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

func (b *Box) run() {
	defer close(b.out)
	for {
		e, ok, done := b.take()
		if done {
			return
		}
		if !ok {
			select {
			case <-b.wake:
			case <-b.stop:
				return
			}
			continue
		}
		select {
		case b.out <- e:
		case <-b.stop:
			return
		}
	}
}

func (b *Box) take() (e asr.Event, ok, done bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.queue) > 0 {
		e, b.queue = b.queue[0], b.queue[1:]
		return e, true, false
	}
	if b.partial != nil {
		e, b.partial = *b.partial, nil
		return e, true, false
	}
	return e, false, b.closed
}
