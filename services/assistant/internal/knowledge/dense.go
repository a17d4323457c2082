package knowledge

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"samtale.dk/samtale/models/embed"
	"samtale.dk/samtale/models/evidence"
	"samtale.dk/samtale/services/platform/store"
)

// passage is what is embedded of a chunk: its headings say what a short text is about.
func passage(c row) string { return c.Title + "\n" + c.Section + "\n" + c.Text }

func passageHash(c row) string { return evidence.ContentHash(passage(c)) }

// modelKey names the embedding model in the database.
func (l *Library) modelKey() string {
	m := l.cfg.Model
	return fmt.Sprintf("%s@%s/%d", m.Name, m.Digest, m.Dimension)
}

// vectors are the kept vectors of the chunks as they are now, by id.
func (l *Library) vectors(ctx context.Context, cs []row) (map[string][]float32, error) {
	if l.cfg.Model == nil || len(cs) == 0 {
		return nil, nil
	}
	args, hashes := []any{l.modelKey()}, map[string]string{}
	for _, c := range cs {
		args = append(args, c.ID)
		hashes[c.ID] = passageHash(c)
	}
	rows, err := l.db.Read().Query(ctx, `SELECT chunk_id, sha256, vector FROM knowledge_vector WHERE model = ? AND chunk_id IN (`+marks(len(cs))+`)`,
		args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string][]float32{}
	for rows.Next() {
		var id, hash string
		var data []byte
		if err := rows.Scan(&id, &hash, &data); err != nil {
			return nil, store.Wrap(err)
		}
		if hash == hashes[id] {
			out[id] = floats(data)
		}
	}
	return out, rows.Err()
}

// embed gives vectors to some of what has none, and says whether there may be more. It does not hold the index while the model
// thinks: searches find a chunk by its words meanwhile, and changes go on.
func (l *Library) embed(ctx context.Context) (more bool, err error) {
	if l.cfg.Embedder == nil {
		return false, nil
	}
	batch, err := chunks(ctx, l.db.Read(), `WHERE c.dirty = ? ORDER BY c.id LIMIT ?`, vectorsTo, embedBatch)
	if err != nil || len(batch) == 0 {
		return false, err
	}
	have, err := l.vectors(ctx, batch)
	if err != nil {
		return false, err
	}
	missing := slices.DeleteFunc(slices.Clone(batch), func(c row) bool { return have[c.ID] != nil })
	err = l.makeVectors(ctx, missing)
	if errors.Is(err, embed.ErrUnavailable) || errors.Is(err, embed.ErrBusy) {
		return false, nil // later; the loop comes by
	}
	if err != nil {
		return false, err
	}
	return true, l.giveVectors(ctx, batch)
}

// giveVectors passes chunks with their vectors to the index, as far as they have not changed meanwhile. Texts that the model cannot
// take stay without.
func (l *Library) giveVectors(ctx context.Context, batch []row) error {
	if err := l.hold(ctx); err != nil {
		return err
	}
	defer l.release()
	args := []any{vectorsTo}
	for _, c := range batch {
		args = append(args, c.ID)
	}
	still, err := chunks(ctx, l.db.Read(), `WHERE c.dirty = ? AND c.id IN (`+marks(len(batch))+`)`, args...)
	if err != nil || len(still) == 0 {
		return err
	}
	points, err := l.points(ctx, still)
	if err != nil {
		return err
	}
	if err := l.cfg.Index.Upsert(ctx, points); err != nil {
		return l.broken(fmt.Errorf("write to the index: %w", err))
	}
	done := make([]mark, len(still))
	for i, c := range still {
		done[i] = mark{c.ID, c.rev, c.dirty, clean}
	}
	return l.mark(ctx, done)
}

// makeVectors asks the model and keeps its answer.
func (l *Library) makeVectors(ctx context.Context, cs []row) error {
	if len(cs) == 0 {
		return nil
	}
	texts := make([]string, len(cs))
	for i, c := range cs {
		texts[i] = passage(c)
	}
	vs, err := l.cfg.Embedder.Passages(ctx, texts)
	switch {
	case (errors.Is(err, embed.ErrTooLong) || errors.Is(err, embed.ErrOutput)) && len(cs) > 1:
		for i := range cs { // one of them: find it
			if err := l.makeVectors(ctx, cs[i:i+1]); err != nil {
				return err
			}
		}
		return nil
	case errors.Is(err, embed.ErrTooLong), errors.Is(err, embed.ErrOutput):
		l.cfg.Log.Warn("chunk without a vector", "chunk_id", cs[0].ID, "err", err)
		return nil
	case err != nil:
		return fmt.Errorf("embed: %w", err)
	}
	return l.db.InTx(ctx, func(tx *store.Tx) error {
		for i, v := range vs {
			_, err := tx.Exec(ctx, `INSERT INTO knowledge_vector (chunk_id, model, sha256, vector) VALUES (?, ?, ?, ?)
				ON CONFLICT (chunk_id) DO UPDATE SET model = excluded.model, sha256 = excluded.sha256, vector = excluded.vector`,
				cs[i].ID, l.modelKey(), passageHash(cs[i]), bytesOf(v))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func bytesOf(v []float32) []byte {
	out := make([]byte, 0, 4*len(v))
	for _, f := range v {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(f))
	}
	return out
}

func floats(data []byte) []float32 {
	out := make([]float32, len(data)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return out
}
