package main

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
)

func TestFit(t *testing.T) {
	const a, b = 12e-6, 5e-6
	var points []result
	for _, p := range [][2]float64{{2250, 2250}, {1800, 3600}, {150, 9000}} {
		points = append(points, result{in: p[0], out: p[1], cpu: a*p[0] + b*p[1]})
	}
	gotA, gotB := fit(points)
	if math.Abs(gotA-a) > 1e-9 || math.Abs(gotB-b) > 1e-9 {
		t.Errorf("%v and %v, want %v and %v", gotA, gotB, a, b)
	}
	if gotA, gotB = fit(points[:1]); gotA != 0 || gotB != 0 {
		t.Errorf("one load was fitted: %v and %v", gotA, gotB)
	}
}

func TestLoads(t *testing.T) {
	large := map[string]bool{}
	for _, s := range shapes {
		large[s.name] = s.large()
	}
	want := map[string]bool{"15 × 1→1": false, "4 × 3→3": false, "sound 5 × 3→3": false, "1 → 60": true, "60 × 1→1": true, "20 × 3→3": true}
	if d := cmp.Diff(want, large); d != "" {
		t.Error(d)
	}
}

// What is sent to LiveKit reads back; what is cut short ends the reading.
func TestFields(t *testing.T) {
	b := num(str(nil, 2, "v=0"), 3, 300)
	got := map[protowire.Number]string{}
	for n, x := range fields(b) {
		got[n] = string(x)
	}
	if d := cmp.Diff(map[protowire.Number]string{2: "v=0", 3: "\xac\x02"}, got); d != "" {
		t.Error(d)
	}
	if v := number([]byte(got[3])); v != 300 {
		t.Errorf("%d, want 300", v)
	}
	for n := range fields(b[:4]) {
		t.Errorf("field %d of a broken message", n)
	}
}
