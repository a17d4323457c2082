// Package store is the consent service's database: wrapped keys, legal holds, choices
// the audit log, and an outbox of the choices and holds that others must hear about. A
// Store is safe for concurrent use; the database serialises writers, so that a hold and
// an erasure of one conversation never pass each other.
package store

import (
	"context"
	"embed"
	"io/fs"

	"samtale.dk/samtale/services/platform/outbox"
	"samtale.dk/samtale/services/platform/store"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations are the schema, oldest first.
func Migrations() fs.FS { return files }

// LaneBus is the outbox's lane of events.
const LaneBus = "bus"

// Store holds the tables.
type Store struct {
	*outbox.Box
	db   *store.DB
	wrap []byte
}

// New returns the store over a migrated database; wrap encrypts the keys in it.
func New(db *store.DB, wrap []byte) *Store {
	return &Store{Box: outbox.New(db, "outbox", LaneBus), db: db, wrap: wrap}
}

// Ready probes the database.
func (s *Store) Ready(ctx context.Context) error { return s.db.Ready(ctx) }
