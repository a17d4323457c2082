package store

import (
	"context"
	"encoding/json"
	"fmt"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/platform/store"
)

// AddChoice keeps a choice; the same id again changes nothing.
func (s *Store) AddChoice(ctx context.Context, c consentv1.Choice) error {
	body, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encode choice: %w", err)
	}
	_, err = s.db.Read().Exec(ctx, `INSERT INTO choice (id, conversation_id, at, body) VALUES (?, ?, ?, ?)
		ON CONFLICT (id) DO NOTHING`, c.ID, c.ConversationID, store.Micros(c.At), string(body))
	return err
}

// Choices lists a conversation's choices, oldest first.
func (s *Store) Choices(ctx context.Context, conversation string) ([]consentv1.Choice, error) {
	return store.List(ctx, s.db.Read(), func(row store.Row) (consentv1.Choice, error) {
		var c consentv1.Choice
		var body string
		if err := row.Scan(&body); err != nil {
			return c, err
		}
		if err := json.Unmarshal([]byte(body), &c); err != nil {
			return c, fmt.Errorf("decode choice: %w", err)
		}
		return c, nil
	}, `SELECT body FROM choice WHERE conversation_id = ? ORDER BY at, id`, conversation)
}
