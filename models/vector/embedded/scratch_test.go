package embedded

import (
	"fmt"
	"os"
	"testing"

	"samtale.dk/samtale/models/vector"
	"samtale.dk/samtale/models/vector/vectortest"
)

func TestScratch(t *testing.T) {
	points := vectortest.Seeds(t)
	ix := open(t, Config{})
	if err := ix.Rebuild(t.Context(), vectortest.Points(points)); err != nil {
		t.Fatal(err)
	}
	has := map[string]bool{}
	for _, p := range points {
		has[p.ID] = true
	}
	s := ix.snap.Load()
	hits := map[string][3]int{}
	n := 0
	rank := func(r []scored, want []string) int {
		for i, d := range r {
			for _, id := range want {
				if d.id == id {
					return i
				}
			}
		}
		return 999
	}
	show := os.Getenv("SHOW") != ""
	for _, q := range vectortest.Questions() {
		ok := false
		for _, w := range q.Want {
			ok = ok || has[w]
		}
		if !ok {
			continue
		}
		n++
		question := s.encoder.Query(q.Text)
		vq := vector.Query{Text: q.Text, Municipality: q.Municipality, On: vectortest.Today, K: 10}
		w := s.sparse(question.Words(), words, 100, wantedBy(vq))
		g := s.sparse(question.NGrams, ngrams, 100, wantedBy(vq))
		r, _ := s.search(t.Context(), vq)
		var f []scored
		for _, h := range r.Hits {
			f = append(f, scored{id: h.ID})
		}
		rs := []int{rank(w, q.Want), rank(g, q.Want), rank(f, q.Want)}
		for i, name := range []string{"words", "ngrams", "fused"} {
			c := hits[name]
			for j, k := range []int{1, 5, 10} {
				if rs[i] < k {
					c[j]++
				}
			}
			hits[name] = c
		}
		if show && rs[0] >= 5 {
			fmt.Println(q.Text, rs, q.Want)
			for _, tm := range vector.TermsOf(s.encoder, question) {
				fmt.Printf("  %s(%s %.2f)", tm.Text, tm.Via, tm.Weight)
			}
			fmt.Println()
			for i := range min(3, len(w)) {
				fmt.Printf("    w %s %.1f | ", w[i].id, w[i].score)
				h := vector.Hit{Why: []vector.Why{{Ranking: vector.Words}}}
				h.Explain(s.encoder, question, func(dim uint32) bool { return s.views[w[i].segment].words.has(dim, w[i].doc) })
				fmt.Println(h.Why[0].Terms)
			}
		}
	}
	for name, c := range hits {
		fmt.Printf("%-8s @1 %.3f @5 %.3f @10 %.3f\n", name, float64(c[0])/float64(n), float64(c[1])/float64(n), float64(c[2])/float64(n))
	}
}
