package extract

import (
	"math"
	"slices"
	"strings"

	"samtale.dk/samtale/models/embed/sparse"
	"samtale.dk/samtale/services/assistant/internal/answer/question"
)

// alike says how a phrase is like the question.
type alike struct {
	cover float64 // how much of the question the phrase has, rare words more
	named float64 // … with the headings
	back  float64 // how much of the phrase the question has, rare words more
	both  float64 // harmonic mean of named and back
	grams float64 // cosine of n-grams
	small float64 // the words that say what is asked, stop words too
	kind  float64 // the same kind of fact, the same sides of the matter
	local float64 // how much of what tells the hits apart the phrase has
}

// verbatim says of which phrases of a draft the question is one, word for word but for endings and spelling.
type verbatim struct{ answered, not bool }

// Verbatim reports that the question is one of those that people ask by and the draft's section answers.
func (d Draft) Verbatim() bool { return d.same.answered }

// same reports a phrase that is the question.
func (a alike) same() bool { return a.small >= .9 && a.grams >= .95 }

// like is all of it together, at most 1.
func (a alike) like() float64 { return (a.both + a.grams + .5*a.small + .2*a.kind) / 2.7 }

// lexicon says of the words of the hits' phrases what they are worth to the question. Phrases share most of their words, so each is
// looked at once.
type lexicon struct {
	q     *Query
	rare  func(stem int32) float64 // among the phrases of the hits
	words []entry
	stems []int32 // those of the question that phrases have, ascending
	forms []sought
	known []worth // of words
}

// sought is a stem that stands for a word of the question.
type sought struct {
	stem    string
	long    bool   // enough to be looked for in compounds
	letters uint64 // a word that lacks one of them does not have the stem
}

// worth is what a word of a phrase weighs, 0 for stop words, and whether the question has it.
type worth struct {
	weight      float32 // there is one for each word of the dictionary
	known, said bool
}

// lexicon of the phrases of some drafts, of which there is one at least.
func (q *Query) lexicon(drafts []*Draft, book func(*divided) *phrasebook) *lexicon {
	words, stems := book(drafts[0].text).of.of(q.own.stems)
	return &lexicon{q, rarity(drafts, book), words, stems, q.sought(), make([]worth, len(words))}
}

// The two books of a text: questions that it answers, and those near it that it does not.
func (t *divided) answers() *phrasebook { return &t.said }
func (t *divided) not() *phrasebook     { return &t.unsaid }

// having are the drafts whose text has phrases in a book.
func having(drafts []Draft, book func(*divided) *phrasebook) []*Draft {
	var out []*Draft
	for i := range drafts {
		if d := &drafts[i]; d.text != nil && len(book(d.text).list) > 0 {
			out = append(out, d)
		}
	}
	return out
}

func (l *lexicon) of(id int32) worth {
	x := &l.known[id]
	if x.known {
		return *x
	}
	x.known = true
	if w := &l.words[id]; !w.stop {
		x.weight, x.said = float32(l.rare(w.id)), l.said(w)
		if w.generic {
			x.weight *= genericWeight
		}
	}
	return *x
}

// share is how much of some words the question has, rare ones more; any is false where none weighs anything.
func (l *lexicon) share(words []int32) (share float64, any bool) {
	all, met := 0.0, 0.0
	for _, w := range words {
		x := l.of(w)
		all += float64(x.weight)
		if x.said {
			met += float64(x.weight)
		}
	}
	if all == 0 {
		return 0, false
	}
	return met / all, true
}

// compare compares the question with a phrase of a draft. m is what of the question it has, and head what the headings have.
func (q Query) compare(s *phrase, m met, head marks, words *lexicon, apart []float64) alike {
	all := q.Weight()
	var a alike
	if all == 0 {
		return a
	}
	a.cover, a.named = q.weigh(m.words)/all, q.weigh(m.in.with(head).each(q))/all
	a.back, _ = words.share(s.words)
	if a.named+a.back > 0 {
		a.both = 2 * a.named * a.back / (a.named + a.back)
	}
	a.grams = likeness(q.own.grams, s)
	a.small = overlap(words.stems, s.stems, len(q.own.stems))
	a.kind = .5*one(q.Kind == s.kind) + .5*sameSides(q.sides, s.sides)
	for i, w := range apart {
		a.local += w * m.words[i]
	}
	return a
}

