package packet

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// writer makes descriptors bit by bit, from the specification's tables.
type writer struct {
	b []byte
	n int
}

func (w *writer) put(bits, v int) {
	for i := bits - 1; i >= 0; i-- {
		if w.n%8 == 0 {
			w.b = append(w.b, 0)
		}
		w.b[w.n/8] |= byte(v>>i&1) << (7 - w.n%8)
		w.n++
	}
}

// l2t2 is a keyframe's descriptor: two sizes of two frame rates, four targets, two chains.
func l2t2() []byte {
	w := &writer{}
	w.put(8, 0xc0|10) // starts and ends a frame, template 10
	w.put(16, 500)
	w.put(5, 0b10000) // structure
	w.put(6, 10)      // offset
	w.put(5, 3)       // targets: S0T0, S0T1, S1T0, S1T1
	for _, next := range []int{0, 1, 2, 0, 1, 3} {
		w.put(2, next) // S0T0 twice, S0T1, S1T0 twice, S1T1
	}
	for _, dtis := range [][4]int{{2, 2, 2, 2}, {2, 2, 2, 2}, {0, 1, 0, 3}, {0, 0, 2, 2}, {0, 0, 2, 2}, {0, 0, 0, 1}} {
		for _, x := range dtis {
			w.put(2, x)
		}
	}
	for _, diffs := range [][]int{{}, {4}, {2}, {1}, {4, 1}, {2, 1}} {
		for _, d := range diffs {
			w.put(1, 1)
			w.put(4, d-1)
		}
		w.put(1, 0)
	}
	w.put(2, 2) // two chains: ns(5) has two bits for what is less than 3
	for _, by := range []int{0, 0, 1, 1} {
		w.put(1, by)
	}
	for range 6 * 2 {
		w.put(4, 1)
	}
	w.put(1, 1)
	for _, x := range []int{320, 180, 640, 360} {
		w.put(16, x-1)
	}
	return w.b
}

func TestDesc(t *testing.T) {
	f, s, ok := ParseDesc(l2t2(), nil)
	if !ok {
		t.Fatal("refused")
	}
	if diff := cmp.Diff([]uint8{0, 0, 1, 1, 0, 1, 0, 1}, append(s.Spatial[:4:4], s.Temporal[:4]...)); diff != "" || s.Targets != 4 {
		t.Errorf("%d targets: %s", s.Targets, diff)
	}
	if s.Width[1] != 640 || s.Height[0] != 180 {
		t.Errorf("sizes %v %v", s.Width, s.Height)
	}
	if f.Number != 500 || f.NDiffs != 0 || !f.Start || !f.End || f.DTI[3] != Switch {
		t.Errorf("keyframe %+v", f)
	}
	f, again, ok := ParseDesc([]byte{0x80 | 12, 1, 247}, s) // S0T1, frame 503
	want := Frame{Start: true, Number: 503, Temporal: 1, DTI: [MaxTargets]uint8{0, 1, 0, 3}, Diffs: [maxDiffs]uint16{2}, NDiffs: 1}
	if diff := cmp.Diff(want, f); diff != "" || !ok || again != s {
		t.Error(diff)
	}
	w := &writer{}
	w.put(8, 0x40|14)
	w.put(16, 7)
	w.put(5, 0b01110) // active targets, indications and differences of its own
	w.put(4, 0b0011)
	w.put(8, 0b01_01_00_10)
	w.put(2, 2)
	w.put(8, 199)
	w.put(2, 0)
	f, _, ok = ParseDesc(w.b, s)
	want = Frame{End: true, Number: 7, Spatial: 1, DTI: [MaxTargets]uint8{1, 1, 0, 2}, Diffs: [maxDiffs]uint16{200, 1}, NDiffs: 1}
	want.Diffs[1] = f.Diffs[1] // beyond NDiffs
	if diff := cmp.Diff(want, f); diff != "" || !ok {
		t.Error(diff)
	}
	for _, b := range [][]byte{{}, {0x80, 0}, {0x80 | 30, 0, 1}, l2t2()[:20], {0x80 | 12, 0, 1, 0xff}} {
		if _, _, ok := ParseDesc(b, s); ok {
			t.Errorf("%x was taken", b)
		}
	}
	if _, _, ok := ParseDesc([]byte{0x80 | 12, 1, 247}, nil); ok {
		t.Error("a descriptor without a structure was taken")
	}
}

func FuzzDesc(f *testing.F) {
	_, known, _ := ParseDesc(l2t2(), nil)
	f.Add(l2t2())
	f.Add([]byte{0x8c, 1, 247, 0x70, 0x35})
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, s := range []*Structure{nil, known} {
			fr, got, ok := ParseDesc(b, s)
			if !ok {
				continue
			}
			if got == nil || got.Targets < 1 || got.Targets > MaxTargets || fr.NDiffs > maxDiffs || fr.Spatial >= MaxSpatial {
				t.Errorf("%x: %+v", b, fr)
			}
		}
	})
}
