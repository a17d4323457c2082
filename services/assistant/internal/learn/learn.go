// Package learn is what the assistant learns from being asked: how often it answered, what helped, and what is missing. It keeps no
// words of a question. The words are kept as keyed hashes, and a word itself only once [Shared] askers have used it, so that what
// one person wrote cannot be read out of it.
//
// A Ledger is safe for concurrent use. Run follows the handovers and deletes what is old until its context ends.
package learn

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode"

	"github.com/nats-io/nats.go/micro"

	"samtale.dk/samtale/services/assistant/internal/answer"
	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/inquiryv1"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/bus/streams"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/store"
)

// Shared is how many askers must have used a word before it is kept.
const Shared = 5

// kept is how long the account of questions is kept; words go with it.
const kept = 400 * 24 * time.Hour

// Purpose of the key that words and sessions are hashed with.
const Purpose = "assistant words v1"

// Config is what New needs.
type Config struct {
	DB  *store.DB // migrated
	Bus *bus.Bus
	Key []byte // master.Derive(Purpose)
	Log *slog.Logger
	Now func() time.Time // nil: time.Now
}

// Ledger is the running account.
type Ledger struct {
	cfg  Config
	zone *time.Location
}

// New returns the ledger, not yet running.
func New(cfg Config) (*Ledger, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	zone, err := time.LoadLocation("Europe/Copenhagen")
	if err != nil {
		return nil, fmt.Errorf("learn: %w", err)
	}
	return &Ledger{cfg, zone}, nil
}

// hash is the keyed hash of a word or a session: without the key it cannot be tried out.
func (l *Ledger) hash(kind, value string) string {
	m := hmac.New(sha256.New, l.cfg.Key)
	m.Write([]byte(kind + "\x00" + value))
	return hex.EncodeToString(m.Sum(nil)[:12])
}

func (l *Ledger) day(t time.Time) string { return t.In(l.zone).Format(time.DateOnly) }