// sought are the stems that surely stand for the question's words.
func (q *Query) sought() []sought {
	var out []sought
	for i := range q.Words {
		for _, f := range q.Words[i].forms {
			if f.share >= surely {
				out = append(out, sought{f.stem, isLong(f.stem), sparse.Letters(f.stem)})
			}
		}
	}
	return out
}

// said reports that the question has a word of a phrase: the same stem (Unit.has), or a reading of one of its words.
func (l *lexicon) said(w *entry) bool {
	if _, own := slices.BinarySearch(l.stems, w.id); own || w.long && strings.Contains(l.q.own.joined, w.stem) {
		return true
	}
	return slices.ContainsFunc(l.forms, func(f sought) bool { return f.letters&^w.letters == 0 && w.stands(f.stem, f.long) })
}

// overlap is the Dice coefficient of two ascending lists of stems; the question has so many, of which a are those that any phrase has.
func overlap(a, b []int32, asked int) float64 {
	if asked == 0 || len(b) == 0 {
		return 0
	}
	n, both := asked+len(b), 0
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0] < b[0]:
			a = a[1:]
		case a[0] > b[0]:
			b = b[1:]
		default:
			both++
			a, b = a[1:], b[1:]
		}
	}
	return 2 * float64(both) / float64(n)
}

// sameSides is the Jaccard coefficient of the sides; 0 without any.
func sameSides(a, b [sides]bool) float64 {
	both, any := 0.0, 0.0
	for i := range a {
		both += one(a[i] && b[i])
		any += one(a[i] || b[i])
	}
	return both / max(any, 1)
}

// phrased fills in the features that come of the phrases of the drafts.
func (q Query) phrased(drafts []Draft) {
	with := having(drafts, (*divided).answers)
	if len(with) == 0 {
		return
	}
	for _, d := range with {
		d.met = q.meets(&d.text.said)
		d.asked = union(d.met).each(q)
	}
	words, apart := q.lexicon(with, (*divided).answers), q.apart(with)
	for _, d := range with {
		q.likest(d, words, apart)
		q.nearest(d)
		d.met = nil // it is much, and drafts may be kept
	}
	lead(with)
}

// warned fills in the features that come of what the drafts do not answer though it is near them.
func (q Query) warned(drafts []Draft) {
	with := having(drafts, (*divided).not)
	if len(with) == 0 {
		return
	}
	words := q.lexicon(with, (*divided).not)
	near, said, trapped := 0.0, 0.0, 0.0
	for _, d := range with {
		q.unsaid(d, words)
		near, trapped = max(near, d.Features[Unsaid]), max(trapped, d.Features[Trapped])
	}
	for i := range drafts {
		said = max(said, drafts[i].Features[Said])
	}
	for i := range drafts {
		f := &drafts[i].Features
		f[UnsaidNear], f[UnsaidNearer] = near, max(0, near-f[Said])
		f[UnsaidAlmost] = max(0, 2*near-1)
		f[UnsaidOver] = near - said
		f[TrappedNear], f[TrappedOver] = trapped, trapped-said
	}
}

// unsaid finds the phrase that the draft does not answer that is most like the question, and fills in how like it is.
func (q Query) unsaid(d *Draft, words *lexicon) {
	f := &d.Features
	f[Warned] = 1
	best, top := alike{}, 0.0
	head, these := q.marks(d.text.head.has), q.meets(&d.text.unsaid)
	for i := range d.text.unsaid.list {
		a := q.compare(&d.text.unsaid.list[i], these[i], head, words, nil)
		d.same.not = d.same.not || a.same()
		f[UnsaidGrams] = max(f[UnsaidGrams], a.grams)
		f[UnsaidSmall] = max(f[UnsaidSmall], a.small)
		f[UnsaidCover] = max(f[UnsaidCover], a.cover)
		x := a.like()
		f[Trapped] = max(f[Trapped], x*words.trapped(&d.text.unsaid.list[i]))
		if x > top {
			top, best = x, a
		}
	}
	f[Unsaid], f[UnsaidBack] = top, best.back
	// What the question has of them and neither the article nor what it answers has.
	all := max(q.Weight(), tiny)
	any, named := union(these).each(q), head.each(q)
	for i := range q.Words {
		w := &q.Words[i]
		if w.phrase {
			continue
		}
		f[UnsaidAll] += w.Weight * any[i] / all
		f[Trap] += w.Weight * max(0, any[i]-max(d.asks(i), named[i])) / all
	}
}

