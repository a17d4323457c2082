package knowledge_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"samtale.dk/samtale/models/embed"
	"samtale.dk/samtale/models/vector/embedded"
	"samtale.dk/samtale/services/contract/knowledgev1"
)

// topics is a tiny embedding model: a dimension for each of a few topics, by words that mean them.
type topics struct {
	mu       sync.Mutex
	away     bool
	passages int // texts that were embedded
}

var topicModel = embed.Model{Name: "topics", Digest: "1", Dimension: 3}

func (m *topics) Describe(context.Context) (embed.Model, error) { return topicModel, nil }

func (m *topics) vector(text string) []float32 {
	v := []float32{0.1, 0.1, 0.1}
	for i, words := range []string{"flytning bolig adresse hjem", "pas rejse udland kuffert", "penge pris betale"} {
		for w := range strings.FieldsSeq(words) {
			if strings.Contains(strings.ToLower(text), w) {
				v[i] = 1
			}
		}
	}
	return v
}

func (m *topics) Query(_ context.Context, text string) ([]float32, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away {
		return nil, embed.ErrUnavailable
	}
	return m.vector(text), nil
}

func (m *topics) Passages(_ context.Context, texts []string) ([][]float32, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away {
		return nil, embed.ErrUnavailable
	}
	var out [][]float32
	for _, text := range texts {
		if strings.Contains(text, "uendelig") {
			return nil, embed.ErrTooLong
		}
		out = append(out, m.vector(text))
	}
	m.passages += len(texts)
	return out, nil
}

func (m *topics) set(away bool) (passages int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.away = away
	n := m.passages
	m.passages = 0
	return n
}

// With an embedding model, what shares no word is found too; without its answer the words are enough, and the vectors come later.
// They are kept, so that an index that is lost needs no model.
func TestDense(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		m := &topics{}
		m.set(true)
		h.embedder, h.model = m, &topicModel
		h.start(t)
		h.load(t, "by", false, append(records(), knowledgev1.Record{ID: "lang", Title: "Lang", Text: "En uendelig historie."})...)
		byWords := knowledgev1.SearchRequest{Query: "melde flytning"}
		byMeaning := knowledgev1.SearchRequest{Query: "kuffert"}
		if len(h.found(t, byWords)) == 0 || len(h.found(t, byMeaning)) != 0 {
			t.Fatal("before the model answers")
		}
		m.set(false)
		meant := func() error {
			rep, err := h.Search(t.Context(), byMeaning)
			must(t, err)
			if len(rep.Hits) == 0 || rep.Hits[0].ArticleID != "pas" {
				return errors.New("no pass found")
			}
			return nil
		}
		h.await(t, meant)
		h.await(t, func() error {
			if m.set(false) == 0 {
				return nil // all of them have theirs
			}
			return errors.New("still embedding")
		})
		h.stop()
		ix, err := embedded.Create(embedded.Config{Dir: h.dir, Dense: &topicModel})
		must(t, err)
		h.index = ix
		h.start(t)
		must(t, meant())
		if n := m.set(false); n != 0 {
			t.Errorf("%d texts were embedded again", n)
		}
		h.load(t, "by", false, knowledgev1.Record{ID: "ny", Title: "Udland", Text: "Før du rejser."})
		h.await(t, func() error {
			if m.set(false) == 0 {
				return errors.New("not embedded")
			}
			return nil
		})
		m.set(true)
		if len(h.found(t, byWords)) == 0 {
			t.Error("nothing found when the model is away")
		}
	})
}
