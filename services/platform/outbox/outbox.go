// Package outbox tells others what a service's database has decided: a row is written in the transaction of the change, and
// leaves the table when the bus or the workflow service has it. So everything that was committed is told at least once, in order
// within its lane, also after a crash; receivers are idempotent.
//
// A Box is one table with the columns id, lane, target, name, event_id and body, and an index on (lane, id). It is safe for
// concurrent use; one Pump runs for each lane.
package outbox

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/store"
)

// Row is one thing to be told to others.
type Row struct {
	ID      string // of the row
	Target  string // of an event: the subject
	Name    string
	EventID string // of an event: makes sending it twice harmless
	Body    []byte
}

// Box is the outbox of a service.
type Box struct {
	db    *store.DB
	table string
	wake  map[string]chan struct{} // by lane: there may be something to send
	last  atomic.Int64             // order of the newest row
}

// New returns the box over a table of a migrated database. Lanes do not hold each other up.
func New(db *store.DB, table string, lanes ...string) *Box {
	b := &Box{db: db, table: table, wake: map[string]chan struct{}{}}
	for _, lane := range lanes {
		b.wake[lane] = make(chan struct{}, 1)
	}
	return b
}

// Put adds a row in a transaction.
func (b *Box) Put(ctx context.Context, tx *store.Tx, lane string, r Row) error {
	// Digits of equal length, so that text sorts like time; the random part keeps two processes on one database apart.
	id := fmt.Sprintf("%020d-%s", b.order(), rand.Text()[:8])
	_, err := tx.Exec(ctx, `INSERT INTO `+b.table+` (id, lane, target, name, event_id, body) VALUES (?, ?, ?, ?, ?, ?)`,
		id, lane, r.Target, r.Name, r.EventID, string(r.Body))
	return err
}

// PutEvent adds an event in a transaction.
func (b *Box) PutEvent(ctx context.Context, tx *store.Tx, lane string, m event.Message) error {
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode %s: %w", m.Envelope().Type, err)
	}
	return b.Put(ctx, tx, lane, Row{EventID: m.Envelope().ID, Target: m.Subject(), Body: body})
}

// order gives rows their place: the time in nanoseconds, but always more than the one before.
func (b *Box) order() int64 {
	for {
		last := b.last.Load()
		next := max(last+1, time.Now().UnixNano())
		if b.last.CompareAndSwap(last, next) {
			return next
		}
	}
}

// InTx runs f in a transaction and wakes the pumps for the rows that it put; an error rolls all of it back. f may run again.
func (b *Box) InTx(ctx context.Context, f func(tx *store.Tx) error) error {
	err := b.db.InTx(ctx, f)
	if err == nil {
		b.committed()
	}
	return err
}

func (b *Box) committed() {
	for _, c := range b.wake {
		select {
		case c <- struct{}{}:
		default: // already awake
		}
	}
}

// Woken tells when a lane may have something to send.
func (b *Box) Woken(lane string) <-chan struct{} { return b.wake[lane] }

// Pending returns the oldest rows of a lane.
func (b *Box) Pending(ctx context.Context, lane string, limit int) ([]Row, error) {
	return store.List(ctx, b.db.Read(), func(row store.Row) (Row, error) {
		var r Row
		var body string
		if err := row.Scan(&r.ID, &r.Target, &r.Name, &r.EventID, &body); err != nil {
			return r, err
		}
		r.Body = []byte(body)
		return r, nil
	}, `SELECT id, target, name, event_id, body FROM `+b.table+` WHERE lane = ? ORDER BY id LIMIT ?`, lane, limit)
}

// Remove takes rows out that were sent.
func (b *Box) Remove(ctx context.Context, ids ...string) error {
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	_, err := b.db.Read().Exec(ctx, `DELETE FROM `+b.table+` WHERE id IN (?`+strings.Repeat(", ?", len(ids)-1)+`)`, args...)
	return err
}

const (
	batch = 64 // rows read at once
	// idle is how often a lane is looked at without having been woken: another process on the same database may have died
	// with rows in it.
	idle      = 5 * time.Second
	retryWait = time.Second
	sendLimit = 10 * time.Second
)

// Sender passes a row on. It is called again for a row that it could not send, and may be for one that it has sent.
type Sender func(ctx context.Context, r Row) error

// Pump passes a lane on, in order, until ctx ends. A row that cannot be sent now is tried again; rows behind it wait. Sent, if
// not nil, hears how many rows have gone.
func (b *Box) Pump(ctx context.Context, log *slog.Logger, lane string, send Sender, sent func(rows int)) error {
	for {
		wait := idle
		n, err := b.drain(ctx, lane, send)
		if n > 0 && sent != nil {
			sent(n)
		}
		switch {
		case err != nil && ctx.Err() == nil:
			log.Warn("outbox waits", "table", b.table, "lane", lane, "err", err)
			wait = retryWait
		case n == batch:
			wait = 0
		}
		select {
		case <-ctx.Done():
			return nil
		case <-b.wake[lane]:
		case <-time.After(wait):
		}
	}
}

func (b *Box) drain(ctx context.Context, lane string, send Sender) (int, error) {
	rows, err := b.Pending(ctx, lane, batch)
	if err != nil {
		return 0, err
	}
	var gone []string
	for _, r := range rows {
		sendCtx, cancel := context.WithTimeout(ctx, sendLimit)
		err = send(sendCtx, r)
		cancel()
		if err != nil {
			break
		}
		gone = append(gone, r.ID)
	}
	if len(gone) == 0 {
		return 0, err
	}
	// Removed at once, for each removal is a write to the disk; what a crash leaves behind is sent again. Stopping does not
	// keep what was sent.
	return len(gone), errors.Join(err, b.Remove(context.WithoutCancel(ctx), gone...))
}

// ToBus is the Sender of events.
func ToBus(b *bus.Bus) Sender {
	return func(ctx context.Context, r Row) error {
		msg := nats.NewMsg(r.Target)
		msg.Data = r.Body
		_, err := b.JS.PublishMsg(ctx, msg, jetstream.WithMsgID(r.EventID))
		return err
	}
}
