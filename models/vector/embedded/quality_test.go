package embedded

import (
	"testing"

	"samtale.dk/samtale/models/vector/vectortest"
)

// Citizens find what they ask for. The floor lies below what was measured (hit@1 .55, @5 .87, @10 .94), for the starter knowledge
// goes on growing.
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
	if all := len(vectortest.Questions()); s.Asked < all*9/10 {
		t.Errorf("only %d of %d questions have their answers in the starter knowledge", s.Asked, all)
	}
	if s.At10 < .9 || s.At5 < .8 {
		t.Error("too few answers among the first hits")
	}
}
