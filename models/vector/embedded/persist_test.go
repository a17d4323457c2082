package embedded

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/models/embed"
	"samtale.dk/samtale/models/vector"
	"samtale.dk/samtale/models/vector/vectortest"
)

// filled makes an index in a folder, with several segments and deleted points, and closes it.
func filled(t *testing.T, dir string, m *embed.Model) {
	t.Helper()
	ix := open(t, Config{Dir: dir, Dense: m})
	small := vectortest.Small()
	if m != nil {
		for i := range small {
			small[i].Dense = []float32{float32(i), 1, 0, 0}
		}
	}
	err := errors.Join(
		ix.Rebuild(t.Context(), vectortest.Points(small[:8])), ix.Upsert(t.Context(), small[8:10]), ix.Upsert(t.Context(), small[10:]),
		ix.Delete(t.Context(), []string{"affald"}), ix.Close(),
	)
	if err != nil {
		t.Fatal(err)
	}
}

// answers are the hits of some questions, with why.
func answers(t *testing.T, ix *Index, dense []float32) []vector.Result {
	t.Helper()
	var out []vector.Result
	for _, text := range []string{"flytning", "storskrald genbrugsplads", "hvad koster et pas", "husleje", "moving"} {
		r, err := ix.Search(t.Context(), vector.Query{Text: text, Municipality: "0751", Dense: dense})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

func TestReload(t *testing.T) {
	for name, m := range map[string]*embed.Model{"sparse": nil, "dense": &vectortest.Model} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			var q []float32
			if m != nil {
				q = []float32{1, 1, 0, 0}
			}
			filled(t, dir, m)
			first := open(t, Config{Dir: dir, Dense: m})
			want := answers(t, first, q)
			if len(want[0].Hits) == 0 {
				t.Fatal("nothing was found")
			}
			// After a change and its undoing, and another reload, the answers are the same.
			if err := errors.Join(first.Upsert(t.Context(), []vector.Point{{ID: "x", Text: "y"}}), first.Delete(t.Context(), []string{"x"})); err != nil {
				t.Fatal(err)
			}
			second := open(t, Config{Dir: dir, Dense: m})
			if diff := cmp.Diff(want, answers(t, second, q)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			info, err := second.Info(t.Context())
			if err != nil || info.Count != len(vectortest.Small())-1 || info.Learned != 8 {
				t.Errorf("%+v, %v", info, err)
			}
		})
	}
}

// Every damaged byte is noticed, and a fresh start works.
func TestDamage(t *testing.T) {
	damages := map[string]func(data []byte) []byte{
		"first byte":  func(d []byte) []byte { d[0] ^= 1; return d },
		"middle byte": func(d []byte) []byte { d[len(d)/2] ^= 0x40; return d },
		"last byte":   func(d []byte) []byte { d[len(d)-1] ^= 0x80; return d },
		"cut":         func(d []byte) []byte { return d[:len(d)-7] },
		"empty":       func([]byte) []byte { return nil },
		"longer":      func(d []byte) []byte { return append(d, 0) },
	}
	for _, pattern := range []string{"manifest.json", "lexicon-*", "segment-*"} {
		for name, damage := range damages {
			t.Run(pattern+" "+name, func(t *testing.T) {
				dir := t.TempDir()
				filled(t, dir, nil)
				files, err := filepath.Glob(filepath.Join(dir, pattern))
				if err != nil || len(files) == 0 {
					t.Fatalf("%q, %v", files, err)
				}
				data, err := os.ReadFile(files[0])
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(files[0], damage(data), 0o600); err != nil {
					t.Fatal(err)
				}
				fails(t, Config{Dir: dir})
				startsAgain(t, dir)
			})
		}
		t.Run(pattern+" missing", func(t *testing.T) {
			dir := t.TempDir()
			filled(t, dir, nil)
			files, _ := filepath.Glob(filepath.Join(dir, pattern))
			if err := os.Remove(files[0]); err != nil {
				t.Fatal(err)
			}
			if pattern == "manifest.json" {
				return // an index that never was; TestLeftovers
			}
			fails(t, Config{Dir: dir})
		})
	}
}

