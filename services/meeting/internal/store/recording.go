package store

import (
	"context"
	"strings"
	"time"

	"samtale.dk/samtale/services/platform/store"
)

// Recording is that there is, or was, a recording of a meeting.
type Recording struct {
	MeetingID string
	BeganAt   time.Time
	EndedAt   time.Time
	EraseAt   time.Time
	DeletedAt time.Time
	DeletedBy string
	Problem   string
	Sealed    []byte // its key and basis; nil when it was deleted
	// Withdrawn are the people who have taken back that they may be recorded; ClearedAt is when their tracks were deleted.
	Withdrawn   []string
	WithdrawnAt time.Time
	ClearedAt   time.Time
}

// AddRecording keeps a new recording; added is false when the meeting has one already.
func (t *Tx) AddRecording(ctx context.Context, meeting string, began time.Time, sealed []byte) (added bool, err error) {
	r, err := t.Exec(ctx, `INSERT INTO recording (meeting_id, began_at, ended_at, erase_at, deleted_at, deleted_by, problem, sealed)
		VALUES (?, ?, 0, 0, 0, '', '', ?) ON CONFLICT (meeting_id) DO NOTHING`, meeting, store.Micros(began), sealed)
	if err != nil {
		return false, err
	}
	n, err := r.RowsAffected()
	return n > 0, err
}

// Recording reads a meeting's; errs.NotFound when nothing was recorded.
func (t *Tx) Recording(ctx context.Context, meeting string) (Recording, error) {
	r := Recording{MeetingID: meeting}
	var began, ended, erase, deleted, withdrawn, cleared int64
	var people string
	err := t.QueryRow(ctx, `SELECT began_at, ended_at, erase_at, deleted_at, deleted_by, problem, sealed, withdrawn_at, withdrawn, cleared_at
		FROM recording WHERE meeting_id = ?`, meeting).Scan(&began, &ended, &erase, &deleted, &r.DeletedBy, &r.Problem, &r.Sealed, &withdrawn, &people, &cleared)
	r.BeganAt, r.EndedAt, r.EraseAt, r.DeletedAt = store.Time(began), store.Time(ended), store.Time(erase), store.Time(deleted)
	r.Withdrawn, r.WithdrawnAt, r.ClearedAt = strings.Fields(people), store.Time(withdrawn), store.Time(cleared)
	return r, store.Wrap(err)
}

// WithdrawRecording notes who has taken back that they may be recorded; the first time stands.
func (t *Tx) WithdrawRecording(ctx context.Context, meeting string, people []string, now time.Time) error {
	_, err := t.Exec(ctx, `UPDATE recording SET withdrawn_at = ?, withdrawn = ? WHERE meeting_id = ? AND withdrawn_at = 0`,
		store.Micros(now), strings.Join(people, " "), meeting)
	return err
}

// ClearRecording notes that the tracks of those who have withdrawn are deleted; cleared is false when that was known.
func (t *Tx) ClearRecording(ctx context.Context, meeting string, now time.Time) (cleared bool, err error) {
	r, err := t.Exec(ctx, `UPDATE recording SET cleared_at = ? WHERE meeting_id = ? AND cleared_at = 0`, store.Micros(now), meeting)
	if err != nil {
		return false, err
	}
	n, err := r.RowsAffected()
	return n > 0, err
}

// EndRecording notes that a meeting with a recording is over, and when the recording is deleted at the latest. The first time
// stands.
func (t *Tx) EndRecording(ctx context.Context, meeting string, now, erase time.Time) error {
	_, err := t.Exec(ctx, `UPDATE recording SET ended_at = ?, erase_at = ? WHERE meeting_id = ? AND ended_at = 0`,
		store.Micros(now), store.Micros(erase), meeting)
	return err
}

// StopRecording notes why one has stopped before its meeting did.
func (t *Tx) StopRecording(ctx context.Context, meeting, problem string) error {
	_, err := t.Exec(ctx, `UPDATE recording SET problem = ? WHERE meeting_id = ?`, problem, meeting)
	return err
}

// DeleteRecording destroys a recording's key; the first time stands.
func (t *Tx) DeleteRecording(ctx context.Context, meeting, by string, now time.Time) error {
	_, err := t.Exec(ctx, `UPDATE recording SET sealed = NULL, deleted_at = ?, deleted_by = ? WHERE meeting_id = ? AND deleted_at = 0`,
		store.Micros(now), by, meeting)
	return err
}
