package qdrant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/qdrant/go-client/qdrant"

	"samtale.dk/samtale/models/embed"
	"samtale.dk/samtale/models/embed/sparse"
	"samtale.dk/samtale/models/vector"
)

// made is the metadata of a collection: what its vectors were made with.
type made struct {
	Format  string       `json:"format"`
	Encoder string       `json:"encoder"`
	Dense   *embed.Model `json:"dense,omitempty"`
}

const (
	metadataKey = "samtale"
	format      = "samtale-qdrant-1"
	lexiconKey  = "lexicon"
)

// lexiconID is the point that holds the lexicon. Points have other versions of UUID.
var lexiconID = qdrant.NewID("00000000-0000-4000-8000-000000000000")

// request bounds one request.
func (ix *Index) request(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, ix.cfg.Timeout)
}

// make makes an empty collection that knows the lexicon. Nothing uses it yet.
func (ix *Index) make(ctx context.Context, l *sparse.Lexicon) (*state, error) {
	s := &state{collection: ix.newName(), encoder: sparse.New(l)}
	metadata, err := json.Marshal(made{format, sparse.Version, ix.cfg.Dense})
	if err != nil {
		return nil, err
	}
	req := &qdrant.CreateCollection{
		CollectionName: s.collection,
		SparseVectorsConfig: qdrant.NewSparseVectorsConfig(map[string]*qdrant.SparseVectorParams{
			vector.Words:  {Modifier: qdrant.Modifier_Idf.Enum()},
			vector.NGrams: {Modifier: qdrant.Modifier_Idf.Enum()},
		}),
		Metadata: map[string]*qdrant.Value{metadataKey: qdrant.NewValueString(string(metadata))},
	}
	if ix.cfg.Dense != nil {
		req.VectorsConfig = qdrant.NewVectorsConfigMap(map[string]*qdrant.VectorParams{
			vector.Dense: {Size: uint64(ix.cfg.Dense.Dimension), Distance: qdrant.Distance_Cosine},
		})
	}
	if err := ix.do(ctx, func(ctx context.Context) error { return ix.client.CreateCollection(ctx, req) }); err != nil {
		return nil, err
	}
	if err := ix.furnish(ctx, s, l); err != nil {
		return nil, errors.Join(err, ix.drop(ctx, s.collection))
	}
	return s, nil
}

// furnish adds the payload indexes that filters use, and the lexicon.
func (ix *Index) furnish(ctx context.Context, s *state, l *sparse.Lexicon) error {
	for field, kind := range map[string]qdrant.FieldType{
		placeField: qdrant.FieldType_FieldTypeKeyword, languageField: qdrant.FieldType_FieldTypeKeyword,
		fromField: qdrant.FieldType_FieldTypeInteger, toField: qdrant.FieldType_FieldTypeInteger,
	} {
		err := ix.do(ctx, func(ctx context.Context) error {
			_, err := ix.client.CreateFieldIndex(ctx, &qdrant.CreateFieldIndexCollection{
				CollectionName: s.collection, Wait: qdrant.PtrOf(true), FieldName: field, FieldType: kind.Enum(),
			})
			return err
		})
		if err != nil {
			return err
		}
	}
	text, err := l.MarshalText()
	if err != nil {
		return err
	}
	return ix.upsert(ctx, s.collection, []*qdrant.PointStruct{{
		Id: lexiconID, Payload: map[string]*qdrant.Value{lexiconKey: qdrant.NewValueString(string(text))},
		Vectors: qdrant.NewVectorsMap(map[string]*qdrant.Vector{}),
	}})
}

// do sends one request and gives its error a meaning.
func (ix *Index) do(ctx context.Context, send func(context.Context) error) error {
	short, cancel := ix.request(ctx)
	defer cancel()
	return meaning(ctx, send(short))
}

// target is the collection that the alias names, or "".
func (ix *Index) target(ctx context.Context) (name string, err error) {
	err = ix.do(ctx, func(ctx context.Context) error {
		all, err := ix.client.ListAliases(ctx)
		for _, a := range all {
			if a.GetAliasName() == ix.cfg.Name {
				name = a.GetCollectionName()
			}
		}
		return err
	})
	return name, err
}

