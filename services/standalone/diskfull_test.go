package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/platform/errs"
)

// smallDisk mounts a file system of 48 MB. Only root may, and not in every container: no tool that could be installed helps there.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=48m"); err != nil {
		if !errors.Is(err, fs.ErrPermission) && !errors.Is(err, errors.ErrUnsupported) {
			t.Fatal(err)
		}
		t.Skipf("may not mount a small disk: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// fill takes every byte that is left and returns what gives them back. It may be called again for what others have given back.
func fill(t *testing.T, dir string) (free func()) {
	t.Helper()
	path := filepath.Join(dir, "fill")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, n := range []int{1 << 20, 1 << 12, 1} {
		block := make([]byte, n)
		for err = nil; err == nil; {
			_, err = f.Write(block)
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
	return func() {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDiskFull: with a full disk new events are refused, not lost in silence, and the
// process says that it is not ready; with room again the work goes on by itself.
func TestDiskFull(t *testing.T) {
	dir := smallDisk(t)
	i := install(t, "SAMTALE_DATA="+filepath.Join(dir, "data"))
	before := newCall()
	i.speak(before, said)
	free := fill(t, dir)

	refused := 0
	for range 400 { // enough to leave what JetStream had set aside
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		err := i.bus.Publish(ctx, callv1.Changed{
			Meta: event.NewMeta("call.v1.changed", "phone", time.Now()), ConversationID: before.id,
			State: callv1.StateMessage, Reason: strings.Repeat("x", 8<<10),
		})
		cancel()
		if err != nil {
			if !errors.Is(err, errs.Unavailable) {
				t.Fatal(err)
			}
			if refused++; refused > 3 {
				break
			}
		}
	}
	if refused == 0 {
		t.Fatal("the disk was never full")
	}
	i.await("the process to say that it is not ready", func() error {
		if _, err := i.get("http://" + i.http + "/healthz"); err == nil {
			fill(t, dir) // a server may have thrown away files of its own
			return errors.New("it says that it is ready")
		}
		return nil
	})

	free()
	i.await("the process to be ready again", func() error { _, err := i.get("http://" + i.http + "/healthz"); return err })
	i.hangUp(before)
	if n := i.awaitNote(before, journalv1.NoteDraft); len(n.Sentences) == 0 {
		t.Fatal("the draft is empty")
	}
}
