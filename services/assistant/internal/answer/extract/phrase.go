package extract

import (
	"hash/fnv"
	"math"
	"math/bits"
	"slices"
	"strings"
	"sync"

	"samtale.dk/samtale/models/danish"
	"samtale.dk/samtale/models/embed/sparse"
	"samtale.dk/samtale/services/assistant/internal/answer/question"
	"samtale.dk/samtale/services/contract/knowledgev1"
)

// saying is a question, ready to be compared with phrases.
type saying struct {
	Unit
	kind  question.Kind
	sides [sides]bool
	grams []gram   // ascending, of length 1 together
	stems []string // of all words, ascending, each once
}

// gram is four letters of a word, by their hash, and how much of a text they are.
type gram struct {
	hash  uint32
	share float32
}

func newSaying(text string, english bool) saying {
	u, all := said(text, english)
	sum := length(all)
	s := saying{Unit: u, kind: question.KindOf(u.Text), sides: asksAbout(u.low)}
	for _, w := range u.words {
		s.stems = append(s.stems, w.stem)
	}
	slices.Sort(s.stems)
	s.stems = slices.Compact(s.stems)
	for len(all) > 0 {
		n := repeated(all)
		s.grams = append(s.grams, gram{all[0], float32(float64(n) / sum)})
		all = all[n:]
	}
	return s
}

// said reads a question with its n-grams.
func said(text string, english bool) (Unit, []uint32) {
	if !english {
		text = question.SpeltDanish(text)
	}
	u, _ := readWords(text, 0, len(text), Unit{english: english})
	return u, grams(u.words)
}

// grams are the 4-grams of the words that are no stop words, by their FNV-1a hash: ascending, as often as they stand.
func grams(ws []word) []uint32 {
	n := 0
	for _, w := range ws {
		n += len(w.low)
	}
	out := make([]uint32, 0, n)
	for _, w := range ws {
		if danish.Stop(w.low) {
			continue
		}
		rs := []rune("_" + w.low + "_")
		for i := range max(1, len(rs)-3) {
			h := fnv.New32a()
			h.Write([]byte(string(rs[i:min(i+4, len(rs))])))
			out = append(out, h.Sum32())
		}
	}
	slices.Sort(out)
	return out
}

// repeated is how often the first of ascending n-grams stands.
func repeated(all []uint32) int {
	n := 1
	for n < len(all) && all[n] == all[0] {
		n++
	}
	return n
}

// length is that of n-grams as a vector.
func length(all []uint32) float64 {
	sum := 0
	for len(all) > 0 {
		n := repeated(all)
		sum += n * n
		all = all[n:]
	}
	return math.Sqrt(float64(sum))
}

// phrase is a question as people put it that a micro-article answers, or does not, ready to be compared. It finds and assures; it is
// never quoted. There are tens of thousands, so it is small: words and stems are those of a dictionary.
type phrase struct {
	text   string
	kind   question.Kind
	sides  [sides]bool
	words  []int32
	stems  []int32  // ascending, each once
	grams  []uint32 // ascending, as often as they stand
	length float64  // of the n-grams
	traps  []int32  // the words that the text, its headings and what it answers lack: why it is not answered
}

// dictionary numbers the words and stems of phrases. It only grows, by what articles have.
type dictionary struct {
	mu    sync.RWMutex
	words []entry
	ids   map[word]int32
	stems map[string]int32
}

// entry is a word of a dictionary, with the number of its stem.
type entry struct {
	word
	id                  int32
	stop, generic, long bool
	letters             uint64
}

func newDictionary() *dictionary {
	return &dictionary{ids: map[word]int32{}, stems: map[string]int32{}}
}

// number gives the number of a word.
func (d *dictionary) number(w word) (id, stem int32) {
	id, known := d.ids[w]
	if known {
		return id, d.words[id].id
	}
	stem, known = d.stems[w.stem]
	if !known {
		stem = int32(len(d.stems))
		d.stems[w.stem] = stem
	}
	id = int32(len(d.words))
	d.ids[w] = id
	d.words = append(d.words, entry{w, stem, danish.Stop(w.low), question.Generic(w.low), isLong(w.stem), sparse.Letters(w.low) | sparse.Letters(w.stem)})
	return id, stem
}