// trapped is how much of what makes a phrase one that is not answered the question has; all of it where that is no word.
func (l *lexicon) trapped(p *phrase) float64 {
	if share, any := l.share(p.traps); any {
		return share
	}
	return 1
}

// rarity says how rare a stem is among the drafts' phrases: 1.2 when none has it.
func rarity(drafts []*Draft, book func(*divided) *phrasebook) func(stem int32) float64 {
	n, has := float64(len(drafts)), make(map[int32]float64, 1024)
	for _, d := range drafts {
		for _, stem := range book(d.text).stems {
			has[stem]++
		}
	}
	return func(stem int32) float64 { return .2 + math.Log((n+1)/(has[stem]+.5))/math.Log(n+1) }
}

// apart says how much each word of the question tells the drafts apart by their phrases, 1 together.
func (q Query) apart(drafts []*Draft) []float64 {
	n, all := float64(len(drafts)), 0.0
	out := make([]float64, len(q.Words))
	for i := range q.Words {
		have := 0.0
		for _, d := range drafts {
			have += one(slices.ContainsFunc(d.met, func(m met) bool { return m.words[i] >= surely }))
		}
		out[i] = max(0, q.Words[i].Weight*math.Log((n+1)/(have+.5)))
		all += out[i]
	}
	for i := range out {
		out[i] /= max(all, tiny)
	}
	return out
}

const tiny = 1e-9

// likest finds the phrase of a draft that is most like the question, and fills in how like it is.
func (q Query) likest(d *Draft, words *lexicon, apart []float64) {
	f := &d.Features
	f[Phrased] = 1
	best, top := alike{}, -1.0
	head := q.marks(d.text.head.has)
	for i := range d.text.said.list {
		a := q.compare(&d.text.said.list[i], d.met[i], head, words, apart)
		d.same.answered = d.same.answered || a.same()
		f[SaidGrams] = max(f[SaidGrams], a.grams)
		f[SaidSmall] = max(f[SaidSmall], a.small)
		f[SaidLocal] = max(f[SaidLocal], a.local)
		f[SaidCover] = max(f[SaidCover], a.cover)
		if x := a.like(); x > top {
			top, best, d.said = x, a, i
		}
	}
	f[Said] = top
	f[SaidBest], f[SaidNamed], f[SaidBack], f[SaidKind] = best.both, best.named, best.back, best.kind
	f[SaidAll] = q.weigh(d.asked) / max(q.Weight(), tiny)
	f[SaidAlmost] = max(0, 2*f[Said]-1)
}

// nearest fills in what the phrase that is most like the question has of it with the headings and the best sentence.
func (q Query) nearest(d *Draft) {
	f, all := &d.Features, max(q.Weight(), tiny)
	near := d.met[d.said].in.with(q.marks(d.text.head.has))
	if len(d.Units) > 0 {
		near = near.with(q.marks(d.text.units[d.unit].has))
	}
	found := near.each(q)
	f[SaidNear] = q.weigh(found) / all
	for i := range q.Words {
		if w := &q.Words[i]; !w.Generic {
			f[SaidMissing] = max(f[SaidMissing], w.Weight*(1-found[i])/all)
		}
	}
}

// lead fills in how far each draft's phrase is ahead of the others'.
func lead(drafts []*Draft) {
	first, second := 0.0, 0.0
	for _, d := range drafts {
		if s := d.Features[Said]; s > first {
			first, second = s, first
		} else {
			second = max(second, s)
		}
	}
	for _, d := range drafts {
		f := &d.Features
		f[SaidFirst] = one(f[Said] == first)
		f[SaidLead] = f[Said] - first
		if f[Said] == first {
			f[SaidLead] = first - second
		}
	}
}

// asks is how surely the phrases of the draft together have a word of the question.
func (d *Draft) asks(word int) float64 {
	if d.asked == nil {
		return 0
	}
	return d.asked[word]
}

// own is the question as a phrase.
func own(text string) saying {
	return newSaying(strings.TrimSpace(text), question.Language(text) == question.English)
}
