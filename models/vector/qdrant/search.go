package qdrant

import (
	"context"
	"fmt"

	"github.com/qdrant/go-client/qdrant"

	"samtale.dk/samtale/models/embed/sparse"
	"samtale.dk/samtale/models/vector"
)

// ranking is one of the queries that are fused.
type ranking struct {
	name  string
	query *qdrant.Query
}

// rankings are those that the question has something for.
func rankings(question sparse.Question, q vector.Query) []ranking {
	var out []ranking
	add := func(name string, v sparse.Vector) {
		if len(v.Dims) > 0 {
			out = append(out, ranking{name, qdrant.NewQuerySparse(v.Dims, v.Weights)})
		}
	}
	add(vector.Words, question.Words)
	add(vector.NGrams, question.NGrams)
	if len(q.Dense) > 0 {
		out = append(out, ranking{vector.Dense, qdrant.NewQueryDense(q.Dense)})
	}
	return out
}

// search asks for the fused list, and for each ranking alone, in one request.
func (ix *Index) search(ctx context.Context, s *state, q vector.Query) (vector.Result, error) {
	question := s.encoder.Query(q.Text, q.Municipality)
	out := vector.Result{Terms: vector.TermsOf(s.encoder, question)}
	rs := rankings(question, q)
	if len(rs) == 0 {
		return out, nil
	}
	var results []*qdrant.BatchResult
	err := ix.do(ctx, func(ctx context.Context) (err error) {
		results, err = ix.client.QueryBatch(ctx, &qdrant.QueryBatchPoints{CollectionName: s.collection, QueryPoints: queries(s.collection, rs, q)})
		return err
	})
	if err != nil {
		return vector.Result{}, err
	}
	if len(results) != len(rs)+1 {
		return vector.Result{}, fmt.Errorf("%d results for %d queries: %w", len(results), len(rs)+1, vector.ErrUnavailable)
	}
	why := explain(rs, results[1:])
	for _, p := range results[0].GetResult() {
		h := vector.Hit{Point: decode(p.GetPayload()), Score: float64(p.GetScore()), Why: why[p.GetId().GetUuid()]}
		has := dimensions(p.GetVectors())
		h.Explain(s.encoder, question, func(dim uint32) bool { return has[dim] })
		out.Hits = append(out.Hits, h)
	}
	return out, nil
}

// queries are the fused one and the single ones.
func queries(collection string, rs []ranking, q vector.Query) []*qdrant.QueryPoints {
	f, depth := filter(q), qdrant.PtrOf(uint64(vector.DepthOf(q.K)))
	fused := &qdrant.QueryPoints{
		CollectionName: collection, Query: qdrant.NewQueryRRF(&qdrant.Rrf{K: qdrant.PtrOf(uint32(vector.FusionK))}),
		Limit: qdrant.PtrOf(uint64(q.K)), WithPayload: qdrant.NewWithPayload(true), WithVectors: qdrant.NewWithVectorsInclude(vector.Words),
	}
	out := []*qdrant.QueryPoints{fused}
	for _, r := range rs {
		fused.Prefetch = append(fused.Prefetch, &qdrant.PrefetchQuery{Query: r.query, Using: qdrant.PtrOf(r.name), Filter: f, Limit: depth})
		out = append(out, &qdrant.QueryPoints{
			CollectionName: collection, Query: r.query, Using: qdrant.PtrOf(r.name), Filter: f, Limit: depth,
			WithPayload: qdrant.NewWithPayload(false),
		})
	}
	return out
}

// explain says by point how each ranking saw it.
func explain(rs []ranking, results []*qdrant.BatchResult) map[string][]vector.Why {
	out := map[string][]vector.Why{}
	for i, r := range rs {
		for place, p := range results[i].GetResult() {
			id := p.GetId().GetUuid()
			out[id] = append(out[id], vector.Why{Ranking: r.name, Rank: place + 1, Score: float64(p.GetScore())})
		}
	}
	return out
}

// dimensions are those of a point's words vector.
func dimensions(v *qdrant.VectorsOutput) map[uint32]bool {
	has := map[uint32]bool{}
	for _, d := range v.GetVectors().GetVectors()[vector.Words].GetSparse().GetIndices() {
		has[d] = true
	}
	return has
}
