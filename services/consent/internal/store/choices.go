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
	rows, err := s.db.Read().Query(ctx, `SELECT body FROM choice WHERE conversation_id = ? ORDER BY at, id`, conversation)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []consentv1.Choice
	for rows.Next() {
		var body string
		if err := rows.Scan(&body); err != nil {
			return nil, err
		}
		var c consentv1.Choice
		if err := json.Unmarshal([]byte(body), &c); err != nil {
			return nil, fmt.Errorf("decode choice: %w", err)
		}
		out = append(out, c)
	}
	return out, rows.Err()
}
