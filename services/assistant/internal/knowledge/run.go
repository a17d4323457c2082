package knowledge

import (
	"context"
	"encoding/json"
	"errors"
	"time"

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
	note, failures, changes`

// run is a run as the database has it. While it runs, Problem is what holds it up right now.
type run struct {
	knowledgev1.Run
	line int    // the last line of an import that was dealt with
	note string // what is to be told when it is done
}

func runs(ctx context.Context, tx *store.Tx, condition string, args ...any) ([]run, error) {
	return store.List(ctx, tx, scanRun, `SELECT `+runColumns+` FROM knowledge_run `+condition, args...)
}

func scanRun(columns store.Row) (run, error) {
	var r run
	var started, ended int64
	var failures, changes string
	err := columns.Scan(&r.ID, &r.Source, &r.State, &started, &ended, &r.line, &r.Total, &r.Seen, &r.Added, &r.Changed, &r.Unchanged,
		&r.Removed, &r.Failed, &r.Problem, &r.note, &failures, &changes)
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
	rs, err := runs(ctx, tx, `WHERE source_id = ? AND state = ? ORDER BY started_at`, source, knowledgev1.RunRunning)
	if err != nil || len(rs) == 0 {
		return run{}, false, err
	}
	return rs[0], true, nil
}

func (l *Library) putRun(ctx context.Context, tx *store.Tx, r run) error {
	_, err := tx.Exec(ctx, `INSERT INTO knowledge_run (id, source_id, state, started_at, ended_at, touched_at, line, total, seen, added, changed,
		unchanged, removed, failed, problem, note, failures, changes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET state = excluded.state, ended_at = excluded.ended_at, touched_at = excluded.touched_at,
		line = excluded.line, total = excluded.total, seen = excluded.seen, added = excluded.added, changed = excluded.changed,
		unchanged = excluded.unchanged, removed = excluded.removed, failed = excluded.failed, problem = excluded.problem,
		note = excluded.note,
		failures = excluded.failures, changes = excluded.changes`,
		r.ID, r.Source, r.State, store.Micros(r.StartedAt), store.Micros(r.EndedAt), store.Micros(l.now()), r.line, r.Total, r.Seen, r.Added,
		r.Changed, r.Unchanged, r.Removed, r.Failed, r.Problem, r.note, list(r.Failures), list(r.Changes))
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
		(SELECT id FROM knowledge_run WHERE source_id = ? ORDER BY started_at DESC, id DESC LIMIT ?)`, r.Source, r.Source, runsKept)
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

// RunByID gives a run as it stands.
func (l *Library) RunByID(ctx context.Context, id string) (knowledgev1.Run, error) {
	r, err := runByID(ctx, l.db.Read(), id)
	return r.Run, err
}

// LastDone is when the last run of a source that came to its end began; zero: none did.
func (l *Library) LastDone(ctx context.Context, source string) (time.Time, error) {
	rs, err := runs(ctx, l.db.Read(), `WHERE source_id = ? AND state = ? ORDER BY started_at DESC LIMIT 1`, source, knowledgev1.RunDone)
	if err != nil || len(rs) == 0 {
		return time.Time{}, err
	}
	return rs[0].StartedAt, nil
}

// SetTotal notes how many articles a run has to look at, and what is to be told about the list when the run is done. With a list a
// run begins to count: what an earlier try of the same run could not take is tried again.
func (l *Library) SetTotal(ctx context.Context, id string, total int, note string) error {
	return l.inRun(ctx, id, func(_ *store.Tx, r *run) error {
		r.Total, r.Problem, r.note = total, "", note
		r.Seen, r.Unchanged, r.Failed, r.Failures = 0, 0, 0, nil
		return nil
	})
}

// Trouble notes what holds a run up.
func (l *Library) Trouble(ctx context.Context, id, reason string) error {
	return l.inRun(ctx, id, func(_ *store.Tx, r *run) error {
		r.Problem = reason
		return nil
	})
}

// FailItem lists an article that could not be taken. What is kept of it stays.
func (l *Library) FailItem(ctx context.Context, id, item, reason string) error {
	l.metrics.records.WithLabelValues(failed).Inc()
	return l.inRun(ctx, id, func(_ *store.Tx, r *run) error {
		r.Seen++
		r.Problem = ""
		r.fail(item, reason)
		return nil
	})
}

// EndRun closes a run; closing it again does nothing. A failed one says what held it up.
func (l *Library) EndRun(ctx context.Context, id string, failed bool) error {
	var r run
	err := l.db.InTx(ctx, func(tx *store.Tx) (err error) {
		r, err = runByID(ctx, tx, id)
		if err != nil || r.State != knowledgev1.RunRunning {
			return err
		}
		state := knowledgev1.RunDone
		if failed {
			state = knowledgev1.RunFailed
			r.Problem = orDefault(r.Problem, "Hentningen blev afbrudt.")
		} else {
			r.Problem = r.note
		}
		if err := l.end(ctx, tx, &r, state); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE knowledge_source SET unplanned = TRUE WHERE id = ?`, r.Source) // its next time is another now
		return err
	})
	if err == nil {
		nudge(l.plan)
	}
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
