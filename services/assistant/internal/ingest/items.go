package ingest

import (
	"context"
	"slices"

	"samtale.dk/samtale/services/assistant/internal/source"
	"samtale.dk/samtale/services/platform/store"
)

// items are the articles of the sources as the last listings told of them.
type items struct{ db *store.DB }

// item is one of them.
type item struct {
	source.Entry
	place   int    // in the listing
	fetched string // Modified, when it was last fetched
}

// atOnce bounds a transaction: others want the database too.
const atOnce = 500

// all gives what is known of a source, by item.
func (s items) all(ctx context.Context, sourceID string) (map[string]item, error) {
	rows, err := s.db.Read().Query(ctx, `SELECT item, place, url, modified, fetched, etag, http_date FROM ingest_item WHERE source_id = ?`, sourceID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]item{}
	for rows.Next() {
		var i item
		err := rows.Scan(&i.Item, &i.place, &i.URL, &i.Modified, &i.fetched, &i.ETag, &i.HTTPDate)
		if err != nil {
			return nil, store.Wrap(err)
		}
		out[i.Item] = i
	}
	return out, rows.Err()
}

// put notes what a listing told. Those of todo are to be fetched by the run.
func (s items) put(ctx context.Context, sourceID, run string, entries []source.Entry, todo map[string]bool) error {
	place := 0
	for batch := range slices.Chunk(entries, atOnce) {
		from := place
		err := s.db.InTx(ctx, func(tx *store.Tx) error {
			for i, e := range batch {
				todoRun := ""
				if todo[e.Item] {
					todoRun = run
				}
				_, err := tx.Exec(ctx, `INSERT INTO ingest_item (source_id, item, place, url, modified, fetched, etag, http_date, seen_run, todo_run)
					VALUES (?, ?, ?, ?, ?, '', '', '', ?, ?) ON CONFLICT (source_id, item) DO UPDATE SET place = excluded.place,
					url = excluded.url, modified = excluded.modified, seen_run = excluded.seen_run, todo_run = excluded.todo_run`,
					sourceID, e.Item, from+i+1, e.URL, e.Modified, run, todoRun)
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		place += len(batch)
	}
	return nil
}

// next gives some of what is left for a run, behind a place.
func (s items) next(ctx context.Context, sourceID, run string, after, limit int) ([]item, error) {
	return store.List(ctx, s.db.Read(), func(row store.Row) (item, error) {
		var i item
		err := row.Scan(&i.Item, &i.place, &i.URL, &i.Modified, &i.ETag, &i.HTTPDate)
		return i, err
	}, `SELECT item, place, url, modified, etag, http_date FROM ingest_item
		WHERE source_id = ? AND todo_run = ? AND place > ? ORDER BY place LIMIT ?`, sourceID, run, after, limit)
}

// done notes that an article was fetched as it is now.
func (s items) done(ctx context.Context, sourceID string, e source.Entry, etag, httpDate string) error {
	_, err := s.db.Read().Exec(ctx, `UPDATE ingest_item SET todo_run = '', fetched = ?, etag = ?, http_date = ? WHERE source_id = ? AND item = ?`,
		e.Modified, etag, httpDate, sourceID, e.Item)
	return err
}

// putOff notes that an article could not be taken by this run; the next one tries again.
func (s items) putOff(ctx context.Context, sourceID, name string) error {
	_, err := s.db.Read().Exec(ctx, `UPDATE ingest_item SET todo_run = '' WHERE source_id = ? AND item = ?`, sourceID, name)
	return err
}

// forget drops an article that the source has no more.
func (s items) forget(ctx context.Context, sourceID, name string) error {
	_, err := s.db.Read().Exec(ctx, `DELETE FROM ingest_item WHERE source_id = ? AND item = ?`, sourceID, name)
	return err
}

// listed reports whether a run's listing named an item.
func (s items) listed(ctx context.Context, sourceID, run, name string) (bool, error) {
	var n int
	err := s.db.Read().QueryRow(ctx, `SELECT COUNT(*) FROM ingest_item WHERE source_id = ? AND item = ? AND seen_run = ?`, sourceID, name, run).Scan(&n)
	return n > 0, store.Wrap(err)
}
