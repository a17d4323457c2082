package knowledge

import (
	"context"
	"slices"
	"time"

	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/store"
)

// Article is what a source holds under one name: an article with its micro-articles.
type Article struct {
	Item      string    // the source's name for it; unique in the source
	UpdatedAt time.Time // by the source's own account; zero: not told
	Records   []knowledgev1.Record
	Problems  []knowledgev1.Failure // parts that could not be read; what is kept of them stays
}

// SaveArticle takes an article in. Micro-articles that it held and holds no more are removed; records that cannot be taken are
// listed in the run, and stop nothing.
func (l *Library) SaveArticle(ctx context.Context, runID string, a Article) error {
	for batch := range slices.Chunk(a.Records, knowledgev1.MaxBatch) { // a file may hold very many; others want the database too
		err := l.inRun(ctx, runID, func(tx *store.Tx, r *run) error {
			s, err := sourceByID(ctx, tx, r.Source)
			if err != nil {
				return err
			}
			for _, rec := range batch {
				if err := l.save(ctx, tx, s, r, a.Item, a.UpdatedAt, rec, rec.ID); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return l.inRun(ctx, runID, func(tx *store.Tx, r *run) error {
		r.Seen++
		r.Problem = ""
		for _, f := range a.Problems {
			r.fail(f.Item, f.Reason)
		}
		if len(a.Problems) > 0 {
			return nil // which micro-articles are gone cannot be known
		}
		return l.buryAll(ctx, tx, r, `source_id = ? AND item = ? AND seen_run <> ?`, r.Source, a.Item, r.ID)
	})
}

// RemoveItem removes what came from an article that is gone.
func (l *Library) RemoveItem(ctx context.Context, runID, item string) error {
	return l.inRun(ctx, runID, func(tx *store.Tx, r *run) error {
		return l.buryAll(ctx, tx, r, `source_id = ? AND item = ?`, r.Source, item)
	})
}

// KeepItems notes that articles are as they were, so that their micro-articles are known to be current.
func (l *Library) KeepItems(ctx context.Context, runID string, items []string) error {
	return l.inRun(ctx, runID, func(tx *store.Tx, r *run) error {
		r.Seen += len(items)
		for _, item := range items {
			res, err := tx.Exec(ctx, `UPDATE knowledge_chunk SET seen_run = ?, fetched_at = ? WHERE source_id = ? AND item = ? AND removed_at = 0`,
				r.ID, store.Micros(l.now()), r.Source, item)
			if err != nil {
				return err
			}
			n, err := res.RowsAffected()
			if err != nil {
				return err
			}
			r.Unchanged += int(n)
		}
		return nil
	})
}

// save takes one record in and counts it. A record that cannot be taken is listed under its name; the error is the database's.
func (l *Library) save(ctx context.Context, tx *store.Tx, s knowledgev1.Source, r *run, item string, updated time.Time,
	rec knowledgev1.Record, name string,
) error {
	c, refused := chunkOf(s, rec)
	return l.saveMade(ctx, tx, r, item, updated, c, refused, name)
}

// saveMade is save of what [chunkOf] made of a record.
func (l *Library) saveMade(ctx context.Context, tx *store.Tx, r *run, item string, updated time.Time,
	c knowledgev1.Chunk, refused error, name string,
) error {
	if refused != nil {
		l.metrics.records.WithLabelValues(failed).Inc()
		r.fail(name, errs.Text(refused))
		// A broken new version of a chunk is no reason to forget the old one.
		return touchChunk(ctx, tx, c.ID, r.ID, l.now())
	}
	c.UpdatedAt, c.FetchedAt = updated.UTC().Truncate(time.Microsecond), l.now()
	what, err := l.saveChunk(ctx, tx, row{Chunk: c, item: item, seenRun: r.ID, recordHash: recordHash(c)})
	if err != nil {
		return err
	}
	l.metrics.records.WithLabelValues(what).Inc()
	r.count(c, what)
	return nil
}

func (l *Library) saveChunk(ctx context.Context, tx *store.Tx, r row) (what string, err error) {
	old, err := chunks(ctx, tx, `WHERE c.id = ?`, r.ID)
	if err != nil {
		return "", err
	}
	what = added
	r.changedAt = r.FetchedAt
	if len(old) > 0 && !old[0].removed {
		if old[0].recordHash == r.recordHash && old[0].item == r.item {
			return unchanged, touchChunk(ctx, tx, r.ID, r.seenRun, r.FetchedAt)
		}
		what = changed
		if old[0].SHA256 == r.SHA256 { // only what stands around the text
			r.changedAt = old[0].changedAt
		}
	}
	r.LawChanged, err = lawChanged(ctx, tx, r)
	if err != nil {
		return "", err
	}
	return what, putChunk(ctx, tx, r)
}

// buryAll makes tombstones of the chunks that a condition names: no text stays, and the ids tell the index what to forget.
func (l *Library) buryAll(ctx context.Context, tx *store.Tx, r *run, condition string, args ...any) error {
	gone, err := chunks(ctx, tx, `WHERE c.id IN (SELECT id FROM knowledge_chunk WHERE removed_at = 0 AND `+condition+`)
		ORDER BY c.id LIMIT ?`, append(slices.Clone(args), maxListed)...)
	if err != nil || len(gone) == 0 {
		return err
	}
	for _, table := range []string{"knowledge_legal", "knowledge_vector"} {
		_, err := tx.Exec(ctx, `DELETE FROM `+table+` WHERE chunk_id IN (SELECT id FROM knowledge_chunk WHERE `+condition+`)`, args...)
		if err != nil {
			return err
		}
	}
	res, err := tx.Exec(ctx, `UPDATE knowledge_chunk SET removed_at = ?, body = '', asked = '[]', unanswered = '[]', sha256 = '', record_hash = '', rev = rev + 1, dirty = 1
		WHERE removed_at = 0 AND `+condition, append([]any{store.Micros(l.now())}, args...)...)
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	for _, c := range gone {
		r.count(c.Chunk, removed)
	}
	r.Removed += int(n) - len(gone)
	return err
}

// lawChanged is the day on which a law that the chunk names changed after the text was written; empty: none did.
func lawChanged(ctx context.Context, tx *store.Tx, r row) (string, error) {
	latest := ""
	for _, link := range r.Legal {
		law := ELI(link.URL)
		if law == "" {
			continue
		}
		var on string
		err := store.Wrap(tx.QueryRow(ctx, `SELECT COALESCE(MAX(changed_on), '') FROM knowledge_law WHERE eli = ?`, law).Scan(&on))
		if err != nil {
			return "", err
		}
		if on > r.written() {
			latest = max(latest, on)
		}
	}
	return latest, nil
}

// written is the day of the text: by the source's account, or when it was first seen so.
func (r row) written() string {
	at := r.UpdatedAt
	if at.IsZero() {
		at = r.changedAt
	}
	return at.Format(knowledgev1.DateLayout)
}

// LawChanged records that a law changed on a day, and flags the chunks that name it and were written before.
func (l *Library) LawChanged(ctx context.Context, runID, law, day string) error {
	return l.inRun(ctx, runID, func(tx *store.Tx, r *run) error {
		r.Seen++
		_, err := tx.Exec(ctx, `INSERT INTO knowledge_law (eli, changed_on) VALUES (?, ?)
			ON CONFLICT (eli) DO UPDATE SET changed_on = excluded.changed_on WHERE knowledge_law.changed_on < excluded.changed_on`, law, day)
		if err != nil {
			return err
		}
		named, err := chunks(ctx, tx, `JOIN knowledge_legal g ON g.chunk_id = c.id WHERE g.eli = ? AND c.removed_at = 0 ORDER BY c.id`, law)
		if err != nil {
			return err
		}
		for _, c := range named {
			on, err := lawChanged(ctx, tx, c)
			if err != nil {
				return err
			}
			if on == c.LawChanged {
				continue
			}
			if _, err := tx.Exec(ctx, `UPDATE knowledge_chunk SET law_changed = ? WHERE id = ?`, on, c.ID); err != nil {
				return err
			}
			r.count(c.Chunk, changed)
		}
		return nil
	})
}
