package store

import (
	"context"
	"time"

	"samtale.dk/samtale/services/platform/store"
)

// Erase deletes a conversation's content (words, note, people, comments) and keeps
// what says nothing about them: ids, times, states, the receipt, how much was heard.
// An open call-back task stays open: the number is in the delivered note. Again keeps
// the first time.
func (s *Store) Erase(ctx context.Context, conversation string, at time.Time, told func(tx *Tx) error) error {
	err := s.InTx(ctx, func(tx *Tx) error {
		c, err := tx.Conversation(ctx, conversation)
		if err != nil || !c.ErasedAt.IsZero() {
			return err
		}
		if err := tx.erase(ctx, conversation, at); err != nil {
			return err
		}
		return told(tx)
	})
	if err != nil {
		return err
	}
	return s.db.Scrub(ctx)
}

func (t *Tx) erase(ctx context.Context, conversation string, at time.Time) error {
	for _, stmt := range []string{
		`DELETE FROM final WHERE conversation_id = ?`,
		`DELETE FROM comment WHERE conversation_id = ?`,
		`UPDATE note SET sealed = NULL WHERE conversation_id = ?`,
		`UPDATE conversation SET party = NULL, identity = NULL, case_number = '' WHERE id = ?`,
	} {
		if _, err := t.Exec(ctx, stmt, conversation); err != nil {
			return err
		}
	}
	_, err := t.Exec(ctx, `UPDATE conversation SET erased_at = ?, state = ? WHERE id = ?`,
		store.Micros(at), Erased, conversation)
	return err
}
