package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/platform/errs"
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

// FindAudit looks for entries of all conversations, newest first. Next says where the rest begins.
func (s *Store) FindAudit(ctx context.Context, q consentv1.AuditSearch) (consentv1.AuditPage, error) {
	where, args, err := narrow(q)
	if err != nil {
		return consentv1.AuditPage{}, err
	}
	all, err := store.List(ctx, s.db.Read(), func(row store.Row) (consentv1.Audit, error) {
		a := consentv1.Audit{Meta: event.Meta{Type: "audit.v1.entry"}}
		var at int64
		err := row.Scan(&a.ID, &a.ConversationID, &at, &a.Actor, &a.Role, &a.Action, &a.Purpose, &a.Source)
		a.Time = store.Time(at)
		return a, err
	}, `SELECT id, conversation_id, at, actor, role, action, purpose, source FROM audit`+where+` ORDER BY at DESC, id DESC LIMIT ?`,
		append(args, q.Limit+1)...)
	page := consentv1.AuditPage{Entries: all}
	if len(all) > q.Limit {
		last := all[q.Limit-1]
		page.Entries, page.Next = all[:q.Limit], fmt.Sprintf("%d.%s", store.Micros(last.Time), last.ID)
	}
	return page, err
}

func narrow(q consentv1.AuditSearch) (where string, args []any, err error) {
	var cond []string
	add := func(c string, v ...any) { cond, args = append(cond, c), append(args, v...) }
	if n := len(q.Conversations); n > 0 {
		ids := make([]any, n)
		for i, c := range q.Conversations {
			ids[i] = c
		}
		add("conversation_id IN (?"+strings.Repeat(", ?", n-1)+")", ids...)
	}
	if q.Actor != "" {
		add("actor = ?", q.Actor)
	}
	if q.Action != "" {
		add("action = ?", q.Action)
	}
	if !q.From.IsZero() {
		add("at >= ?", store.Micros(q.From))
	}
	if !q.Till.IsZero() {
		add("at < ?", store.Micros(q.Till))
	}
	if q.After != "" {
		micros, id, ok := strings.Cut(q.After, ".")
		at, err := strconv.ParseInt(micros, 10, 64)
		if !ok || err != nil {
			return "", nil, errs.E(errs.Invalid, "", errors.New("audit: no place in the log"))
		}
		add("(at < ? OR at = ? AND id < ?)", at, at, id)
	}
	if len(cond) == 0 {
		return "", args, nil
	}
	return " WHERE " + strings.Join(cond, " AND "), args, nil
}
