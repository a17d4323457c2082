package store

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/platform/store"
)

// States of a conversation (journalv1.Conversation.State).
const (
	Live      = "live"
	Ended     = "ended"
	Drafting  = "drafting"
	Review    = "review"
	Approved  = "approved"
	Delivered = "delivered"
	Discarded = "discarded"
	Erased    = "erased"
)

// Conversation is a row: metadata in clear, people sealed.
type Conversation struct {
	ID          string
	Channel     callv1.Channel
	ServiceArea string
	State       string
	Caseworker  string
	Extension   string
	Reason      string // why the call ended
	StartedAt   time.Time
	EndedAt     time.Time
	ClosedAt    time.Time // the transcript was closed: nothing more is waited for
	Transcribed bool      // a transcript is expected
	CallBack    bool      // an open call-back task
	Party       []byte    // callv1.Party as the call brought it, sealed
	Identity    []byte    // who a caseworker says it is, sealed
	PartyRef    string
	CaseNumber  string
	Follows     string        // conversation that this one goes on from
	Template    string        // of the note; empty: the service area's
	KeepAfter   time.Duration // after the receipt; 0: the service area's
	EraseAt     time.Time
	ErasedAt    time.Time
}

const conversationColumns = `id, channel, service_area, state, caseworker, extension, reason, started_at, ended_at, closed_at,
	transcribed, call_back, party, identity, party_ref, case_number, follows, template, keep_after, erase_at, erased_at`

func scanConversation(row store.Row) (Conversation, error) {
	var c Conversation
	var started, ended, closed, eraseAt, erased int64
	err := row.Scan(&c.ID, &c.Channel, &c.ServiceArea, &c.State, &c.Caseworker, &c.Extension, &c.Reason, &started, &ended, &closed,
		&c.Transcribed, &c.CallBack, &c.Party, &c.Identity, &c.PartyRef, &c.CaseNumber, &c.Follows,
		&c.Template, &c.KeepAfter, &eraseAt, &erased)
	c.StartedAt, c.EndedAt, c.ClosedAt = store.Time(started), store.Time(ended), store.Time(closed)
	c.EraseAt, c.ErasedAt = store.Time(eraseAt), store.Time(erased)
	return c, store.Wrap(err)
}

// AddConversation keeps a new conversation; one that is there stays as it is.
func (t *Tx) AddConversation(ctx context.Context, c Conversation) (added bool, err error) {
	r, err := t.Exec(ctx, `INSERT INTO conversation (`+conversationColumns+`)
		VALUES (?, ?, ?, ?, ?, ?, '', ?, 0, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0) ON CONFLICT (id) DO NOTHING`,
		c.ID, string(c.Channel), c.ServiceArea, Live, c.Caseworker, c.Extension, store.Micros(c.StartedAt),
		false, false, c.Party, c.Identity, c.PartyRef, c.CaseNumber, c.Follows, c.Template, c.KeepAfter)
	if err != nil {
		return false, err
	}
	n, err := r.RowsAffected()
	return n > 0, err
}

// Conversation reads one; errs.NotFound when there is none.
func (t *Tx) Conversation(ctx context.Context, id string) (Conversation, error) {
	return scanConversation(t.QueryRow(ctx, `SELECT `+conversationColumns+` FROM conversation WHERE id = ?`, id))
}

// Filter of a list; empty fields filter nothing.
type Filter struct {
	Areas    []string
	Follows  string
	PartyRef string
	State    string
	Before   string // only ids before this one
	Find     string // case number or receipt
	Limit    int
}

// Conversations lists rows, newest first.
func (t *Tx) Conversations(ctx context.Context, f Filter) ([]Conversation, error) {
	where, args := f.where()
	return store.List(ctx, t.Tx, scanConversation, `SELECT `+conversationColumns+` FROM conversation`+where+` ORDER BY id DESC LIMIT ?`, append(args, f.Limit)...)
}

