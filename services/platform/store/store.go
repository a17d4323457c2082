// Package store opens a service's database: a SQLite file by default, PostgreSQL in
// production. Services write one dialect subset (placeholders as ?, no vendor
// functions, times as Unix microseconds) and run one set of embedded, forward-only
// migrations.
//
// A DB is safe for concurrent use. SQLite writers are serialised by one connection,
// which turns SQLITE_BUSY into waiting.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib" // database/sql driver "pgx"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"samtale.dk/samtale/services/platform/errs"
)

// DB is an open database.
type DB struct {
	sql  *sql.DB
	pg   bool
	idle time.Duration // see LimitIdle
}

// Open opens url: "sqlite:PATH" (the folder is made) or "postgres://…".
func Open(ctx context.Context, dsn string) (*DB, error) {
	err := CheckDSN(dsn)
	if err != nil {
		return nil, err
	}
	var db *DB
	if path, ok := strings.CutPrefix(dsn, "sqlite:"); ok {
		db, err = openSQLite(path)
	} else {
		db, err = openPostgres(dsn)
	}
	if err != nil {
		return nil, err
	}
	if err := db.sql.PingContext(ctx); err != nil {
		db.Close()
		return nil, fmt.Errorf("open database: %w", err)
	}
	return db, nil
}

// CheckDSN reports whether Open knows the kind of database that dsn names.
func CheckDSN(dsn string) error {
	for _, kind := range []string{"sqlite:", "postgres://", "postgresql://"} {
		if rest, ok := strings.CutPrefix(dsn, kind); ok && rest != "" {
			return nil
		}
	}
	return errors.New("database must be sqlite:PATH or postgres://…")
}

func openSQLite(path string) (*DB, error) {
	if dir := filepath.Dir(path); dir != "." {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("make data folder: %w", err)
		}
	}
	q := url.Values{"_pragma": {"journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(5000)", "foreign_keys(ON)", "secure_delete(ON)"}}
	s, err := sql.Open("sqlite", "file:"+path+"?"+q.Encode())
	if err != nil {
		return nil, err
	}
	s.SetMaxOpenConns(1)
	return &DB{sql: s}, nil
}

func openPostgres(dsn string) (*DB, error) {
	s, err := sql.Open("pgx", dsn)
	if err != nil {
		return nil, err
	}
	s.SetMaxOpenConns(16)
	s.SetConnMaxIdleTime(time.Minute)
	return &DB{sql: s, pg: true}, nil
}

// LimitIdle has PostgreSQL end a transaction of this process in which nothing was asked for so long, with all that it has locked: a
// process that hangs must not hold up those that take its work over. Call it before the database is used.
func (d *DB) LimitIdle(limit time.Duration) { d.idle = limit }

// Close closes the database.
func (d *DB) Close() error { return d.sql.Close() }

// Ready probes the database by writing a row: a full or read-only disk answers every
// query and keeps nothing. It works on a migrated database.
func (d *DB) Ready(ctx context.Context) error {
	_, err := d.Read().Exec(ctx, `INSERT INTO health_probe (id, at) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET at = excluded.at`,
		Micros(time.Now()))
	return err
}

// Scrub removes deleted content from this database's own files: SQLite's write-ahead
// log is folded into the file (where secure_delete has overwritten it) and emptied.
// PostgreSQL does the like by its own vacuum and log recycling.
func (d *DB) Scrub(ctx context.Context) error {
	if d.pg {
		return nil
	}
	var busy, frames, done int
	err := d.sql.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &done)
	if err != nil {
		return fmt.Errorf("empty the write-ahead log: %w", Wrap(err))
	}
	if busy != 0 {
		return errs.E(errs.Unavailable, "", errors.New("empty the write-ahead log: another process reads the database"))
	}
	return nil
}

// Tx is a transaction, or the database itself outside of one.
type Tx struct {
	q  querier
	pg bool
}

type querier interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
	QueryRowContext(context.Context, string, ...any) *sql.Row
}

