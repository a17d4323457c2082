// Package store is the meeting service's database: meetings, what was sent to whom, set-ups, and an outbox of what others must
// hear about. People's words and addresses are sealed before they get here.
//
// A Store is safe for concurrent use. A change and its outbox rows are one transaction, so that what was committed is also
// told, after a crash as well.
package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"hash/fnv"
	"io/fs"
	"strings"
	"sync"
	"time"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/outbox"
	"samtale.dk/samtale/services/platform/store"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations are the schema, oldest first.
func Migrations() fs.FS { return files }

// Store is the open database, as one node of the service uses it.
type Store struct {
	*outbox.Box
	db    *store.DB
	node  string
	turns [64]sync.Mutex // by meeting
}

// New returns the store over a migrated database. Node names this process: the rooms that it claims are its alone.
func New(db *store.DB, node string) *Store {
	return &Store{Box: outbox.New(db, "outbox", LaneBus, LaneWork, LaneChoice), db: db, node: node}
}

// Turn waits until no other of this process writes about a meeting. Who writes without one is as safe, but when many do, they lose
// races against each other until they give up.
func (s *Store) Turn(meeting string) (done func()) {
	h := fnv.New32a()
	_, _ = h.Write([]byte(meeting)) // never fails
	m := &s.turns[h.Sum32()%uint32(len(s.turns))]
	m.Lock()
	return m.Unlock
}

// Node names this process.
func (s *Store) Node() string { return s.node }

// Ready probes the database.
func (s *Store) Ready(ctx context.Context) error { return s.db.Ready(ctx) }

// Scrub removes deleted content from the database's own files.
func (s *Store) Scrub(ctx context.Context) error { return s.db.Scrub(ctx) }

// Tx is a transaction, or plain reading outside of one.
type Tx struct {
	*store.Tx
	s *Store
}

// Read returns a handle for queries outside a transaction.
func (s *Store) Read() *Tx { return &Tx{s.db.Read(), s} }

// InTx runs f in a transaction; an error rolls all of it back. f may run again.
func (s *Store) InTx(ctx context.Context, f func(tx *Tx) error) error {
	return s.Box.InTx(ctx, func(tx *store.Tx) error { return f(&Tx{tx, s}) })
}

// Meeting is one row.
type Meeting struct {
	ID          string
	ServiceArea string
	State       string
	StartsAt    time.Time
	Version     int64
	ErasedAt    time.Time
	Sealed      []byte
}

const columns = `id, service_area, state, starts_at, version, erased_at, sealed`

func scan(row store.Row) (Meeting, error) {
	var m Meeting
	var starts, erased int64
	err := row.Scan(&m.ID, &m.ServiceArea, &m.State, &starts, &m.Version, &erased, &m.Sealed)
	m.StartsAt, m.ErasedAt = store.Time(starts), store.Time(erased)
	return m, store.Wrap(err)
}

// Add keeps a new meeting; added is false when it is there already.
func (t *Tx) Add(ctx context.Context, m Meeting) (added bool, err error) {
	r, err := t.Exec(ctx, `INSERT INTO meeting (`+columns+`) VALUES (?, ?, ?, ?, 1, 0, ?) ON CONFLICT (id) DO NOTHING`,
		m.ID, m.ServiceArea, m.State, store.Micros(m.StartsAt), m.Sealed)
	if err != nil {
		return false, err
	}
	n, err := r.RowsAffected()
	return n > 0, err
}

// Put replaces a meeting of the version that m was read in; errs.Conflict when it has changed since, ErrElsewhere when another
// node has its room.
func (t *Tx) Put(ctx context.Context, m Meeting) error {
	err := changed(t.Exec(ctx, `UPDATE meeting SET service_area = ?, state = ?, starts_at = ?, version = version + 1, sealed = ?
		WHERE id = ? AND version = ? AND erased_at = 0 AND node IN ('', ?)`,
		m.ServiceArea, m.State, store.Micros(m.StartsAt), m.Sealed, m.ID, m.Version, t.s.node))
	if !errors.Is(err, ErrElsewhere) {
		return err
	}
	if p, err := t.Place(ctx, m.ID); err != nil || p.Node == "" || p.Node == t.s.node {
		return errs.E(errs.Conflict, "", err)
	}
	return err
}

// changed tells from what a statement has changed whether its condition held.
func changed(r sql.Result, err error) error {
	if err != nil {
		return err
	}
	n, err := r.RowsAffected()
	if err == nil && n == 0 {
		err = ErrElsewhere
	}
	return err
}

// Meeting reads one; errs.NotFound when there is none.
func (t *Tx) Meeting(ctx context.Context, id string) (Meeting, error) {
	return scan(t.QueryRow(ctx, `SELECT `+columns+` FROM meeting WHERE id = ?`, id))
}

