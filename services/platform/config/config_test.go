package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

type sample struct {
	Addr  string        `env:"SAMTALE_ADDR" envDefault:"127.0.0.1:1"`
	Limit int           `env:"SAMTALE_LIMIT" envDefault:"7"`
	Wait  time.Duration `env:"SAMTALE_WAIT" envDefault:"2s"`
	Key   string        `env:"SAMTALE_KEY"`
}

func TestLoad(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(secret, []byte("hemmelig\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name    string
		environ []string
		want    sample
		err     string // part of it; empty: none
	}{
		{"defaults", nil, sample{"127.0.0.1:1", 7, 2 * time.Second, ""}, ""},
		{"set", []string{"SAMTALE_LIMIT=9", "SAMTALE_WAIT=1m", "SAMTALE_ADDR=:2"}, sample{":2", 9, time.Minute, ""}, ""},
		{"from a file", []string{"SAMTALE_KEY_FILE=" + secret}, sample{"127.0.0.1:1", 7, 2 * time.Second, "hemmelig"}, ""},
		{"others' files stay out", []string{"OTHER_FILE=/does/not/exist"}, sample{"127.0.0.1:1", 7, 2 * time.Second, ""}, ""},
		{"both", []string{"SAMTALE_KEY=a", "SAMTALE_KEY_FILE=" + secret}, sample{}, "SAMTALE_KEY_FILE"},
		{"file is missing", []string{"SAMTALE_KEY_FILE=/does/not/exist"}, sample{}, "SAMTALE_KEY_FILE"},
		{"not a number", []string{"SAMTALE_LIMIT=many"}, sample{}, `SAMTALE_LIMIT: strconv.ParseInt: parsing "many"`},
		{"not a time", []string{"SAMTALE_WAIT=soon"}, sample{}, "SAMTALE_WAIT: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got sample
			err := Load(tt.environ, &got)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) || !strings.HasPrefix(err.Error(), "settings:") {
					t.Fatalf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Fatalf("got %+v", got)
			}
		})
	}
}
