package vector

import (
	"cmp"
	"slices"

	"samtale.dk/samtale/models/embed/sparse"
)

// Constants that all indexes share, so that they rank alike.
const (
	// FusionK is k of reciprocal rank fusion: a ranking gives 1/(k+place) to a point, places counted from 0, as Qdrant does. Small
	// values let one ranking's first hit win over several rankings' middle.
	FusionK = 20
	// Depth is how many hits of each ranking are fused, at least.
	Depth = 100
)

// DepthOf is how many hits of each ranking are fused for k hits.
func DepthOf(k int) int { return max(Depth, 2*k) }

// Fused is a point in the fusion: its key, and its place in each ranking from 0, or -1.
type Fused[K comparable] struct {
	Key    K
	Score  float64
	Places []int
}

// Fuse makes one list of several rankings by reciprocal rank fusion, best first. Where scores are equal, the order is that of
// compare.
func Fuse[K comparable](compare func(a, b K) int, rankings ...[]K) []Fused[K] {
	at := map[K]int{}
	var out []Fused[K]
	for r, keys := range rankings {
		for place, k := range keys {
			i, ok := at[k]
			if !ok {
				i = len(out)
				at[k] = i
				out = append(out, Fused[K]{Key: k, Places: slices.Repeat([]int{-1}, len(rankings))})
			}
			out[i].Places[r] = place
			out[i].Score += 1 / float64(FusionK+place)
		}
	}
	slices.SortFunc(out, func(a, b Fused[K]) int {
		return cmp.Or(-cmp.Compare(a.Score, b.Score), compare(a.Key, b.Key))
	})
	return out
}

// TermsOf is what a question was read as, for [Result].
func TermsOf(e *sparse.Encoder, q sparse.Question) []Term {
	terms := slices.Clone(q.Terms)
	e.Heaviest(terms)
	sum := float32(0)
	for _, t := range terms {
		sum += t.Weight * e.Rarity(t.Dim)
	}
	var out []Term
	for _, t := range terms {
		out = append(out, Term{Text: t.Text, Word: t.Word, Via: t.Via, Weight: float64(t.Weight * e.Rarity(t.Dim) / sum)})
	}
	return out
}

// Explain fills in what a hit shares with the question. has reports whether the hit's words vector has a dimension.
func (h *Hit) Explain(e *sparse.Encoder, q sparse.Question, has func(dim uint32) bool) {
	h.Coverage = e.Coverage(q, has)
	for i := range h.Why {
		if h.Why[i].Ranking != Words {
			continue
		}
		for _, t := range e.Shared(q, has) {
			if !slices.Contains(h.Why[i].Terms, t.Text) {
				h.Why[i].Terms = append(h.Why[i].Terms, t.Text)
			}
		}
	}
}

// Fields is what is encoded of a point.
func (p Point) Fields() sparse.Fields {
	return sparse.Fields{Title: p.Title, Section: p.Section, Text: p.Text, Asked: p.Asked, Language: p.Language, Municipality: p.Municipality}
}