// Spot is a place in the list of meetings: where one of them stands.
type Spot struct {
	StartsAt time.Time
	ID       string
}

// Meetings lists up to limit of those of some areas that start in [from, to) and come after a spot, earliest first.
func (t *Tx) Meetings(ctx context.Context, areas []string, from, to time.Time, after Spot, limit int) ([]Meeting, error) {
	if len(areas) == 0 {
		return nil, nil
	}
	at := store.Micros(after.StartsAt)
	args := []any{store.Micros(from), store.Micros(to), at, at, after.ID}
	for _, a := range areas {
		args = append(args, a)
	}
	return store.List(ctx, t.Tx, scan, `SELECT `+columns+` FROM meeting WHERE starts_at >= ? AND starts_at < ? AND erased_at = 0
		AND (starts_at > ? OR starts_at = ? AND id > ?)
		AND service_area IN (?`+strings.Repeat(", ?", len(areas)-1)+`) ORDER BY starts_at, id LIMIT ?`, append(args, limit)...)
}

// Erase deletes a meeting's content; the row with id, area, state and time stays.
func (t *Tx) Erase(ctx context.Context, id string, now time.Time) error {
	for _, table := range []string{"sent", "said", "leg", "held", "dialin", "follow", "party"} {
		if _, err := t.Exec(ctx, `DELETE FROM `+table+` WHERE meeting_id = ?`, id); err != nil {
			return err
		}
	}
	_, err := t.Exec(ctx, `UPDATE meeting SET sealed = NULL, erased_at = ? WHERE id = ? AND erased_at = 0`, store.Micros(now), id)
	return err
}

// AddSent keeps, sealed, what was sent.
func (t *Tx) AddSent(ctx context.Context, id, meeting string, at time.Time, sealed []byte) error {
	_, err := t.Exec(ctx, `INSERT INTO sent (id, meeting_id, at, sealed) VALUES (?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET at = excluded.at, sealed = excluded.sealed`, id, meeting, store.Micros(at), sealed)
	return err
}

// Sent reads what was sent for a meeting, sealed, newest first.
func (t *Tx) Sent(ctx context.Context, meeting string) ([][]byte, error) {
	return store.List(ctx, t.Tx, store.Column[[]byte], `SELECT sealed FROM sent WHERE meeting_id = ? ORDER BY at DESC, id DESC`, meeting)
}

// PutSetup keeps a set-up's JSON as the version after the one that was read; errs.Conflict when it is another by now.
func (t *Tx) PutSetup(ctx context.Context, id string, read int64, body string) error {
	put := func(r sql.Result, err error) (bool, error) {
		if err != nil {
			return false, err
		}
		n, err := r.RowsAffected()
		return n > 0, err
	}
	done, err := put(t.Exec(ctx, `UPDATE setup SET body = ?, version = version + 1 WHERE id = ? AND version = ?`, body, id, read))
	if err == nil && !done && read == 0 {
		done, err = put(t.Exec(ctx, `INSERT INTO setup (id, body, version) VALUES (?, ?, 1) ON CONFLICT (id) DO NOTHING`, id, body))
	}
	if err == nil && !done {
		err = errs.E(errs.Conflict, "Opsætningen er ændret af en anden imens. Åbn den igen, og ret den.", nil)
	}
	return err
}

// Setups reads the set-ups that people have changed or added, by id.
func (t *Tx) Setups(ctx context.Context) (map[string]string, error) {
	rows, err := t.Query(ctx, `SELECT id, body FROM setup`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]string{}
	for rows.Next() {
		var id, body string
		if err := rows.Scan(&id, &body); err != nil {
			return nil, err
		}
		out[id] = body
	}
	return out, rows.Err()
}

// Lanes of the outbox. Each is sent in order, and one that is stuck does not hold up the others.
const (
	LaneBus    = "bus"    // events
	LaneWork   = "work"   // starts and signals of workflows
	LaneChoice = "choice" // choices for the consent service
)

// Publish puts an event in the outbox.
func (t *Tx) Publish(ctx context.Context, m event.Message) error {
	return t.s.PutEvent(ctx, t.Tx, LaneBus, m)
}

// Choose has the consent service keep a choice.
func (t *Tx) Choose(ctx context.Context, c consentv1.Choice) error {
	return t.s.PutEvent(ctx, t.Tx, LaneChoice, c)
}

// Signal has a meeting's workflow told that something has changed; it is started when it does not run.
func (t *Tx) Signal(ctx context.Context, workflowID, name string) error {
	return t.s.Put(ctx, t.Tx, LaneWork, outbox.Row{Target: workflowID, Name: name})
}
