package extract

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"samtale.dk/samtale/models/danish"
	"samtale.dk/samtale/models/embed/sparse"
	"samtale.dk/samtale/services/assistant/internal/answer/question"
	"samtale.dk/samtale/services/contract/knowledgev1"
)

// Query is a question, read for finding sentences.
type Query struct {
	Kind    question.Kind
	Words   []Word
	Topic   string      // title of the article that answered the question before; empty: it stands alone
	text    string      // in lower case
	sides   [sides]bool // of the matter that it asks about
	counted string      // stem of what it asks the number of: "hvor mange uger"
	numbers []float64
	own     saying // the question as a phrase
}

// Word is a word of the question that says what it is about.
type Word struct {
	Text    string
	Weight  float64 // rare words weigh more
	Generic bool    // says which fact is asked for, or nothing much
	phrase  bool    // small words that together stand for something
	thing   bool    // stands where a noun stands
	name    bool    // is written as a name
	told    bool    // stands around the question only
	forms   []form
}

// form is a stem that stands for a word, and how surely.
type form struct {
	stem  string
	share float64
}

// How surely the index's readings of a word stand for it.
var shares = map[string]float64{
	sparse.ViaWord: 1, sparse.ViaJoined: 1, sparse.ViaSpelling: .9, sparse.ViaOfficial: .9, sparse.ViaPart: .45,
}

// What words that ask for a fact weigh, against words that say about what.
const genericWeight = .15

// before are words that stand before nouns.
var before = set(`en et den det min mit mine din dit vores sin sit hans hendes på til for i af om med ved uden fra som ny nyt nye nogen noget flere mange
	a an the my your our of to for in on with`)

// things marks the words that stand where nouns do.
func (q *Query) things(text string) {
	ws := newUnit(text, 0, len(text), Unit{}).words
	for k := 1; k < len(ws); k++ {
		if !before[ws[k-1].low] {
			continue
		}
		for i := range q.Words {
			q.Words[i].thing = q.Words[i].thing || q.Words[i].Text == ws[k].low
		}
	}
}

// names marks the words that are written as names: with a capital that does not begin a sentence.
func (q *Query) names(text string) {
	begins := true
	for field := range strings.FieldsSeq(text) {
		w := strings.TrimFunc(field, func(r rune) bool { return !unicode.IsLetter(r) })
		if !begins && w != "" && unicode.IsUpper(firstRune(w)) {
			for i := range q.Words {
				q.Words[i].name = q.Words[i].name || q.Words[i].Text == strings.ToLower(w)
			}
		}
		begins = strings.HasSuffix(field, ".") || strings.HasSuffix(field, "?") || strings.HasSuffix(field, "!")
	}
}

// asked adds what phrases of small words stand for ("hvornår kommer": udbetaling), as one word each.
func (q *Query) asked(terms []knowledgev1.Term) {
	for _, t := range terms {
		if t.Via == sparse.ViaWord || t.Via == "" || slices.ContainsFunc(q.Words, func(w Word) bool { return !w.phrase && w.standsIn(t) }) {
			continue
		}
		i := slices.IndexFunc(q.Words, func(w Word) bool { return w.phrase && w.Text == t.Word })
		if i < 0 {
			i = len(q.Words)
			q.Words = append(q.Words, Word{Text: t.Word, phrase: true})
		}
		w := &q.Words[i]
		w.Weight = max(w.Weight, t.Weight)
		share := 1.0
		if partOf(t, terms) {
			share = shares[sparse.ViaPart]
		}
		w.add(form{t.Text, share})
	}
}

// toldWeight is what words weigh that are told around the question.
const toldWeight = .3

// Read reads a question, and what is told around it, by the terms that a search made of them.
func Read(text, told string, kind question.Kind, terms []knowledgev1.Term) Query {
	q := Query{Kind: kind, text: strings.ToLower(text + " " + told), own: own(text + " " + told)}
	for _, t := range terms {
		if t.Via == sparse.ViaWord || t.Via == "" {
			q.Words = append(q.Words, Word{Text: t.Word, Weight: t.Weight, Generic: question.Generic(t.Word), forms: []form{{t.Text, 1}}})
		}
	}
	for _, t := range terms {
		for i := range q.Words {
			if w := &q.Words[i]; t.Via != sparse.ViaWord && t.Via != "" && w.standsIn(t) {
				share, known := shares[t.Via]
				if !known || partOf(t, terms) {
					share = shares[sparse.ViaPart]
				}
				w.add(form{t.Text, share})
			}
		}
	}
	for i := range q.Words {
		if q.Words[i].Generic {
			q.Words[i].Weight *= genericWeight
		}
	}
	q.sides = asksAbout(q.text)
	q.counted = counted(text)
	q.things(text)
	q.names(text)
	q.asked(terms)
	if told != "" {
		asked := map[string]bool{}
		for _, w := range newUnit(text, 0, len(text), Unit{}).words {
			asked[w.low] = true
		}
		for i := range q.Words {
			if w := &q.Words[i]; !asked[w.Text] && !strings.Contains(strings.ToLower(text), w.Text) {
				w.Weight *= toldWeight
				w.told = true
			}
		}
	}
	for _, f := range danish.Facts(danish.Tokens(text + " " + told)) {
		n, _, _ := strings.Cut(f.Value, " ")
		v, err := strconv.ParseFloat(n, 64)
		if err == nil && f.Kind != danish.Digits {
			q.numbers = append(q.numbers, v)
		}
	}
	return q
}

