package extract

import (
	"slices"
	"sync"

	"samtale.dk/samtale/services/assistant/internal/answer/question"
	"samtale.dk/samtale/services/contract/knowledgev1"
)

// Reader drafts answers from micro-articles. It remembers how it has divided them, because the same ones are found again and
// again. It is safe for concurrent use.
type Reader struct {
	weights Weights
	words   *dictionary
	mu      sync.Mutex
	texts   map[named]*divided
	phrases int // of the texts
}

// named is what a text is remembered by.
type named struct{ hash, language, title, section string }

// divided is an article, ready to be weighed. It is not changed.
type divided struct {
	phrases              [4][]string // that it was made with
	units                []Unit
	title, section, head Unit
	asks                 question.Kind // what the section's heading asks for
	said, unsaid         phrasebook    // questions as people put them that it answers, and those near it that it does not
}

// What bounds the memory of a Reader: texts of some 10 KB each, and their phrases of 1 KB.
const (
	remembered        = 4096
	rememberedPhrases = 1 << 17
)

// NewReader returns a reader that ranks by the weights and remembers nothing yet.
func NewReader(w Weights) *Reader {
	return &Reader{weights: w, words: newDictionary(), texts: map[named]*divided{}}
}

func (r *Reader) read(c knowledgev1.Chunk) *divided {
	key := named{c.SHA256, c.Language, c.Title, c.Section}
	phrases := [4][]string{c.Asked, c.EditorAsked, c.Unanswered, c.EditorUnanswered}
	r.mu.Lock()
	d := r.texts[key]
	r.mu.Unlock()
	if d != nil && d.of(phrases) {
		return d
	}
	english := Unit{english: c.Language == question.English}
	d = &divided{
		phrases: phrases, units: Divide(c.Text, english.english), title: newUnit(c.Title, 0, len(c.Title), english), section: newUnit(c.Section, 0, len(c.Section), english),
		asks: question.KindOf(c.Section),
	}
	d.said = r.words.book(c.Language, c.Asked, c.EditorAsked)
	d.unsaid = r.words.book(c.Language, c.Unanswered, c.EditorUnanswered)
	d.head = Unit{words: slices.Concat(d.title.words, d.section.words), joined: d.title.joined + d.section.joined}
	r.words.traps(d)
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(d.said.list) + len(d.unsaid.list)
	if len(r.texts) >= remembered || r.phrases+n > rememberedPhrases {
		clear(r.texts) // simpler than to know which are old, and as good: those in use come back at once
		r.phrases = 0
	}
	r.texts[key] = d
	r.phrases += n
	return d
}

// of reports that it was made with these phrases.
func (d *divided) of(phrases [4][]string) bool {
	for i := range phrases {
		if !slices.Equal(d.phrases[i], phrases[i]) {
			return false
		}
	}
	return true
}

// traps finds in what the text does not answer the words that it has nowhere.
func (w *dictionary) traps(d *divided) {
	words, _ := w.of(nil)
	all := Unit{words: d.head.words, joined: d.head.joined}
	for i := range d.units {
		all.words, all.joined = append(all.words, d.units[i].words...), all.joined+d.units[i].joined
	}
	known := map[int32]bool{} // by stem: it has it
	has := func(e *entry) bool {
		is, told := known[e.id]
		if !told {
			_, is = slices.BinarySearch(d.said.stems, e.id)
			is = is || all.has(e.stem)
			known[e.id] = is
		}
		return is
	}
	for i := range d.unsaid.list {
		p := &d.unsaid.list[i]
		for _, id := range p.words {
			if e := &words[id]; !e.stop && !e.generic && !has(e) {
				p.traps = append(p.traps, id)
			}
		}
		p.traps = slices.Clip(p.traps)
	}
}
