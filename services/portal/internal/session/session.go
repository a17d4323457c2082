// Package session keeps who is logged in, on the server: the browser holds a random id,
// the database its hash and the person sealed. So a session ends at once at logout, a
// restart logs nobody out, and a copied database opens no session.
package session

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"time"

	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/seal"
	"samtale.dk/samtale/services/platform/store"
	"samtale.dk/samtale/services/portal/internal/cookie"
	"samtale.dk/samtale/services/portal/internal/who"
)

//go:embed migrations
var files embed.FS

// Migrations of the portal's database.
func Migrations() fs.FS { return files }

const cookieName = "samtale_session"

// touchEvery bounds how often a session in use writes to the database.
const touchEvery = 30 * time.Second

// sweepEvery is how long an expired session may still lie in the database.
const sweepEvery = 10 * time.Minute

// Config of a Store.
type Config struct {
	DB     *store.DB
	Key    []byte        // seals the person
	Idle   time.Duration // a session unused for this long ends
	Max    time.Duration // and so does one this old
	Secure bool          // the portal is reached over https
	Now    func() time.Time
	Sweep  time.Duration // between two sweeps; 0: sweepEvery
}

// Store is safe for concurrent use.
type Store struct{ cfg Config }

// New returns a store on a migrated database.
func New(cfg Config) *Store { return &Store{cfg} }

