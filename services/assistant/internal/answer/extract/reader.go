package extract

import (
	"slices"
	"strings"
	"sync"

	"samtale.dk/samtale/services/assistant/internal/answer/question"
	"samtale.dk/samtale/services/contract/knowledgev1"
)

// Reader drafts answers from micro-articles. It remembers how it has divided them, because the same ones are found again and
// again. It is safe for concurrent use.
type Reader struct {
	weights Weights
	mu      sync.Mutex
	texts   map[string]*divided // by content hash and headings
}

// divided is an article, ready to be weighed. It is not changed.
type divided struct {
	units                []Unit
	title, section, head Unit
	sayings, unsaid      []saying // questions as people put them that it answers, and those near it that it does not
}

// remembered bounds the memory of a Reader: some 20 KB each.
const remembered = 4096

// NewReader returns a reader that ranks by the weights and remembers nothing yet.
func NewReader(w Weights) *Reader { return &Reader{weights: w, texts: map[string]*divided{}} }

func (r *Reader) read(c knowledgev1.Chunk) *divided {
	key := strings.Join(slices.Concat([]string{c.SHA256 + c.Language, c.Title, c.Section}, c.Asked, c.EditorAsked, []string{""}, c.Unanswered, c.EditorUnanswered), "\x00")
	r.mu.Lock()
	d := r.texts[key]
	r.mu.Unlock()
	if d != nil {
		return d
	}
	english := Unit{english: c.Language == question.English}
	d = &divided{
		units: Divide(c.Text, english.english), title: newUnit(c.Title, 0, len(c.Title), english), section: newUnit(c.Section, 0, len(c.Section), english),
	}
	d.sayings = sayings(c.Language, c.Asked, c.EditorAsked)
	d.unsaid = sayings(c.Language, c.Unanswered, c.EditorUnanswered)
	d.head = Unit{words: append(append([]word{}, d.title.words...), d.section.words...)}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.texts) >= remembered {
		clear(r.texts) // simpler than to know which are old, and as good: those in use come back at once
	}
	r.texts[key] = d
	return d
}
