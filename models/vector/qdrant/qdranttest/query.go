package qdranttest

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// defaultLimit of queries and prefetches that name none.
const defaultLimit = 10

// QueryBatch answers several queries.
func (s *points) QueryBatch(_ context.Context, req *qdrant.QueryBatchPoints) (*qdrant.QueryBatchResponse, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c, err := s.find(req.GetCollectionName())
	if err != nil {
		return nil, err
	}
	out := &qdrant.QueryBatchResponse{}
	for _, q := range req.GetQueryPoints() {
		found, err := c.query(q)
		if err != nil {
			return nil, err
		}
		out.Result = append(out.Result, &qdrant.BatchResult{Result: found})
	}
	return proto.CloneOf(out), nil
}

// scored is a point in a ranking.
type scored struct {
	point *qdrant.PointStruct
	score float32
}

func (c *collection) query(q *qdrant.QueryPoints) ([]*qdrant.ScoredPoint, error) {
	if q.ScoreThreshold != nil || q.Offset != nil || q.LookupFrom != nil || q.Params != nil {
		return nil, status.Error(codes.Unimplemented, "only query, using, filter, prefetch and limit")
	}
	found, err := c.stage(&qdrant.PrefetchQuery{Prefetch: q.GetPrefetch(), Query: q.GetQuery(), Using: q.Using, Filter: q.GetFilter(), Limit: q.Limit})
	if err != nil {
		return nil, err
	}
	var out []*qdrant.ScoredPoint
	for _, f := range found {
		p := &qdrant.ScoredPoint{Id: f.point.GetId(), Score: f.score}
		if q.GetWithPayload().GetEnable() {
			p.Payload = f.point.GetPayload()
		}
		p.Vectors = vectors(f.point, q.GetWithVectors().GetInclude().GetNames())
		out = append(out, p)
	}
	return out, nil
}

// vectors gives those of the names.
func vectors(p *qdrant.PointStruct, names []string) *qdrant.VectorsOutput {
	out := map[string]*qdrant.VectorOutput{}
	for _, name := range names {
		v := p.GetVectors().GetVectors().GetVectors()[name]
		if s := v.GetSparse(); s != nil {
			out[name] = &qdrant.VectorOutput{Vector: &qdrant.VectorOutput_Sparse{Sparse: s}}
		}
		if d := v.GetDense(); d != nil {
			out[name] = &qdrant.VectorOutput{Vector: &qdrant.VectorOutput_Dense{Dense: d}}
		}
	}
	if len(out) == 0 {
		return nil
	}
	return &qdrant.VectorsOutput{VectorsOptions: &qdrant.VectorsOutput_Vectors{Vectors: &qdrant.NamedVectorsOutput{Vectors: out}}}
}

// stage answers a query, first those that it is made of.
func (c *collection) stage(q *qdrant.PrefetchQuery) ([]scored, error) {
	limit := int(q.GetLimit())
	if q.Limit == nil {
		limit = defaultLimit
	}
	if limit < 1 {
		return nil, invalid("Validation error: limit must be 1 or larger")
	}
	var found []scored
	var err error
	switch v := q.GetQuery().GetVariant().(type) {
	case *qdrant.Query_Nearest:
		if len(q.GetPrefetch()) > 0 {
			return nil, status.Error(codes.Unimplemented, "rescoring")
		}
		found, err = c.nearest(v.Nearest, q.GetUsing(), q.GetFilter())
	case *qdrant.Query_Rrf:
		if q.Using != nil || len(v.Rrf.GetWeights()) > 0 {
			return nil, status.Error(codes.Unimplemented, "fusion with weights")
		}
		found, err = c.fuse(q.GetPrefetch(), v.Rrf)
	default:
		return nil, status.Errorf(codes.Unimplemented, "query %T", v)
	}
	slices.SortFunc(found, func(a, b scored) int {
		return cmp.Or(-cmp.Compare(a.score, b.score), strings.Compare(a.point.GetId().GetUuid(), b.point.GetId().GetUuid()))
	})
	return found[:min(limit, len(found))], err
}