// InTx runs f in a transaction; an error rolls back. PostgreSQL runs serialisable and
// the whole of f again when it lost a race, so f has no effects outside the database.
func (d *DB) InTx(ctx context.Context, f func(tx *Tx) error) error {
	for attempt := 0; ; attempt++ {
		err := d.inTx(ctx, f)
		if err == nil || attempt >= 5 || !isSerialization(err) {
			return err
		}
	}
}

func (d *DB) inTx(ctx context.Context, f func(tx *Tx) error) error {
	var opts *sql.TxOptions
	if d.pg {
		opts = &sql.TxOptions{Isolation: sql.LevelSerializable}
	}
	tx, err := d.sql.BeginTx(ctx, opts)
	if err != nil {
		return Wrap(err)
	}
	defer tx.Rollback() // no effect after Commit
	if d.pg && d.idle > 0 {
		if _, err := tx.ExecContext(ctx, "SET LOCAL idle_in_transaction_session_timeout = "+strconv.FormatInt(d.idle.Milliseconds(), 10)); err != nil {
			return Wrap(err)
		}
	}
	if err := f(&Tx{q: tx, pg: d.pg}); err != nil {
		return err
	}
	return Wrap(tx.Commit())
}

// Read returns a handle for queries outside a transaction.
func (d *DB) Read() *Tx { return &Tx{q: d.sql, pg: d.pg} }

// Exec runs a statement.
func (t *Tx) Exec(ctx context.Context, stmt string, args ...any) (sql.Result, error) {
	r, err := t.q.ExecContext(ctx, t.rebind(stmt), storable(args)...)
	return r, Wrap(err)
}

// Query runs a query; close the rows.
func (t *Tx) Query(ctx context.Context, stmt string, args ...any) (*sql.Rows, error) {
	r, err := t.q.QueryContext(ctx, t.rebind(stmt), storable(args)...)
	return r, Wrap(err)
}

// A Row is what a row's columns are read from.
type Row interface{ Scan(columns ...any) error }

// List runs a query and reads all its rows.
func List[T any](ctx context.Context, t *Tx, read func(Row) (T, error), stmt string, args ...any) ([]T, error) {
	rows, err := t.Query(ctx, stmt, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		v, err := read(rows)
		if err != nil {
			return nil, Wrap(err)
		}
		out = append(out, v)
	}
	return out, Wrap(rows.Err())
}

// Column reads the only column of a row, for [List].
func Column[T any](row Row) (T, error) {
	var v T
	err := row.Scan(&v)
	return v, err
}

// QueryRow runs a query for one row. Pass Scan's error through Wrap.
func (t *Tx) QueryRow(ctx context.Context, stmt string, args ...any) *sql.Row {
	return t.q.QueryRowContext(ctx, t.rebind(stmt), storable(args)...)
}

// storable puts the replacement character in place of NUL in texts. PostgreSQL refuses them, and what one person has sent would hold up
// the events behind it without end.
func storable(args []any) []any {
	for i, a := range args {
		if s, ok := a.(string); ok && strings.ContainsRune(s, 0) {
			args = slices.Clone(args)
			args[i] = strings.ReplaceAll(s, "\x00", "\ufffd")
		}
	}
	return args
}

// rebind turns ? into $1, $2 … for PostgreSQL. Statements hold no ? in literals.
func (t *Tx) rebind(stmt string) string {
	if !t.pg {
		return stmt
	}
	var b strings.Builder
	n := 0
	for _, r := range stmt {
		if r == '?' {
			n++
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(n))
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Wrap gives database errors their kind: no row is NotFound, a broken unique key or a
// lost race is Conflict, a full disk or a lost server is Unavailable.
func Wrap(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, sql.ErrNoRows) {
		return errs.E(errs.NotFound, "", err)
	}
	var le *sqlite.Error
	if errors.As(err, &le) {
		switch le.Code() & 0xff {
		case sqlite3.SQLITE_CONSTRAINT:
			return errs.E(errs.Conflict, "", err)
		case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_READONLY:
			return errs.E(errs.Unavailable, "", err)
		}
	}
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		switch {
		case pe.Code == "23505", pe.Code == "40001", pe.Code == "40P01": // a broken unique key, or a race lost again and again
			return errs.E(errs.Conflict, "", err)
		case strings.HasPrefix(pe.Code, "53"), strings.HasPrefix(pe.Code, "57"), strings.HasPrefix(pe.Code, "08"):
			return errs.E(errs.Unavailable, "", err)
		}
	}
	return err
}

