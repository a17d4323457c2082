// Package folder reads knowledge from JSONL files in a folder on the server: a line is a record of services/contract/knowledgev1.
package folder

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"
	"unicode/utf8"

	"samtale.dk/samtale/services/assistant/internal/source"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/errs"
)

// Source implements [source.Source]: its items are files, also in folders below.
type Source struct{ root, folder string }

// New returns the source of a folder under root, which it cannot leave.
func New(root, folder string) *Source { return &Source{root, folder} }

// Bounds in bytes: of a file, and of a line.
const (
	maxFile = 128 << 20
	maxLine = 4 << 20
)

// List implements [source.Source]. A file is known by its content: times of files say little after a copy.
func (s *Source) List(ctx context.Context, _ map[string]string, _ time.Time) (source.Listing, error) {
	root, err := s.open()
	if err != nil {
		return source.Listing{}, err
	}
	defer root.Close()
	l := source.Listing{Complete: true}
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if d.IsDir() || !strings.EqualFold(path.Ext(name), ".jsonl") {
			return nil
		}
		sum, err := hash(root, name)
		l.Entries = append(l.Entries, source.Entry{Item: name, Modified: sum})
		return err
	})
	if err != nil && ctx.Err() == nil {
		err = errs.E(errs.Invalid, "Mappen kan ikke læses.", err)
	}
	return l, err
}

func (s *Source) open() (*os.Root, error) {
	top, err := os.OpenRoot(s.root)
	if err != nil {
		return nil, errs.E(errs.Invalid, "Serverens mappe til viden findes ikke.", err)
	}
	defer top.Close()
	root, err := top.OpenRoot(s.folder)
	if err != nil {
		return nil, errs.E(errs.Invalid, "Mappen findes ikke.", err)
	}
	return root, nil
}

func hash(root *os.Root, name string) (string, error) {
	f, err := root.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// Fetch implements [source.Source].
func (s *Source) Fetch(_ context.Context, e source.Entry) (source.Article, error) {
	root, err := s.open()
	if err != nil {
		return source.Article{}, err
	}
	defer root.Close()
	f, err := root.Open(e.Item)
	if errors.Is(err, fs.ErrNotExist) {
		return source.Article{}, errs.E(errs.NotFound, "Filen findes ikke mere.", source.ErrGone)
	}
	if err != nil {
		return source.Article{}, errs.E(errs.Invalid, "Filen kan ikke læses.", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() > maxFile {
		return source.Article{}, errs.E(errs.Invalid, fmt.Sprintf("Filen er for stor (over %d MB).", maxFile>>20), err)
	}
	a := source.Article{}
	a.Records, a.Problems, err = Parse(f, e.Item)
	return a, err
}

// Wants implements [source.Source].
func (s *Source) Wants(string) bool { return true }

// Parse reads the lines of a file. A line that is no record is a problem; the others count.
func Parse(r io.Reader, name string) ([]knowledgev1.Record, []knowledgev1.Failure, error) {
	var out []knowledgev1.Record
	var bad []knowledgev1.Failure
	lines := bufio.NewReaderSize(r, 64<<10)
	for n := 1; ; n++ {
		line, err := readLine(lines)
		if errors.Is(err, io.EOF) {
			return out, bad, nil
		}
		if err != nil && !errors.Is(err, errLong) {
			return out, bad, errs.E(errs.Invalid, "Filen kan ikke læses.", err)
		}
		if n == 1 {
			line = bytes.TrimPrefix(line, []byte("\xEF\xBB\xBF"))
		}
		if err == nil && len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		rec, reason := record(line, err)
		if reason != "" {
			bad = append(bad, knowledgev1.Failure{Item: fmt.Sprintf("%s linje %d", name, n), Reason: reason})
			continue
		}
		out = append(out, rec)
	}
}

func record(line []byte, err error) (rec knowledgev1.Record, reason string) {
	if err != nil {
		return rec, fmt.Sprintf("Linjen er for lang (over %d MB).", maxLine>>20)
	}
	if !utf8.Valid(line) {
		return rec, "Linjen er ikke i UTF-8. Gem filen i UTF-8."
	}
	if err := json.Unmarshal(line, &rec); err != nil {
		return rec, "Linjen er ikke JSON med de felter, der kan bruges."
	}
	return rec, ""
}

var errLong = errors.New("line is too long")

// readLine reads a line without its end. Of a line that is too long it keeps nothing.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	long := false
	for {
		part, err := r.ReadSlice('\n')
		if !long {
			line = append(line, part...)
		}
		if len(line) > maxLine {
			line, long = nil, true
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && (len(line) > 0 || long):
		case err != nil:
			return nil, err
		}
		if long {
			return nil, errLong
		}
		return bytes.TrimRight(line, "\r\n"), nil
	}
}
