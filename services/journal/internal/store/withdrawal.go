package store

import (
	"context"
	"time"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/platform/store"
)

// A consent that was withdrawn stands in its own table: the choice may come before the
// call that it is about. Words that stood on it are marked, and from then on nobody sees
// them; they are deleted by DeleteWithdrawn, when no legal hold forbids it.

// Withdraw records that a consent of a kind was withdrawn; again keeps the first time. It
// also marks the words that are there, when they stood on it.
func (t *Tx) Withdraw(ctx context.Context, conversation, kind string, at time.Time) (added bool, err error) {
	r, err := t.Exec(ctx, `INSERT INTO withdrawal (conversation_id, kind, at) VALUES (?, ?, ?)
		ON CONFLICT (conversation_id, kind) DO NOTHING`, conversation, kind, store.Micros(at))
	if err != nil {
		return false, err
	}
	n, err := r.RowsAffected()
	if err != nil || kind != consentv1.Transcription {
		return n > 0, err
	}
	_, err = t.Exec(ctx, `UPDATE final SET withdrawn = TRUE WHERE conversation_id = ?`, conversation)
	if err != nil {
		return n > 0, err
	}
	_, err = t.Exec(ctx, `UPDATE leg SET masked = masked + transcribed, transcribed = 0 WHERE conversation_id = ?`, conversation)
	return n > 0, err
}

// Resume records that a consent was given again. What was said before stays marked.
func (t *Tx) Resume(ctx context.Context, conversation, kind string) error {
	_, err := t.Exec(ctx, `DELETE FROM withdrawal WHERE conversation_id = ? AND kind = ?`, conversation, kind)
	return err
}

// Withdrawals gives the kinds of consent that are withdrawn, with the time of it.
func (t *Tx) Withdrawals(ctx context.Context, conversation string) (map[string]time.Time, error) {
	rows, err := t.Query(ctx, `SELECT kind, at FROM withdrawal WHERE conversation_id = ?`, conversation)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]time.Time{}
	for rows.Next() {
		var kind string
		var at int64
		if err := rows.Scan(&kind, &at); err != nil {
			return nil, err
		}
		out[kind] = store.Time(at)
	}
	return out, rows.Err()
}

// HasWithdrawn reports whether marked words wait for their deletion.
func (t *Tx) HasWithdrawn(ctx context.Context, conversation string) (bool, error) {
	var n int
	err := t.QueryRow(ctx, `SELECT COUNT(*) FROM final WHERE conversation_id = ? AND withdrawn = TRUE AND sealed IS NOT NULL`,
		conversation).Scan(&n)
	return n > 0, store.Wrap(err)
}

// DeleteWithdrawn deletes the marked words; how much was heard stays. more runs in the
// same transaction.
func (s *Store) DeleteWithdrawn(ctx context.Context, conversation string, more func(tx *Tx) error) error {
	err := s.InTx(ctx, func(tx *Tx) error {
		_, err := tx.Exec(ctx, `UPDATE final SET sealed = NULL WHERE conversation_id = ? AND withdrawn = TRUE`, conversation)
		if err != nil {
			return err
		}
		return more(tx)
	})
	if err != nil {
		return err
	}
	return s.db.Scrub(ctx)
}

// withdrawn is a ledger whose words are withdrawn: a person declined them.
func withdrawn(ledger []transcriptv1.Range) []transcriptv1.Range {
	out := make([]transcriptv1.Range, len(ledger))
	for i, r := range ledger {
		if r.State == transcriptv1.Transcribed {
			r.State = transcriptv1.Masked
		}
		out[i] = r
	}
	return out
}