func (f Filter) where() (string, []any) {
	var cond []string
	var args []any
	add := func(c string, v ...any) { cond, args = append(cond, c), append(args, v...) }
	if len(f.Areas) > 0 {
		areas := make([]any, len(f.Areas))
		for i, a := range f.Areas {
			areas[i] = a
		}
		add("service_area IN (?"+strings.Repeat(", ?", len(areas)-1)+")", areas...)
	}
	if f.Follows != "" {
		add("follows = ?", f.Follows)
	}
	if f.PartyRef != "" {
		add("party_ref = ?", f.PartyRef)
	}
	if f.State != "" {
		add("state = ?", f.State)
	}
	if f.Find != "" {
		add("(case_number = ? OR id IN (SELECT note.conversation_id FROM note JOIN delivery ON delivery.note_id = note.id WHERE delivery.receipt_id = ?))", f.Find, f.Find)
	}
	if f.Before != "" {
		add("id < ?", f.Before)
	}
	if len(cond) == 0 {
		return "", args
	}
	return " WHERE " + strings.Join(cond, " AND "), args
}

// Move sets a conversation's state.
func (t *Tx) Move(ctx context.Context, id, state string) error {
	return t.one(ctx, `UPDATE conversation SET state = ? WHERE id = ?`, state, id)
}

// SetCaseworker names who talks, and the area when the call was moved to another.
func (t *Tx) SetCaseworker(ctx context.Context, id, caseworker, area string) error {
	_, err := t.Exec(ctx, `UPDATE conversation SET caseworker = CASE WHEN ? = '' THEN caseworker ELSE ? END,
		service_area = CASE WHEN ? = '' THEN service_area ELSE ? END WHERE id = ?`, caseworker, caseworker, area, area, id)
	return err
}

// SetParty records, sealed, who is at the other end, and whose conversation it is; not the latter when it was changed meanwhile.
func (t *Tx) SetParty(ctx context.Context, id string, sealed []byte, was, partyRef string) error {
	_, err := t.Exec(ctx, `UPDATE conversation SET party = ?, party_ref = CASE WHEN party_ref = ? THEN ? ELSE party_ref END WHERE id = ?`,
		sealed, was, partyRef, id)
	return err
}

// End records a call's end. A state past Live stays.
func (t *Tx) End(ctx context.Context, id, reason string, at time.Time, transcribed, callBack bool) error {
	return t.one(ctx, `UPDATE conversation SET reason = ?, ended_at = ?, transcribed = ?, call_back = ?,
		state = CASE WHEN state = ? THEN ? ELSE state END WHERE id = ?`,
		reason, store.Micros(at), transcribed, callBack, Live, Ended, id)
}

// CloseTranscript records that nothing more is waited for; again keeps the first time.
func (t *Tx) CloseTranscript(ctx context.Context, id string, at time.Time) error {
	_, err := t.Exec(ctx, `UPDATE conversation SET closed_at = ? WHERE id = ? AND closed_at = 0`, store.Micros(at), id)
	return err
}

// SetIdentity records, sealed, who the citizen is.
func (t *Tx) SetIdentity(ctx context.Context, id string, sealed []byte, partyRef string) error {
	return t.one(ctx, `UPDATE conversation SET identity = ?, party_ref = ? WHERE id = ?`, sealed, partyRef, id)
}

// SetCaseNumber records the case that the conversation belongs to.
func (t *Tx) SetCaseNumber(ctx context.Context, id, number string) error {
	return t.one(ctx, `UPDATE conversation SET case_number = ? WHERE id = ?`, number, id)
}

// SetCallBack opens or closes the call-back task.
func (t *Tx) SetCallBack(ctx context.Context, id string, open bool) error {
	return t.one(ctx, `UPDATE conversation SET call_back = ? WHERE id = ?`, open, id)
}

// SetEraseAt records when the content is to be deleted.
func (t *Tx) SetEraseAt(ctx context.Context, id string, at time.Time) error {
	return t.one(ctx, `UPDATE conversation SET erase_at = ? WHERE id = ?`, store.Micros(at), id)
}

// one runs an update that must meet a row.
func (t *Tx) one(ctx context.Context, stmt string, args ...any) error {
	r, err := t.Exec(ctx, stmt, args...)
	if err != nil {
		return err
	}
	n, err := r.RowsAffected()
	if err == nil && n == 0 {
		return store.Wrap(sql.ErrNoRows)
	}
	return err
}
