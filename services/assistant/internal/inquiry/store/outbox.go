package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"

	"samtale.dk/samtale/services/contract/event"
)

// Lanes of the outbox. Each is sent in order, and one that is stuck does not hold up the other.
const (
	LaneBus   = "bus"   // events
	LaneWork  = "work"  // workflows to start, or to tell that something has changed
	LaneParty = "party" // conversations whose citizen the journal is to know
)

// Out is one thing to be told to others. It is sent at least once.
type Out struct {
	ID      string // of the row
	Target  string // bus: the subject; else the inquiry
	EventID string // bus
	Body    []byte // bus: the event
}

// Publish puts an event in the outbox.
func (t *Tx) Publish(ctx context.Context, m event.Message) error {
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode %s: %w", m.Envelope().Type, err)
	}
	return t.put(ctx, LaneBus, Out{EventID: m.Envelope().ID, Target: m.Subject(), Body: body})
}

// Nudge has the inquiry's workflow plan anew, and starts it when it does not run.
func (t *Tx) Nudge(ctx context.Context, inquiry string) error {
	return t.put(ctx, LaneWork, Out{Target: inquiry})
}

// Introduce has the journal told who the inquiry's citizen is.
func (t *Tx) Introduce(ctx context.Context, inquiry string) error {
	return t.put(ctx, LaneParty, Out{Target: inquiry})
}

func (t *Tx) put(ctx context.Context, lane string, o Out) error {
	// Digits of equal length, so that text sorts like time; the random part keeps two services on one database apart.
	id := fmt.Sprintf("%020d-%s", t.order(), rand.Text()[:8])
	_, err := t.Exec(ctx, `INSERT INTO inquiry_outbox (id, lane, target, event_id, body) VALUES (?, ?, ?, ?, ?)`,
		id, lane, o.Target, o.EventID, string(o.Body))
	return err
}

// Outbox returns the oldest rows of a lane.
func (t *Tx) Outbox(ctx context.Context, lane string, limit int) ([]Out, error) {
	rows, err := t.Query(ctx, `SELECT id, target, event_id, body FROM inquiry_outbox WHERE lane = ? ORDER BY id LIMIT ?`, lane, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Out
	for rows.Next() {
		var o Out
		var body string
		if err := rows.Scan(&o.ID, &o.Target, &o.EventID, &body); err != nil {
			return nil, err
		}
		o.Body = []byte(body)
		out = append(out, o)
	}
	return out, rows.Err()
}

// Sent removes rows of the outbox.
func (t *Tx) Sent(ctx context.Context, ids ...string) error {
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	_, err := t.Exec(ctx, `DELETE FROM inquiry_outbox WHERE id IN (?`+strings.Repeat(", ?", len(ids)-1)+`)`, args...)
	return err
}

// Wake tells when a lane may have something to send.
func (s *Store) Wake(lane string) <-chan struct{} { return s.wake[lane] }
