package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/store"
	"samtale.dk/samtale/services/platform/store/storetest"
)

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

var migrations = fstest.MapFS{
	"migrations/0001_note.sql": file("CREATE TABLE note (\n  id TEXT PRIMARY KEY,\n  n BIGINT NOT NULL CHECK (n >= 0)\n);\n\nCREATE TABLE part (id TEXT NOT NULL REFERENCES note (id));\n"),
	// Sealed content is bytes, which the two databases name differently.
	"migrations/0002_body.sql":          file("ALTER TABLE note ADD COLUMN body BLOB;\n"),
	"migrations/0002_body.postgres.sql": file("ALTER TABLE note ADD COLUMN body BYTEA;\n"),
	"migrations/readme.txt":             file("no migration"),
}

func each(t *testing.T, f func(t *testing.T, db *store.DB)) { storetest.Run(t, migrations, f) }

func insert(ctx context.Context, db *store.DB, id string, n int64) error {
	return db.InTx(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO note (id, n, body) VALUES (?, ?, ?)`, id, n, []byte{0, 1, 0xff})
		return err
	})
}

func read(ctx context.Context, db *store.DB, id string) (n int64, body []byte, err error) {
	err = db.Read().QueryRow(ctx, `SELECT n, body FROM note WHERE id = ?`, id).Scan(&n, &body)
	return n, body, store.Wrap(err)
}

func TestRoundTrip(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		if err := insert(ctx, db, "a", 7); err != nil {
			t.Fatal(err)
		}
		n, body, err := read(ctx, db, "a")
		if err != nil || n != 7 || string(body) != "\x00\x01\xff" {
			t.Fatalf("%d %x %v", n, body, err)
		}
		rows, err := db.Read().Query(ctx, `SELECT id FROM note WHERE n = ? AND id <> ?`, 7, "b")
		if err != nil {
			t.Fatal(err)
		}
		if !rows.Next() {
			t.Error("no row")
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
		if err := db.Ready(ctx); err != nil {
			t.Fatal(err)
		}
	})
}

func TestErrorKinds(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		if err := insert(ctx, db, "a", 1); err != nil {
			t.Fatal(err)
		}
		if _, _, err := read(ctx, db, "nobody"); !errors.Is(err, errs.NotFound) || !errors.Is(err, sql.ErrNoRows) {
			t.Errorf("no row: %v", err)
		}
		if err := insert(ctx, db, "a", 2); !errors.Is(err, errs.Conflict) {
			t.Errorf("same key: %v", err)
		}
		if _, err := db.Read().Exec(ctx, `INSERT INTO nothing (x) VALUES (1)`); err == nil || errs.KindOf(err) != errs.Internal {
			t.Errorf("our own mistake: %v", err)
		}
		if n, _, err := read(ctx, db, "a"); err != nil || n != 1 {
			t.Errorf("after errors: %d %v", n, err)
		}
	})
}

func TestRollback(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		stop := errors.New("second thoughts")
		err := db.InTx(ctx, func(tx *store.Tx) error {
			if _, err := tx.Exec(ctx, `INSERT INTO note (id, n) VALUES ('a', 1)`); err != nil {
				return err
			}
			return stop
		})
		if !errors.Is(err, stop) {
			t.Fatal(err)
		}
		if _, _, err := read(ctx, db, "a"); !errors.Is(err, errs.NotFound) {
			t.Fatalf("rolled back, but %v", err)
		}
	})
}

// Two writers that read before they write must not lose an update.
func TestNoLostUpdate(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		if err := insert(ctx, db, "a", 0); err != nil {
			t.Fatal(err)
		}
		const writers, rounds = 4, 5
		var wg sync.WaitGroup
		var mu sync.Mutex
		done := 0
		for range writers {
			wg.Go(func() {
				for range rounds {
					err := db.InTx(ctx, func(tx *store.Tx) error {
						var n int64
						if err := tx.QueryRow(ctx, `SELECT n FROM note WHERE id = ?`, "a").Scan(&n); err != nil {
							return err
						}
						_, err := tx.Exec(ctx, `UPDATE note SET n = ? WHERE id = ?`, n+1, "a")
						return err
					})
					if err == nil {
						mu.Lock()
						done++
						mu.Unlock()
					}
				}
			})
		}
		wg.Wait()
		n, _, err := read(ctx, db, "a")
		if err != nil || int(n) != done || done == 0 {
			t.Fatalf("counted %d, %d were acknowledged, %v", n, done, err)
		}
	})
}

func TestMigrateTwice(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		if err := insert(ctx, db, "a", 1); err != nil {
			t.Fatal(err)
		}
		if err := db.Migrate(ctx, migrations); err != nil {
			t.Fatalf("again: %v", err)
		}
		more := fstest.MapFS{"migrations/0003_more.sql": file("ALTER TABLE note ADD COLUMN more TEXT;\nUPDATE note SET more = 'x'")}
		for name, f := range migrations {
			more[name] = f
		}
		if err := db.Migrate(ctx, more); err != nil {
			t.Fatal(err)
		}
		var s string
		if err := db.Read().QueryRow(ctx, `SELECT more FROM note WHERE id = ?`, "a").Scan(&s); err != nil || s != "x" {
			t.Fatalf("%q %v", s, err)
		}
	})
}

// Several processes that start at once on an empty database all find it migrated.
func TestMigrateAtOnce(t *testing.T) {
	dsn := storetest.Postgres(t)
	var wg sync.WaitGroup
	for range 8 {
		db, err := store.Open(t.Context(), dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		wg.Go(func() {
			if err := db.Migrate(t.Context(), migrations); err != nil {
				t.Error(err)
			}
			if err := db.Ready(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// A migration that fails leaves nothing behind and says which one it was.
func TestMigrationFails(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		bad := fstest.MapFS{"migrations/0009_bad.sql": file("CREATE TABLE half (x TEXT);\nCREATE NONSENSE")}
		err := db.Migrate(ctx, bad)
		if err == nil || !strings.Contains(err.Error(), "0009_bad.sql") {
			t.Fatalf("got %v", err)
		}
		good := fstest.MapFS{"migrations/0009_bad.sql": file("CREATE TABLE half (x TEXT)")}
		if err := db.Migrate(ctx, good); err != nil {
			t.Fatalf("repaired: %v", err)
		}
	})
}

// Full disk: the write is refused as Unavailable, what was there stays readable, and
// when there is room again writing goes on.
func TestDiskFull(t *testing.T) {
	ctx := t.Context()
	db, err := store.Open(ctx, "sqlite:"+filepath.Join(t.TempDir(), "full.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Migrate(ctx, migrations); err != nil {
		t.Fatal(err)
	}
	if err := insert(ctx, db, "before", 1); err != nil {
		t.Fatal(err)
	}
	limit := func(pages int) { // SQLite answers with SQLITE_FULL, as on a full disk
		if _, err := db.Read().Exec(ctx, fmt.Sprintf("PRAGMA max_page_count = %d", pages)); err != nil {
			t.Fatal(err)
		}
	}
	limit(1) // raised by SQLite to what is in use
	body := make([]byte, 1<<20)
	err = db.InTx(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO note (id, n, body) VALUES ('big', 1, ?)`, body)
		return err
	})
	if !errors.Is(err, errs.Unavailable) {
		t.Fatalf("got %v", err)
	}
	if n, _, err := read(ctx, db, "before"); err != nil || n != 1 {
		t.Fatalf("%d %v", n, err)
	}
	limit(1 << 30)
	if err := insert(ctx, db, "after", 2); err != nil {
		t.Fatalf("with room again: %v", err)
	}
}

