package store

import (
	"context"
	"database/sql"
	"time"

	"samtale.dk/samtale/services/contract/inquiryv1"
	"samtale.dk/samtale/services/platform/store"
)

// Inquiry is a row: where it stands in clear, people sealed.
type Inquiry struct {
	ID             string
	ConversationID string
	ReceiptHash    string // empty: expired
	Channel        string
	ServiceArea    string
	Also           string // area that it has escalated to
	State          string
	Language       string
	Caseworker     string
	CallID         string // conversation of the call-back
	Transcribe     bool   // what is written becomes a transcript
	Withdrawn      bool   // the citizen has withdrawn the consent to that
	Content        []byte // sealed: receipt, summary, who the citizen is
	WorkerName     []byte // sealed
	Video          []byte // sealed: the meeting's address
	CreatedAt      time.Time
	ClaimBy        time.Time
	EscalatedAt    time.Time
	ClaimedAt      time.Time
	CalledAt       time.Time
	ToldAt         time.Time // the journal was told of the conversation
	EndedAt        time.Time
	RemindedAt     time.Time
	QuietAt        time.Time // the citizen was told that they are missed
	EraseAt        time.Time // only where the journal does not see to it
	ErasedAt       time.Time
	ExpiredAt      time.Time
	CitizenAt      time.Time // last seen
	CitizenWroteAt time.Time
	WorkerWroteAt  time.Time
	Messages       int // number of the last message
	CitizenSeen    int
	WorkerSeen     int
	SaidTo         int64 // samples since CreatedAt up to which there are words
}

// Over reports that it was answered, given up or given away.
func (i Inquiry) Over() bool { return i.State != inquiryv1.Waiting && i.State != inquiryv1.Claimed }

const columns = `id, conversation_id, receipt_hash, channel, service_area, also, state, language, caseworker, call_id, transcribe,
	withdrawn, content, worker_name, video, created_at, claim_by, escalated_at, claimed_at, called_at, told_at, ended_at, reminded_at,
	quiet_at, erase_at, erased_at, expired_at, citizen_at, citizen_wrote_at, worker_wrote_at, messages, citizen_seen, worker_seen, said_to`

// times of a row in the order of columns.
func (i *Inquiry) times() []*time.Time {
	return []*time.Time{
		&i.CreatedAt, &i.ClaimBy, &i.EscalatedAt, &i.ClaimedAt, &i.CalledAt, &i.ToldAt, &i.EndedAt, &i.RemindedAt,
		&i.QuietAt, &i.EraseAt, &i.ErasedAt, &i.ExpiredAt, &i.CitizenAt, &i.CitizenWroteAt, &i.WorkerWroteAt,
	}
}

func scan(row store.Row) (Inquiry, error) {
	var i Inquiry
	to := []any{
		&i.ID, &i.ConversationID, &i.ReceiptHash, &i.Channel, &i.ServiceArea, &i.Also, &i.State, &i.Language, &i.Caseworker, &i.CallID,
		&i.Transcribe, &i.Withdrawn, &i.Content, &i.WorkerName, &i.Video,
	}
	at := make([]int64, len(i.times()))
	for n := range at {
		to = append(to, &at[n])
	}
	err := row.Scan(append(to, &i.Messages, &i.CitizenSeen, &i.WorkerSeen, &i.SaidTo)...)
	for n, t := range i.times() {
		*t = store.Time(at[n])
	}
	return i, store.Wrap(err)
}

func (i Inquiry) values() []any {
	out := []any{
		i.ID, i.ConversationID, i.ReceiptHash, i.Channel, i.ServiceArea, i.Also, i.State, i.Language, i.Caseworker, i.CallID,
		i.Transcribe, i.Withdrawn, i.Content, i.WorkerName, i.Video,
	}
	for _, t := range i.times() {
		out = append(out, store.Micros(*t))
	}
	return append(out, i.Messages, i.CitizenSeen, i.WorkerSeen, i.SaidTo)
}

