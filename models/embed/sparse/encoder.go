package sparse

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// An Encoder makes vectors. It is safe for concurrent use.
type Encoder struct {
	lexicon  *Lexicon
	split    *splitter
	spell    *speller
	official *phrases
	rarity   map[uint32]float32 // IDF of words, as learned
	rarest   float32
}

// New makes an encoder that knows the words of a lexicon.
func New(l *Lexicon) *Encoder {
	e := &Encoder{lexicon: l, split: newSplitter(l), official: citizenPhrases(), rarity: map[uint32]float32{}, rarest: IDF(l.documents, 0)}
	e.spell = newSpeller(l)
	documents := map[uint32]int{}
	for w, n := range l.words {
		if stop(w, false) {
			continue
		}
		for _, t := range e.terms(w, false) {
			documents[t.dim] = min(documents[t.dim]+n, l.documents)
		}
	}
	for d, n := range documents {
		e.rarity[d] = IDF(l.documents, n)
	}
	return e
}

// Lexicon is what the encoder knows. It must not be changed.
func (e *Encoder) Lexicon() *Lexicon { return e.lexicon }

// Rarity is how rare a term of a question was in the corpus that was learned: its IDF, or 1 when nothing was.
func (e *Encoder) Rarity(dim uint32) float32 {
	if e.lexicon.documents == 0 {
		return 1
	}
	if r, ok := e.rarity[dim]; ok {
		return r
	}
	return e.rarest
}

// partCount is what a part of a compound counts, against 1 for the whole.
const partCount = .5

// part is one term of a word.
type part struct {
	dim  uint32
	text string
	n    float64
}

// terms gives the terms of a word: its stem, and the stems of its parts. Parts that are compounds themselves count as such, and so
// do theirs.
func (e *Encoder) terms(w string, english bool) []part {
	st := stem(w, english)
	out := []part{{dim(st), st, 1}}
	if english {
		return out
	}
	parts := e.split.split(w)
	for i, p := range parts {
		last := i == len(parts)-1
		out = append(out, e.part(p, last))
		for _, inner := range e.split.split(e.split.unlinked(p)) {
			out = append(out, e.part(inner, false))
		}
		if i < len(parts)-2 { // "syge|dag|penge" is also about "sygedag"
			out = append(out, e.part(p+parts[i+1], false))
		}
	}
	return out
}

func (e *Encoder) part(p string, last bool) part {
	if !last {
		p = e.split.unlinked(p)
	}
	st := stem(p, false)
	return part{dim(st), st, partCount}
}

// unlinked takes the linking letters off, where what is left is known better.
func (s *splitter) unlinked(p string) string {
	if s.plain(p) {
		return p
	}
	for _, link := range []string{"s", "e", "er", "n", "en"} {
		if root, ok := strings.CutSuffix(p, link); ok && s.plain(root) {
			return root
		}
	}
	return p
}

// Document encodes a micro-article.
func (e *Encoder) Document(f Fields) Document {
	english := f.Language == "en"
	ws, gs := bag{}, bag{}
	for _, in := range []struct {
		text, prefix string
		f            field
	}{{f.Title, "", titleField}, {f.Title, titlePrefix, titleField}, {f.Section, "", sectionField}, {f.Text, "", textField}, {f.asked(), "", askedField}} {
		var terms, four []count
		for _, w := range e.content(words(in.text), english) {
			for _, p := range e.terms(w, english) {
				terms = append(terms, count{dim(in.prefix + p.text), p.n})
			}
			for _, g := range grams(w) {
				four = append(four, count{dim(in.prefix + g), 1})
			}
		}
		ws.add(in.f, terms)
		in.f.usual *= gramsPerWord
		gs.add(in.f, four)
	}
	for _, mark := range marks(f.Language, f.Municipality) {
		ws[dim(mark)], gs[dim(mark)] = markCount, markCount
	}
	for _, p := range f.Asked {
		mark := dim(e.whole(words(p), english))
		ws[mark], gs[mark] = markCount, markCount
	}
	return Document{Words: ws.vector(), NGrams: gs.vector()}
}

// titlePrefix makes dimensions of titles, beside those of the whole: a word that is common in texts ("pas") may be rare in titles,
// and then says what an article is about.
const titlePrefix = "title "

// marks are dimensions for what is no word: English questions like English texts, and those of a municipality like its own.
func marks(language, municipality string) []string {
	var out []string
	if language == "en" {
		out = append(out, "language en")
	}
	if municipality != "" {
		out = append(out, "municipality "+municipality)
	}
	return out
}

// wholePrefix makes dimensions of whole phrases, so that a question that is one word for word comes first, however much else is asked of
// the same text.
const wholePrefix = "asked "

