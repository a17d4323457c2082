// Package recording keeps what people say and show in a meeting, when that was chosen: a track for each person and source, made
// from the RTP packets that the SFU receives, encrypted, and given back as WebM that browsers play.
//
// A Recorder is the recording of one meeting while it is held. Its taps take packets from the SFU without waiting (a queue of fixed
// size between them and one goroutine, which orders the packets, puts pictures together and writes). What is not to be kept is
// dropped at the tap: nothing of it reaches the queue, and the track says only that something is missing and why.
//
// A track is a file of frames that is only ever added to (see frame). Its key takes two: the recording's own, which the meeting's
// service keeps sealed under the key of the conversation, and its person's, which the consent service keeps. Destroying either
// destroys the track, also in copies.
package recording

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/platform/errs"
)

// Shelf is where the tracks of meetings are.
type Shelf interface {
	// Append opens a track to add to it, and makes it if there is none; ErrBusy while somebody else adds to it.
	Append(meeting, track string) (Appender, error)
	// Open opens a track to read it; errs.NotFound.
	Open(meeting, track string) (Track, error)
	// Tracks lists those of a meeting; none when there are none.
	Tracks(meeting string) ([]string, error)
	// Remove deletes one track; it is no error when there is none.
	Remove(meeting, track string) error
	// Delete removes all of a meeting's; it is no error when there are none.
	Delete(meeting string) error
}

// Track is one to read.
type Track interface {
	io.ReaderAt
	io.Closer
	Size() (int64, error)
}

// Appender is one to add to.
type Appender interface {
	Track
	io.Writer
	// Truncate cuts off what a crash has left unfinished.
	Truncate(size int64) error
	// Sync returns when what was written outlives the machine.
	Sync() error
}

// Folder is a Shelf of files: a folder for each meeting. Nodes of one service share it.
type Folder struct {
	Path string
	// Spare is how many bytes of the disk are left to others: a recording must not stop the databases beside it.
	Spare int64
}

const suffix = ".track"

// folder and path name files by ids that are single tokens, so that none leads elsewhere.
func (f Folder) folder(meeting string) (string, error) {
	if event.CheckToken(meeting) != nil {
		return "", errs.E(errs.NotFound, "", nil)
	}
	return filepath.Join(f.Path, meeting), nil
}

func (f Folder) path(meeting, track string) (string, error) {
	dir, err := f.folder(meeting)
	if err == nil && event.CheckToken(track) != nil {
		err = errs.E(errs.NotFound, "Optagelsen findes ikke.", nil)
	}
	return filepath.Join(dir, track+suffix), err
}

type file struct {
	*os.File
	spare int64
}

// Size implements Track.
func (f file) Size() (int64, error) {
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return st.Size(), nil
}

// ErrBusy says that another process writes the track: a node that does not know yet that its room is another's.
var ErrBusy = errors.New("the track is being written")

// ErrFull says that the disk has no room for recordings.
var ErrFull = errors.New("no room for recordings")

// Write implements io.Writer.
func (f file) Write(b []byte) (int, error) {
	var st syscall.Statfs_t
	if err := syscall.Fstatfs(int(f.Fd()), &st); err == nil && int64(st.Bavail)*int64(st.Bsize) < f.spare+int64(len(b)) {
		return 0, ErrFull
	}
	return f.File.Write(b)
}

// Append implements Shelf.
func (f Folder) Append(meeting, track string) (Appender, error) {
	path, err := f.path(meeting, track)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("recording: %w", err)
	}
	h, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("recording: %w", err)
	}
	if err := syscall.Flock(int(h.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		h.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, ErrBusy
		}
		return nil, fmt.Errorf("recording: %w", err)
	}
	return file{h, f.Spare}, nil
}

// Open implements Shelf.
func (f Folder) Open(meeting, track string) (Track, error) {
	path, err := f.path(meeting, track)
	if err != nil {
		return nil, err
	}
	h, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, errs.E(errs.NotFound, "Optagelsen findes ikke.", nil)
	}
	if err != nil {
		return nil, fmt.Errorf("recording: %w", err)
	}
	return file{File: h}, nil
}

// Tracks implements Shelf.
func (f Folder) Tracks(meeting string) ([]string, error) {
	path, err := f.folder(meeting)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var out []string
	for _, e := range entries {
		if id, ok := strings.CutSuffix(e.Name(), suffix); ok {
			out = append(out, id)
		}
	}
	return out, err
}

// Remove implements Shelf.
func (f Folder) Remove(meeting, track string) error {
	path, err := f.path(meeting, track)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("recording: %w", err)
	}
	return nil
}

// Delete implements Shelf.
func (f Folder) Delete(meeting string) error {
	path, err := f.folder(meeting)
	if err != nil {
		return err
	}
	return os.RemoveAll(path)
}
