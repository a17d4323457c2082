package archtest

import (
	"bufio"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"samtale.dk/samtale/services/platform/store"
)

// Each role that PostgreSQL is set up with gets into its own database with its own password, may change the schema there, also of what
// the superuser made before, and gets into no other.
func TestDatabasesAreApart(t *testing.T) {
	made, server := secrets(t), postgres(t)
	super := func(name string) *store.DB { return opened(t, server.JoinPath(name).String()) }
	execute(t, super("postgres"), `CREATE DATABASE journal`)
	execute(t, super("journal"), `CREATE TABLE older (id INTEGER)`)
	for range 2 { // a second run changes nothing
		setUp(t, made, server.Query().Get("host"))
	}
	owners := map[string]string{"temporal": "temporal", "temporal_visibility": "temporal", "postgres": "postgres", "template1": "postgres"}
	roles := map[string]string{}
	for _, role := range []string{"assistant", "consent", "journal", "meeting", "temporal"} {
		owners[role] = role
		password, err := os.ReadFile(filepath.Join(made, role+"_password"))
		if err != nil {
			t.Fatal(err)
		}
		roles[role] = strings.TrimSpace(string(password))
	}
	for role, password := range roles {
		for database, owner := range owners {
			u := *server.JoinPath(database)
			u.User = url.UserPassword(role, password)
			db, err := store.Open(t.Context(), u.String())
			if err == nil {
				db.Close()
			}
			if own := owner == role; own != (err == nil) || !own && !strings.Contains(err.Error(), "permission denied for database") {
				t.Errorf("%s in %s: %v", role, database, err)
			}
		}
		u := *server.JoinPath(role)
		u.User = url.UserPassword(role, roles["consent"]+"x")
		if db, err := store.Open(t.Context(), u.String()); err == nil {
			db.Close()
			t.Errorf("%s needs no password", role)
		}
	}
	for _, service := range []string{"assistant", "consent", "journal", "meeting"} {
		u, err := address(filepath.Join(made, service+"_db"))
		if err != nil {
			t.Fatal(err)
		}
		u.Host, u.RawQuery = "", server.RawQuery
		schema := "CREATE TABLE newer (id INTEGER);"
		if service == "journal" {
			schema += "ALTER TABLE older ADD COLUMN at BIGINT; INSERT INTO older (id, at) VALUES (1, 1)"
		}
		db := opened(t, u.String())
		if err := db.Migrate(t.Context(), fstest.MapFS{"migrations/0001_x.sql": {Data: []byte(schema)}}); err != nil {
			t.Errorf("%s: %v", service, err)
		}
		if err := db.Ready(t.Context()); err != nil {
			t.Errorf("%s: %v", service, err)
		}
	}
}

// postgres starts a server for this test alone: the roles and databases have the names that real ones have.
func postgres(t *testing.T) *url.URL {
	t.Helper()
	cmd := exec.Command(root+"/deploy/scripts/with-postgres.sh", "sh", "-c", `echo "$SAMTALE_TEST_POSTGRES"; exec cat >/dev/null`)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(kv string) bool { return strings.HasPrefix(kv, "SAMTALE_TEST_POSTGRES=") })
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close() // which ends the server
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if line = strings.TrimSpace(line); line == "" {
		if os.Getenv("REQUIRE_INTEGRATION") == "1" {
			t.Fatal("REQUIRE_INTEGRATION=1 but there is no PostgreSQL")
		}
		t.Skip("no PostgreSQL here")
	}
	u, err := url.Parse(line)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/"
	return u
}

// setUp runs what PostgreSQL's image runs over an empty volume.
func setUp(t *testing.T, made, host string) {
	t.Helper()
	script, err := os.ReadFile(root + "/deploy/images/databases.sh")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh")
	cmd.Stdin = strings.NewReader(strings.ReplaceAll(string(script), "/run/secrets", made))
	cmd.Env = append(os.Environ(), "PGHOST="+host)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("databases.sh: %v\n%s", err, out)
	}
}

func opened(t *testing.T, dsn string) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func execute(t *testing.T, db *store.DB, query string) {
	t.Helper()
	if _, err := db.Read().Exec(t.Context(), query); err != nil {
		t.Fatal(err)
	}
}