// whole is the mark of a phrase: its stems in any order, without stop words where that leaves enough.
func (e *Encoder) whole(ws []string, english bool) string {
	content := e.content(ws, english)
	if len(content) < 2 {
		content = ws
	}
	var stems []string
	for _, w := range content {
		stems = append(stems, stem(w, english))
	}
	slices.Sort(stems)
	return wholePrefix + strings.Join(slices.Compact(stems), " ")
}

// markCount gives marks the weight of a word that stands there once.
const markCount = 1

// gramsPerWord is the mean over Danish content words, without the parts that textField counts.
const gramsPerWord = 5

// content drops stop words and completes words with a hyphen from the word after them: "børne- og ungeydelse" gives
// "børneydelse", "ungeydelse".
func (e *Encoder) content(ws []string, english bool) []string {
	var out []string
	for i, w := range ws {
		base, open := strings.CutSuffix(w, "-")
		if stop(base, english) || !english && utf8.RuneCountInString(base) == 1 && !numeric(base) {
			continue
		}
		out = append(out, base)
		if !open {
			continue
		}
		for _, next := range ws[i+1 : min(i+4, len(ws))] {
			if head := e.split.last(next); head != "" {
				out = append(out, base+head)
				break
			}
		}
	}
	return out
}

// What terms of a question weigh by where they come from, against 1 for a word that stands there.
const (
	commonWeight   = .5
	partWeight     = .25
	onlyPartWeight = .8 // of a compound that the corpus does not have
	joinedWeight   = .9
	dividedWeight  = .3 // of words that were joined
	spellingWeight = .8
	officialWeight = .6 // of a phrase, divided among its words
	askedWeight    = .6 // the same for what is asked of a thing
	numberWeight   = .3 // amounts in a question are the asker's own
	titleWeight    = .5 // of a term in the title, beside its weight in the whole
	markWeight     = .5
	wholeWeight    = k1 + 1.1 // of a phrase that is the question, against all that it is made of: more than that can be worth
	mostWeight     = 500
)

// question collects the terms of a question; a term that comes in two ways has the greater weight.
type question struct {
	e       *Encoder
	english bool
	content []string
	terms   map[uint32]Term
	grams   map[string]float32
	needs   []need // one for each of content
}

// Query encodes a question of somebody in a municipality; empty: anywhere.
func (e *Encoder) Query(text, municipality string) Question {
	ws := words(text)
	q := &question{e: e, english: isEnglish(ws), terms: map[uint32]Term{}, grams: map[string]float32{}}
	q.content = e.content(ws, q.english)
	q.needs = make([]need, len(q.content))
	divided := map[string]bool{}
	if !q.english {
		divided = q.joined(ws)
	}
	for i, w := range q.content {
		q.word(i, w, divided[w])
	}
	for _, p := range e.official.find(ws, q.english) {
		q.officially(p)
	}
	out := Question{needs: q.needs}
	for _, t := range q.terms {
		out.Terms = append(out.Terms, t)
	}
	slices.SortFunc(out.Terms, func(a, b Term) int { return cmp.Compare(a.Dim, b.Dim) })
	out.Words, out.NGrams = q.vectors(municipality, e.whole(ws, q.english))
	return out
}

// vectors gives every term and n-gram its weight in the whole and in titles.
func (q *question) vectors(municipality, whole string) (ws, gs Vector) {
	byWord, byGram := map[uint32]float32{}, map[uint32]float32{}
	spread := func(to map[uint32]float32, text string, weight float32) {
		to[dim(text)] += weight
		to[dim(titlePrefix+text)] += weight * titleWeight
	}
	for _, t := range q.terms {
		spread(byWord, t.Text, t.Weight)
	}
	for g, weight := range q.grams {
		spread(byGram, g, weight)
	}
	language := ""
	if q.english {
		language = "en"
	}
	for _, mark := range marks(language, municipality) {
		if len(byWord) > 0 {
			byWord[dim(mark)], byGram[dim(mark)] = markWeight, markWeight
		}
	}
	return wholly(byWord, dim(whole)), wholly(byGram, dim(whole))
}

// wholly makes a vector of a question's weights with the mark of the question as a whole.
func wholly(weights map[uint32]float32, mark uint32) Vector {
	sum := float32(0)
	for _, w := range weigh(weights).Weights {
		sum += w
	}
	if sum > 0 {
		weights[mark] = min(wholeWeight*sum, mostWeight)
	}
	return weigh(weights)
}

func (q *question) add(t Term) {
	old, known := q.terms[t.Dim]
	switch {
	case known && old.Via == ViaWord: // said is said, however it comes in again
		old.Weight = max(old.Weight, t.Weight)
		q.terms[t.Dim] = old
	case t.Weight > old.Weight || t.Via == ViaWord:
		t.Weight = max(t.Weight, old.Weight)
		q.terms[t.Dim] = t
	}
}

