package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/seal"
	"samtale.dk/samtale/services/platform/store"
)

// Key returns a conversation's key. With create it makes one if none was ever made;
// a destroyed key is never made again.
func (s *Store) Key(ctx context.Context, conversation string, create bool, now time.Time) (consentv1.KeyReply, error) {
	var rep consentv1.KeyReply
	err := s.db.InTx(ctx, func(tx *store.Tx) error {
		var err error
		rep, err = s.readKey(ctx, tx, conversation)
		if !create || !errors.Is(err, errs.NotFound) || errors.Is(err, errErased) {
			return err
		}
		if err := s.makeKey(ctx, tx, conversation, now); err != nil {
			return err
		}
		rep, err = s.readKey(ctx, tx, conversation)
		return err
	})
	return rep, err
}

func (s *Store) makeKey(ctx context.Context, tx *store.Tx, conversation string, now time.Time) error {
	wrapped, err := seal.Seal(s.wrap, seal.NewKey(), place(conversation))
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO conversation_key
		(conversation_id, key_id, wrapped, created_at, erased_at, erase_reason) VALUES (?, ?, ?, ?, 0, '')
		ON CONFLICT (conversation_id) DO NOTHING`,
		conversation, event.NewID(now), wrapped, store.Micros(now))
	return err
}

// place binds a wrapped key to its row.
func place(conversation string) string { return conversation + "/key" }

var errErased = errors.New("key was destroyed")

func (s *Store) readKey(ctx context.Context, tx *store.Tx, conversation string) (consentv1.KeyReply, error) {
	var rep consentv1.KeyReply
	var wrapped []byte
	var erased int64
	err := tx.QueryRow(ctx, `SELECT key_id, wrapped, erased_at FROM conversation_key WHERE conversation_id = ?`, conversation).
		Scan(&rep.KeyID, &wrapped, &erased)
	if err != nil {
		return rep, store.Wrap(err)
	}
	if erased != 0 {
		return rep, errs.E(errs.NotFound, "", errErased)
	}
	rep.Key, err = seal.Open(s.wrap, wrapped, place(conversation))
	if err != nil {
		return rep, fmt.Errorf("unwrap key %s (is it the right master key?): %w", rep.KeyID, err)
	}
	return rep, nil
}

// Erase destroys a conversation's key, also one that was never made, so that none
// will be, and takes the names out of its choices. Under a legal hold it is errs.Conflict. Again gives the first time.
func (s *Store) Erase(ctx context.Context, req consentv1.EraseRequest, now time.Time) (time.Time, error) {
	at := now.UTC().Truncate(time.Microsecond)
	err := s.db.InTx(ctx, func(tx *store.Tx) error {
		var erased int64
		err := tx.QueryRow(ctx, `SELECT erased_at FROM conversation_key WHERE conversation_id = ?`, req.ConversationID).Scan(&erased)
		err = store.Wrap(err)
		switch {
		case err == nil && erased != 0:
			at = store.Time(erased)
			return nil
		case err != nil && !errors.Is(err, errs.NotFound):
			return err
		}
		hold, holdErr := readHold(ctx, tx, req.ConversationID)
		if holdErr != nil {
			return holdErr
		}
		if hold.On {
			return errs.E(errs.Conflict, "Samtalen må ikke slettes, mens den er fredet (for eksempel på grund af en aktindsigt).", nil)
		}
		if err := destroy(ctx, tx, req, at); err != nil {
			return err
		}
		if err := nameless(ctx, tx, req.ConversationID); err != nil {
			return err
		}
		return insertAudit(ctx, tx, consentv1.Audit{
			Meta: event.NewMeta("audit.v1.entry", "consent", at), ConversationID: req.ConversationID,
			Actor: req.Actor, Role: "system", Action: "erase", Purpose: "Samtalens indhold er slettet",
		})
	})
	if err != nil {
		return time.Time{}, err
	}
	return at, s.db.Scrub(ctx)
}

func destroy(ctx context.Context, tx *store.Tx, req consentv1.EraseRequest, at time.Time) error {
	r, err := tx.Exec(ctx, `UPDATE conversation_key SET wrapped = NULL, erased_at = ?, erase_reason = ? WHERE conversation_id = ?`,
		store.Micros(at), req.Reason, req.ConversationID)
	if err != nil {
		return err
	}
	n, err := r.RowsAffected()
	if err != nil || n > 0 {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO conversation_key
		(conversation_id, key_id, wrapped, created_at, erased_at, erase_reason) VALUES (?, '', NULL, ?, ?, ?)`,
		req.ConversationID, store.Micros(at), store.Micros(at), req.Reason)
	return err
}
