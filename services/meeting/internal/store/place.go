package store

import (
	"context"
	"errors"
	"time"

	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/store"
)

// ErrElsewhere refuses a write about a meeting whose room another node has, or has taken over since. It comes right again by
// asking once more: whoever has the room then does it.
var ErrElsewhere = &errs.Error{
	Kind: errs.Unavailable, Text: "Mødet flytter til en anden maskine. Prøv igen om et øjeblik.", RetryAfter: 200 * time.Millisecond,
	Cause: errors.New("another node has the room"),
}

// Place says which node has a meeting's room. Epoch grows whenever the room changes hands: what is written under an older one is
// refused.
type Place struct {
	Node  string // empty: no node has it
	Epoch int64
	State string // of the meeting
}

// Place reads who has a meeting's room; errs.NotFound when there is no meeting.
func (t *Tx) Place(ctx context.Context, meeting string) (Place, error) {
	var p Place
	err := t.QueryRow(ctx, `SELECT node, epoch, state FROM meeting WHERE id = ?`, meeting).Scan(&p.Node, &p.Epoch, &p.State)
	return p, store.Wrap(err)
}

// Claim makes a meeting's room this node's unless another has it. Rooms that this node has had before are fenced off.
func (t *Tx) Claim(ctx context.Context, meeting string, now time.Time) (epoch int64, err error) {
	r, err := t.Exec(ctx, `UPDATE meeting SET node = ?, epoch = epoch + 1 WHERE id = ? AND erased_at = 0 AND node IN ('', ?)`,
		t.s.node, meeting, t.s.node)
	if err := changed(r, err); err != nil {
		return 0, err
	}
	p, err := t.Place(ctx, meeting)
	if err != nil {
		return 0, err
	}
	return p.Epoch, t.hold(ctx, meeting, now)
}

// Fence makes sure that this node still has a room of an epoch: no other can take it before the transaction ends.
func (t *Tx) Fence(ctx context.Context, meeting string, epoch int64) error {
	return changed(t.Exec(ctx, `UPDATE meeting SET epoch = epoch WHERE id = ? AND node = ? AND epoch = ?`, meeting, t.s.node, epoch))
}

// Release gives a room up: another node may take it.
func (t *Tx) Release(ctx context.Context, meeting string, epoch int64, now time.Time) error {
	if err := changed(t.Exec(ctx, `UPDATE meeting SET node = '' WHERE id = ? AND node = ? AND epoch = ?`, meeting, t.s.node, epoch)); err != nil {
		return err
	}
	return t.hold(ctx, meeting, now)
}

// Holders lists the nodes that have rooms.
func (t *Tx) Holders(ctx context.Context) ([]string, error) {
	return t.list(ctx, `SELECT DISTINCT node FROM meeting WHERE node <> '' ORDER BY node`)
}

// Evict takes a node's rooms away from it and names the meetings.
func (t *Tx) Evict(ctx context.Context, node string, now time.Time) ([]string, error) {
	ids, err := t.list(ctx, `SELECT id FROM meeting WHERE node = ? ORDER BY id`, node)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	if _, err := t.Exec(ctx, `UPDATE meeting SET node = '', epoch = epoch + 1 WHERE node = ?`, node); err != nil {
		return nil, err
	}
	for _, id := range ids {
		if err := t.hold(ctx, id, now); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

func (t *Tx) list(ctx context.Context, query string, args ...any) ([]string, error) {
	return store.List(ctx, t.Tx, store.Column[string], query, args...)
}
