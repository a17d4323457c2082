package knowledge

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/store"
)

// row is a chunk as the database has it.
type row struct {
	knowledgev1.Chunk
	item       string
	changedAt  time.Time
	recordHash string
	seenRun    string
	removed    bool
	paused     bool // its source is
	rev        int64
	dirty      int64
}

// visible reports whether a chunk may answer on a day.
func (r row) visible(day string) bool {
	return !r.removed && !r.paused && (r.ValidFrom == "" || r.ValidFrom <= day) && (r.ValidTo == "" || day <= r.ValidTo)
}

const chunkColumns = `c.id, c.source_id, c.item, c.article_id, c.url, c.title, c.section, c.body, c.municipality, c.valid_from, c.valid_to,
	c.language, c.authority, c.area, c.links, c.legal, c.demo, c.fetched_at, c.updated_at, c.changed_at, c.law_changed, c.sha256,
	c.record_hash, c.seen_run, c.removed_at, c.rev, c.dirty, COALESCE(s.paused, FALSE), c.asked,
	COALESCE(e.asked, '[]'), c.unanswered, COALESCE(e.unanswered, '[]'), COALESCE(s.area, ''), COALESCE(s.areas, '[]'),
	c.topics, COALESCE(s.topics, '[]')`

const fromChunks = ` FROM knowledge_chunk c LEFT JOIN knowledge_source s ON s.id = c.source_id LEFT JOIN knowledge_asked e ON e.chunk_id = c.id `

// chunks reads the chunks that a condition names.
func chunks(ctx context.Context, tx *store.Tx, condition string, args ...any) ([]row, error) {
	return store.List(ctx, tx, scanChunk, `SELECT `+chunkColumns+fromChunks+condition, args...)
}

func scanChunk(columns store.Row) (row, error) {
	var r row
	var links, legal, asked, editors, unanswered, editorsUn, areas, topics, topicAreas string
	var s knowledgev1.Source
	var fetched, updated, changed, removed int64
	err := columns.Scan(&r.ID, &r.Source, &r.item, &r.ArticleID, &r.URL, &r.Title, &r.Section, &r.Text, &r.Municipality, &r.ValidFrom, &r.ValidTo,
		&r.Language, &r.Authority, &r.Area, &links, &legal, &r.Demo, &fetched, &updated, &changed, &r.LawChanged, &r.SHA256,
		&r.recordHash, &r.seenRun, &removed, &r.rev, &r.dirty, &r.paused, &asked, &editors, &unanswered, &editorsUn, &s.Area, &areas,
		&topics, &topicAreas)
	if err != nil {
		return r, store.Wrap(err)
	}
	r.FetchedAt, r.UpdatedAt, r.changedAt, r.removed = store.Time(fetched), store.Time(updated), store.Time(changed), removed != 0
	if err := read(topics, &r.Topics); err != nil {
		return r, err
	}
	if r.Area == "" { // at once for all, when the source changes
		if err := errors.Join(read(areas, &s.Areas), read(topicAreas, &s.Topics)); err != nil {
			return r, err
		}
		r.Area = areaOf(s, r.Chunk)
	}
	return r, errors.Join(read(links, &r.Links), read(legal, &r.Legal), readPhrases.read(asked, &r.Asked), readPhrases.read(editors, &r.EditorAsked),
		readPhrases.read(unanswered, &r.Unanswered), readPhrases.read(editorsUn, &r.EditorUnanswered))
}

// phraseLists remembers lists of phrases as they were read: every question finds dozens of them. They are not changed.
type phraseLists struct {
	mu    sync.Mutex
	lists map[[sha256.Size]byte][]string
}

var readPhrases = phraseLists{lists: map[[sha256.Size]byte][]string{}}

// maxPhraseLists bounds its memory: some 3 KB each.
const maxPhraseLists = 1 << 13

