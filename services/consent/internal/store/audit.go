package store

import (
	"context"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/platform/store"
)

// AddAudit keeps an entry; the same id again changes nothing.
func (s *Store) AddAudit(ctx context.Context, a consentv1.Audit) error {
	return insertAudit(ctx, s.db.Read(), a)
}

func insertAudit(ctx context.Context, tx *store.Tx, a consentv1.Audit) error {
	_, err := tx.Exec(ctx, `INSERT INTO audit (id, conversation_id, at, actor, role, action, purpose, source)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
		a.ID, a.ConversationID, store.Micros(a.Time), a.Actor, a.Role, a.Action, a.Purpose, a.Source)
	return err
}

// Audit lists a conversation's entries, newest first.
func (s *Store) Audit(ctx context.Context, q consentv1.AuditQuery) ([]consentv1.Audit, error) {
	return store.List(ctx, s.db.Read(), func(row store.Row) (consentv1.Audit, error) {
		a := consentv1.Audit{Meta: event.Meta{Type: "audit.v1.entry"}, ConversationID: q.ConversationID}
		var at int64
		if err := row.Scan(&a.ID, &at, &a.Actor, &a.Role, &a.Action, &a.Purpose, &a.Source); err != nil {
			return a, err
		}
		a.Time = store.Time(at)
		return a, nil
	}, `SELECT id, at, actor, role, action, purpose, source FROM audit
		WHERE conversation_id = ? ORDER BY at DESC, id DESC LIMIT ?`, q.ConversationID, q.Limit)
}
