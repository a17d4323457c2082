package knowledge

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/store"
)

// starterSetting holds the hash of the starter knowledge that was loaded, or that a person removed it.
const (
	starterSetting = "knowledge.starter"
	starterRemoved = "removed"
)

func setting(ctx context.Context, tx *store.Tx, name string) (string, error) {
	var value string
	err := store.Wrap(tx.QueryRow(ctx, `SELECT value FROM setting WHERE name = ?`, name).Scan(&value))
	if errs.KindOf(err) == errs.NotFound {
		return "", nil
	}
	return value, err
}

func putSetting(ctx context.Context, tx *store.Tx, name, value string) error {
	_, err := tx.Exec(ctx, `INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value)
	return err
}

// loadStarter brings the starter knowledge in, unless it is there already or a person has removed it. Without one, what an earlier
// start brought in is removed.
func (l *Library) loadStarter(ctx context.Context) error {
	have, err := setting(ctx, l.db.Read(), starterSetting)
	if err != nil {
		return err
	}
	if l.cfg.Starter == nil {
		if have == "" || have == starterRemoved {
			return nil
		}
		_, err := l.Remove(ctx, knowledgev1.SourceRef{ID: knowledgev1.SourceSeeds})
		if err == nil || errors.Is(err, errs.NotFound) {
			err = putSetting(ctx, l.db.Read(), starterSetting, "") // to be loaded when it is wanted again
		}
		return err
	}
	records, hash, err := readStarter(l.cfg.Starter)
	if err != nil || have == hash || have == starterRemoved {
		return err
	}
	began := time.Now()
	if err := l.saveStarter(ctx, records); err != nil {
		return fmt.Errorf("starter knowledge: %w", err)
	}
	l.cfg.Log.Info("starter knowledge loaded", "records", len(records), "took", time.Since(began).String())
	return putSetting(ctx, l.db.Read(), starterSetting, hash)
}

func (l *Library) saveStarter(ctx context.Context, records []knowledgev1.Record) error {
	s := knowledgev1.Source{ID: knowledgev1.SourceSeeds, Kind: knowledgev1.KindStarter, Title: "Demoviden", Demo: true}
	r := l.newRun(s.ID)
	r.Total = len(records)
	err := l.db.InTx(ctx, func(tx *store.Tx) error {
		if old, err := sourceByID(ctx, tx, s.ID); err == nil {
			s.Paused = old.Paused
		}
		return errors.Join(l.putSource(ctx, tx, s), l.putRun(ctx, tx, r))
	})
	for len(records) > 0 && err == nil { // in parts, so that requests come in between
		n := min(len(records), knowledgev1.MaxBatch)
		made, refused := chunksOf(s, records[:n])
		err = l.inRun(ctx, r.ID, func(tx *store.Tx, r *run) error {
			for i, c := range made {
				r.Seen++
				if err := l.saveMade(ctx, tx, r, "", time.Time{}, c, refused[i], records[i].ID); err != nil {
					return err
				}
			}
			return nil
		})
		records = records[n:]
	}
	if err != nil {
		return err
	}
	return l.inRun(ctx, r.ID, func(tx *store.Tx, r *run) error { return l.endImport(ctx, tx, r, true) })
}

// chunksOf makes the chunks of records with all processors: who starts waits for them.
func chunksOf(s knowledgev1.Source, records []knowledgev1.Record) ([]knowledgev1.Chunk, []error) {
	made, refused := make([]knowledgev1.Chunk, len(records)), make([]error, len(records))
	var all errgroup.Group
	all.SetLimit(runtime.GOMAXPROCS(0))
	for i, r := range records {
		all.Go(func() error {
			made[i], refused[i] = chunkOf(s, r)
			return nil
		})
	}
	all.Wait()
	return made, refused
}

// readStarter reads all *.jsonl of a folder.
func readStarter(files fs.FS) (records []knowledgev1.Record, hash string, err error) {
	names, err := fs.Glob(files, "*.jsonl")
	if err != nil {
		return nil, "", fmt.Errorf("starter knowledge: %w", err)
	}
	sum := sha256.New()
	for _, name := range names {
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, "", fmt.Errorf("starter knowledge: %w", err)
		}
		sum.Write(data)
		lines := bufio.NewScanner(bytes.NewReader(data))
		lines.Buffer(nil, 1<<20)
		for n := 1; lines.Scan(); n++ {
			var r knowledgev1.Record
			if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
				return nil, "", fmt.Errorf("starter knowledge: %s line %d: %w", name, n, err)
			}
			records = append(records, r)
		}
		if err := lines.Err(); err != nil {
			return nil, "", fmt.Errorf("starter knowledge: %s: %w", name, err)
		}
	}
	return records, hex.EncodeToString(sum.Sum(nil)), nil
}
