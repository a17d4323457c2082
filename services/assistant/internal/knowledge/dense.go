package knowledge

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

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

// embedBatch makes the vectors of chunks that have none, and gives them to the index. Texts that the model cannot take stay without.
func (l *Library) embedBatch(ctx context.Context, batch []row) error {
	have, err := l.vectors(ctx, batch)
	if err != nil {
		return err
	}
	var missing []row
	for _, c := range batch {
		if have[c.ID] == nil {
			missing = append(missing, c)
		}
	}
	if err := l.makeVectors(ctx, missing); err != nil {
		return err
	}
	points, err := l.points(ctx, batch)
	if err != nil {
		return err
	}
	if err := l.cfg.Index.Upsert(ctx, points); err != nil {
		return fmt.Errorf("write to the index: %w", err)
	}
	marks := make([]mark, len(batch))
	for i, c := range batch {
		marks[i] = mark{c.ID, c.rev, c.dirty, clean}
	}
	return l.mark(ctx, marks)
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
