package knowledge

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/store"
)

// How much of a run is kept: its first failures and changes, and the last runs of each source.
const (
	maxListed = 50
	runsShown = 10
	runsKept  = 50
)

const runColumns = `id, source_id, state, started_at, ended_at, line, total, seen, added, changed, unchanged, removed, failed, problem,
	failures, changes`

// run is a run as the database has it; line is the last line of an import that was dealt with.
type run struct {
	knowledgev1.Run
	line int
}

func runs(ctx context.Context, tx *store.Tx, condition string, args ...any) ([]run, error) {
	rows, err := tx.Query(ctx, `SELECT `+runColumns+` FROM knowledge_run `+condition, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []run
	for rows.Next() {
		r, err := scanRun(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

func scanRun(rows *sql.Rows) (run, error) {
	var r run
	var started, ended int64
	var failures, changes string
	err := rows.Scan(&r.ID, &r.Source, &r.State, &started, &ended, &r.line, &r.Total, &r.Seen, &r.Added, &r.Changed, &r.Unchanged,
		&r.Removed, &r.Failed, &r.Problem, &failures, &changes)
	if err != nil {
		return r, store.Wrap(err)
	}
	r.StartedAt, r.EndedAt = store.Time(started), store.Time(ended)
	if err := json.Unmarshal([]byte(failures), &r.Failures); err != nil {
		return r, err
	}
	return r, json.Unmarshal([]byte(changes), &r.Changes)
}

func runByID(ctx context.Context, tx *store.Tx, id string) (run, error) {
	rs, err := runs(ctx, tx, `WHERE id = ?`, id)
	if err == nil && len(rs) == 0 {
		err = errs.E(errs.NotFound, "", errors.New("no run "+id))
	}
	if err != nil {
		return run{}, err
	}
	return rs[0], nil
}

// openRun is the run of a source that has not ended.
func openRun(ctx context.Context, tx *store.Tx, source string) (run, bool, error) {
	rs, err := runs(ctx, tx, `WHERE source_id = ? AND state = ? ORDER BY id`, source, knowledgev1.RunRunning)
	if err != nil || len(rs) == 0 {
		return run{}, false, err
	}
	return rs[0], true, nil
}

func (l *Library) putRun(ctx context.Context, tx *store.Tx, r run) error {
	_, err := tx.Exec(ctx, `INSERT INTO knowledge_run (id, source_id, state, started_at, ended_at, touched_at, line, total, seen, added, changed,
		unchanged, removed, failed, problem, failures, changes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET state = excluded.state, ended_at = excluded.ended_at, touched_at = excluded.touched_at,
		line = excluded.line, total = excluded.total, seen = excluded.seen, added = excluded.added, changed = excluded.changed,
		unchanged = excluded.unchanged, removed = excluded.removed, failed = excluded.failed, problem = excluded.problem,
		failures = excluded.failures, changes = excluded.changes`,
		r.ID, r.Source, r.State, store.Micros(r.StartedAt), store.Micros(r.EndedAt), store.Micros(l.now()), r.line, r.Total, r.Seen, r.Added,
		r.Changed, r.Unchanged, r.Removed, r.Failed, r.Problem, list(r.Failures), list(r.Changes))
	return err
}

func (l *Library) newRun(source string) run {
	now := l.now()
	return run{Run: knowledgev1.Run{ID: event.NewID(now), Source: source, State: knowledgev1.RunRunning, StartedAt: now}}
}

// fail lists an article that could not be taken.
func (r *run) fail(item, reason string) {
	r.Failed++
	if len(r.Failures) < maxListed {
		r.Failures = append(r.Failures, knowledgev1.Failure{Item: item, Reason: reason})
	}
}

// What became of a record.
const (
	added     = "added"
	changed   = "changed"
	unchanged = "unchanged"
	removed   = "removed"
	failed    = "failed"
)

func (r *run) count(c knowledgev1.Chunk, what string) {
	switch what {
	case added:
		r.Added++
	case changed:
		r.Changed++
	case removed:
		r.Removed++
	default:
		r.Unchanged++
		return
	}
	if len(r.Changes) < maxListed {
		title := c.Title
		if c.Section != "" {
			title += ": " + c.Section
		}
		r.Changes = append(r.Changes, knowledgev1.Change{ChunkID: c.ID, Title: title, What: what})
	}
}

// end closes a run and forgets the oldest ones of its source.
func (l *Library) end(ctx context.Context, tx *store.Tx, r *run, state string) error {
	r.State, r.EndedAt = state, l.now()
	if err := l.putRun(ctx, tx, *r); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `DELETE FROM knowledge_run WHERE source_id = ? AND id NOT IN
		(SELECT id FROM knowledge_run WHERE source_id = ? ORDER BY id DESC LIMIT ?)`, r.Source, r.Source, runsKept)
	return err
}

// A Run in the making: what package ingest does with it.

// BeginRun gives the run of a source that is to be worked on: the one that is open (asked for by a person, or left by a crash), or a
// new one.
func (l *Library) BeginRun(ctx context.Context, source string) (knowledgev1.Run, error) {
	var r run
	err := l.db.InTx(ctx, func(tx *store.Tx) error {
		s, err := sourceByID(ctx, tx, source)
		if err != nil {
			return err
		}
		if s.Paused {
			return errs.E(errs.Conflict, "Kilden er sat på pause.", nil)
		}
		var open bool
		if r, open, err = openRun(ctx, tx, source); err != nil || open {
			return err
		}
		r = l.newRun(source)
		return l.putRun(ctx, tx, r)
	})
	return r.Run, l.told(ctx, r.Run, err)
}

// Run gives a run as it stands.
func (l *Library) RunByID(ctx context.Context, id string) (knowledgev1.Run, error) {
	r, err := runByID(ctx, l.db.Read(), id)
	return r.Run, err
}

// UpdateRun changes what a run says about itself. f may be called again.
func (l *Library) UpdateRun(ctx context.Context, id string, f func(r *knowledgev1.Run)) error {
	return l.inRun(ctx, id, func(_ *store.Tx, r *run) error {
		f(&r.Run)
		return nil
	})
}

// FailItem lists an article that could not be taken. What is kept of it stays.
func (l *Library) FailItem(ctx context.Context, id, item, reason string) error {
	l.metrics.records.WithLabelValues(failed).Inc()
	return l.inRun(ctx, id, func(_ *store.Tx, r *run) error {
		r.Seen++
		r.fail(item, reason)
		return nil
	})
}

// EndRun closes a run; closing it again does nothing.
func (l *Library) EndRun(ctx context.Context, id, state, problem string) error {
	var r run
	err := l.db.InTx(ctx, func(tx *store.Tx) (err error) {
		r, err = runByID(ctx, tx, id)
		if err != nil || r.State != knowledgev1.RunRunning {
			return err
		}
		r.Problem = problem
		return l.end(ctx, tx, &r, state)
	})
	return l.told(ctx, r.Run, err)
}

// inRun changes a run, and what belongs to it, in one transaction. A run that has ended takes nothing any more.
func (l *Library) inRun(ctx context.Context, id string, f func(tx *store.Tx, r *run) error) error {
	var r run
	err := l.db.InTx(ctx, func(tx *store.Tx) (err error) {
		r, err = runByID(ctx, tx, id)
		if err != nil {
			return err
		}
		if r.State != knowledgev1.RunRunning {
			return errs.E(errs.Conflict, "Hentningen er afsluttet.", nil)
		}
		if err := f(tx, &r); err != nil {
			return err
		}
		return l.putRun(ctx, tx, r)
	})
	return l.told(ctx, r.Run, err)
}

// told passes on what a transaction has changed.
func (l *Library) told(ctx context.Context, r knowledgev1.Run, err error) error {
	if err != nil {
		return err
	}
	l.publish(knowledgev1.Changed{SourceID: r.Source, What: "run", Run: &r})
	l.sync(ctx)
	return nil
}