// of gives all words by their numbers, and the numbers of those of some stems that it has, ascending.
func (d *dictionary) of(stems []string) ([]entry, []int32) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var out []int32
	for _, s := range stems {
		if id, known := d.stems[s]; known {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return d.words[:len(d.words):len(d.words)], out
}

// stem is the number of a stem.
func (d *dictionary) stem(s string) (int32, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	id, known := d.stems[s]
	return id, known
}

// read makes a phrase of what was read.
func (d *dictionary) read(text string, u Unit, grams []uint32) phrase {
	p := phrase{text: text, kind: question.KindOf(u.Text), sides: asksAbout(u.low), grams: slices.Clip(grams), length: length(grams)}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, w := range u.words {
		id, stem := d.number(w)
		p.stems = append(p.stems, stem)
		if !u.english || len(w.low) > 3 { // shorter ones are not asked about
			p.words = append(p.words, id)
		}
	}
	slices.Sort(p.stems)
	p.words, p.stems = slices.Clip(p.words), slices.Clip(slices.Compact(p.stems))
	return p
}

// likeness is the cosine of the n-grams of a question and a phrase.
func likeness(a []gram, p *phrase) float64 {
	sum, b := 0.0, p.grams
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0].hash < b[0]:
			a = a[1:]
		case a[0].hash > b[0]:
			b = b[1:]
		default:
			n := repeated(b)
			sum += float64(a[0].share) * float64(float32(float64(n)/p.length))
			a, b = a[1:], b[n:]
		}
	}
	return sum
}

// phrasebook is the phrases of a chunk that it answers, or those that it does not. A question is compared with all of them, so it is
// kept which of them have a stem.
type phrasebook struct {
	of    *dictionary
	list  []phrase
	stems []int32     // of all of them, ascending, each once
	have  []phraseSet // by stem
	text  string      // what all of them have joined
	ends  []int32     // of each in the text
}

// phraseSet is some of the phrases of a book, which has twice MaxAsked at most: its source's and the editors'.
type phraseSet [(2*knowledgev1.MaxAsked + 63) / 64]uint64

func (s *phraseSet) add(i int) { s[i/64] |= 1 << (i % 64) }

// each calls f for each of them.
func (s phraseSet) each(f func(i int)) {
	for k, left := range s {
		for ; left != 0; left &= left - 1 {
			f(64*k + bits.TrailingZeros64(left))
		}
	}
}

// book reads phrases of a chunk.
func (d *dictionary) book(language string, lists ...[]string) phrasebook {
	b := phrasebook{of: d}
	var text strings.Builder
	for _, list := range lists {
		for _, p := range list {
			u, grams := said(p, language == question.English)
			read := d.read(p, u, grams)
			text.WriteString(u.joined)
			b.list, b.ends, b.stems = append(b.list, read), append(b.ends, int32(text.Len())), append(b.stems, read.stems...)
		}
	}
	slices.Sort(b.stems)
	b.list, b.stems, b.text = slices.Clip(b.list), slices.Clip(slices.Compact(b.stems)), text.String()
	b.have = make([]phraseSet, len(b.stems))
	for i := range b.list {
		for _, stem := range b.list[i].stems {
			at, _ := slices.BinarySearch(b.stems, stem)
			b.have[at].add(i)
		}
	}
	return b
}

// with are the phrases that have a stem, alone or in a compound (Unit.has).
func (b *phrasebook) with(stem string) phraseSet {
	var out phraseSet
	if id, known := b.of.stem(stem); known {
		if at, found := slices.BinarySearch(b.stems, id); found {
			out = b.have[at]
		}
	}
	if !isLong(stem) {
		return out
	}
	for from, phrase := 0, 0; phrase < len(b.ends); {
		at := strings.Index(b.text[from:], stem)
		if at < 0 {
			break
		}
		for int(b.ends[phrase]) <= from+at {
			phrase++
		}
		out.add(phrase)
		from = int(b.ends[phrase])
		phrase++
	}
	return out
}
