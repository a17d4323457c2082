package qdranttest

import (
	"context"
	"slices"

	"github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// points is the service of that name.
type points struct {
	qdrant.UnimplementedPointsServer
	*Server
}

var completed = &qdrant.PointsOperationResponse{Result: &qdrant.UpdateResult{Status: qdrant.UpdateStatus_Completed}}

func (s *points) CreateFieldIndex(_ context.Context, req *qdrant.CreateFieldIndexCollection) (*qdrant.PointsOperationResponse, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if _, err := s.find(req.GetCollectionName()); err != nil {
		return nil, err
	}
	return completed, nil // an index changes no answer
}

func (s *points) Upsert(_ context.Context, req *qdrant.UpsertPoints) (*qdrant.PointsOperationResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.find(req.GetCollectionName())
	if err != nil {
		return nil, err
	}
	if !req.GetWait() {
		return nil, status.Error(codes.Unimplemented, "only with wait")
	}
	for _, p := range req.GetPoints() {
		if len(p.GetId().GetUuid()) != 36 {
			return nil, invalid("Unable to parse UUID: %q", p.GetId().GetUuid())
		}
		for name, v := range p.GetVectors().GetVectors().GetVectors() {
			if err := c.checkVector(name, v); err != nil {
				return nil, err
			}
		}
	}
	for _, p := range req.GetPoints() {
		c.points[p.GetId().GetUuid()] = proto.CloneOf(p)
	}
	return completed, nil
}

// checkVector refuses what does not fit the collection.
func (c *collection) checkVector(name string, v *qdrant.Vector) error {
	if d := v.GetDense(); d != nil {
		return c.checkDense(name, len(d.GetData()))
	}
	if s := v.GetSparse(); s != nil {
		return c.checkSparse(name, s)
	}
	return status.Errorf(codes.Unimplemented, "vector %T", v.GetVector())
}

func (c *collection) checkDense(name string, size int) error {
	p, ok := c.config.GetVectorsConfig().GetParamsMap().GetMap()[name]
	if !ok {
		return invalid("Wrong input: Not existing vector name error: %s", name)
	}
	if p.GetDistance() != qdrant.Distance_Cosine {
		return status.Errorf(codes.Unimplemented, "distance %s", p.GetDistance())
	}
	if uint64(size) != p.GetSize() {
		return invalid("Wrong input: Vector dimension error: expected dim: %d, got %d", p.GetSize(), size)
	}
	return nil
}

func (c *collection) checkSparse(name string, v *qdrant.SparseVector) error {
	if _, ok := c.config.GetSparseVectorsConfig().GetMap()[name]; !ok {
		return invalid("Wrong input: Not existing vector name error: %s", name)
	}
	if len(v.GetIndices()) != len(v.GetValues()) {
		return invalid("Validation error: indices and values must be of the same length")
	}
	sorted := slices.Sorted(slices.Values(v.GetIndices()))
	if len(slices.Compact(sorted)) != len(v.GetIndices()) {
		return invalid("Validation error: indices must be unique")
	}
	return nil
}

func (s *points) Delete(_ context.Context, req *qdrant.DeletePoints) (*qdrant.PointsOperationResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.find(req.GetCollectionName())
	if err != nil {
		return nil, err
	}
	ids := req.GetPoints().GetPoints()
	if ids == nil || !req.GetWait() {
		return nil, status.Error(codes.Unimplemented, "only by id, with wait")
	}
	for _, id := range ids.GetIds() {
		delete(c.points, id.GetUuid())
	}
	return completed, nil
}

func (s *points) Get(_ context.Context, req *qdrant.GetPoints) (*qdrant.GetResponse, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c, err := s.find(req.GetCollectionName())
	if err != nil {
		return nil, err
	}
	out := &qdrant.GetResponse{}
	for _, id := range req.GetIds() {
		p := c.points[id.GetUuid()]
		if p == nil {
			continue
		}
		r := &qdrant.RetrievedPoint{Id: p.GetId()}
		if req.GetWithPayload().GetEnable() {
			r.Payload = p.GetPayload()
		}
		out.Result = append(out.Result, r)
	}
	return proto.CloneOf(out), nil
}

func (s *points) Count(_ context.Context, req *qdrant.CountPoints) (*qdrant.CountResponse, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c, err := s.find(req.GetCollectionName())
	if err != nil {
		return nil, err
	}
	n := uint64(0)
	for _, p := range c.points {
		ok, err := fits(p, req.GetFilter())
		if err != nil {
			return nil, err
		}
		if ok {
			n++
		}
	}
	return &qdrant.CountResponse{Result: &qdrant.CountResult{Count: n}}, nil
}

// fits evaluates a filter: all of must, one of should if there are any, none of must_not.
func fits(p *qdrant.PointStruct, f *qdrant.Filter) (bool, error) {
	if f.GetMinShould() != nil {
		return false, status.Error(codes.Unimplemented, "min_should")
	}
	should := len(f.GetShould()) == 0
	for _, group := range []struct {
		conditions []*qdrant.Condition
		decide     func(holds bool) (out bool)
	}{
		{f.GetMust(), func(holds bool) bool { return !holds }},
		{f.GetMustNot(), func(holds bool) bool { return holds }},
		{f.GetShould(), func(holds bool) bool { should = should || holds; return false }},
	} {
		for _, c := range group.conditions {
			holds, err := meets(p, c)
			if err != nil || group.decide(holds) {
				return false, err
			}
		}
	}
	return should, nil
}

func meets(p *qdrant.PointStruct, c *qdrant.Condition) (bool, error) {
	switch c := c.GetConditionOneOf().(type) {
	case *qdrant.Condition_HasId:
		return slices.ContainsFunc(c.HasId.GetHasId(), func(id *qdrant.PointId) bool { return id.GetUuid() == p.GetId().GetUuid() }), nil
	case *qdrant.Condition_Filter:
		return fits(p, c.Filter)
	case *qdrant.Condition_Field:
		return meetsField(p.GetPayload()[c.Field.GetKey()], c.Field)
	default:
		return false, status.Errorf(codes.Unimplemented, "condition %T", c)
	}
}

func meetsField(v *qdrant.Value, f *qdrant.FieldCondition) (bool, error) {
	switch {
	case f.GetMatch() != nil:
		text, ok := v.GetKind().(*qdrant.Value_StringValue)
		switch m := f.GetMatch().GetMatchValue().(type) {
		case *qdrant.Match_Keyword:
			return ok && text.StringValue == m.Keyword, nil
		case *qdrant.Match_Keywords:
			return ok && slices.Contains(m.Keywords.GetStrings(), text.StringValue), nil
		default:
			return false, status.Errorf(codes.Unimplemented, "match %T", m)
		}
	case f.GetRange() != nil:
		n, ok := v.GetKind().(*qdrant.Value_IntegerValue)
		r := f.GetRange()
		x := float64(0)
		if ok {
			x = float64(n.IntegerValue)
		}
		return ok && (r.Lt == nil || x < *r.Lt) && (r.Gt == nil || x > *r.Gt) && (r.Lte == nil || x <= *r.Lte) && (r.Gte == nil || x >= *r.Gte), nil
	}
	return false, status.Error(codes.Unimplemented, "condition on a field")
}