func isSerialization(err error) bool {
	var pe *pgconn.PgError
	return errors.As(err, &pe) && (pe.Code == "40001" || pe.Code == "40P01")
}

// Migrate runs the files of the folder migrations ("0001_name.sql", …) that this database has not seen, in order, each in a
// transaction with its record. A file "0001_name.postgres.sql" replaces its namesake on PostgreSQL. Processes that start at once
// take turns.
func (d *DB) Migrate(ctx context.Context, fsys fs.FS) error {
	fsys, err := fs.Sub(fsys, "migrations")
	if err != nil {
		return err
	}
	files, err := d.migrations(fsys)
	if err != nil {
		return err
	}
	done, err := d.turn(ctx)
	if err != nil {
		return fmt.Errorf("prepare migrations: %w", err)
	}
	defer done()
	_, err = d.Read().Exec(ctx, `CREATE TABLE IF NOT EXISTS schema_migration (name TEXT PRIMARY KEY, applied_at BIGINT NOT NULL)`)
	if err == nil {
		_, err = d.Read().Exec(ctx, `CREATE TABLE IF NOT EXISTS health_probe (id INTEGER PRIMARY KEY, at BIGINT NOT NULL)`)
	}
	if err != nil {
		return fmt.Errorf("prepare migrations: %w", err)
	}
	for _, name := range files {
		if err := d.migrate(ctx, fsys, name); err != nil {
			return fmt.Errorf("migration %s: %w", name, err)
		}
	}
	return nil
}

// migrating is the number of the lock on a database whose schema is being changed.
const migrating = 0x73616d74616c65

// turn waits until nobody else changes the schema of a PostgreSQL: two who make the same table at once are refused, although both
// say IF NOT EXISTS. SQLite has one writer at a time anyway.
func (d *DB) turn(ctx context.Context) (done func(), err error) {
	if !d.pg {
		return func() {}, nil
	}
	c, err := d.sql.Conn(ctx)
	if err != nil {
		return nil, Wrap(err)
	}
	if _, err := c.ExecContext(ctx, "SELECT pg_advisory_lock($1)", migrating); err != nil {
		c.Close()
		return nil, Wrap(err)
	}
	return func() {
		_, _ = c.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", migrating) // a connection that is lost has no lock
		c.Close()
	}, nil
}

func (d *DB) migrations(fsys fs.FS) ([]string, error) {
	all, err := fs.Glob(fsys, "*.sql")
	if err != nil {
		return nil, err
	}
	sort.Strings(all)
	own := map[string]bool{}
	for _, n := range all {
		own[n] = true
	}
	var out []string
	for _, n := range all {
		base, forPG := strings.CutSuffix(n, ".postgres.sql")
		switch {
		case forPG && !d.pg:
		case !forPG && d.pg && own[strings.TrimSuffix(n, ".sql")+".postgres.sql"]:
		case forPG && base == "":
		default:
			out = append(out, n)
		}
	}
	return out, nil
}

func (d *DB) migrate(ctx context.Context, fsys fs.FS, name string) error {
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return err
	}
	return d.InTx(ctx, func(tx *Tx) error {
		var seen int64
		err := tx.QueryRow(ctx, `SELECT applied_at FROM schema_migration WHERE name = ?`, name).Scan(&seen)
		if err == nil {
			return nil
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		for _, stmt := range strings.Split(string(text), ";\n") {
			if strings.TrimSpace(stmt) == "" {
				continue
			}
			if _, err := tx.Exec(ctx, stmt); err != nil {
				return err
			}
		}
		_, err = tx.Exec(ctx, `INSERT INTO schema_migration (name, applied_at) VALUES (?, ?)`, name, Micros(time.Now()))
		return err
	})
}

// Micros is how times are stored: Unix microseconds UTC, 0 for the zero time.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Time reads a stored time.
func Time(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