// fuse adds 1/(k+place) of each prefetch, places counted from 0.
func (c *collection) fuse(prefetches []*qdrant.PrefetchQuery, rrf *qdrant.Rrf) ([]scored, error) {
	k := uint32(2)
	if rrf.K != nil {
		k = rrf.GetK()
	}
	if k == 0 || len(prefetches) == 0 {
		return nil, invalid("Wrong input: fusion needs prefetches, and k of 1 or larger")
	}
	at := map[*qdrant.PointStruct]int{}
	var out []scored
	for _, p := range prefetches {
		list, err := c.stage(p)
		if err != nil {
			return nil, err
		}
		for place, f := range list {
			i, ok := at[f.point]
			if !ok {
				i = len(out)
				at[f.point] = i
				out = append(out, scored{point: f.point})
			}
			out[i].score += 1 / float32(int(k)+place)
		}
	}
	return out, nil
}

// nearest scores the points that fit a filter and have the vector.
func (c *collection) nearest(v *qdrant.VectorInput, using string, f *qdrant.Filter) ([]scored, error) {
	score, err := c.scorer(v, using)
	if err != nil {
		return nil, err
	}
	var out []scored
	for _, p := range c.points {
		ok, err := fits(p, f)
		if err != nil {
			return nil, err
		}
		stored := p.GetVectors().GetVectors().GetVectors()[using]
		if !ok || stored == nil {
			continue
		}
		if s, found := score(stored); found {
			out = append(out, scored{p, s})
		}
	}
	return out, nil
}

// scorer compares with the query's vector; false means that nothing is shared.
func (c *collection) scorer(v *qdrant.VectorInput, using string) (func(*qdrant.Vector) (float32, bool), error) {
	switch v := v.GetVariant().(type) {
	case *qdrant.VectorInput_Dense:
		if err := c.checkDense(using, len(v.Dense.GetData())); err != nil {
			return nil, err
		}
		return func(w *qdrant.Vector) (float32, bool) { return cosine(v.Dense.GetData(), w.GetDense().GetData()), true }, nil
	case *qdrant.VectorInput_Sparse:
		if err := c.checkSparse(using, v.Sparse); err != nil {
			return nil, err
		}
		weights := c.weights(v.Sparse, using)
		return func(w *qdrant.Vector) (sum float32, found bool) {
			for i, d := range w.GetSparse().GetIndices() {
				if q, ok := weights[d]; ok {
					sum, found = sum+q*w.GetSparse().GetValues()[i], true
				}
			}
			return sum, found
		}, nil
	default:
		return nil, status.Errorf(codes.Unimplemented, "vector %T", v)
	}
}

// weights are the query's, by the modifier: IDF over all points of the collection that have the vector.
func (c *collection) weights(q *qdrant.SparseVector, using string) map[uint32]float32 {
	out := map[uint32]float32{}
	for i, d := range q.GetIndices() {
		out[d] = q.GetValues()[i]
	}
	if c.config.GetSparseVectorsConfig().GetMap()[using].GetModifier() != qdrant.Modifier_Idf {
		return out
	}
	n, df := 0, map[uint32]int{}
	for _, p := range c.points {
		v := p.GetVectors().GetVectors().GetVectors()[using].GetSparse()
		if v == nil {
			continue
		}
		n++
		for _, d := range v.GetIndices() {
			df[d]++
		}
	}
	for d := range out {
		out[d] *= float32(math.Log((float64(n-df[d])+.5)/(float64(df[d])+.5) + 1))
	}
	return out
}

func cosine(a, b []float32) float32 {
	var ab, aa, bb float64
	for i := range a {
		ab += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	if aa == 0 || bb == 0 {
		return 0
	}
	return float32(ab / math.Sqrt(aa*bb))
}
