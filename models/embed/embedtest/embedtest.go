// Package embedtest is the contract of embed.Embedder in code, and an embedder that keeps it without a model.
package embedtest

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"strings"
	"sync"
	"testing"

	"samtale.dk/samtale/models/danish"
	"samtale.dk/samtale/models/embed"
)

// Groups are words that the embedders of Run know; those of a group mean the same to them.
var Groups = [][]string{
	{"flytning", "flytte", "adresse"}, {"pension", "alderdom"}, {"pas", "rejse"}, {"barn", "børn", "baby"}, {"husleje", "bolig"},
}

// Run checks that an embedder keeps the contract. It must know the words of Groups.
func Run(t *testing.T, open func(t *testing.T) embed.Embedder) {
	t.Run("describes", func(t *testing.T) {
		e := open(t)
		m, err := e.Describe(t.Context())
		if err != nil || m.Name == "" || m.Dimension <= 0 {
			t.Fatalf("%+v, %v", m, err)
		}
		v, err := e.Query(t.Context(), "flytning")
		if err != nil || len(v) != m.Dimension {
			t.Errorf("%d dimensions, want %d, %v", len(v), m.Dimension, err)
		}
	})
	t.Run("compares", func(t *testing.T) { compares(t, open(t)) })
	t.Run("none", func(t *testing.T) {
		if out, err := open(t).Passages(t.Context(), nil); err != nil || len(out) != 0 {
			t.Errorf("%d vectors, %v", len(out), err)
		}
	})
	t.Run("many", func(t *testing.T) { many(t, open(t)) })
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		e := open(t)
		if _, err := e.Query(ctx, "pas"); !errors.Is(err, context.Canceled) {
			t.Errorf("query gives %v", err)
		}
		if _, err := e.Passages(ctx, []string{"pas"}); !errors.Is(err, context.Canceled) {
			t.Errorf("passages give %v", err)
		}
		if _, err := e.Describe(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("describe gives %v", err)
		}
	})
	t.Run("at once", func(t *testing.T) {
		e := open(t)
		var wg sync.WaitGroup
		for i := range 12 {
			wg.Go(func() {
				v, err := e.Query(t.Context(), Groups[i%len(Groups)][0])
				if err == nil && math.Abs(length(v)-1) > 1e-3 || err != nil && !errors.Is(err, embed.ErrBusy) {
					t.Errorf("length %g, %v", length(v), err)
				}
			})
		}
		wg.Wait()
	})
}

// compares looks at what is near to what: a question finds the passage of its meaning.
func compares(t *testing.T, e embed.Embedder) {
	passages, err := e.Passages(t.Context(), []string{"pension alderdom", "flytning", "pas rejse"})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]int{"adresse flytte": 1, "alderdom": 0, "rejse": 2} {
		q, err := e.Query(t.Context(), text)
		if err != nil {
			t.Fatal(err)
		}
		if l := length(q); math.Abs(l-1) > 1e-3 {
			t.Errorf("%q has length %g", text, l)
		}
		best := 0
		for i, p := range passages {
			if dot(q, p) > dot(q, passages[best]) {
				best = i
			}
		}
		if best != want {
			t.Errorf("%q is nearest to passage %d, want %d", text, best, want)
		}
	}
}

// many sends more texts than go in a request: the vectors are those of each text alone, in order.
func many(t *testing.T, e embed.Embedder) {
	var texts []string
	for i := range 50 {
		texts = append(texts, Groups[i%len(Groups)][0]+" "+Groups[(i/5)%len(Groups)][0])
	}
	all, err := e.Passages(t.Context(), texts)
	if err != nil || len(all) != len(texts) {
		t.Fatalf("%d vectors, %v", len(all), err)
	}
	for _, i := range []int{0, 7, 49} {
		one, err := e.Passages(t.Context(), texts[i:i+1])
		if err != nil {
			t.Fatal(err)
		}
		if d := dot(one[0], all[i]); d < .999 {
			t.Errorf("text %d alone and among others: cosine %g", i, d)
		}
	}
}

func dot(a, b []float32) (sum float64) {
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

func length(v []float32) float64 { return math.Sqrt(dot(v, v)) }

// Fake adds up vectors of words, which it makes from their letters; those of Groups stand for their group.
type Fake struct{}

var _ embed.Embedder = Fake{}

// fakeDimension is enough that two words are nearly at right angles.
const fakeDimension = 256

// Describe implements embed.Embedder.
func (Fake) Describe(ctx context.Context) (embed.Model, error) {
	return embed.Model{Name: "fake", Digest: "1", Dimension: fakeDimension}, ctx.Err()
}

// Query implements embed.Embedder.
func (f Fake) Query(ctx context.Context, text string) ([]float32, error) {
	out, err := f.Passages(ctx, []string{text})
	if err != nil {
		return nil, err
	}
	return out[0], nil
}

// Passages implements embed.Embedder.
func (Fake) Passages(ctx context.Context, texts []string) ([][]float32, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var out [][]float32
	for _, t := range texts {
		v := make([]float32, fakeDimension)
		for w := range strings.FieldsSeq(strings.ToLower(t)) {
			h := fnv.New64a()
			fmt.Fprint(h, meant(w))
			x := h.Sum64()
			for i := range v {
				x = x*6364136223846793005 + 1442695040888963407
				v[i] += float32(int64(x)) / math.MaxInt64
			}
		}
		l := length(v)
		if l == 0 {
			return nil, fmt.Errorf("text without words: %w", embed.ErrOutput)
		}
		for i := range v {
			v[i] /= float32(l)
		}
		out = append(out, v)
	}
	return out, nil
}

// meant is the word that stands for all of its group, or the stem.
func meant(w string) string {
	for _, g := range Groups {
		for _, other := range g {
			if w == other {
				return g[0]
			}
		}
	}
	return danish.Stem(w)
}
