package qdrant

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/qdrant/go-client/qdrant"

	"samtale.dk/samtale/models/embed/sparse"
	"samtale.dk/samtale/models/vector"
)

// Payload fields. Filters use the first four: where and when a point holds, as keywords and days since 1970, also where a point
// has no limit.
const (
	placeField    = "place"
	languageField = "language"
	fromField     = "from"
	toField       = "to"

	everywhere = "all" // place of what holds in the whole country
	anyTongue  = "none"
)

// pointID makes the server's kind of ID: a UUID (version 8, RFC 9562) of the hash.
func pointID(id string) *qdrant.PointId {
	h := sha256.Sum256([]byte(id))
	h[6], h[8] = h[6]&0x0f|0x80, h[8]&0x3f|0x80
	return qdrant.NewID(fmt.Sprintf("%x-%x-%x-%x-%x", h[:4], h[4:6], h[6:8], h[8:10], h[10:16]))
}

// batch is how many points go in one request: some megabytes of the longest texts.
const batch = 32

// apply makes a change. Points come before removals, as in a change that has both.
func (ix *Index) apply(ctx context.Context, s *state, c change) error {
	for some := range slices.Chunk(vector.Last(c.upsert), batch) {
		var points []*qdrant.PointStruct
		for _, p := range some {
			points = append(points, encode(s.encoder, p))
		}
		if err := ix.upsert(ctx, s.collection, points); err != nil {
			return err
		}
	}
	if len(c.remove) == 0 {
		return nil
	}
	var ids []*qdrant.PointId
	for _, id := range c.remove {
		ids = append(ids, pointID(id))
	}
	return ix.do(ctx, func(ctx context.Context) error {
		_, err := ix.client.Delete(ctx, &qdrant.DeletePoints{
			CollectionName: s.collection, Wait: qdrant.PtrOf(true), Points: qdrant.NewPointsSelector(ids...),
		})
		return err
	})
}

func (ix *Index) upsert(ctx context.Context, collection string, points []*qdrant.PointStruct) error {
	return ix.do(ctx, func(ctx context.Context) error {
		_, err := ix.client.Upsert(ctx, &qdrant.UpsertPoints{CollectionName: collection, Wait: qdrant.PtrOf(true), Points: points})
		return err
	})
}

// encode makes the server's kind of point. A vector that is empty is left out.
func encode(e *sparse.Encoder, p vector.Point) *qdrant.PointStruct {
	d := e.Document(p.Fields())
	vectors := map[string]*qdrant.Vector{}
	for name, v := range map[string]sparse.Vector{vector.Words: d.Words, vector.NGrams: d.NGrams} {
		if len(v.Dims) > 0 {
			vectors[name] = qdrant.NewVectorSparse(v.Dims, v.Weights)
		}
	}
	if len(p.Dense) > 0 {
		vectors[vector.Dense] = qdrant.NewVectorDense(p.Dense)
	}
	return &qdrant.PointStruct{Id: pointID(p.ID), Payload: payload(p), Vectors: qdrant.NewVectorsMap(vectors)}
}

func payload(p vector.Point) map[string]*qdrant.Value {
	text := qdrant.NewValueString
	return map[string]*qdrant.Value{
		"id": text(p.ID), "article_id": text(p.ArticleID), "url": text(p.URL), "title": text(p.Title), "section": text(p.Section),
		"text": text(p.Text), "municipality": text(p.Municipality), "valid_from": text(p.ValidFrom), "valid_to": text(p.ValidTo),
		"sha256": text(p.SHA256), "tongue": text(p.Language),
		placeField: text(or(p.Municipality, everywhere)), languageField: text(or(p.Language, anyTongue)),
		fromField: qdrant.NewValueInt(day(p.ValidFrom, math.MinInt32)), toField: qdrant.NewValueInt(day(p.ValidTo, math.MaxInt32)),
	}
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// decode reads what payload wrote.
func decode(m map[string]*qdrant.Value) vector.Point {
	text := func(key string) string { return m[key].GetStringValue() }
	return vector.Point{
		ID: text("id"), ArticleID: text("article_id"), URL: text("url"), Title: text("title"), Section: text("section"), Text: text("text"),
		Municipality: text("municipality"), ValidFrom: text("valid_from"), ValidTo: text("valid_to"), SHA256: text("sha256"),
		Language: text("tongue"),
	}
}

// day counts days since 1970; otherwise is for an open end.
func day(s string, otherwise int64) int64 {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return otherwise
	}
	return t.Unix() / (24 * 60 * 60)
}

// filter is the server's form of a query's.
func filter(q vector.Query) *qdrant.Filter {
	f := &qdrant.Filter{}
	switch q.Municipality {
	case vector.Everywhere:
	case "":
		f.Must = append(f.Must, qdrant.NewMatch(placeField, everywhere))
	default:
		f.Must = append(f.Must, qdrant.NewMatchKeywords(placeField, everywhere, q.Municipality))
	}
	if q.On != "" {
		on := qdrant.PtrOf(float64(day(q.On, 0)))
		f.Must = append(f.Must, qdrant.NewRange(fromField, &qdrant.Range{Lte: on}), qdrant.NewRange(toField, &qdrant.Range{Gte: on}))
	}
	if q.Language != "" {
		f.Must = append(f.Must, qdrant.NewMatch(languageField, q.Language))
	}
	return f
}
