package store

import (
	"context"
	"time"

	"samtale.dk/samtale/services/platform/store"
)

// Message is one message of a chat, sealed.
type Message struct {
	Seq    int
	ID     string
	At     time.Time
	Sender string // inquiryv1.FromCitizen …
	Sealed []byte
}

// AddMessage keeps a message. The caller has numbered it and saves the inquiry in the same transaction.
func (t *Tx) AddMessage(ctx context.Context, inquiry string, m Message) error {
	_, err := t.Exec(ctx, `INSERT INTO inquiry_message (inquiry_id, seq, id, at, sender, sealed) VALUES (?, ?, ?, ?, ?, ?)`,
		inquiry, m.Seq, m.ID, store.Micros(m.At), m.Sender, m.Sealed)
	return err
}

// Message reads one by the id that its sender gave it; errs.NotFound when there is none.
func (t *Tx) Message(ctx context.Context, inquiry, id string) (Message, error) {
	return scanMessage(t.QueryRow(ctx, `SELECT seq, id, at, sender, sealed FROM inquiry_message WHERE inquiry_id = ? AND id = ?`, inquiry, id))
}

// Messages lists those after a number, in order.
func (t *Tx) Messages(ctx context.Context, inquiry string, after, limit int) ([]Message, error) {
	return store.List(ctx, t.Tx, scanMessage, `SELECT seq, id, at, sender, sealed FROM inquiry_message WHERE inquiry_id = ? AND seq > ? ORDER BY seq LIMIT ?`,
		inquiry, after, limit)
}

func scanMessage(row store.Row) (Message, error) {
	var m Message
	var at int64
	err := row.Scan(&m.Seq, &m.ID, &at, &m.Sender, &m.Sealed)
	m.At = store.Time(at)
	return m, store.Wrap(err)
}

// Unread counts the messages after a number that others than sender wrote.
func (t *Tx) Unread(ctx context.Context, inquiry, sender string, after int) (int, error) {
	var n int
	err := t.QueryRow(ctx, `SELECT COUNT(*) FROM inquiry_message WHERE inquiry_id = ? AND sender <> ? AND seq > ?`, inquiry, sender, after).Scan(&n)
	return n, store.Wrap(err)
}

// Leg is one writer of the chat as a leg of the conversation's transcript. Positions are samples at 16 kHz: HeardTo since
// the leg began, Offset since the inquiry was opened.
type Leg struct {
	ID       string
	Role     string
	User     string
	Offset   int64
	HeardTo  int64
	NextWord int
}

// PutLeg keeps a leg as it is now.
func (t *Tx) PutLeg(ctx context.Context, inquiry string, l Leg) error {
	_, err := t.Exec(ctx, `INSERT INTO inquiry_leg (id, inquiry_id, role, user_id, offset_pos, heard_to, next_word) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET heard_to = excluded.heard_to, next_word = excluded.next_word`,
		l.ID, inquiry, l.Role, l.User, l.Offset, l.HeardTo, l.NextWord)
	return err
}

// Legs lists the legs, oldest first.
func (t *Tx) Legs(ctx context.Context, inquiry string) ([]Leg, error) {
	return store.List(ctx, t.Tx, func(row store.Row) (Leg, error) {
		var l Leg
		err := row.Scan(&l.ID, &l.Role, &l.User, &l.Offset, &l.HeardTo, &l.NextWord)
		return l, err
	}, `SELECT id, role, user_id, offset_pos, heard_to, next_word FROM inquiry_leg WHERE inquiry_id = ?
		ORDER BY offset_pos, id`, inquiry)
}

// Step is one line of an inquiry's history. Its note is sealed.
type Step struct {
	At   time.Time
	What string
	Area string
	Note []byte
}

// AddStep appends a step.
func (t *Tx) AddStep(ctx context.Context, inquiry string, s Step) error {
	_, err := t.Exec(ctx, `INSERT INTO inquiry_step (inquiry_id, n, at, what, area, note)
		VALUES (?, (SELECT COALESCE(MAX(n), 0) + 1 FROM inquiry_step WHERE inquiry_id = ?), ?, ?, ?, ?)`,
		inquiry, inquiry, store.Micros(s.At), s.What, s.Area, s.Note)
	return err
}

// Steps lists an inquiry's steps in order.
func (t *Tx) Steps(ctx context.Context, inquiry string) ([]Step, error) {
	return store.List(ctx, t.Tx, func(row store.Row) (Step, error) {
		var s Step
		var at int64
		if err := row.Scan(&at, &s.What, &s.Area, &s.Note); err != nil {
			return s, err
		}
		s.At = store.Time(at)
		return s, nil
	}, `SELECT at, what, area, note FROM inquiry_step WHERE inquiry_id = ? ORDER BY n`, inquiry)
}

// DeleteWords deletes what was written: the messages' text. Their numbers and times stay.
func (t *Tx) DeleteWords(ctx context.Context, inquiry string) error {
	_, err := t.Exec(ctx, `UPDATE inquiry_message SET sealed = NULL WHERE inquiry_id = ?`, inquiry)
	return err
}

// DeleteNotes deletes the notes of the steps.
func (t *Tx) DeleteNotes(ctx context.Context, inquiry string) error {
	_, err := t.Exec(ctx, `UPDATE inquiry_step SET note = NULL WHERE inquiry_id = ?`, inquiry)
	return err
}
