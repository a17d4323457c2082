package app

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/knowledgev1"
)

func TestAxesAreRound(t *testing.T) {
	for top, want := range map[float64][]float64{
		0: {0, .2, .4, .6, .8, 1}, 1: {0, .2, .4, .6, .8, 1}, 3: {0, 1, 2, 3}, 9: {0, 2, 4, 6, 8, 10}, 40: {0, 10, 20, 30, 40},
		69: {0, 20, 40, 60, 80}, .01: {0, .002, .004, .006, .008, .01}, 1234: {0, 500, 1000, 1500},
	} {
		near := cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-9 })
		if diff := cmp.Diff(want, nice(top), near); diff != "" {
			t.Errorf("%g: %s", top, diff)
		}
	}
}

func TestLinesBreakWhereNothingWasMeasured(t *testing.T) {
	at := func(i int) float64 { return float64(100 * i) }
	got := unbroken([]float64{10, 5, math.NaN(), 0, math.NaN(), math.NaN(), 10, 10}, at, 10)
	want := []string{"0,14 100,118", "297,222 303,222", "600,14 700,14"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := unbroken([]float64{math.NaN()}, at, 10); got != nil {
		t.Errorf("nothing is %v", got)
	}
}

func TestGapsGoToTheirOwners(t *testing.T) {
	got := owners([]assistantv1.Gap{{ID: "1"}, {ID: "2", Authority: "A"}, {ID: "3", Authority: "B"}, {ID: "4", Authority: "A"}})
	var names []string
	for _, o := range got {
		name := o.Name + ":"
		for _, g := range o.Gaps {
			name += g.ID
		}
		names = append(names, name)
	}
	if diff := cmp.Diff([]string{"A:24", "B:3", ":1"}, names); diff != "" {
		t.Error(diff)
	}
}

func TestSourcesGrowOld(t *testing.T) {
	now := time.Now()
	ran := func(ago time.Duration, state string) knowledgev1.Run {
		return knowledgev1.Run{State: state, EndedAt: now.Add(-ago)}
	}
	for name, c := range map[string]struct {
		source knowledgev1.Source
		runs   []knowledgev1.Run
		stale  bool
	}{
		"fresh":             {knowledgev1.Source{Every: time.Hour}, []knowledgev1.Run{ran(time.Hour, knowledgev1.RunDone)}, false},
		"two missed":        {knowledgev1.Source{Every: time.Hour}, []knowledgev1.Run{ran(3*time.Hour, knowledgev1.RunDone)}, true},
		"failed since":      {knowledgev1.Source{Every: time.Hour}, []knowledgev1.Run{ran(time.Minute, knowledgev1.RunFailed), ran(3*time.Hour, knowledgev1.RunDone)}, true},
		"paused":            {knowledgev1.Source{Every: time.Hour, Paused: true}, []knowledgev1.Run{ran(30*time.Hour, knowledgev1.RunDone)}, false},
		"by hand":           {knowledgev1.Source{}, []knowledgev1.Run{ran(3000*time.Hour, knowledgev1.RunDone)}, false},
		"never fetched yet": {knowledgev1.Source{Every: time.Hour}, nil, false},
	} {
		if got := (sourceRow{Source: c.source, Runs: c.runs, now: now}).Stale(); got != c.stale {
			t.Errorf("%s: stale is %t", name, got)
		}
	}
}
