package extract

import "testing"

func TestTreesThatCannotBeWalkedAreRefused(t *testing.T) {
	good := Tree{{Feature: 1, Cut: .5, Left: 1}, {Value: -1}, {Value: 2}}
	if !grown([]Tree{good}, 2) || trees([]Tree{good, good}, []float64{0, .5}) != -2 || trees([]Tree{good}, []float64{0, .6}) != 2 {
		t.Error("a tree of one cut")
	}
	for name, bad := range map[string]Tree{
		"empty":         {},
		"round":         {{Left: 1}, {Left: 1}, {}},
		"into nothing":  {{Left: 1}, {}},
		"other feature": {{Feature: 2, Left: 1}, {}, {}},
		"below":         {{Feature: -1, Left: 1}, {}, {}},
	} {
		if grown([]Tree{good, bad}, 2) {
			t.Error(name)
		}
	}
}
