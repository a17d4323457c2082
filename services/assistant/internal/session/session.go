// Package session keeps what a citizen has asked, for the citizen: to read it again, to ask follow-ups, and to hand it over to a
// person. Only masked text is kept, sealed under a key of the session that the consent service holds. The citizen deletes it at
// once, and it is deleted after a day without a question; the key goes first, so that backups hold nothing readable.
//
// A Store is safe for concurrent use. Run deletes what is old until its context ends.
package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/nats-io/nats.go/micro"

	"samtale.dk/samtale/services/assistant/internal/answer/question"
	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/seal"
	"samtale.dk/samtale/services/platform/store"
)

// Idle is how long a session is kept after its last question.
const Idle = 24 * time.Hour

// maxTurns is how many turns of a session are kept.
const maxTurns = 50

// sweepEvery is the pause between looks for old sessions.
const sweepEvery = 5 * time.Minute

// Config is what New needs.
type Config struct {
	DB   *store.DB // migrated
	Bus  *bus.Bus
	Keys seal.Keys
	// Forgotten drops what others have kept of a session, in the transaction in which its citizen deletes it; nil: nobody has.
	Forgotten func(ctx context.Context, tx *store.Tx, session string) error
	Log       *slog.Logger
	Now       func() time.Time // nil: time.Now
}

// Store is the running history.
type Store struct{ cfg Config }

// New returns the store, not yet running.
func New(cfg Config) *Store {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Forgotten == nil {
		cfg.Forgotten = func(context.Context, *store.Tx, string) error { return nil }
	}
	return &Store{cfg}
}

// turn is what is sealed.
type turn struct {
	Answer assistantv1.Answer `json:"answer"`
	Read   string             `json:"read,omitempty"`
	Topic  string             `json:"topic,omitempty"`
}

const field = "turn"

// keyOf names the session's key. The prefix keeps sessions, whose ids come from outside, away from the keys of conversations.
func keyOf(session string) string { return "session-" + session }

func check(session string) error {
	if len(session) > 64 {
		return errs.E(errs.Invalid, "Samtalens nummer er ikke gyldigt.", nil)
	}
	err := event.CheckToken(session)
	if err != nil {
		return errs.E(errs.Invalid, "Samtalens nummer er ikke gyldigt.", err)
	}
	return nil
}

