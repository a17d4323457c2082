package store

import (
	"context"
	"time"

	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/platform/store"
)

// Note is a row: the note's title and sentences are sealed.
type Note struct {
	ID             string
	ConversationID string
	State          string
	Version        int
	Template       string
	Sealed         []byte
	Hash           string
	Signature      string
	ApprovedBy     string
	ApprovedAt     time.Time
	RemindAt       time.Time
	DeadlineAt     time.Time
	UpdatedAt      time.Time
	UpdatedBy      string
}

const noteColumns = `id, conversation_id, state, version, template, sealed, hash, signature, approved_by, approved_at,
	remind_at, deadline_at, updated_at, updated_by`

// AddNote keeps a new note; errs.Conflict when the conversation has one.
func (t *Tx) AddNote(ctx context.Context, n Note) error {
	_, err := t.Exec(ctx, `INSERT INTO note (`+noteColumns+`) VALUES (?, ?, ?, ?, ?, ?, '', '', '', 0, ?, ?, ?, ?)`,
		n.ID, n.ConversationID, n.State, n.Version, n.Template, n.Sealed,
		store.Micros(n.RemindAt), store.Micros(n.DeadlineAt), store.Micros(n.UpdatedAt), n.UpdatedBy)
	return err
}

// Note reads a note by its id or its conversation's; errs.NotFound when there is none.
func (t *Tx) Note(ctx context.Context, id string) (Note, error) {
	var n Note
	var approved, remind, deadline, updated int64
	err := t.QueryRow(ctx, `SELECT `+noteColumns+` FROM note WHERE id = ? OR conversation_id = ?`, id, id).
		Scan(&n.ID, &n.ConversationID, &n.State, &n.Version, &n.Template, &n.Sealed, &n.Hash, &n.Signature, &n.ApprovedBy, &approved,
			&remind, &deadline, &updated, &n.UpdatedBy)
	n.ApprovedAt, n.RemindAt, n.DeadlineAt, n.UpdatedAt = store.Time(approved), store.Time(remind), store.Time(deadline), store.Time(updated)
	return n, store.Wrap(err)
}

// UpdateNote writes a note whose version in the database is still old; else it is
// errs.NotFound: someone was faster.
func (t *Tx) UpdateNote(ctx context.Context, n Note, old int) error {
	return t.one(ctx, `UPDATE note SET state = ?, version = ?, template = ?, sealed = ?, hash = ?, signature = ?, approved_by = ?,
		approved_at = ?, updated_at = ?, updated_by = ? WHERE id = ? AND version = ?`,
		n.State, n.Version, n.Template, n.Sealed, n.Hash, n.Signature, n.ApprovedBy,
		store.Micros(n.ApprovedAt), store.Micros(n.UpdatedAt), n.UpdatedBy, n.ID, old)
}

// SetDelivered records that a version of a note was delivered; errs.NotFound when it is another one. The text stays as it is: words may
// have been taken out of it while it was on its way.
func (t *Tx) SetDelivered(ctx context.Context, id string, version int) error {
	return t.one(ctx, `UPDATE note SET state = ? WHERE id = ? AND version = ?`, journalv1.NoteDelivered, id, version)
}

// ReplaceText writes the text of a version of a note anew, whatever its state is by now; errs.NotFound when it is another one, or has no
// text any more.
func (t *Tx) ReplaceText(ctx context.Context, id string, version int, sealed []byte) error {
	return t.one(ctx, `UPDATE note SET sealed = ? WHERE id = ? AND version = ? AND sealed IS NOT NULL`, sealed, id, version)
}

// Delivery is how far a note's delivery has come.
type Delivery struct {
	Attempts int
	Problem  string
	LastAt   time.Time
	NextAt   time.Time
	Receipt  *journalv1.Receipt
}

// Delivery reads a note's delivery; errs.NotFound before the first attempt.
func (t *Tx) Delivery(ctx context.Context, noteID string) (Delivery, error) {
	var d Delivery
	var r journalv1.Receipt
	var last, next, received int64
	err := t.QueryRow(ctx, `SELECT attempts, problem, last_at, next_at, receipt_system, receipt_id, received_at
		FROM delivery WHERE note_id = ?`, noteID).Scan(&d.Attempts, &d.Problem, &last, &next, &r.System, &r.ID, &received)
	d.LastAt, d.NextAt = store.Time(last), store.Time(next)
	if received != 0 {
		r.ReceivedAt = store.Time(received)
		d.Receipt = &r
	}
	return d, store.Wrap(err)
}

// PutDelivery writes a note's delivery.
func (t *Tx) PutDelivery(ctx context.Context, noteID string, d Delivery) error {
	var r journalv1.Receipt
	if d.Receipt != nil {
		r = *d.Receipt
	}
	_, err := t.Exec(ctx, `INSERT INTO delivery (note_id, attempts, problem, last_at, next_at, receipt_system, receipt_id, received_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (note_id) DO UPDATE SET attempts = excluded.attempts, problem = excluded.problem,
		last_at = excluded.last_at, next_at = excluded.next_at, receipt_system = excluded.receipt_system,
		receipt_id = excluded.receipt_id, received_at = excluded.received_at`,
		noteID, d.Attempts, d.Problem, store.Micros(d.LastAt), store.Micros(d.NextAt), r.System, r.ID, store.Micros(r.ReceivedAt))
	return err
}