// Add keeps a new inquiry; one that is there stays as it is.
func (t *Tx) Add(ctx context.Context, i Inquiry) (added bool, err error) {
	r, err := t.Exec(ctx, `INSERT INTO inquiry (`+columns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
		?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`, i.values()...)
	if err != nil {
		return false, err
	}
	n, err := r.RowsAffected()
	return n > 0, err
}

// Inquiry reads one; errs.NotFound when there is none.
func (t *Tx) Inquiry(ctx context.Context, id string) (Inquiry, error) {
	return scan(t.QueryRow(ctx, `SELECT `+columns+` FROM inquiry WHERE id = ?`, id))
}

// ByReceipt reads the one that a receipt number opens.
func (t *Tx) ByReceipt(ctx context.Context, hash string) (Inquiry, error) {
	return scan(t.QueryRow(ctx, `SELECT `+columns+` FROM inquiry WHERE receipt_hash = ?`, hash))
}

// ByConversation reads the one of a conversation.
func (t *Tx) ByConversation(ctx context.Context, conversation string) (Inquiry, error) {
	return scan(t.QueryRow(ctx, `SELECT `+columns+` FROM inquiry WHERE conversation_id = ?`, conversation))
}

// Save writes a row that was read in the same transaction.
func (t *Tx) Save(ctx context.Context, i Inquiry) error {
	v := i.values()
	r, err := t.Exec(ctx, `UPDATE inquiry SET conversation_id = ?, receipt_hash = ?, channel = ?, service_area = ?, also = ?, state = ?,
		language = ?, caseworker = ?, call_id = ?, transcribe = ?, withdrawn = ?, content = ?, worker_name = ?, video = ?, created_at = ?,
		claim_by = ?, escalated_at = ?, claimed_at = ?, called_at = ?, told_at = ?, ended_at = ?, reminded_at = ?, quiet_at = ?,
		erase_at = ?, erased_at = ?, expired_at = ?, citizen_at = ?, citizen_wrote_at = ?, worker_wrote_at = ?, messages = ?,
		citizen_seen = ?, worker_seen = ?, said_to = ? WHERE id = ?`, append(v[1:], v[0])...)
	if err != nil {
		return err
	}
	n, err := r.RowsAffected()
	if err == nil && n == 0 {
		return store.Wrap(sql.ErrNoRows)
	}
	return err
}

// Open lists the inquiries that are waiting or claimed: escalated ones first, then the oldest. That is the queue's order.
func (t *Tx) Open(ctx context.Context) ([]Inquiry, error) {
	return t.list(ctx, `SELECT `+columns+` FROM inquiry WHERE state IN (?, ?)
		ORDER BY CASE WHEN escalated_at > 0 THEN 0 ELSE 1 END, created_at, id`, inquiryv1.Waiting, inquiryv1.Claimed)
}

// Queue lists the ids of those that wait in an area, in the queue's order.
func (t *Tx) Queue(ctx context.Context, area string) ([]string, error) {
	return t.ids(ctx, `SELECT id FROM inquiry WHERE state = ? AND service_area = ?
		ORDER BY CASE WHEN escalated_at > 0 THEN 0 ELSE 1 END, created_at, id`, inquiryv1.Waiting, area)
}

// Unfinished lists the ids of those that a workflow still has to see to.
func (t *Tx) Unfinished(ctx context.Context) ([]string, error) {
	return t.ids(ctx, `SELECT id FROM inquiry WHERE expired_at = 0 ORDER BY id`)
}

func (t *Tx) ids(ctx context.Context, query string, args ...any) ([]string, error) {
	return store.List(ctx, t.Tx, store.Column[string], query, args...)
}

func (t *Tx) list(ctx context.Context, query string, args ...any) ([]Inquiry, error) {
	return store.List(ctx, t.Tx, scan, query, args...)
}

// Pace is how fast an area has worked lately.
type Pace struct {
	Handled []time.Duration // from claim to end, of the last ones
	Active  int             // caseworkers who have one now
}

// Pace reads an area's pace from its last limit inquiries.
func (t *Tx) Pace(ctx context.Context, area string, limit int) (Pace, error) {
	var p Pace
	err := t.QueryRow(ctx, `SELECT COUNT(DISTINCT caseworker) FROM inquiry WHERE state = ? AND service_area = ?`, inquiryv1.Claimed, area).Scan(&p.Active)
	if err != nil {
		return p, store.Wrap(err)
	}
	rows, err := t.Query(ctx, `SELECT ended_at - claimed_at FROM inquiry WHERE state = ? AND service_area = ? AND claimed_at > 0
		ORDER BY ended_at DESC LIMIT ?`, inquiryv1.Ended, area, limit)
	if err != nil {
		return p, err
	}
	defer rows.Close()
	for rows.Next() {
		var us int64
		if err := rows.Scan(&us); err != nil {
			return p, err
		}
		p.Handled = append(p.Handled, time.Duration(us)*time.Microsecond)
	}
	return p, rows.Err()
}

// Waiting is how many wait in an area, and since when the oldest does.
type Waiting struct {
	Area   string
	Count  int
	Oldest time.Time
}

// Waiting counts those that wait, by area.
func (t *Tx) Waiting(ctx context.Context) ([]Waiting, error) {
	return store.List(ctx, t.Tx, func(row store.Row) (Waiting, error) {
		var w Waiting
		var at int64
		if err := row.Scan(&w.Area, &w.Count, &at); err != nil {
			return w, err
		}
		w.Oldest = store.Time(at)
		return w, nil
	}, `SELECT service_area, COUNT(*), MIN(created_at) FROM inquiry WHERE state = ? GROUP BY service_area`, inquiryv1.Waiting)
}