// use moves the alias to the collection, and drops those that it does not name: the old one, and what failed rebuilds left.
func (ix *Index) use(ctx context.Context, s *state) error {
	old, err := ix.target(ctx)
	if err != nil {
		return err
	}
	var actions []*qdrant.AliasOperations
	if old != "" {
		actions = append(actions, qdrant.NewAliasDelete(ix.cfg.Name))
	}
	actions = append(actions, qdrant.NewAliasCreate(ix.cfg.Name, s.collection))
	if err := ix.do(ctx, func(ctx context.Context) error { return ix.client.UpdateAliases(ctx, actions) }); err != nil {
		return err
	}
	// The new collection is in use: what cannot be dropped now is dropped after the next rebuild.
	_ = ix.sweep(ctx, s.collection)
	return nil
}

// sweep drops the collections of the alias but one.
func (ix *Index) sweep(ctx context.Context, keep string) error {
	var all []string
	err := ix.do(ctx, func(ctx context.Context) (err error) {
		all, err = ix.client.ListCollections(ctx)
		return err
	})
	for _, name := range all {
		rest, ours := strings.CutPrefix(name, ix.cfg.Name+"-")
		if ours && len(rest) == 16 && !strings.ContainsAny(rest, "-_") && name != keep {
			err = errors.Join(err, ix.drop(ctx, name))
		}
	}
	return err
}

// drop removes a collection, also when the caller has given up.
func (ix *Index) drop(ctx context.Context, name string) error {
	return ix.do(context.WithoutCancel(ctx), func(ctx context.Context) error { return ix.client.DeleteCollection(ctx, name) })
}

// load reads what the alias names. errNone means that it names nothing.
func (ix *Index) load(ctx context.Context) (*state, error) {
	name, err := ix.target(ctx)
	for err == nil && name != "" {
		s, loadErr := ix.loadFrom(ctx, name)
		if !errors.Is(loadErr, errNone) {
			return s, loadErr
		}
		before := name
		if name, err = ix.target(ctx); name == before { // else it was dropped meanwhile, for another one
			return nil, loadErr
		}
	}
	if err == nil {
		err = errNone
	}
	return nil, err
}

func (ix *Index) loadFrom(ctx context.Context, name string) (*state, error) {
	var info *qdrant.CollectionInfo
	var points []*qdrant.RetrievedPoint
	err := ix.do(ctx, func(ctx context.Context) (err error) {
		if info, err = ix.client.GetCollectionInfo(ctx, name); err != nil {
			return err
		}
		points, err = ix.client.Get(ctx, &qdrant.GetPoints{
			CollectionName: name, Ids: []*qdrant.PointId{lexiconID}, WithPayload: qdrant.NewWithPayload(true),
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := ix.check(info); err != nil {
		return nil, err
	}
	var lexicon sparse.Lexicon
	if len(points) != 1 {
		return nil, fmt.Errorf("no lexicon: %w", vector.ErrRebuild)
	}
	if err := lexicon.UnmarshalText([]byte(points[0].GetPayload()[lexiconKey].GetStringValue())); err != nil {
		return nil, fmt.Errorf("%w: %w", vector.ErrRebuild, err)
	}
	return &state{name, sparse.New(&lexicon)}, nil
}

// check reports a collection that something else made.
func (ix *Index) check(info *qdrant.CollectionInfo) error {
	var m made
	text := info.GetConfig().GetMetadata()[metadataKey].GetStringValue()
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		return fmt.Errorf("collection is not ours: %w", vector.ErrRebuild)
	}
	dense := ix.cfg.Dense
	switch {
	case m.Format != format:
		return fmt.Errorf("format %q: %w", m.Format, vector.ErrRebuild)
	case m.Encoder != sparse.Version:
		return fmt.Errorf("made by encoder %q, this is %q: %w", m.Encoder, sparse.Version, vector.ErrRebuild)
	case (m.Dense == nil) != (dense == nil) || dense != nil && *m.Dense != *dense:
		return fmt.Errorf("made with another embedding model: %w", vector.ErrRebuild)
	}
	return nil
}

// count is the number of points without the lexicon's.
func (ix *Index) count(ctx context.Context, collection string) (int, error) {
	var n uint64
	err := ix.do(ctx, func(ctx context.Context) (err error) {
		n, err = ix.client.Count(ctx, &qdrant.CountPoints{
			CollectionName: collection, Exact: qdrant.PtrOf(true),
			Filter: &qdrant.Filter{MustNot: []*qdrant.Condition{qdrant.NewHasID(lexiconID)}},
		})
		return err
	})
	return int(n), err
}