// Add keeps a turn.
func (s *Store) Add(ctx context.Context, session string, a assistantv1.Answer, t question.Turn) error {
	if err := check(session); err != nil {
		return err
	}
	sealed, err := seal.JSON(ctx, s.cfg.Keys, keyOf(session), field, turn{a, t.Read, t.Topic})
	if err != nil {
		return fmt.Errorf("seal turn: %w", err)
	}
	return s.cfg.DB.InTx(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO session (id, last_at, forget_at) VALUES (?, ?, 0)
			ON CONFLICT (id) DO UPDATE SET last_at = excluded.last_at`, session, store.Micros(s.cfg.Now()))
		if err != nil {
			return store.Wrap(err)
		}
		var last int
		err = tx.QueryRow(ctx, `SELECT COALESCE(MAX(seq), 0) FROM session_turn WHERE session_id = ?`, session).Scan(&last)
		if err != nil {
			return store.Wrap(err)
		}
		_, err = tx.Exec(ctx, `INSERT INTO session_turn (session_id, seq, sealed) VALUES (?, ?, ?)`, session, last+1, sealed)
		if err != nil {
			return store.Wrap(err)
		}
		_, err = tx.Exec(ctx, `DELETE FROM session_turn WHERE session_id = ? AND seq <= ?`, session, last+1-maxTurns)
		return store.Wrap(err)
	})
}

// read opens a session's turns, oldest first; a session that is not known, or whose key is gone, has none.
func (s *Store) read(ctx context.Context, session string) ([]turn, time.Time, error) {
	if err := check(session); err != nil {
		return nil, time.Time{}, err
	}
	var last int64
	err := s.cfg.DB.Read().QueryRow(ctx, `SELECT last_at FROM session WHERE id = ? AND forget_at = 0`, session).Scan(&last)
	if errors.Is(store.Wrap(err), errs.NotFound) {
		return nil, time.Time{}, nil
	}
	if err != nil {
		return nil, time.Time{}, store.Wrap(err)
	}
	sealed, err := s.sealed(ctx, session)
	if err != nil {
		return nil, time.Time{}, err
	}
	var out []turn
	for _, b := range sealed {
		var t turn
		err := seal.OpenJSON(ctx, s.cfg.Keys, keyOf(session), field, b, &t)
		if errors.Is(err, errs.NotFound) {
			return nil, time.Time{}, nil
		}
		if err != nil {
			return nil, time.Time{}, fmt.Errorf("open turn: %w", err)
		}
		out = append(out, t)
	}
	return out, store.Time(last).Add(Idle), nil
}

func (s *Store) sealed(ctx context.Context, session string) ([][]byte, error) {
	return store.List(ctx, s.cfg.DB.Read(), store.Column[[]byte], `SELECT sealed FROM session_turn WHERE session_id = ? ORDER BY seq`, session)
}

// Turns gives the answers of a session, oldest first.
func (s *Store) Turns(ctx context.Context, session string) ([]assistantv1.Answer, error) {
	turns, _, err := s.read(ctx, session)
	var out []assistantv1.Answer
	for _, t := range turns {
		out = append(out, t.Answer)
	}
	return out, err
}

// Questions gives what a follow-up may go on from, oldest first.
func (s *Store) Questions(ctx context.Context, session string) ([]question.Turn, error) {
	turns, _, err := s.read(ctx, session)
	var out []question.Turn
	for _, t := range turns {
		out = append(out, question.Turn{Read: t.Read, Topic: t.Topic})
	}
	return out, err
}

// requestLimit bounds requests at work, per subject.
const requestLimit = 64

// Register adds the endpoints.
func (s *Store) Register(svc micro.Service) error {
	return errors.Join(
		bus.Handle(s.cfg.Bus, svc, assistantv1.SessionSubject, requestLimit, s.session),
		bus.Handle(s.cfg.Bus, svc, assistantv1.ForgetSubject, requestLimit, s.Forget),
	)
}

func (s *Store) session(ctx context.Context, ref assistantv1.SessionRef) (assistantv1.Session, error) {
	turns, until, err := s.read(ctx, ref.Session)
	if err != nil {
		return assistantv1.Session{}, err
	}
	out := assistantv1.Session{Session: ref.Session, Answers: []assistantv1.Answer{}, DeleteAt: until}
	size := 0
	for _, t := range slices.Backward(turns) {
		data, err := json.Marshal(t.Answer)
		if size += len(data); err != nil || size > sessionMost {
			return out, err
		}
		out.Answers = slices.Insert(out.Answers, 0, t.Answer)
	}
	return out, nil
}

// sessionMost is how much of a session is shown, in bytes: it must fit into a message of the bus (1 MB). The newest answers count.
const sessionMost = 700_000

// Forget deletes a session now. When its key cannot be destroyed yet, because the consent service does not answer, the turns are
// gone all the same, and the key follows.
func (s *Store) Forget(ctx context.Context, ref assistantv1.SessionRef) (assistantv1.Forgotten, error) {
	if err := check(ref.Session); err != nil {
		return assistantv1.Forgotten{}, err
	}
	now := s.cfg.Now().UTC().Truncate(time.Microsecond)
	err := s.cfg.DB.InTx(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM session_turn WHERE session_id = ?`, ref.Session)
		if err != nil {
			return store.Wrap(err)
		}
		_, err = tx.Exec(ctx, `UPDATE session SET forget_at = ? WHERE id = ?`, store.Micros(now), ref.Session)
		return errors.Join(store.Wrap(err), s.cfg.Forgotten(ctx, tx, ref.Session))
	})
	if err != nil {
		return assistantv1.Forgotten{}, err
	}
	if err := s.destroy(ctx, ref.Session, "withdrawn"); err != nil {
		s.cfg.Log.Warn("key of a session not destroyed yet", "session_id", ref.Session, "err", err)
	}
	return assistantv1.Forgotten{ForgottenAt: now}, nil
}

// destroy destroys the key, then the row that remembers to.
func (s *Store) destroy(ctx context.Context, session, reason string) error {
	_, err := bus.Request[consentv1.EraseReply](ctx, s.cfg.Bus, consentv1.EraseSubject,
		consentv1.EraseRequest{ConversationID: keyOf(session), Reason: reason, Actor: "assistant"})
	if err != nil {
		return err
	}
	return s.cfg.DB.InTx(ctx, func(tx *store.Tx) error {
		for _, stmt := range []string{`DELETE FROM session_turn WHERE session_id = ?`, `DELETE FROM session WHERE id = ?`} {
			if _, err := tx.Exec(ctx, stmt, session); err != nil {
				return store.Wrap(err)
			}
		}
		return nil
	})
}

// Run deletes sessions that are idle, and the keys of those that were forgotten, until ctx is done.
func (s *Store) Run(ctx context.Context) error {
	for {
		if err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Log.Warn("sweep of sessions", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(sweepEvery):
		}
	}
}

// Sweep looks once. A key that must be kept, because of a legal hold, is asked about again at the next look.
func (s *Store) Sweep(ctx context.Context) error {
	old, err := s.old(ctx)
	var failed []error
	for _, id := range old {
		if err := s.destroy(ctx, id, "retention"); err != nil {
			failed = append(failed, fmt.Errorf("session %s: %w", id, err))
		}
	}
	if len(old) > len(failed) {
		err = errors.Join(err, s.cfg.DB.Scrub(ctx))
	}
	return errors.Join(append(slices.Clip(failed), err)...)
}

func (s *Store) old(ctx context.Context) ([]string, error) {
	return store.List(ctx, s.cfg.DB.Read(), store.Column[string], `SELECT id FROM session WHERE last_at < ? OR forget_at <> 0
		ORDER BY last_at LIMIT 500`, store.Micros(s.cfg.Now().Add(-Idle)))
}
