package vector

import (
	"cmp"
	"testing"
)

func TestFuse(t *testing.T) {
	got := Fuse(cmp.Compare[string], []string{"b", "a", "c"}, nil, []string{"a", "d"})
	want := []struct {
		key   string
		score float64
	}{{"a", 1./(FusionK+1) + 1./FusionK}, {"b", 1. / FusionK}, {"d", 1. / (FusionK + 1)}, {"c", 1. / (FusionK + 2)}}
	if len(got) != len(want) {
		t.Fatalf("got %+v", got)
	}
	for i, w := range want {
		if got[i].Key != w.key || got[i].Score != w.score {
			t.Errorf("place %d has %+v, want %+v", i+1, got[i], w)
		}
	}
	if p := got[0].Places; p[0] != 1 || p[1] != -1 || p[2] != 0 {
		t.Errorf("places %v", p)
	}
	if tie := Fuse(cmp.Compare[string], []string{"z"}, []string{"y"}); tie[0].Key != "y" {
		t.Errorf("equal scores are in the order %v", tie)
	}
}

func TestLast(t *testing.T) {
	got := Last([]Point{{ID: "a", Text: "1"}, {ID: "b"}, {ID: "a", Text: "2"}})
	if len(got) != 2 || got[0].ID != "b" || got[1].Text != "2" {
		t.Errorf("got %+v", got)
	}
}
