package store

import (
	"context"
	"time"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/platform/store"
)

// Leg is one speaker with what the ledger says about the samples. It stays after the
// erasure: it tells how much was heard, not what.
type Leg struct {
	ID             string
	ConversationID string
	Role           string
	User           string
	StartedAt      time.Time
	Samples        int64 // captured; Unknown until the call has ended
	Expected       bool  // a transcript is expected
	HeardTo        int64 // committed up to here
	Finished       bool  // the last final is there
	Transcribed    int64
	Silence        int64
	Masked         int64
	Lost           int64
	Engine         string // that heard it
	Demo           bool   // by the demo recogniser
}

// Unknown as a leg's Samples: the call has not told yet.
const Unknown = -1

// Contract is the leg as other services know it.
func (l Leg) Contract() callv1.Leg {
	return callv1.Leg{ID: l.ID, Role: l.Role, StartedAt: l.StartedAt, User: l.User}
}

// Complete reports whether every captured sample is accounted for.
func (l Leg) Complete() bool {
	return l.Finished || l.Samples != Unknown && (!l.Expected || l.HeardTo >= l.Samples)
}

// PutLeg records what the call says about a leg.
func (t *Tx) PutLeg(ctx context.Context, conversation string, l callv1.Leg) error {
	_, err := t.Exec(ctx, `INSERT INTO leg (id, conversation_id, role, user_id, started_at, samples, expected, heard_to, finished,
		transcribed, silence, masked, lost) VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, 0, 0, 0, 0)
		ON CONFLICT (id) DO UPDATE SET role = excluded.role, user_id = excluded.user_id, started_at = excluded.started_at`,
		l.ID, conversation, l.Role, l.User, store.Micros(l.StartedAt), Unknown, false, false)
	return err
}

// EndLeg records a leg's captured length.
func (t *Tx) EndLeg(ctx context.Context, conversation string, l callv1.LegEnd) error {
	if err := t.PutLeg(ctx, conversation, l.Leg); err != nil {
		return err
	}
	_, err := t.Exec(ctx, `UPDATE leg SET samples = ?, expected = ? WHERE id = ?`, l.Samples, l.Transcribed, l.ID)
	return err
}

// EndOtherLegs closes the legs that the end of the call does not speak of: nothing more
// comes from them.
func (t *Tx) EndOtherLegs(ctx context.Context, conversation string) error {
	_, err := t.Exec(ctx, `UPDATE leg SET samples = heard_to WHERE conversation_id = ? AND samples = ?`, conversation, Unknown)
	return err
}

// Legs lists a conversation's legs, oldest first.
func (t *Tx) Legs(ctx context.Context, conversation string) ([]Leg, error) {
	return store.List(ctx, t.Tx, func(row store.Row) (Leg, error) {
		var l Leg
		var started int64
		err := row.Scan(&l.ID, &l.ConversationID, &l.Role, &l.User, &started, &l.Samples, &l.Expected, &l.HeardTo, &l.Finished,
			&l.Transcribed, &l.Silence, &l.Masked, &l.Lost, &l.Engine, &l.Demo)
		if err != nil {
			return l, err
		}
		l.StartedAt = store.Time(started)
		return l, nil
	}, `SELECT id, conversation_id, role, user_id, started_at, samples, expected, heard_to, finished,
		transcribed, silence, masked, lost, engine, demo FROM leg WHERE conversation_id = ? ORDER BY started_at, id`, conversation)
}
