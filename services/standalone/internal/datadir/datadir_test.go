package datadir

import (
	"errors"
	"path/filepath"
	"testing"
)

func TestLock(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "data")
	release, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(dir); !errors.Is(err, ErrInUse) {
		t.Fatalf("locked twice: %v", err)
	}
	release()
	again, err := Lock(dir)
	if err != nil {
		t.Fatalf("not free after release: %v", err)
	}
	again()
}

func TestProbe(t *testing.T) {
	dir := t.TempDir()
	if err := Probe(dir); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) != 0 {
		t.Fatalf("left behind: %v %v", left, err)
	}
	if Probe(filepath.Join(dir, "gone")) == nil {
		t.Fatal("a folder that is not there takes data")
	}
}
