package store

import "context"

// PutParty notes that a citizen took part in a meeting, with which seat first.
func (t *Tx) PutParty(ctx context.Context, ref, meeting, participant string) error {
	_, err := t.Exec(ctx, `INSERT INTO party (party_ref, meeting_id, participant_id) VALUES (?, ?, ?)
		ON CONFLICT (party_ref, meeting_id) DO NOTHING`, ref, meeting, participant)
	return err
}

// Attended lists the meetings that a citizen took part in.
func (t *Tx) Attended(ctx context.Context, ref string) ([]string, error) {
	return t.list(ctx, `SELECT meeting_id FROM party WHERE party_ref = ?`, ref)
}