// What was acknowledged is there after the process is gone without a goodbye: a second
// connection sees it although the first was never closed.
func TestCommittedIsOnDisk(t *testing.T) {
	ctx := t.Context()
	dsn := "sqlite:" + filepath.Join(t.TempDir(), "folder", "a.db")
	first, err := store.Open(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if err := first.Migrate(ctx, migrations); err != nil {
		t.Fatal(err)
	}
	if err := insert(ctx, first, "a", 3); err != nil {
		t.Fatal(err)
	}
	second, err := store.Open(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if n, _, err := read(ctx, second, "a"); err != nil || n != 3 {
		t.Fatalf("%d %v", n, err)
	}
}

// After Scrub the database's files hold nothing of what was deleted or overwritten.
func TestScrub(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	db, err := store.Open(ctx, "sqlite:"+filepath.Join(dir, "a.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Migrate(ctx, migrations); err != nil {
		t.Fatal(err)
	}
	holds := func() bool {
		files, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%v %v", files, err)
		}
		for _, f := range files {
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(data, []byte("hemmelig nøgle")) {
				return true
			}
		}
		return false
	}
	for id, stmt := range map[string]string{"deleted": `DELETE FROM note WHERE id = ?`, "overwritten": `UPDATE note SET body = NULL WHERE id = ?`} {
		if _, err := db.Read().Exec(ctx, `INSERT INTO note (id, n, body) VALUES (?, 1, ?)`, id, []byte("hemmelig nøgle")); err != nil {
			t.Fatal(err)
		}
		if !holds() {
			t.Fatal("the test does not see what is stored")
		}
		if _, err := db.Read().Exec(ctx, stmt, id); err != nil {
			t.Fatal(err)
		}
		if err := db.Scrub(ctx); err != nil {
			t.Fatal(err)
		}
		if holds() {
			t.Errorf("%s: still in the files", id)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, dsn := range []string{"", "note.db", "mysql://x", "sqlite:/proc/nothing/a.db"} {
		if db, err := store.Open(t.Context(), dsn); err == nil {
			db.Close()
			t.Errorf("%q was opened", dsn)
		}
	}
}

func TestTimes(t *testing.T) {
	at := time.Date(2026, 11, 20, 10, 0, 0, 123456000, time.FixedZone("CET", 3600))
	if got := store.Time(store.Micros(at)); !got.Equal(at) || got.Location() != time.UTC {
		t.Errorf("got %v", got)
	}
	if !store.Time(store.Micros(time.Time{})).IsZero() {
		t.Error("the zero time became another")
	}
}

// A process that hangs in the middle of a transaction loses it, and what it has locked with it; nothing of it is written when it goes on.
func TestIdleTransactionEnds(t *testing.T) {
	dsn := storetest.Postgres(t)
	ctx := t.Context()
	open := func() *store.DB {
		db, err := store.Open(ctx, dsn)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		return db
	}
	hung, other := open(), open()
	hung.LimitIdle(500 * time.Millisecond)
	if err := other.Migrate(ctx, migrations); err != nil {
		t.Fatal(err)
	}
	if err := insert(ctx, other, "a", 1); err != nil {
		t.Fatal(err)
	}
	goOn, ended := make(chan struct{}), make(chan error, 1)
	for held := false; !held; { // on a slow machine it may lose the transaction before it has locked anything
		holds := make(chan struct{})
		go func() {
			ended <- hung.InTx(ctx, func(tx *store.Tx) error {
				_, err := tx.Exec(ctx, `UPDATE note SET n = 2 WHERE id = 'a'`)
				if err == nil {
					close(holds)
					<-goOn
				}
				return err
			})
		}()
		select {
		case <-holds:
			held = true
		case err := <-ended:
			t.Log(err)
		}
	}
	err := other.InTx(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE note SET n = n + 10 WHERE id = 'a'`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	close(goOn)
	if err := <-ended; err == nil {
		t.Error("who has lost the transaction is told that it is written")
	}
	if n, _, err := read(ctx, other, "a"); err != nil || n != 11 {
		t.Errorf("%d %v", n, err)
	}
}