// counted is the stem of what a question asks the number of; empty: of nothing.
func counted(text string) string {
	ws := newUnit(text, 0, len(text), Unit{}).words
	for i := 2; i < len(ws); i++ {
		if ws[i-2].low == "hvor" && ws[i-1].low == "mange" || ws[i-2].low == "how" && ws[i-1].low == "many" {
			return ws[i].stem
		}
	}
	return ""
}

// partOf reports a term that is a part of another one that the same words of the question stand for: "ændring" of "navneændring".
func partOf(t knowledgev1.Term, terms []knowledgev1.Term) bool {
	return t.Via != sparse.ViaWord && slices.ContainsFunc(terms, func(o knowledgev1.Term) bool {
		return o.Word == t.Word && o.Via == t.Via && o.Text != t.Text && strings.Contains(o.Text, t.Text)
	})
}

// standsIn reports that a term was made of the word, alone or with its neighbours.
func (w *Word) standsIn(t knowledgev1.Term) bool {
	if t.Word == w.Text {
		return true
	}
	switch t.Via {
	case sparse.ViaJoined:
		return strings.HasPrefix(t.Word, w.Text) || strings.HasSuffix(t.Word, w.Text)
	case sparse.ViaOfficial:
		st := sparse.Stem(w.Text, false)
		return slices.ContainsFunc(strings.Fields(strings.ToLower(t.Word)), func(p string) bool {
			return p == w.Text || sparse.Stem(p, false) == st
		})
	}
	return false
}

func (w *Word) add(f form) {
	if !slices.ContainsFunc(w.forms, func(o form) bool { return o.stem == f.stem && o.share >= f.share }) {
		w.forms = append(w.forms, f)
	}
}

// found is how surely something that has some stems has the word: the whole, or its parts together.
func (w *Word) found(has func(stem string) bool) float64 {
	return w.foundIn(func(form int) bool { return has(w.forms[form].stem) })
}

// foundIn is the same by what is known of its forms.
func (w *Word) foundIn(has func(form int) bool) float64 {
	best, parts := 0.0, 0.0
	for i, f := range w.forms {
		if !has(i) {
			continue
		}
		if f.share == shares[sparse.ViaPart] {
			parts += f.share
			continue
		}
		best = max(best, f.share)
	}
	return max(best, min(parts, .9))
}

// marks says of the forms of all words which of them something has.
type marks []bool

func (q Query) marks(has func(stem string) bool) marks {
	var out marks
	for i := range q.Words {
		for _, f := range q.Words[i].forms {
			out = append(out, has(f.stem))
		}
	}
	return out
}

// met is what of the question a phrase has: the forms of its words, and how surely each word.
type met struct {
	in    marks
	words []float64
}

// meets says it of phrases.
func (q Query) meets(phrases *phrasebook) []met {
	forms, n := 0, len(phrases.list)
	for i := range q.Words {
		forms += len(q.Words[i].forms)
	}
	in, words, out := make(marks, n*forms), make([]float64, n*len(q.Words)), make([]met, n)
	for i := range out {
		out[i] = met{in[i*forms:][:forms], words[i*len(q.Words):][:len(q.Words)]}
	}
	at := 0
	for i := range q.Words {
		for _, f := range q.Words[i].forms {
			phrases.with(f.stem).each(func(phrase int) { out[phrase].in[at] = true })
			at++
		}
	}
	for _, m := range out {
		m.in.fill(m.words, q)
	}
	return out
}

// union are the marks of all of them together.
func union(all []met) marks {
	var out marks
	for _, m := range all {
		out = out.with(m.in)
	}
	return out
}

// with are the marks of two things together; one may have none.
func (m marks) with(o marks) marks {
	out := make(marks, max(len(m), len(o)))
	copy(out, m)
	for i, has := range o {
		out[i] = out[i] || has
	}
	return out
}

// each gives how surely what has the marks has each of the words.
func (m marks) each(q Query) []float64 {
	out := make([]float64, len(q.Words))
	m.fill(out, q)
	return out
}

func (m marks) fill(out []float64, q Query) {
	at := 0
	for i := range q.Words {
		w := &q.Words[i]
		out[i] = w.foundIn(func(form int) bool { return m[at+form] })
		at += len(w.forms)
	}
}

// weigh is the weight of the words as surely as each is found.
func (q Query) weigh(found []float64) float64 {
	sum := 0.0
	for i, x := range found {
		sum += q.Words[i].Weight * x
	}
	return sum
}

// Weight is that of all words.
func (q Query) Weight() float64 {
	sum := 0.0
	for _, w := range q.Words {
		sum += w.Weight
	}
	return sum
}
