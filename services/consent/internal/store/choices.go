package store

import (
	"context"
	"encoding/json"
	"fmt"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/platform/store"
)

// AddChoice keeps a choice and tells of it; the same id again changes nothing, and is told again.
func (s *Store) AddChoice(ctx context.Context, c consentv1.Choice) error {
	body, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encode choice: %w", err)
	}
	return s.InTx(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO choice (id, conversation_id, at, body) VALUES (?, ?, ?, ?)
			ON CONFLICT (id) DO NOTHING`, c.ID, c.ConversationID, store.Micros(c.At), string(body))
		if err != nil {
			return err
		}
		told := c
		told.OnBehalfOf = "" // the stream keeps what it gets; who needs the name asks here
		return s.PutEvent(ctx, tx, LaneBus, told)
	})
}

// Choices lists a conversation's choices, oldest first.
func (s *Store) Choices(ctx context.Context, conversation string) ([]consentv1.Choice, error) {
	return choices(ctx, s.db.Read(), conversation)
}

// hidden stands for the name of who was represented in a conversation that is erased.
const hidden = "•••"

// nameless takes names out of a conversation's choices. What was chosen stays, with its basis and time.
func nameless(ctx context.Context, tx *store.Tx, conversation string) error {
	list, err := choices(ctx, tx, conversation)
	if err != nil {
		return err
	}
	for _, c := range list {
		if c.OnBehalfOf == "" {
			continue
		}
		c.OnBehalfOf = hidden
		body, err := json.Marshal(c)
		if err != nil {
			return fmt.Errorf("encode choice: %w", err)
		}
		if _, err := tx.Exec(ctx, `UPDATE choice SET body = ? WHERE id = ?`, string(body), c.ID); err != nil {
			return err
		}
	}
	return nil
}

func choices(ctx context.Context, tx *store.Tx, conversation string) ([]consentv1.Choice, error) {
	return store.List(ctx, tx, func(row store.Row) (consentv1.Choice, error) {
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
