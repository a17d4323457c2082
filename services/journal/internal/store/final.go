package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/store"
)

// Final is a committed stretch of a leg: its ledger in clear, its words sealed.
type Final struct {
	LegID    string
	Revision int
	From, To int64
	Ledger   []transcriptv1.Range
	Sealed   []byte
	// Withdrawn: the words stood on a consent that was withdrawn, and are not here.
	Withdrawn bool
}

// AddFinal keeps a final and adds its ledger to its leg. The same one again changes
// nothing. A final may come before its call is known. Of one that comes after the consent
// was withdrawn only the ledger is kept.
func (t *Tx) AddFinal(ctx context.Context, f transcriptv1.Final) (added bool, err error) {
	late, err := t.late(ctx, f)
	if err != nil {
		return false, err
	}
	if late {
		f.Sealed, f.Ledger = nil, withdrawn(f.Ledger)
	}
	ledger, err := json.Marshal(f.Ledger)
	if err != nil {
		return false, fmt.Errorf("encode ledger: %w", err)
	}
	r, err := t.Exec(ctx, `INSERT INTO final (leg_id, revision, from_pos, to_pos, conversation_id, ledger, sealed, withdrawn)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (leg_id, revision, from_pos) DO NOTHING`,
		f.LegID, f.Revision, f.From, f.To, f.ConversationID, string(ledger), f.Sealed, late)
	if err != nil {
		return false, err
	}
	n, err := r.RowsAffected()
	if err != nil || n == 0 {
		return false, err
	}
	return true, t.account(ctx, f)
}

// late reports that a final's words may not be kept: the consent is withdrawn now, or was
// when they were said and a stronger pass hears them again.
func (t *Tx) late(ctx context.Context, f transcriptv1.Final) (bool, error) {
	gone, err := t.Withdrawals(ctx, f.ConversationID)
	if _, now := gone[consentv1.Transcription]; err != nil || now || f.Revision == 0 {
		return now, err
	}
	var n int
	err = t.QueryRow(ctx, `SELECT COUNT(*) FROM final WHERE leg_id = ? AND withdrawn = TRUE AND from_pos < ? AND to_pos > ?`,
		f.LegID, f.To, f.From).Scan(&n)
	return n > 0, store.Wrap(err)
}

// account adds a final's ledger to its leg. Only the live pass counts: a stronger pass
// hears the same samples again. What lies between two finals is lost.
func (t *Tx) account(ctx context.Context, f transcriptv1.Final) error {
	if f.Revision != 0 {
		return nil
	}
	leg, err := t.leg(ctx, f)
	if err != nil {
		return err
	}
	leg.Lost += max(0, f.From-leg.HeardTo)
	for _, r := range f.Ledger {
		n := max(0, r.End-max(r.Start, leg.HeardTo))
		switch r.State {
		case transcriptv1.Transcribed:
			leg.Transcribed += n
		case transcriptv1.Silence:
			leg.Silence += n
		case transcriptv1.Masked:
			leg.Masked += n
		default:
			leg.Lost += n
		}
	}
	_, err = t.Exec(ctx, `UPDATE leg SET heard_to = ?, finished = ?, transcribed = ?, silence = ?, masked = ?, lost = ?,
		engine = ?, demo = ? WHERE id = ?`, max(leg.HeardTo, f.To), leg.Finished || f.Last,
		leg.Transcribed, leg.Silence, leg.Masked, leg.Lost, f.Engine, f.Demo, f.LegID)
	return err
}

// leg reads the leg of a final, and makes it when the call has not told of it yet.
func (t *Tx) leg(ctx context.Context, f transcriptv1.Final) (Leg, error) {
	var l Leg
	err := store.Wrap(t.QueryRow(ctx, `SELECT heard_to, finished, transcribed, silence, masked, lost FROM leg WHERE id = ?`, f.LegID).
		Scan(&l.HeardTo, &l.Finished, &l.Transcribed, &l.Silence, &l.Masked, &l.Lost))
	if errors.Is(err, errs.NotFound) {
		err = t.PutLeg(ctx, f.ConversationID, callv1.Leg{ID: f.LegID, Role: f.Role})
	}
	return l, err
}

// Finals lists a conversation's finals by leg and place, the highest revision first. Words
// that are withdrawn are not there, whether or not they are deleted yet.
func (t *Tx) Finals(ctx context.Context, conversation string) ([]Final, error) {
	return store.List(ctx, t.Tx, func(row store.Row) (Final, error) {
		var f Final
		var ledger string
		if err := row.Scan(&f.LegID, &f.Revision, &f.From, &f.To, &ledger, &f.Sealed, &f.Withdrawn); err != nil {
			return f, err
		}
		if err := json.Unmarshal([]byte(ledger), &f.Ledger); err != nil {
			return f, fmt.Errorf("decode ledger: %w", err)
		}
		if f.Withdrawn {
			f.Ledger = withdrawn(f.Ledger)
		}
		return f, nil
	}, `SELECT leg_id, revision, from_pos, to_pos, ledger,
		CASE WHEN withdrawn THEN NULL ELSE sealed END, withdrawn FROM final
		WHERE conversation_id = ? ORDER BY leg_id, revision DESC, from_pos`, conversation)
}
