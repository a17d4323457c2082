package vectortest

import (
	"math"
	"testing"

	"samtale.dk/samtale/models/vector"
)

// Compare fills two indexes with the starter knowledge and asks both the same: each ranking must give a hit the same score, and the
// fused lists must have the same scores in order. Where scores are equal, the order may differ.
func Compare(t *testing.T, a, b vector.Index) {
	points := Seeds(t)
	for _, ix := range []vector.Index{a, b} {
		mustRebuild(t, ix, points)
	}
	for i, q := range Questions() {
		if i%5 != 0 {
			continue // a fifth of them says it
		}
		query := vector.Query{Text: q.Text, Municipality: q.Municipality, On: Today, K: 20}
		ra, err := a.Search(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		rb, err := b.Search(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, q.Text, ra, rb)
	}
}

func compare(t *testing.T, text string, a, b vector.Result) {
	t.Helper()
	if len(a.Hits) != len(b.Hits) || len(a.Hits) == 0 {
		t.Errorf("%q: %d and %d hits", text, len(a.Hits), len(b.Hits))
		return
	}
	other := map[string]vector.Hit{}
	for i, h := range b.Hits {
		other[h.ID] = h
		// Equal scores in one ranking may be placed either way, which moves the fused score by the difference of two places.
		if math.Abs(h.Score-a.Hits[i].Score) > .003 {
			t.Errorf("%q: place %d has %s with %g, and %s with %g", text, i+1, a.Hits[i].ID, a.Hits[i].Score, h.ID, h.Score)
		}
	}
	same := 0
	for _, h := range a.Hits {
		o, ok := other[h.ID]
		if !ok {
			continue
		}
		same++
		if math.Abs(h.Coverage-o.Coverage) > 1e-6 {
			t.Errorf("%q: %s is covered by %g and %g", text, h.ID, h.Coverage, o.Coverage)
		}
		scores := map[string]float64{}
		for _, w := range o.Why {
			scores[w.Ranking] = w.Score
		}
		for _, w := range h.Why {
			if s, ok := scores[w.Ranking]; ok && math.Abs(s-w.Score) > 1e-3*w.Score {
				t.Errorf("%q: %s has %g and %g by %s", text, h.ID, w.Score, s, w.Ranking)
			}
		}
	}
	if same < len(a.Hits)*8/10 {
		t.Errorf("%q: only %d of %d hits are the same", text, same, len(a.Hits))
	}
}
