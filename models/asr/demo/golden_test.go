package demo

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"testing"
)

// golden holds what train/export.py computed: samples at 8 kHz, log-mel hops, log probabilities before the softmax.
type golden struct {
	pcm    []int16
	hops   []float32
	logits []float32
}

func readGolden(t *testing.T) golden {
	t.Helper()
	b, err := os.ReadFile("testdata/golden.bin")
	if err != nil {
		t.Fatal(err)
	}
	r := bytes.NewReader(b)
	var n [3]uint32
	if err := binary.Read(r, binary.LittleEndian, &n); err != nil {
		t.Fatal(err)
	}
	g := golden{make([]int16, n[0]), make([]float32, n[1]*mels), make([]float32, n[2]*letters)}
	for _, v := range []any{g.pcm, g.hops, g.logits} {
		if err := binary.Read(r, binary.LittleEndian, v); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

func TestFeaturesMatchTraining(t *testing.T) {
	g := readGolden(t)
	f := &frontEnd{t: newTables()}
	var got []float32
	for _, v := range g.pcm {
		f.sample(float32(v)/32768, func(x []float32) { got = append(got, x...) })
	}
	if want := len(g.hops) / features * features; len(got) != want {
		t.Fatalf("%d values, want %d", len(got), want)
	}
	if d := worst(got, g.hops[:len(got)]); d > 2e-3 {
		t.Errorf("features differ by up to %g", d)
	}
}

func TestNetworkMatchesTraining(t *testing.T) {
	g := readGolden(t)
	for _, vector := range []bool{true, false} {
		if vector && !haveVector {
			continue
		}
		n, err := loadNetwork(weightsFile)
		if err != nil {
			t.Fatal(err)
		}
		if !vector {
			n.widen()
		}
		var got []float32
		s := newStream(n, nil)
		s.emit = func([]float32) { got = append(got, s.logits...) }
		for i := 0; i+features <= len(g.hops); i += features {
			s.frame(g.hops[i : i+features])
		}
		s.finish()
		if len(got) != len(g.logits) {
			t.Fatalf("%d values, want %d", len(got), len(g.logits))
		}
		if d := worst(got, g.logits); d > 5e-3 {
			t.Errorf("vector kernel %t: logits differ by up to %g", vector, d)
		}
	}
}

func worst(a, b []float32) (d float64) {
	for i := range a {
		d = max(d, math.Abs(float64(a[i]-b[i])))
	}
	return d
}

func TestDamagedWeights(t *testing.T) {
	short := weightsFile[:len(weightsFile)-1]
	long := append(bytes.Clone(weightsFile), 0)
	other := bytes.Clone(weightsFile)
	other[0] = 'X'
	for name, b := range map[string][]byte{"short": short, "long": long, "other file": other, "empty": nil} {
		if _, err := loadNetwork(b); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestDamagedLanguageModel(t *testing.T) {
	for name, b := range map[string][]byte{
		"short": lmFile[:len(lmFile)-1], "long": append(bytes.Clone(lmFile), 0), "only a header": lmFile[:12],
		"words cut": lmFile[:100], "other file": weightsFile, "empty": nil,
	} {
		if _, err := loadLM(b); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