// Record takes an answer into account. The same answer twice counts once. What was said in a crisis leaves only that there was one.
// Who asks without a session (a desk, a program) is the same asker each time: one person's words are not many people's.
func (l *Ledger) Record(ctx context.Context, r answer.Result) error {
	terms, nearest := r.Terms, r.Nearest
	if r.Reason == assistantv1.ReasonCrisis {
		terms = nil
	}
	if r.Reason == assistantv1.ReasonUnknown || r.Peer != "" { // what is nearest here is about something else
		nearest = knowledgev1.Chunk{}
	}
	return l.cfg.DB.InTx(ctx, func(tx *store.Tx) error {
		res, err := tx.Exec(ctx, `INSERT INTO answer_log (id, at, day, asker, reason, helpful, why, chunk_id, title, authority, lix)
			VALUES (?, ?, ?, ?, ?, 0, '', ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
			r.ID, store.Micros(r.At), l.day(r.At), l.hash("asker", r.Session), r.Reason, nearest.ID, heading(nearest.Title, nearest.Section), nearest.Authority, r.LIX)
		if err != nil {
			return store.Wrap(err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		for _, term := range terms {
			if err := l.term(ctx, tx, r.ID, term); err != nil {
				return err
			}
		}
		return nil
	})
}

func heading(title, section string) string {
	if section == "" {
		return title
	}
	return title + ": " + section
}

// term notes a word, and keeps it when enough askers have used it. Words with digits are never kept.
func (l *Ledger) term(ctx context.Context, tx *store.Tx, id, word string) error {
	if len(word) < 3 || strings.ContainsFunc(word, func(r rune) bool { return !unicode.IsLetter(r) && r != '-' }) {
		return nil
	}
	h := l.hash("word", word)
	_, err := tx.Exec(ctx, `INSERT INTO answer_term (answer_id, hash) VALUES (?, ?) ON CONFLICT (answer_id, hash) DO NOTHING`, id, h)
	if err != nil {
		return store.Wrap(err)
	}
	var askers int
	err = tx.QueryRow(ctx, `SELECT COUNT(DISTINCT l.asker) FROM answer_term t JOIN answer_log l ON l.id = t.answer_id WHERE t.hash = ?`, h).Scan(&askers)
	if err != nil || askers < Shared {
		return store.Wrap(err)
	}
	_, err = tx.Exec(ctx, `INSERT INTO known_term (hash, word) VALUES (?, ?) ON CONFLICT (hash) DO NOTHING`, h, word)
	return store.Wrap(err)
}

// Forget drops, in the transaction that deletes a session, the hashes of the words that were asked in it. That there were questions,
// and about which article, still counts.
func (l *Ledger) Forget(ctx context.Context, tx *store.Tx, session string) error {
	_, err := tx.Exec(ctx, `DELETE FROM answer_term WHERE answer_id IN (SELECT id FROM answer_log WHERE asker = ?)`, l.hash("asker", session))
	return store.Wrap(err)
}

// requestLimit bounds requests at work, per subject.
const requestLimit = 32

// Register adds the endpoints.
func (l *Ledger) Register(svc micro.Service) error {
	return errors.Join(
		bus.Handle(l.cfg.Bus, svc, assistantv1.FeedbackSubject, requestLimit, l.Feedback),
		bus.Handle(l.cfg.Bus, svc, assistantv1.GapsSubject, requestLimit, l.Gaps),
		bus.Handle(l.cfg.Bus, svc, assistantv1.TrendsSubject, requestLimit, l.Trends),
	)
}

var reasons = map[string]bool{"": true, "wrong": true, "unclear": true, "missing": true, "other": true}

// Feedback notes whether an answer helped; the last word counts.
func (l *Ledger) Feedback(ctx context.Context, f assistantv1.Feedback) (assistantv1.Feedback, error) {
	if !reasons[f.Why] {
		return f, errs.E(errs.Invalid, "Vælg en af grundene.", nil)
	}
	helpful := -1
	if f.Helpful {
		helpful, f.Why = 1, ""
	}
	return f, l.cfg.DB.InTx(ctx, func(tx *store.Tx) error {
		res, err := tx.Exec(ctx, `UPDATE answer_log SET helpful = ?, why = ? WHERE id = ?`, helpful, f.Why, f.AnswerID)
		if err != nil {
			return store.Wrap(err)
		}
		n, err := res.RowsAffected()
		if err == nil && n == 0 {
			err = errs.E(errs.NotFound, "Svaret findes ikke længere.", nil)
		}
		return err
	})
}

// Run follows handovers and forgets what is old, until ctx is done.
func (l *Ledger) Run(ctx context.Context) error {
	err := l.cfg.Bus.EnsureStreams(ctx, streams.Inquiry())
	if err != nil {
		return stopped(ctx, err)
	}
	stop, err := bus.Consume(ctx, l.cfg.Bus, bus.Consumer{Stream: inquiryv1.Stream, Durable: "assistant-learn"}, l.handover)
	if err != nil {
		return stopped(ctx, err)
	}
	defer stop()
	for {
		if err := l.forget(ctx); err != nil && ctx.Err() == nil {
			l.cfg.Log.Warn("account of questions not cleared", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Hour):
		}
	}
}

// stopped turns an error that stopping caused into none.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// handover counts an inquiry when it is opened.
func (l *Ledger) handover(ctx context.Context, c inquiryv1.Changed) error {
	if c.What != "opened" {
		return nil
	}
	return l.cfg.DB.InTx(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO answer_handover (inquiry_id, day) VALUES (?, ?) ON CONFLICT (inquiry_id) DO NOTHING`, c.InquiryID, l.day(c.Time))
		return store.Wrap(err)
	})
}

// forget deletes what is older than is kept, and words that nobody has used since.
func (l *Ledger) forget(ctx context.Context) error {
	before := l.cfg.Now().Add(-kept)
	return l.cfg.DB.InTx(ctx, func(tx *store.Tx) error {
		for _, s := range []struct {
			stmt string
			arg  any
		}{
			{`DELETE FROM answer_term WHERE answer_id IN (SELECT id FROM answer_log WHERE at < ?)`, store.Micros(before)},
			{`DELETE FROM answer_log WHERE at < ?`, store.Micros(before)},
			{`DELETE FROM answer_handover WHERE day < ?`, l.day(before)},
		} {
			if _, err := tx.Exec(ctx, s.stmt, s.arg); err != nil {
				return store.Wrap(err)
			}
		}
		_, err := tx.Exec(ctx, `DELETE FROM known_term WHERE hash NOT IN (SELECT hash FROM answer_term)`)
		return store.Wrap(err)
	})
}
