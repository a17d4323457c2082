// Package storetest runs a store test suite on every database that is at hand:
// SQLite always, PostgreSQL when SAMTALE_TEST_POSTGRES names a server (CI does).
package storetest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"samtale.dk/samtale/services/platform/store"
)

// Run calls f once per database with a fresh, migrated one. The suite may call Open
// again with the DSN to see what survives a restart.
func Run(t *testing.T, migrations fs.FS, f func(t *testing.T, db *store.DB)) {
	t.Run("sqlite", func(t *testing.T) {
		f(t, open(t, "sqlite:"+filepath.Join(t.TempDir(), "test.db"), migrations))
	})
	t.Run("postgres", func(t *testing.T) {
		f(t, open(t, Postgres(t), migrations))
	})
}

func open(t *testing.T, dsn string, migrations fs.FS) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := db.Migrate(t.Context(), migrations); err != nil {
		t.Fatal(err)
	}
	return db
}

// Postgres makes an empty database that lives as long as the test, for suites with several processes on one. Without a server
// the test is skipped.
func Postgres(t *testing.T) string {
	t.Helper()
	base := os.Getenv("SAMTALE_TEST_POSTGRES")
	if base == "" {
		if os.Getenv("REQUIRE_INTEGRATION") == "1" {
			t.Fatal("REQUIRE_INTEGRATION=1 but SAMTALE_TEST_POSTGRES names no server")
		}
		t.Skip("SAMTALE_TEST_POSTGRES names no server")
	}
	admin, err := sql.Open("pgx", base)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	name := strings.ToLower(fmt.Sprintf("t_%s_%s", rand.Text()[:12], strings.Map(letter, t.Name())))
	name = name[:min(len(name), 60)]
	// Nobody can be connected to template0, not even the server's own vacuum: that would refuse the copy.
	if _, err := admin.ExecContext(t.Context(), "CREATE DATABASE "+name+" TEMPLATE template0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dropPostgres(base, name) })
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

func dropPostgres(base, name string) {
	admin, err := sql.Open("pgx", base)
	if err != nil {
		return
	}
	defer admin.Close()
	admin.ExecContext(context.Background(), "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
}

func letter(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
		return r
	}
	return '_'
}
