package embedded

import (
	"testing"

	"samtale.dk/samtale/models/vector/vectortest"
)

func TestQuality(t *testing.T) {
	points := vectortest.Seeds(t)
	ix := open(t, Config{})
	if err := ix.Rebuild(t.Context(), vectortest.Points(points)); err != nil {
		t.Fatal(err)
	}
	has := map[string]bool{}
	for _, p := range points {
		has[p.ID] = true
	}
	s := vectortest.Evaluate(t, ix, has)
	t.Logf("%d points, %d questions: hit@1 %.3f, @5 %.3f, @10 %.3f, nDCG@10 %.3f", len(points), s.Asked, s.At1, s.At5, s.At10, s.NDCG)
}
