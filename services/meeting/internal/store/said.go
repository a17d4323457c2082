package store

import (
	"context"
	"time"

	"samtale.dk/samtale/services/platform/store"
)

// AddSaid keeps a sealed message; added is false when it is there already.
func (t *Tx) AddSaid(ctx context.Context, meeting, id string, at time.Time, sealed []byte) (added bool, err error) {
	r, err := t.Exec(ctx, `INSERT INTO said (meeting_id, id, at, sealed) VALUES (?, ?, ?, ?) ON CONFLICT (meeting_id, id) DO NOTHING`,
		meeting, id, store.Micros(at), sealed)
	if err != nil {
		return false, err
	}
	n, err := r.RowsAffected()
	return n > 0, err
}

// Said reads the newest messages of a meeting, sealed, oldest first.
func (t *Tx) Said(ctx context.Context, meeting string, limit int) ([][]byte, error) {
	return store.List(ctx, t.Tx, store.Column[[]byte], `SELECT sealed FROM (SELECT at, id, sealed FROM said WHERE meeting_id = ?
		ORDER BY at DESC, id DESC LIMIT ?) AS newest ORDER BY at, id`, meeting, limit)
}

// Leg is how far a leg of a meeting has come.
type Leg struct {
	ID       string
	Writer   string // the participant of a typed leg; empty: a spoken one
	Speaker  string // the participant of a spoken leg
	Samples  int64
	NextWord int64 // of a typed leg
}

// PutLeg keeps how far a leg has come. It never gets shorter.
func (t *Tx) PutLeg(ctx context.Context, meeting string, l Leg) error {
	_, err := t.Exec(ctx, `INSERT INTO leg (meeting_id, id, writer, speaker, samples, next_word) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (meeting_id, id) DO UPDATE SET samples = excluded.samples, next_word = excluded.next_word
		WHERE leg.samples < excluded.samples`, meeting, l.ID, l.Writer, l.Speaker, l.Samples, l.NextWord)
	return err
}

// Legs reads how far the legs of a meeting have come.
func (t *Tx) Legs(ctx context.Context, meeting string) ([]Leg, error) {
	rows, err := t.Query(ctx, `SELECT id, writer, speaker, samples, next_word FROM leg WHERE meeting_id = ? ORDER BY id`, meeting)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Leg
	for rows.Next() {
		var l Leg
		if err := rows.Scan(&l.ID, &l.Writer, &l.Speaker, &l.Samples, &l.NextWord); err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, rows.Err()
}

// hold notes that a meeting's room was at a node now.
func (t *Tx) hold(ctx context.Context, meeting string, now time.Time) error {
	_, err := t.Exec(ctx, `INSERT INTO held (meeting_id, at) VALUES (?, ?) ON CONFLICT (meeting_id) DO UPDATE SET at = excluded.at`,
		meeting, store.Micros(now))
	return err
}

// Hold notes that this node has a room now; ErrElsewhere when it has not any more.
func (t *Tx) Hold(ctx context.Context, meeting string, epoch int64, now time.Time) error {
	if err := t.Fence(ctx, meeting, epoch); err != nil {
		return err
	}
	return t.hold(ctx, meeting, now)
}

// Abandoned lists live meetings whose room no node has had since a time.
func (t *Tx) Abandoned(ctx context.Context, since time.Time) ([]string, error) {
	return t.list(ctx, `SELECT m.id FROM meeting m LEFT JOIN held h ON h.meeting_id = m.id
		WHERE m.state = 'live' AND m.erased_at = 0 AND m.node = '' AND (h.at IS NULL OR h.at < ?) ORDER BY m.id LIMIT 100`, store.Micros(since))
}