// word adds a word of the question: as it stands, its parts, and what it may be a misspelling of. divided says that it is part of
// a word that was found.
func (q *question) word(i int, w string, divided bool) {
	weight := float32(1)
	switch {
	case divided:
		weight = dividedWeight
	case common[w]:
		weight = commonWeight
	case numeric(w):
		weight = numberWeight
	}
	q.needs[i].weight = weight
	q.spelled(w, w, weight, ViaWord, i)
	q.gram(w, weight)
	if numeric(w) || q.english || divided || common[w] {
		return
	}
	for _, s := range q.e.spell.suggest(w) {
		q.spelled(s, w, spellingWeight, ViaSpelling, i)
		q.gram(s, spellingWeight)
	}
}

// spelled adds a word's stem and parts, for words of the question.
func (q *question) spelled(w, of string, weight float32, via string, places ...int) {
	whole, parts := alternative{worth: wholeWorth[via]}, alternative{worth: partsWorth}
	partWeight := float32(partWeight)
	if q.e.spell.stems[stem(w, false)] == 0 {
		partWeight = onlyPartWeight
	}
	for i, p := range q.e.terms(w, q.english) {
		t := Term{Dim: p.dim, Weight: weight, Text: p.text, Word: of, Via: via}
		if i == 0 {
			whole.dims = append(whole.dims, p.dim)
		} else {
			parts.dims = append(parts.dims, p.dim)
			t.Weight *= partWeight
			if via == ViaWord {
				t.Via = ViaPart
			}
		}
		q.add(t)
	}
	for _, i := range places {
		q.needs[i].add(whole, parts)
	}
}

func (q *question) gram(w string, weight float32) {
	for _, g := range grams(w) {
		q.grams[g] = max(q.grams[g], weight)
	}
}

// joined adds neighbours that are one word in the corpus: "bolig støtte", "syge dag penge", "mit id". It gives the words that
// were used up.
func (q *question) joined(ws []string) map[string]bool {
	used := map[string]bool{}
	for i, word := range ws {
		for j := i + 1; j < min(i+3, len(ws)); j++ {
			next := ws[j]
			for _, w := range q.e.joints(word, next) {
				q.spelled(w, word+" "+next, joinedWeight, ViaJoined, q.use(used, ws[i:j+1])...)
				q.gram(w, joinedWeight)
			}
			word += next
		}
	}
	return used
}

// use marks words as used up and gives their places in the content.
func (q *question) use(used map[string]bool, ws []string) []int {
	var places []int
	for _, w := range ws {
		used[w] = true
		if at := slices.Index(q.content, w); at >= 0 {
			places = append(places, at)
		}
	}
	return places
}

// minJoined is the shortest word, in bytes, that is made of two: "vi" and "er" are no "vier".
const minJoined = 5

// joints lists the words of the corpus that two words are together. A stop word joins without linking letter, and not with another.
func (e *Encoder) joints(a, b string) []string {
	var out []string
	known := func(w string) bool { return e.split.words[w] && len(w) >= minJoined && !numeric(w) }
	stops := 0
	for _, w := range []string{a, b} {
		if stop(w, false) {
			stops++
		}
	}
	if stops < 2 && known(a+b) {
		out = append(out, a+b)
	}
	if stops == 0 && known(a+"s"+b) {
		out = append(out, a+"s"+b)
	}
	return out
}

// officially adds the official terms of a phrase.
func (q *question) officially(p phrase) {
	all := alternative{worth: wholeWorth[ViaOfficial], any: true}
	for _, side := range []struct {
		text    string
		english bool
	}{{p.official, false}, {p.english, true}} {
		ws := q.e.content(words(side.text), side.english)
		weight := float32(p.weight / math.Sqrt(float64(len(ws))))
		for _, w := range ws {
			all.dims = append(all.dims, q.term(w, side.english, weight, p.citizen))
			q.gram(w, weight)
		}
	}
	for i, w := range q.content {
		if slices.Contains(p.stems, stem(w, q.english)) {
			q.needs[i].add(all)
		}
	}
}

// term adds an official word with its parts, and gives its dimension.
func (q *question) term(w string, english bool, weight float32, of string) uint32 {
	terms := q.e.terms(w, english)
	for i, t := range terms {
		of := Term{Dim: t.dim, Weight: weight, Text: t.text, Word: of, Via: ViaOfficial}
		if i > 0 {
			of.Weight *= partWeight
		}
		q.add(of)
	}
	return terms[0].dim
}
