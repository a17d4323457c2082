package store_test

import (
	"testing"
	"testing/fstest"

	"samtale.dk/samtale/services/platform/store"
	"samtale.dk/samtale/services/platform/store/storetest"
)

// PostgreSQL keeps no NUL in a text: whoever types or sends one must not stop an event, and all behind it, from being stored.
func TestNoTextIsRefusedForACharacter(t *testing.T) {
	schema := fstest.MapFS{"migrations/0001.sql": {Data: []byte("CREATE TABLE word (id INTEGER PRIMARY KEY, body TEXT NOT NULL)")}}
	storetest.Run(t, schema, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		if _, err := db.Read().Exec(ctx, `INSERT INTO word (id, body) VALUES (?, ?)`, 1, "a\x00b"); err != nil {
			t.Fatal(err)
		}
		var id int
		var body string
		if err := db.Read().QueryRow(ctx, `SELECT id, body FROM word WHERE body = ?`, "a\x00b").Scan(&id, &body); err != nil || body != "a\ufffdb" {
			t.Fatalf("%q, %v", body, err)
		}
		found, err := store.List(ctx, db.Read(), store.Column[int], `SELECT id FROM word WHERE body = ?`, "a\x00b")
		if err != nil || len(found) != 1 {
			t.Fatalf("%v, %v", found, err)
		}
	})
}
