package deliver

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"samtale.dk/samtale/services/contract/deliveryv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/journalv1"
)

// Folder delivers a note as two files: KEY.json, the CloudEvent that a webhook would
// get, and KEY.xml, a journal post in the shape of SF2900. The JSON file comes last:
// who sees it, sees both whole.
type Folder struct{ Path string }

// Name implements Adapter.
func (f Folder) Name() string { return "mappe" }

// Deliver implements Adapter.
func (f Folder) Deliver(ctx context.Context, n deliveryv1.Note) (journalv1.Receipt, error) {
	if err := event.CheckToken(key(n)); err != nil {
		return journalv1.Receipt{}, &Problem{"Notatets id kan ikke bruges som filnavn.", err}
	}
	if err := ctx.Err(); err != nil {
		return journalv1.Receipt{}, &Problem{"Afleveringen blev afbrudt.", err}
	}
	at, err := f.write(n)
	if err != nil {
		return journalv1.Receipt{}, &Problem{problemText(err), err}
	}
	return journalv1.Receipt{System: f.Name(), ID: key(n), ReceivedAt: at}, nil
}

// write returns when the note was written; a note that is there stays as it is.
func (f Folder) write(n deliveryv1.Note) (time.Time, error) {
	final := filepath.Join(f.Path, key(n)+".json")
	info, err := os.Stat(final)
	if err == nil {
		return info.ModTime().UTC(), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, err
	}
	if err := os.MkdirAll(f.Path, 0o700); err != nil {
		return time.Time{}, err
	}
	post, err := journalPost(n)
	if err != nil {
		return time.Time{}, err
	}
	body, err := encode(n)
	if err != nil {
		return time.Time{}, err
	}
	if err := writeFile(filepath.Join(f.Path, key(n)+".xml"), post); err != nil {
		return time.Time{}, err
	}
	if err := writeFile(final, body); err != nil {
		return time.Time{}, err
	}
	return time.Now().UTC(), nil
}

// writeFile makes the file appear whole or not at all, also after a power loss.
func writeFile(path string, data []byte) error {
	dir := filepath.Dir(path)
	tmp, err := os.CreateTemp(dir, ".part-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // fails, rightly, after the rename
	_, err = tmp.Write(data)
	if err == nil {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func problemText(err error) string {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return "Der er ikke plads i mappen, som notater afleveres i."
	case errors.Is(err, fs.ErrPermission):
		return "Journalen må ikke skrive i mappen, som notater afleveres i."
	}
	return "Notatet kunne ikke skrives til mappen, som notater afleveres i."
}
