package store

import (
	"context"

	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/store"
)

// PutCodes replaces the telephone codes of a meeting: hash of the code → participant. errs.Conflict when another meeting has one.
func (t *Tx) PutCodes(ctx context.Context, meeting string, codes map[string]string) error {
	if _, err := t.Exec(ctx, `DELETE FROM dialin WHERE meeting_id = ?`, meeting); err != nil {
		return err
	}
	for code, participant := range codes {
		r, err := t.Exec(ctx, `INSERT INTO dialin (code, meeting_id, participant_id) VALUES (?, ?, ?) ON CONFLICT (code) DO NOTHING`,
			code, meeting, participant)
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return errs.E(errs.Conflict, "", err)
		}
	}
	return nil
}

// Code finds the seat of a code by its hash; errs.NotFound when there is none.
func (t *Tx) Code(ctx context.Context, code string) (meeting, participant string, err error) {
	err = t.QueryRow(ctx, `SELECT meeting_id, participant_id FROM dialin WHERE code = ?`, code).Scan(&meeting, &participant)
	return meeting, participant, store.Wrap(err)
}
