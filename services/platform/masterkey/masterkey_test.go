package masterkey

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const sample = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		ok         bool
	}{
		{"hex", sample, true},
		{"with newline", sample + "\n", true},
		{"short", sample[:62], false},
		{"long", sample + "00", false},
		{"not hex", strings.Repeat("z", 64), false},
		{"empty", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k, err := Parse(tt.text)
			if (err == nil) != tt.ok {
				t.Fatalf("Parse: %v", err)
			}
			if tt.ok && k.Hex() != sample {
				t.Fatalf("got %s", k.Hex())
			}
			if err != nil && tt.text != "" && strings.Contains(err.Error(), strings.TrimSpace(tt.text)) {
				t.Fatal("the error shows the key")
			}
		})
	}
}

func TestDerive(t *testing.T) {
	k, err := Parse(sample)
	if err != nil {
		t.Fatal(err)
	}
	a, b := k.Derive(Tokens), k.Derive(Temporal)
	if len(a) != Size || bytes.Equal(a, b) || !bytes.Equal(a, k.Derive(Tokens)) {
		t.Fatalf("derived keys: %x %x", a, b)
	}
	for _, v := range []string{"%v", "%+v", "%#v", "%s"} {
		if s := fmt.Sprintf(v, k); strings.Contains(s, "0, 1, 2") || strings.Contains(s, "000102") {
			t.Fatalf("%s prints the key: %s", v, s)
		}
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	if _, err := Load("", dir); !errors.Is(err, ErrMissing) {
		t.Fatalf("empty folder: %v", err)
	}
	made, err := LoadOrCreate("", dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Load("", dir)
	if err != nil || again != made {
		t.Fatalf("second load: %v", err)
	}
	info, err := os.Stat(filepath.Join(dir, File))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v", info.Mode())
	}
	set, err := Load(sample, dir)
	if err != nil || set == made {
		t.Fatalf("the setting must win over the file: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, File), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadOrCreate("", dir); err == nil || errors.Is(err, ErrMissing) {
		t.Fatalf("a damaged file must not be replaced: %v", err)
	}
}

func TestCreateAtOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	keys := make([]Key, 8)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			k, err := LoadOrCreate("", dir)
			if err != nil {
				t.Error(err)
			}
			keys[i] = k
		})
	}
	wg.Wait()
	for _, k := range keys {
		if k != keys[0] {
			t.Fatal("two processes got different keys")
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Fatalf("left behind: %v", entries)
	}
}