// Run removes expired sessions, now and from time to time, until ctx is done.
func (s *Store) Run(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(cmp.Or(s.cfg.Sweep, sweepEvery))
	defer tick.Stop()
	for {
		_, err := s.cfg.DB.Read().Exec(ctx, `DELETE FROM session WHERE expires_at <= ?`, store.Micros(s.cfg.Now()))
		if err != nil && ctx.Err() == nil {
			log.Error("expired sessions are not removed", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Start opens a session for p and sets its cookie.
func (s *Store) Start(ctx context.Context, w http.ResponseWriter, p who.Person) error {
	raw := make([]byte, 32)
	rand.Read(raw)
	id := base64.RawURLEncoding.EncodeToString(raw)
	hash := hashID(id)
	plain, err := json.Marshal(p)
	if err != nil {
		return err
	}
	sealed, err := seal.Seal(s.cfg.Key, plain, hash)
	if err != nil {
		return err
	}
	now := s.cfg.Now()
	_, err = s.cfg.DB.Read().Exec(ctx, `INSERT INTO session (id_hash, person, created_at, seen_at, expires_at) VALUES (?, ?, ?, ?, ?)`,
		hash, sealed, store.Micros(now), store.Micros(now), store.Micros(s.expiry(now, now)))
	if err != nil {
		return fmt.Errorf("start session: %w", err)
	}
	cookie.Set(w, s.cfg.Secure, cookieName, id, 0)
	return nil
}

func (s *Store) expiry(created, seen time.Time) time.Time {
	t, end := seen.Add(s.cfg.Idle), created.Add(s.cfg.Max)
	if end.Before(t) {
		return end
	}
	return t
}

// Person returns who the request's session belongs to, Unauthenticated when there is
// none. With touch the idle time starts again.
func (s *Store) Person(ctx context.Context, r *http.Request, touch bool) (who.Person, error) {
	id := cookie.Get(r, s.cfg.Secure, cookieName)
	if id == "" {
		return who.Person{}, errs.E(errs.Unauthenticated, "", nil)
	}
	hash, now := hashID(id), s.cfg.Now()
	var sealed []byte
	var created, seen, expires int64
	err := s.cfg.DB.Read().QueryRow(ctx, `SELECT person, created_at, seen_at, expires_at FROM session WHERE id_hash = ?`, hash).
		Scan(&sealed, &created, &seen, &expires)
	if err = store.Wrap(err); errs.KindOf(err) == errs.NotFound {
		return who.Person{}, errs.E(errs.Unauthenticated, "", nil)
	}
	if err != nil {
		return who.Person{}, err
	}
	if !now.Before(store.Time(expires)) {
		return who.Person{}, errs.E(errs.Unauthenticated, "", nil)
	}
	p, err := s.open(sealed, hash)
	if err != nil {
		return who.Person{}, err
	}
	p.Session, p.Expires = hash, store.Time(expires)
	if touch && now.Sub(store.Time(seen)) >= touchEvery {
		p.Expires = s.expiry(store.Time(created), now)
		_, err = s.cfg.DB.Read().Exec(ctx, `UPDATE session SET seen_at = ?, expires_at = ? WHERE id_hash = ?`,
			store.Micros(now), store.Micros(p.Expires), hash)
	}
	return p, err
}

func (s *Store) open(sealed []byte, hash string) (who.Person, error) {
	var p who.Person
	plain, err := seal.Open(s.cfg.Key, sealed, hash)
	if err != nil {
		return p, errs.E(errs.Unauthenticated, "", err) // sealed under an earlier master key
	}
	return p, json.Unmarshal(plain, &p)
}

// Here returns who is logged in, everybody once, the one who did something last first.
func (s *Store) Here(ctx context.Context) ([]who.Person, error) {
	var list []who.Person
	known := map[string]bool{}
	err := s.each(ctx, func(p who.Person) {
		if !known[p.ID] { // else on a second screen
			list = append(list, p)
		}
		known[p.ID] = true
	})
	return list, err
}

// Of returns the sessions of one person, by their hashes.
func (s *Store) Of(ctx context.Context, person string) (sessions []string, err error) {
	err = s.each(ctx, func(p who.Person) {
		if p.ID == person {
			sessions = append(sessions, p.Session)
		}
	})
	return sessions, err
}

// each hands over who is logged in, by session, the one who did something last first.
func (s *Store) each(ctx context.Context, do func(p who.Person)) error {
	rows, err := s.cfg.DB.Read().Query(ctx, `SELECT person, id_hash FROM session WHERE expires_at > ? ORDER BY seen_at DESC`, store.Micros(s.cfg.Now()))
	if err != nil {
		return fmt.Errorf("sessions: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var sealed []byte
		var hash string
		if err := rows.Scan(&sealed, &hash); err != nil {
			return fmt.Errorf("sessions: %w", err)
		}
		p, err := s.open(sealed, hash)
		if err != nil {
			continue // of an earlier master key
		}
		p.Session = hash
		do(p)
	}
	return rows.Err()
}

// End closes the request's session and clears the cookie.
func (s *Store) End(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	cookie.Set(w, s.cfg.Secure, cookieName, "", -1)
	id := cookie.Get(r, s.cfg.Secure, cookieName)
	if id == "" {
		return nil
	}
	_, err := s.cfg.DB.Read().Exec(ctx, `DELETE FROM session WHERE id_hash = ?`, hashID(id))
	return err
}

// ticketLife is how long after a logout the same person's other sessions can be ended.
const ticketLife = 10 * time.Minute

// ticket lets who has just logged out end their other sessions.
type ticket struct {
	Person string    `json:"person"`
	Until  time.Time `json:"until"`
}

const ticketUse = "log out everywhere"

// Ticket makes a sealed ticket for EndAll.
func (s *Store) Ticket(person string) (string, error) {
	plain, err := json.Marshal(ticket{person, s.cfg.Now().Add(ticketLife)})
	if err != nil {
		return "", err
	}
	sealed, err := seal.Seal(s.cfg.Key, plain, ticketUse)
	return base64.RawURLEncoding.EncodeToString(sealed), err
}

// EndAll ends every session of the person whose ticket it is, and says how many there were.
func (s *Store) EndAll(ctx context.Context, sealed string) (int, error) {
	t, err := s.read(sealed)
	if err != nil || s.cfg.Now().After(t.Until) {
		return 0, errs.E(errs.Unauthenticated, "", err)
	}
	sessions, err := s.Of(ctx, t.Person)
	if err != nil {
		return 0, err
	}
	return len(sessions), s.cfg.DB.InTx(ctx, func(tx *store.Tx) error {
		for _, hash := range sessions {
			if _, err := tx.Exec(ctx, `DELETE FROM session WHERE id_hash = ?`, hash); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Store) read(sealed string) (t ticket, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		return t, err
	}
	plain, err := seal.Open(s.cfg.Key, raw, ticketUse)
	if err != nil {
		return t, err
	}
	return t, json.Unmarshal(plain, &t)
}

func hashID(id string) string {
	h := sha256.Sum256([]byte(id))
	return hex.EncodeToString(h[:])
}
