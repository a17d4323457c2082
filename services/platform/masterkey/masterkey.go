// Package masterkey holds the installation's one root secret: 32 bytes from
// SAMTALE_MASTER_KEY (or its _FILE), else from the file master.key in the data folder.
//
// The root itself encrypts nothing. Each use derives its own key with HKDF (RFC 5869)
// under a purpose, so that a leaked token key opens no payload and the other way
// round.
package masterkey

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Size of the key in bytes.
const Size = 32

// File is the key's name in the data folder.
const File = "master.key"

// Purposes in use. A purpose never changes: what was made under it would be lost.
const (
	Temporal = "temporal payloads v1" // the payload codec of workflows
	Webhook  = "webhook signature v1" // what standalone's journal and demo case system share
	Tokens   = "api tokens v1"        // local tokens of `samtale token`
	Wrapping = "key wrapping v1"      // conversation keys in the consent store
	Parties  = "party pseudonyms v1"  // seal.Pseudonym of citizens, the same at portal and journal
)

// Key is the root secret. It never prints itself.
type Key struct{ b [Size]byte }

// String implements fmt.Stringer without giving the key away.
func (Key) String() string { return "(master key)" }

// GoString implements fmt.GoStringer without giving the key away.
func (Key) GoString() string { return "(master key)" }

// Hex is the form that SAMTALE_MASTER_KEY takes.
func (k Key) Hex() string { return hex.EncodeToString(k.b[:]) }

// Derive returns the 32-byte key for a purpose.
func (k Key) Derive(purpose string) []byte {
	out, err := hkdf.Key(sha256.New, k.b[:], nil, "samtale "+purpose, Size)
	if err != nil {
		panic(err) // only for a length over 255 hashes
	}
	return out
}

// ErrMissing reports that neither the setting nor the file is there.
var ErrMissing = errors.New("no master key: set SAMTALE_MASTER_KEY or SAMTALE_MASTER_KEY_FILE (32 bytes in hex), or start bin/standalone once, which makes data/" + File)

// Parse reads 32 bytes in hex.
func Parse(text string) (Key, error) {
	var k Key
	b, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(b) != Size {
		return k, errors.New("master key must be 64 hex digits (32 bytes)")
	}
	copy(k.b[:], b)
	return k, nil
}

// Load returns the key given by the setting, else the one in the data folder.
func Load(setting, data string) (Key, error) {
	if setting != "" {
		k, err := Parse(setting)
		if err != nil {
			return Key{}, fmt.Errorf("SAMTALE_MASTER_KEY: %w", err)
		}
		return k, nil
	}
	text, err := os.ReadFile(filepath.Join(data, File))
	if errors.Is(err, fs.ErrNotExist) {
		return Key{}, ErrMissing
	}
	if err != nil {
		return Key{}, fmt.Errorf("master key: %w", err)
	}
	k, err := Parse(string(text))
	if err != nil {
		return Key{}, fmt.Errorf("%s: %w", filepath.Join(data, File), err)
	}
	return k, nil
}

// LoadOrCreate is Load, but makes the file on a fresh data folder. Two processes that
// do so at once end up with the same key: the file is linked into place, never replaced.
func LoadOrCreate(setting, data string) (Key, error) {
	k, err := Load(setting, data)
	if !errors.Is(err, ErrMissing) {
		return k, err
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return Key{}, fmt.Errorf("make data folder: %w", err)
	}
	rand.Read(k.b[:])
	if err := writeOnce(filepath.Join(data, File), k.Hex()+"\n"); err != nil {
		return Key{}, fmt.Errorf("master key: %w", err)
	}
	return Load("", data)
}

func writeOnce(path, text string) error {
	f, err := os.CreateTemp(filepath.Dir(path), File+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err = f.WriteString(text); err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
