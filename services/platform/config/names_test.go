package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUnknownNames(t *testing.T) {
	got := UnknownNames([]string{
		"SAMTALE_HTTP_ADDRES=127.0.0.1:1", "SAMTALE_MASTER_KEYS_FILE=/hemmelig", "SAMTALE_SESION_IDLE=", "PATH=/bin", "SAMTALED=1",
		"SAMTALE_HTTP_ADDR=:1", "SAMTALE_MASTER_KEY_FILE=/x", "SAMTALE_TEST_OLLAMA=/x", "SAMTALE_TOKEN=x", "SAMTALE_TEST_LOGN=true",
		"SAMTALE_SESION_IDLE=again",
	})
	want := []Unknown{
		{"SAMTALE_HTTP_ADDRES", "SAMTALE_HTTP_ADDR"},
		{"SAMTALE_MASTER_KEYS_FILE", "SAMTALE_MASTER_KEY_FILE"},
		{"SAMTALE_SESION_IDLE", "SAMTALE_SESSION_IDLE"},
		{"SAMTALE_TEST_LOGN", "SAMTALE_TEST_LOGIN"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "ab", 2}, {"KEY", "KEY", 0}, {"KYE", "KEY", 2}, {"KEYS", "KEY", 1}, {"ADRESS", "ADDR", 4}} {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("%s, %s: %d", tt.a, tt.b, got)
		}
	}
}

var (
	tag    = regexp.MustCompile("`[^`]*env:\"SAMTALE_([A-Z0-9_]+)")
	quoted = regexp.MustCompile(`"SAMTALE_([A-Z0-9_]+)"`)
	get    = regexp.MustCompile(`(?:Getenv|LookupEnv|Setenv)\("SAMTALE_([A-Z0-9_]+)"`)
)

// The list is what the tree reads: a setting that it lacks would be told to be misspelt.
func TestNamesAreTheTreesOwn(t *testing.T) {
	settings, read, named := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, top := range []string{"services", "workflows", "models", "media", "deploy"} {
		err := filepath.WalkDir(filepath.Join("../../..", top), func(path string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) { // what others make and remove meanwhile is not of the tree
				return nil
			}
			if err != nil || d.IsDir() || filepath.Ext(path) != ".go" {
				return err
			}
			src, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, m := range get.FindAllSubmatch(src, -1) {
				read[string(m[1])] = true
			}
			for _, m := range quoted.FindAllSubmatch(src, -1) {
				named[string(m[1])] = true
			}
			if strings.HasSuffix(path, "_test.go") {
				return nil
			}
			for _, m := range tag.FindAllSubmatch(src, -1) {
				settings[string(m[1])] = true
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range names {
		if !settings[n] {
			t.Errorf("%s is no setting any more", n)
		}
		delete(settings, n)
	}
	for n := range settings {
		t.Errorf("SAMTALE_%s is a setting that names.go lacks", n)
	}
	for n := range read {
		if !slices.Contains(names, n) && !slices.Contains(forTests, n) {
			t.Errorf("SAMTALE_%s is read and stands neither among the settings nor among what tests use", n)
		}
	}
	for _, n := range forTests {
		if !named[n] {
			t.Errorf("no test names SAMTALE_%s", n)
		}
	}
}
