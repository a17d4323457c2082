// Package datadir guards the data folder: one standalone process at a time.
package datadir

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// ErrInUse reports a folder that another process holds.
var ErrInUse = errors.New("data folder is in use by another standalone: stop that one, or set SAMTALE_DATA to another folder")

const lockFile = "standalone.lock"

// Lock makes the folder if need be and takes it until release is called or the process
// ends, however it ends.
func Lock(dir string) (release func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s: %w", dir, ErrInUse)
		}
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	return func() { f.Close() }, nil
}

// probeSize is what a disk must take to count as working: less than this is gone
// with the next few events.
const probeSize = 256 << 10

// Probe reports whether the folder's disk still takes data, by writing some.
func Probe(dir string) error {
	f, err := os.CreateTemp(dir, "probe-*.tmp")
	if err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(make([]byte, probeSize))
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	return nil
}
