package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/store"
)

// SetHold sets or lifts a legal hold, writes it to the audit log and tells of it. Setting
// it again keeps the first time, and is told again; a hold that never was and is lifted is
// nothing to tell.
func (s *Store) SetHold(ctx context.Context, req consentv1.HoldRequest, now time.Time) (consentv1.HoldReply, error) {
	var rep consentv1.HoldReply
	err := s.InTx(ctx, func(tx *store.Tx) error {
		old, err := readHold(ctx, tx, req.ConversationID)
		if err != nil {
			return err
		}
		if old.On == req.On {
			rep = old
			if rep.Since.IsZero() {
				return nil
			}
			return s.PutEvent(ctx, tx, LaneBus, held(req.ConversationID, rep))
		}
		rep = consentv1.HoldReply{On: req.On, Since: now.UTC().Truncate(time.Microsecond), Reason: req.Reason, Actor: req.Actor}
		_, err = tx.Exec(ctx, `INSERT INTO legal_hold (conversation_id, active, since, reason, actor) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (conversation_id) DO UPDATE SET active = excluded.active, since = excluded.since,
			reason = excluded.reason, actor = excluded.actor`,
			req.ConversationID, req.On, store.Micros(rep.Since), req.Reason, req.Actor)
		if err != nil {
			return err
		}
		if err := insertAudit(ctx, tx, holdEntry(req, rep.Since)); err != nil {
			return err
		}
		return s.PutEvent(ctx, tx, LaneBus, held(req.ConversationID, rep))
	})
	return rep, err
}

// held is the event of a hold as it stands.
func held(conversation string, h consentv1.HoldReply) consentv1.Hold {
	return consentv1.Hold{
		Meta: event.Meta{
			ID:   fmt.Sprintf("hold-%s-%d", conversation, h.Since.UnixMicro()),
			Type: "consent.v1.event.hold", Source: "consent", Time: h.Since,
		},
		ConversationID: conversation, On: h.On, Since: h.Since,
	}
}

// Hold reads whether a conversation is held.
func (s *Store) Hold(ctx context.Context, conversation string) (consentv1.HoldReply, error) {
	return readHold(ctx, s.db.Read(), conversation)
}

func holdEntry(req consentv1.HoldRequest, at time.Time) consentv1.Audit {
	a := consentv1.Audit{
		Meta: event.NewMeta("audit.v1.entry", "consent", at), ConversationID: req.ConversationID,
		Actor: req.Actor, Role: cmp.Or(req.Role, "operator"), Action: "hold", Purpose: "Samtalen er fredet mod sletning",
	}
	if !req.On {
		a.Action, a.Purpose = "lift-hold", "Fredningen mod sletning er ophævet"
	}
	if req.Reason != "" {
		a.Purpose += ": " + req.Reason
	}
	return a
}

func readHold(ctx context.Context, tx *store.Tx, conversation string) (consentv1.HoldReply, error) {
	var rep consentv1.HoldReply
	var since int64
	err := store.Wrap(tx.QueryRow(ctx, `SELECT active, since, reason, actor FROM legal_hold WHERE conversation_id = ?`, conversation).
		Scan(&rep.On, &since, &rep.Reason, &rep.Actor))
	if errors.Is(err, errs.NotFound) {
		return rep, nil
	}
	rep.Since = store.Time(since)
	return rep, err
}
