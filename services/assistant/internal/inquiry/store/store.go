// Package store is the database of inquiries: where each stands, its sealed messages, the legs of its transcript, the steps
// that the citizen sees, and an outbox of what others must hear about. What people wrote or are called is sealed before it
// gets here.
//
// A Store is safe for concurrent use. Every change runs in InTx together with its outbox rows, so that what was committed is
// also told, after a crash as well.
package store

import (
	"context"
	"sync/atomic"
	"time"

	"samtale.dk/samtale/services/platform/store"
)

// Store is the open database.
type Store struct {
	db *store.DB
	// wake tells the outbox's readers that there may be something to send.
	wake map[string]chan struct{}
	last atomic.Int64 // order of the newest outbox row
}

// New returns the store over a migrated database.
func New(db *store.DB) *Store {
	s := &Store{db: db, wake: map[string]chan struct{}{}}
	for _, lane := range []string{LaneBus, LaneWork, LaneParty} {
		s.wake[lane] = make(chan struct{}, 1)
	}
	return s
}

// Tx is a transaction on the tables of inquiries, or plain reading outside of one.
type Tx struct {
	*store.Tx
	s *Store
}

// Read returns a handle for queries outside a transaction.
func (s *Store) Read() *Tx { return &Tx{s.db.Read(), s} }

// InTx runs f in a transaction; an error rolls all of it back. f may run again.
func (s *Store) InTx(ctx context.Context, f func(tx *Tx) error) error {
	err := s.db.InTx(ctx, func(tx *store.Tx) error { return f(&Tx{tx, s}) })
	if err == nil {
		for _, c := range s.wake {
			select {
			case c <- struct{}{}:
			default: // already awake
			}
		}
	}
	return err
}

// Scrub removes deleted content from the database's own files.
func (s *Store) Scrub(ctx context.Context) error { return s.db.Scrub(ctx) }

// order gives outbox rows their place: the time in nanoseconds, but always more than the one before.
func (t *Tx) order() int64 {
	for {
		last := t.s.last.Load()
		next := max(last+1, time.Now().UnixNano())
		if t.s.last.CompareAndSwap(last, next) {
			return next
		}
	}
}
