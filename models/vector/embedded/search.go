package embedded

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"samtale.dk/samtale/models/embed/sparse"
	"samtale.dk/samtale/models/vector"
)

// snapshot is one state of the index. It never changes; searches take it once.
type snapshot struct {
	views   []view
	encoder *sparse.Encoder
}

func (s *snapshot) count() int {
	n := 0
	for _, v := range s.views {
		n += v.live()
	}
	return n
}

// ref names a document.
type ref struct{ segment, doc int }

// scored is a document with its score in one ranking.
type scored struct {
	ref
	score float32
	id    string // orders equal scores
}

func better(a, b scored) int {
	return cmp.Or(-cmp.Compare(a.score, b.score), strings.Compare(a.id, b.id))
}

// best keeps the best k documents: a heap whose root is the worst of them.
type best struct {
	k    int
	list []scored
}

// beats reports whether a score would be kept; the ID decides later where scores are equal.
func (b *best) beats(score float32) bool { return len(b.list) < b.k || score >= b.list[0].score }

func (b *best) add(s scored) {
	if len(b.list) < b.k {
		b.list = append(b.list, s)
		for i := len(b.list) - 1; i > 0; {
			up := (i - 1) / 2
			if better(b.list[i], b.list[up]) <= 0 {
				break
			}
			b.list[i], b.list[up] = b.list[up], b.list[i]
			i = up
		}
		return
	}
	if better(s, b.list[0]) >= 0 {
		return
	}
	b.list[0] = s
	for i := 0; ; {
		worst := i
		for _, c := range []int{2*i + 1, 2*i + 2} {
			if c < len(b.list) && better(b.list[c], b.list[worst]) > 0 {
				worst = c
			}
		}
		if worst == i {
			return
		}
		b.list[i], b.list[worst] = b.list[worst], b.list[i]
		i = worst
	}
}

func (b *best) sorted() []scored {
	slices.SortFunc(b.list, better)
	return b.list
}

// wanted is the filter of a query.
type wanted struct {
	municipality, language string
	everywhere             bool
	on                     int32
	always                 bool
}

func wantedBy(q vector.Query) wanted {
	return wanted{
		municipality: q.Municipality, language: q.Language, everywhere: q.Municipality == vector.Everywhere,
		on: day(q.On, 0), always: q.On == "",
	}
}

func (w wanted) fits(a attributes) bool {
	return (w.everywhere || a.municipality == "" || a.municipality == w.municipality) &&
		(w.always || a.from <= w.on && w.on <= a.to) &&
		(w.language == "" || a.language == w.language)
}

// search ranks by words, n-grams and, when there is one, the dense vector, and fuses.
func (s *snapshot) search(ctx context.Context, q vector.Query) (vector.Result, error) {
	question := s.encoder.Query(q.Text, q.Municipality)
	depth, want := vector.DepthOf(q.K), wantedBy(q)
	names := []string{vector.Words, vector.NGrams}
	rankings := [][]scored{
		s.sparse(question.Words, words, depth, want),
		s.sparse(question.NGrams, ngrams, depth, want),
	}
	if len(q.Dense) > 0 {
		names = append(names, vector.Dense)
		rankings = append(rankings, s.dense(unit(q.Dense), depth, want))
	}
	if err := ctx.Err(); err != nil {
		return vector.Result{}, err
	}
	keys := make([][]ref, len(rankings))
	for i, r := range rankings {
		for _, d := range r {
			keys[i] = append(keys[i], d.ref)
		}
	}
	fused := vector.Fuse(func(a, b ref) int { return strings.Compare(s.point(a).ID, s.point(b).ID) }, keys...)
	out := vector.Result{Terms: vector.TermsOf(s.encoder, question)}
	for _, f := range fused[:min(q.K, len(fused))] {
		h := vector.Hit{Point: s.point(f.Key), Score: f.Score}
		for i, place := range f.Places {
			if place >= 0 {
				h.Why = append(h.Why, vector.Why{Ranking: names[i], Rank: place + 1, Score: float64(rankings[i][place].score)})
			}
		}
		h.Explain(s.encoder, question, func(dim uint32) bool { return s.views[f.Key.segment].words.has(dim, f.Key.doc) })
		out.Hits = append(out.Hits, h)
	}
	return out, nil
}

func (s *snapshot) point(r ref) vector.Point { return s.views[r.segment].points[r.doc] }

// words and ngrams choose the lists of a segment.
func words(v view) *inverted  { return &v.segment.words }
func ngrams(v view) *inverted { return &v.segment.ngrams }

// sparse ranks by BM25.
func (s *snapshot) sparse(q sparse.Vector, lists func(view) *inverted, k int, want wanted) []scored {
	found := make([][][]uint32, len(q.Dims)) // by dimension and view
	weights := make([]float32, len(q.Dims))
	n := s.count()
	for i, d := range q.Dims {
		df := 0
		for _, v := range s.views {
			list := lists(v).list(d)
			found[i] = append(found[i], list)
			df += v.frequency(list)
		}
		weights[i] = q.Weights[i] * sparse.IDF(n, df) * sparse.WeightStep
	}
	top := &best{k: k}
	for at, v := range s.views {
		scores := make([]float32, len(v.points))
		for i, w := range weights {
			for _, p := range found[i][at] {
				scores[p>>8] += w * float32(p&0xff)
			}
		}
		v.choose(at, scores, 0, top, want)
	}
	return top.sorted()
}

// none is below every cosine: the score of points without a vector.
const none = -2

// dense ranks by the cosine.
func (s *snapshot) dense(q []float32, k int, want wanted) []scored {
	top := &best{k: k}
	for at, v := range s.views {
		if v.segment.dense == nil {
			continue
		}
		scores := make([]float32, len(v.points))
		for i := range scores {
			scores[i] = none
			if v.filter[i].dense {
				scores[i] = dot(q, v.segment.dense[i*v.dim:(i+1)*v.dim])
			}
		}
		v.choose(at, scores, none, top, want)
	}
	return top.sorted()
}

// choose offers the documents that live, fit and score above the floor.
func (v view) choose(at int, scores []float32, floor float32, top *best, want wanted) {
	for doc, score := range scores {
		if score <= floor || !top.beats(score) || v.dead.has(doc) || !want.fits(v.filter[doc]) {
			continue
		}
		top.add(scored{ref{at, doc}, score, v.points[doc].ID})
	}
}

// dot runs four sums side by side: a quarter of the time of one.
func dot(a, b []float32) float32 {
	b = b[:len(a)]
	var s0, s1, s2, s3 float32
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return s0 + s1 + s2 + s3
}
