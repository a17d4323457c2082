package store

import (
	"context"
	"math"
	"time"
)

// SetupChange is what an editor did with a set-up. Before and After are JSON of a set-up, or empty.
type SetupChange struct {
	Version       int64 // that it made
	At            time.Time
	Actor, Action string
	Before, After string
}

// PutSetupChange keeps what was done with a set-up.
func (t *Tx) PutSetupChange(ctx context.Context, id string, c SetupChange) error {
	_, err := t.Exec(ctx, `INSERT INTO setup_change (setup_id, version, at, actor, action, before_body, after_body) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		id, c.Version, c.At.UnixMicro(), c.Actor, c.Action, c.Before, c.After)
	return err
}

// SetupChanges reads what was done with a set-up, newest first: from below a version (0: from the newest), until it is about size
// bytes. More says that there is older.
func (t *Tx) SetupChanges(ctx context.Context, id string, below int64, size int) (out []SetupChange, more bool, err error) {
	if below == 0 {
		below = math.MaxInt64
	}
	rows, err := t.Query(ctx, `SELECT version, at, actor, action, before_body, after_body FROM setup_change
		WHERE setup_id = ? AND version < ? ORDER BY version DESC`, id, below)
	if err != nil {
		return nil, false, err
	}
	defer rows.Close()
	for rows.Next() {
		if size <= 0 {
			return out, true, nil
		}
		var c SetupChange
		var at int64
		if err := rows.Scan(&c.Version, &at, &c.Actor, &c.Action, &c.Before, &c.After); err != nil {
			return nil, false, err
		}
		c.At = time.UnixMicro(at).UTC()
		size -= len(c.Before) + len(c.After)
		out = append(out, c)
	}
	return out, false, rows.Err()
}
