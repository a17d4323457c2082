package store

import "context"

// Going finds the meeting that a conversation goes on as in a service area, as long as it is not over; empty: there is none.
func (t *Tx) Going(ctx context.Context, conversation, area string) (meeting string, err error) {
	ids, err := t.list(ctx, `SELECT m.id FROM follow f JOIN meeting m ON m.id = f.meeting_id
		WHERE f.conversation_id = ? AND f.service_area = ? AND m.state IN ('booked', 'live') AND m.erased_at = 0`, conversation, area)
	if err != nil || len(ids) == 0 {
		return "", err
	}
	return ids[0], nil
}

// Follow makes a meeting the one that a conversation goes on as, unless another that is not over is: then it names that one. Until the
// transaction ends nobody else can do the same.
func (t *Tx) Follow(ctx context.Context, conversation, area, meeting string) (other string, err error) {
	_, err = t.Exec(ctx, `INSERT INTO follow (conversation_id, service_area, meeting_id) VALUES (?, ?, ?)
		ON CONFLICT (conversation_id, service_area) DO UPDATE SET meeting_id = follow.meeting_id`, conversation, area, meeting)
	if err != nil {
		return "", err
	}
	other, err = t.Going(ctx, conversation, area)
	if err != nil || other != "" && other != meeting {
		return other, err
	}
	_, err = t.Exec(ctx, `UPDATE follow SET meeting_id = ? WHERE conversation_id = ? AND service_area = ?`, meeting, conversation, area)
	return "", err
}
