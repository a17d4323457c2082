package store

import (
	"context"
	"time"

	"samtale.dk/samtale/services/platform/store"
)

// Comment is a citizen's remark beside the note, sealed.
type Comment struct {
	ID     string
	At     time.Time
	Sealed []byte
}

// AddComment keeps a comment.
func (t *Tx) AddComment(ctx context.Context, conversation string, c Comment) error {
	_, err := t.Exec(ctx, `INSERT INTO comment (id, conversation_id, at, sealed) VALUES (?, ?, ?, ?)`,
		c.ID, conversation, store.Micros(c.At), c.Sealed)
	return err
}

// Comments lists a conversation's comments, oldest first.
func (t *Tx) Comments(ctx context.Context, conversation string) ([]Comment, error) {
	return store.List(ctx, t.Tx, func(row store.Row) (Comment, error) {
		var c Comment
		var at int64
		if err := row.Scan(&c.ID, &at, &c.Sealed); err != nil {
			return c, err
		}
		c.At = store.Time(at)
		return c, nil
	}, `SELECT id, at, sealed FROM comment WHERE conversation_id = ? ORDER BY at, id`, conversation)
}
