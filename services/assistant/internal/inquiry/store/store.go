// Package store is the database of inquiries: where each stands, its sealed messages, the legs of its transcript, the steps
// that the citizen sees, and an outbox of what others must hear about. What people wrote or are called is sealed before it
// gets here.
//
// A Store is safe for concurrent use. Every change runs in InTx together with its outbox rows, so that what was committed is
// also told, after a crash as well.
package store

import (
	"context"

	"samtale.dk/samtale/services/platform/outbox"
	"samtale.dk/samtale/services/platform/store"
)

// Store is the open database.
type Store struct {
	*outbox.Box
	db *store.DB
}

// New returns the store over a migrated database.
func New(db *store.DB) *Store {
	return &Store{Box: outbox.New(db, "inquiry_outbox", LaneBus, LaneWork), db: db}
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
	return s.Box.InTx(ctx, func(tx *store.Tx) error { return f(&Tx{tx, s}) })
}

// Scrub removes deleted content from the database's own files.
func (s *Store) Scrub(ctx context.Context) error { return s.db.Scrub(ctx) }