func fails(t *testing.T, cfg Config) {
	t.Helper()
	ix, err := Open(cfg)
	if !errors.Is(err, vector.ErrRebuild) || ix != nil {
		t.Fatalf("open gives %v", err)
	}
}

func startsAgain(t *testing.T, dir string) {
	t.Helper()
	ix, err := Create(Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := ix.Rebuild(t.Context(), vectortest.Points(vectortest.Small())); err != nil {
		t.Fatal(err)
	}
	ix.Close()
	again := open(t, Config{Dir: dir})
	if info, err := again.Info(t.Context()); err != nil || info.Count != len(vectortest.Small()) {
		t.Errorf("%+v, %v", info, err)
	}
}

// An index made otherwise is not used.
func TestOutdated(t *testing.T) {
	dir := t.TempDir()
	filled(t, dir, nil)
	fails(t, Config{Dir: dir, Dense: &vectortest.Model})
	for field, value := range map[string]any{"encoder": "samtale-sparse-0", "format": "samtale-index-0", "lexicon": "../lexicon"} {
		dir := t.TempDir()
		filled(t, dir, nil)
		name := filepath.Join(dir, manifestName)
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var m map[string]any
		_, body, _ := strings.Cut(string(data), "\n")
		if err := json.Unmarshal([]byte(body), &m); err != nil {
			t.Fatal(err)
		}
		m[field] = value
		changed, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		data = append(fmt.Appendf(nil, "%08x\n", crc32.Checksum(changed, castagnoli)), changed...)
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
		fails(t, Config{Dir: dir})
	}
	with := t.TempDir()
	filled(t, with, &vectortest.Model)
	fails(t, Config{Dir: with})
	other := vectortest.Model
	other.Digest = "2"
	fails(t, Config{Dir: with, Dense: &other})
}

// What a crash left goes with the next change; what is somebody else's stays.
func TestLeftovers(t *testing.T) {
	dir := t.TempDir()
	filled(t, dir, nil)
	for _, name := range []string{"segment-9.bin", "new-1", "lexicon-1.bin", "noter.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ix := open(t, Config{Dir: dir})
	if err := ix.Delete(t.Context(), []string{"moving"}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"segment-9.bin": false, "new-1": false, "lexicon-1.bin": false, "noter.txt": true} {
		if _, err := os.Stat(filepath.Join(dir, name)); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.Remove(filepath.Join(dir, manifestName)); err != nil {
		t.Fatal(err)
	}
	empty := open(t, Config{Dir: dir})
	if info, err := empty.Info(t.Context()); err != nil || info.Count != 0 {
		t.Errorf("without a manifest %+v, %v", info, err)
	}
}

// A change that cannot be saved is not made.
func TestUnwritable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "fil")
	ix := open(t, Config{Dir: filepath.Join(file, "index")})
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := ix.Upsert(t.Context(), vectortest.Small()); err == nil {
		t.Error("no error")
	}
	if err := ix.Rebuild(t.Context(), vectortest.Points(vectortest.Small())); err == nil {
		t.Error("no error")
	}
	if info, err := ix.Info(t.Context()); err != nil || info.Count != 0 {
		t.Errorf("%+v, %v", info, err)
	}
}

// However many changes, there are few segments, and merged ones answer as one does.
func TestSegmentsStayFew(t *testing.T) {
	ix := open(t, Config{})
	small := vectortest.Small()
	for round := range 20 {
		for i := range small {
			p := small[(i+round)%len(small)]
			if err := ix.Upsert(t.Context(), []vector.Point{p}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := len(ix.snap.Load().views); n > 6 {
		t.Errorf("%d segments for %d points", n, len(small))
	}
	one := open(t, Config{})
	if err := one.Upsert(t.Context(), small); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(answers(t, one, nil), answers(t, ix, nil)); diff != "" {
		t.Errorf("(-one segment +many)\n%s", diff)
	}
}
