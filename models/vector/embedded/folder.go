package embedded

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"samtale.dk/samtale/models/embed"
	"samtale.dk/samtale/models/embed/sparse"
	"samtale.dk/samtale/models/vector"
)

// folder is where an index lies on disk; empty is nowhere.
type folder string

const (
	manifestName   = "manifest.json"
	manifestFormat = "samtale-index-1"
	ending         = ".bin"
)

// manifest names the files that make one state.
type manifest struct {
	Format   string       `json:"format"`
	Encoder  string       `json:"encoder"`
	Dense    *embed.Model `json:"dense,omitempty"`
	Lexicon  string       `json:"lexicon"`
	Segments []saved      `json:"segments"`
}

type saved struct {
	File string   `json:"file"`
	Dead []uint64 `json:"dead,omitempty"`
}

// castagnoli is the polynomial that processors compute.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// write puts a file in place of an older one, with its checksum in front, so that a crash leaves the one or the other.
func (f folder) write(name string, data []byte) error {
	tmp, err := os.CreateTemp(string(f), "new-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // fails when all went well
	if _, err := fmt.Fprintf(tmp, "%08x\n", crc32.Checksum(data, castagnoli)); err != nil {
		return errors.Join(err, tmp.Close())
	}
	if _, err := tmp.Write(data); err != nil {
		return errors.Join(err, tmp.Close())
	}
	if err := tmp.Sync(); err != nil {
		return errors.Join(err, tmp.Close())
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), filepath.Join(string(f), name)); err != nil {
		return err
	}
	return f.sync()
}

// sync makes renames last.
func (f folder) sync() error {
	d, err := os.Open(string(f))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// read gives a file's content when its checksum is right.
func (f folder) read(name string) ([]byte, error) {
	if name != filepath.Base(name) {
		return nil, fmt.Errorf("file name %q: %w", name, vector.ErrRebuild)
	}
	data, err := os.ReadFile(filepath.Join(string(f), name))
	if errors.Is(err, fs.ErrNotExist) && name != manifestName {
		return nil, fmt.Errorf("%w: %w", vector.ErrRebuild, err)
	}
	if err != nil {
		return nil, err
	}
	sum, body, ok := bytes.Cut(data, []byte("\n"))
	if !ok || string(sum) != fmt.Sprintf("%08x", crc32.Checksum(body, castagnoli)) {
		return nil, fmt.Errorf("%s is damaged: %w", name, vector.ErrRebuild)
	}
	return body, nil
}

// save writes a state: files that are new, then the manifest. Then it removes what no state needs.
func (f folder) save(s *snapshot, dense *embed.Model) error {
	if f == "" {
		return nil
	}
	if err := os.MkdirAll(string(f), 0o700); err != nil {
		return err
	}
	m := manifest{Format: manifestFormat, Encoder: sparse.Version, Dense: dense}
	words, err := s.encoder.Lexicon().MarshalText()
	if err != nil {
		return err
	}
	m.Lexicon = fmt.Sprintf("lexicon-%08x%s", crc32.Checksum(words, castagnoli), ending)
	if _, err := os.Stat(filepath.Join(string(f), m.Lexicon)); err != nil {
		if err := f.write(m.Lexicon, words); err != nil {
			return err
		}
	}
	for _, v := range s.views {
		if v.file == "" {
			if v.segment.file, err = f.writeSegment(v.segment); err != nil {
				return err
			}
		}
		m.Segments = append(m.Segments, saved{File: v.file, Dead: v.dead})
	}
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := f.write(manifestName, data); err != nil {
		return err
	}
	return f.sweep(m)
}

// writeSegment gives a segment a file of its own.
func (f folder) writeSegment(s *segment) (name string, err error) {
	data, err := s.encode()
	if err != nil {
		return "", err
	}
	taken, err := os.CreateTemp(string(f), "segment-*"+ending)
	if err != nil {
		return "", err
	}
	if err := taken.Close(); err != nil {
		return "", err
	}
	name = filepath.Base(taken.Name())
	if err := f.write(name, data); err != nil {
		return "", err
	}
	return name, nil
}

// sweep removes the files that the manifest does not name: of earlier states, and of a crash.
func (f folder) sweep(m manifest) error {
	keep := map[string]bool{manifestName: true, m.Lexicon: true}
	for _, s := range m.Segments {
		keep[s.File] = true
	}
	entries, err := os.ReadDir(string(f))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if own(e.Name()) && !keep[e.Name()] {
			err = errors.Join(err, os.Remove(filepath.Join(string(f), e.Name())))
		}
	}
	return err
}

// own reports the names that this package gives. Other files in the folder are somebody else's.
func own(name string) bool {
	return name == manifestName || strings.HasPrefix(name, "new-") ||
		strings.HasSuffix(name, ending) && (strings.HasPrefix(name, "segment-") || strings.HasPrefix(name, "lexicon-"))
}

// clear removes what an index left.
func (f folder) clear() error {
	if f == "" {
		return nil
	}
	if err := os.Remove(filepath.Join(string(f), manifestName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err := f.sweep(manifest{})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// load reads the state that the manifest names, or an empty one where there is no manifest.
func (f folder) load(dense *embed.Model) (*snapshot, error) {
	empty := &snapshot{encoder: sparse.New(&sparse.Lexicon{})}
	if f == "" {
		return empty, nil
	}
	data, err := f.read(manifestName)
	if errors.Is(err, fs.ErrNotExist) {
		return empty, nil
	}
	if err != nil {
		return nil, err
	}
	var m manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("manifest: %w: %w", vector.ErrRebuild, err)
	}
	if err := m.check(dense); err != nil {
		return nil, err
	}
	words, err := f.read(m.Lexicon)
	if err != nil {
		return nil, err
	}
	var lexicon sparse.Lexicon
	if err := lexicon.UnmarshalText(words); err != nil {
		return nil, fmt.Errorf("%w: %w", vector.ErrRebuild, err)
	}
	s := &snapshot{encoder: sparse.New(&lexicon)}
	for _, seg := range m.Segments {
		v, err := f.loadSegment(seg)
		if err != nil {
			return nil, err
		}
		s.views = append(s.views, v)
	}
	return s, nil
}

// check reports a manifest of another format, encoder or model.
func (m manifest) check(dense *embed.Model) error {
	switch {
	case m.Format != manifestFormat:
		return fmt.Errorf("format %q: %w", m.Format, vector.ErrRebuild)
	case m.Encoder != sparse.Version:
		return fmt.Errorf("made by encoder %q, this is %q: %w", m.Encoder, sparse.Version, vector.ErrRebuild)
	case (m.Dense == nil) != (dense == nil) || dense != nil && *m.Dense != *dense:
		return fmt.Errorf("made with another embedding model: %w", vector.ErrRebuild)
	}
	return nil
}

func (f folder) loadSegment(s saved) (view, error) {
	data, err := f.read(s.File)
	if err != nil {
		return view{}, err
	}
	seg, err := decode(data)
	if err != nil {
		return view{}, fmt.Errorf("%s: %w: %w", s.File, vector.ErrRebuild, err)
	}
	seg.file = s.File
	v := view{segment: seg, dead: s.Dead}
	if v.dead != nil && len(v.dead) != (len(seg.points)+63)/64 {
		return view{}, fmt.Errorf("%s: wrong marks: %w", s.File, vector.ErrRebuild)
	}
	for i := range seg.points {
		if v.dead.has(i) {
			v.gone++
		}
	}
	return v, nil
}
