package receiver

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"time"

	"samtale.dk/samtale/services/contract/deliveryv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/platform/errs"
)

// System is the name on receipts.
const System = "Demo-fagsystem"

// record is one file: the receipt, the hash of the event's data, and the event.
type record struct {
	Receipt deliveryv1.Receipt `json:"receipt"`
	Digest  string             `json:"digest"`
	Event   deliveryv1.Event   `json:"event"`
}

// store keeps one file per event. It is safe for concurrent use.
type store struct {
	dir string
	mu  sync.Mutex // one put at a time
}

func openStore(dir string) (*store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("demo case system: %w", err)
	}
	return &store{dir: dir}, nil
}

// ready probes that the folder takes a file.
func (s *store) ready() error {
	f, err := os.CreateTemp(s.dir, "probe-*.tmp")
	if err != nil {
		return errs.E(errs.Unavailable, "", err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

func (s *store) path(id string) string { return filepath.Join(s.dir, id+".json") }

// put stores an event and returns its receipt. The same event again gives the first
// receipt; another one under the same id is Conflict.
func (s *store) put(e deliveryv1.Event, now time.Time) (deliveryv1.Receipt, error) {
	if err := event.CheckToken(e.ID); err != nil {
		return deliveryv1.Receipt{}, errs.E(errs.Invalid, "", err)
	}
	digest, err := digest(e)
	if err != nil {
		return deliveryv1.Receipt{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	old, err := s.get(e.ID)
	switch {
	case err == nil && old.Digest == digest:
		return old.Receipt, nil
	case err == nil:
		return deliveryv1.Receipt{}, errs.E(errs.Conflict, "", fmt.Errorf("event %s was received before with other content", e.ID))
	case !errors.Is(err, errs.NotFound):
		return deliveryv1.Receipt{}, err
	}
	// The receipt's number follows from the event, so even a crash between storing
	// and answering cannot give out two.
	rec := record{Digest: digest, Event: e, Receipt: deliveryv1.Receipt{
		System: System, ID: "DEMO-" + strings.ToUpper(digest[:10]), ReceivedAt: now.UTC().Truncate(time.Second),
	}}
	if err := s.write(e.ID, rec); err != nil {
		return deliveryv1.Receipt{}, errs.E(errs.Unavailable, "", err)
	}
	return rec.Receipt, nil
}

func digest(e deliveryv1.Event) (string, error) {
	data, err := json.Marshal(e)
	if err != nil {
		return "", fmt.Errorf("encode event: %w", err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

// write puts the file in place in one step, after its bytes are on disk.
func (s *store) write(id string, rec record) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetIndent("", "  ")
	if err := enc.Encode(rec); err != nil {
		return err
	}
	f, err := os.CreateTemp(s.dir, "new-*.tmp")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // no effect after the rename
	_, err = f.Write(buf.Bytes())
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), s.path(id))
}

func (s *store) get(id string) (record, error) {
	var rec record
	if err := event.CheckToken(id); err != nil {
		return rec, errs.E(errs.NotFound, "", err)
	}
	data, err := os.ReadFile(s.path(id))
	if errors.Is(err, fs.ErrNotExist) {
		return rec, errs.E(errs.NotFound, "", err)
	}
	if err != nil {
		return rec, errs.E(errs.Unavailable, "", err)
	}
	if err := json.Unmarshal(data, &rec); err != nil {
		return rec, fmt.Errorf("stored event %s: %w", id, err)
	}
	return rec, nil
}

// list returns all records, the latest first.
func (s *store) list() ([]record, error) {
	files, err := filepath.Glob(filepath.Join(s.dir, "*.json"))
	if err != nil {
		return nil, err
	}
	var out []record
	for _, f := range files {
		rec, err := s.get(strings.TrimSuffix(filepath.Base(f), ".json"))
		if err != nil {
			return nil, err
		}
		out = append(out, rec)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Receipt.ReceivedAt.After(out[j].Receipt.ReceivedAt) })
	return out, nil
}