func (p *phraseLists) read(column string, v *[]string) error {
	if column == "[]" {
		return nil
	}
	key := sha256.Sum256([]byte(column))
	p.mu.Lock()
	list, known := p.lists[key]
	p.mu.Unlock()
	if !known {
		if err := read(column, &list); err != nil {
			return err
		}
		p.mu.Lock()
		if len(p.lists) >= maxPhraseLists {
			clear(p.lists)
		}
		p.lists[key] = slices.Clip(list)
		p.mu.Unlock()
	}
	*v = list
	return nil
}

// read reads what list made; most lists are empty.
func read[T any](column string, v *[]T) error {
	if column == "[]" {
		return nil
	}
	return json.Unmarshal([]byte(column), v)
}

// putChunk writes a chunk and marks it for the index.
func putChunk(ctx context.Context, tx *store.Tx, r row) error {
	_, err := tx.Exec(ctx, `INSERT INTO knowledge_chunk (id, source_id, item, family, article_id, url, title, section, body, municipality,
		valid_from, valid_to, language, authority, area, links, legal, demo, fetched_at, updated_at, changed_at, law_changed, sha256,
		record_hash, seen_run, asked, unanswered, topics, removed_at, rev, dirty)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 1, 1)
		ON CONFLICT (id) DO UPDATE SET item = excluded.item, family = excluded.family, article_id = excluded.article_id, url = excluded.url,
		title = excluded.title, section = excluded.section, body = excluded.body, municipality = excluded.municipality,
		valid_from = excluded.valid_from, valid_to = excluded.valid_to, language = excluded.language, authority = excluded.authority,
		area = excluded.area, links = excluded.links, legal = excluded.legal, demo = excluded.demo, fetched_at = excluded.fetched_at,
		updated_at = excluded.updated_at, changed_at = excluded.changed_at, law_changed = excluded.law_changed, sha256 = excluded.sha256,
		record_hash = excluded.record_hash, seen_run = excluded.seen_run, asked = excluded.asked,
		unanswered = excluded.unanswered, topics = excluded.topics, removed_at = 0, rev = knowledge_chunk.rev + 1, dirty = 1`,
		r.ID, r.Source, r.item, family(r.Chunk), r.ArticleID, r.URL, r.Title, r.Section, r.Text, r.Municipality,
		r.ValidFrom, r.ValidTo, r.Language, r.Authority, r.Area, list(r.Links), list(r.Legal), r.Demo, store.Micros(r.FetchedAt),
		store.Micros(r.UpdatedAt), store.Micros(r.changedAt), r.LawChanged, r.SHA256, r.recordHash, r.seenRun, list(r.Asked), list(r.Unanswered),
		list(r.Topics))
	if err != nil {
		return err
	}
	return putLegal(ctx, tx, r)
}

// putLegal writes which laws a chunk names.
func putLegal(ctx context.Context, tx *store.Tx, r row) error {
	if _, err := tx.Exec(ctx, `DELETE FROM knowledge_legal WHERE chunk_id = ?`, r.ID); err != nil {
		return err
	}
	for _, l := range r.Legal {
		law := ELI(l.URL)
		if law == "" {
			continue
		}
		_, err := tx.Exec(ctx, `INSERT INTO knowledge_legal (chunk_id, eli) VALUES (?, ?) ON CONFLICT (chunk_id, eli) DO NOTHING`, r.ID, law)
		if err != nil {
			return err
		}
	}
	return nil
}

// touchChunk notes that a run has found a chunk as it was.
func touchChunk(ctx context.Context, tx *store.Tx, id, run string, at time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE knowledge_chunk SET seen_run = ?, fetched_at = ? WHERE id = ?`, run, store.Micros(at), id)
	return err
}

// list is how lists are kept in a column.
func list[T any](v []T) string {
	if len(v) == 0 {
		return "[]"
	}
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings and structs of strings only
	}
	return string(data)
}

// marks is "?, ?, ?" for n values.
func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }
