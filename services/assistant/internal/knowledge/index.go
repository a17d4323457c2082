package knowledge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"samtale.dk/samtale/models/vector"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/store"
)

// Marks of a chunk for the index.
const (
	clean     = 0
	dirty     = 1
	vectorsTo = 2 // the index has it, without its dense vector
)

// indexState is what searches need to know of the index.
type indexState struct {
	ready   bool
	lost    bool // it must be made again, whatever it says of itself
	percent int  // made so far
	encoder string
}

func (s *indexState) unready() error {
	e := errs.E(errs.Unavailable, fmt.Sprintf("Vidensbasen bliver gjort klar (%d %%). Prøv igen om lidt.", s.percent), nil)
	e.RetryAfter = 5 * time.Second
	return e
}

const (
	syncBatch  = 200
	embedBatch = 16
	idle       = 5 * time.Second // how often the marks are looked at without having been woken
)

// keep loads the starter knowledge, then keeps the index in step until ctx ends.
func (l *Library) keep(ctx context.Context) error {
	loaded := false
	for ctx.Err() == nil {
		var err error
		if !loaded {
			err = l.loadStarter(ctx)
			loaded = err == nil
		}
		more := false
		if err == nil {
			err = l.step(ctx)
		}
		if err == nil {
			more, err = l.embed(ctx)
		}
		if err != nil && ctx.Err() == nil {
			l.cfg.Log.Warn("knowledge index waits", "err", err)
		}
		if more {
			continue
		}
		select {
		case <-ctx.Done():
		case <-l.wake:
		case <-time.After(idle):
		}
	}
	return nil
}

// hold takes the index for changes; release gives it back.
func (l *Library) hold(ctx context.Context) error {
	select {
	case l.indexing <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *Library) release() { <-l.indexing }

// step brings the index to where the database is.
func (l *Library) step(ctx context.Context) error {
	if err := l.hold(ctx); err != nil {
		return err
	}
	defer l.release()
	if !l.state.Load().ready {
		if err := errors.Join(l.open(ctx), l.forget(ctx)); err != nil {
			return err
		}
	}
	if err := l.drain(ctx); err != nil {
		return l.broken(err)
	}
	return l.broken(l.relearn(ctx))
}

// tombstones are kept so long that every index has heard of them.
const tombstones = 30 * 24 * time.Hour

// forget drops old tombstones, and what editors have added to chunks that are gone for good.
func (l *Library) forget(ctx context.Context) error {
	return l.db.InTx(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM knowledge_chunk WHERE removed_at <> 0 AND removed_at < ? AND dirty = ?`,
			store.Micros(l.now().Add(-tombstones)), clean)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `DELETE FROM knowledge_asked WHERE chunk_id NOT IN (SELECT id FROM knowledge_chunk)`)
		return err
	})
}

// broken notes an index that must be made again.
func (l *Library) broken(err error) error {
	if errors.Is(err, vector.ErrRebuild) {
		l.state.Store(&indexState{lost: true})
	}
	return err
}

const syncWithin = 2 * time.Second

// sync brings the index to where the database is, for a caller that has just changed it: with its answer, searches find the new and
// not the old. While the index is being made, or cannot be reached, the marks stay for the loop.
func (l *Library) sync(ctx context.Context) {
	defer nudge(l.wake)
	if !l.state.Load().ready {
		return
	}
	waiting, cancel := context.WithTimeout(ctx, cmp.Or(l.cfg.SyncWithin, syncWithin))
	defer cancel()
	if l.hold(waiting) != nil {
		return
	}
	defer l.release()
	if err := l.broken(l.drain(ctx)); err != nil && ctx.Err() == nil {
		l.cfg.Log.Warn("knowledge index waits", "err", err)
	}
}

// open looks at the index that is there, and makes it again when it cannot be used or does not hold what the database has.
func (l *Library) open(ctx context.Context) error {
	info, err := l.cfg.Index.Info(ctx)
	if err != nil && !errors.Is(err, vector.ErrRebuild) {
		return fmt.Errorf("look at the index: %w", err)
	}
	n, dirties, err2 := l.countChunks(ctx)
	if err2 != nil {
		return err2
	}
	// What is marked may be in the index or not. When that is most of it, making it anew is faster.
	if err != nil || l.state.Load().lost || info.Count < n-dirties || info.Count > n+dirties || 2*dirties > n {
		if err := l.rebuild(ctx, n); err != nil {
			return err
		}
		if info, err = l.cfg.Index.Info(ctx); err != nil {
			return fmt.Errorf("look at the index: %w", err)
		}
	}
	if err := l.drain(ctx); err != nil {
		return err
	}
	s := &indexState{ready: true, percent: 100, encoder: info.Encoder}
	if l.cfg.Model != nil {
		s.encoder += "+" + l.cfg.Model.Name
	}
	l.state.Store(s)
	return nil
}

// countChunks counts the chunks that belong into the index, and the marks.
func (l *Library) countChunks(ctx context.Context) (n, dirties int, err error) {
	err = l.db.Read().QueryRow(ctx, `SELECT COUNT(*) `+fromChunks+`WHERE c.removed_at = 0 AND NOT COALESCE(s.paused, FALSE)`).Scan(&n)
	if err == nil {
		err = l.db.Read().QueryRow(ctx, `SELECT COUNT(*) FROM knowledge_chunk WHERE dirty = ?`, dirty).Scan(&dirties)
	}
	return n, dirties, store.Wrap(err)
}

// mark is what a chunk of a revision is to be marked with.
type mark struct {
	id       string
	rev      int64
	from, to int64
}

// markOf says what a chunk is marked with when the index has the point.
func (l *Library) markOf(c row, p vector.Point) mark {
	m := mark{c.ID, c.rev, c.dirty, clean}
	if l.cfg.Embedder != nil && p.Dense == nil {
		m.to = vectorsTo
	}
	return m
}

// rebuild makes the index from the database. total is about how many chunks there are.
func (l *Library) rebuild(ctx context.Context, total int) error {
	began := time.Now()
	var marks []mark
	err := l.cfg.Index.Rebuild(ctx, func(yield func(vector.Point, error) bool) {
		marks = nil
		err := l.each(ctx, func(c row, p vector.Point) bool {
			marks = append(marks, l.markOf(c, p))
			if !l.state.Load().ready && len(marks)%syncBatch == 0 {
				l.state.Store(&indexState{lost: true, percent: min(99, 100*len(marks)/max(total, 1))})
			}
			return yield(p, nil)
		})
		if err != nil {
			yield(vector.Point{}, err)
		}
	})
	if err != nil {
		return fmt.Errorf("make the index: %w", err)
	}
	l.cfg.Log.Info("knowledge index made", "chunks", len(marks), "took", time.Since(began).String())
	return l.mark(ctx, marks)
}

// each calls f with the chunks that belong into the index, until it has enough.
func (l *Library) each(ctx context.Context, f func(c row, p vector.Point) bool) error {
	for after := ""; ; {
		batch, err := chunks(ctx, l.db.Read(), `WHERE c.id > ? AND c.removed_at = 0 AND NOT COALESCE(s.paused, FALSE) ORDER BY c.id LIMIT ?`,
			after, syncBatch)
		if err != nil {
			return err
		}
		points, err := l.points(ctx, batch)
		if err != nil {
			return err
		}
		for i, p := range points {
			if !f(batch[i], p) {
				return nil
			}
		}
		if len(batch) < syncBatch {
			return nil
		}
		after = batch[len(batch)-1].ID
	}
}

// mark writes marks, except on chunks that have changed again.
func (l *Library) mark(ctx context.Context, marks []mark) error {
	marks = slices.DeleteFunc(marks, func(m mark) bool { return m.from == m.to })
	for batch := range slices.Chunk(marks, syncBatch) {
		err := l.db.InTx(ctx, func(tx *store.Tx) error {
			for _, m := range batch {
				if _, err := tx.Exec(ctx, `UPDATE knowledge_chunk SET dirty = ? WHERE id = ? AND rev = ?`, m.to, m.id, m.rev); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// drain passes the marked chunks to the index.
func (l *Library) drain(ctx context.Context) error {
	for {
		batch, err := chunks(ctx, l.db.Read(), `WHERE c.dirty = ? ORDER BY c.id LIMIT ?`, dirty, syncBatch)
		if err != nil || len(batch) == 0 {
			return err
		}
		if err := l.pass(ctx, batch); err != nil {
			return err
		}
	}
}

// pass brings chunks, or that they are gone, to the index.
func (l *Library) pass(ctx context.Context, batch []row) error {
	var live []row
	var gone []string
	var marks []mark
	for _, c := range batch {
		if c.removed || c.paused {
			gone = append(gone, c.ID)
			marks = append(marks, mark{c.ID, c.rev, c.dirty, clean})
		} else {
			live = append(live, c)
		}
	}
	if len(gone) > 0 {
		if err := l.cfg.Index.Delete(ctx, gone); err != nil {
			return fmt.Errorf("delete from the index: %w", err)
		}
	}
	points, err := l.points(ctx, live)
	if err != nil {
		return err
	}
	if len(points) > 0 {
		if err := l.cfg.Index.Upsert(ctx, points); err != nil {
			return fmt.Errorf("write to the index: %w", err)
		}
	}
	for i, p := range points {
		marks = append(marks, l.markOf(live[i], p))
	}
	return l.mark(ctx, marks)
}

// points are the chunks as the index takes them, with the vectors that are known.
func (l *Library) points(ctx context.Context, cs []row) ([]vector.Point, error) {
	vectors, err := l.vectors(ctx, cs)
	if err != nil {
		return nil, err
	}
	out := make([]vector.Point, len(cs))
	for i, c := range cs {
		out[i] = vector.Point{
			ID: c.ID, ArticleID: c.ArticleID, URL: c.URL, Title: c.Title, Section: c.Section, Text: c.Text, Municipality: c.Municipality,
			ValidFrom: c.ValidFrom, ValidTo: c.ValidTo, Language: c.Language, SHA256: c.SHA256, Dense: vectors[c.ID],
			Asked: slices.Concat(c.Asked, c.EditorAsked),
		}
	}
	return out, nil
}

// relearn makes the index again when it knows the compounds of less than half of what it holds. Searches go on meanwhile.
func (l *Library) relearn(ctx context.Context) error {
	info, err := l.cfg.Index.Info(ctx)
	if err != nil {
		return fmt.Errorf("look at the index: %w", err)
	}
	if info.Learned*2 >= info.Count {
		return nil
	}
	return l.rebuild(ctx, info.Count)
}
