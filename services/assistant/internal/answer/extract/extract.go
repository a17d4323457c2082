package extract

import (
	"slices"
	"strings"

	"samtale.dk/samtale/services/assistant/internal/answer/question"
	"samtale.dk/samtale/services/contract/knowledgev1"
)

// Draft is what a micro-article says to a question.
type Draft struct {
	Hit   knowledgev1.Hit
	Units []Unit // in the order of the text; empty: no sentence of it answers
	// Score is how well the article and its best sentence fit what is asked, 0 to 1. It does not depend on how many articles there are.
	Score float64
	// Typed is false when the kind of fact that is asked for does not stand there.
	Typed bool
	best  float64
}

// Bounds of an answer.
const (
	maxUnits = 4
	maxBytes = 700
)

// What makes up a score.
const (
	aboutShare    = .62 // how much of the question the article has, heading and title before text
	sentenceShare = .38 // how much of it the best sentence has, with what the headings say
)

// From drafts an answer to the question from one hit.
func From(q Query, hit knowledgev1.Hit) Draft {
	d := Draft{Hit: hit}
	units := Divide(hit.Text)
	head := newUnit(hit.Title+". "+hit.Section, 0, len(hit.Title)+len(hit.Section)+2, Unit{})
	section := newUnit(hit.Section, 0, len(hit.Section), Unit{})
	all := q.Weight()
	if len(units) == 0 || all == 0 {
		return d
	}
	scores := make([]float64, len(units))
	fit := 0.0
	for i := range units {
		u := &units[i]
		if u.unfit() {
			scores[i] = -1
			continue
		}
		own, context := q.covered(u.has), q.covered(func(s string) bool { return u.has(s) || head.has(s) || u.Lead >= 0 && units[u.Lead].has(s) })
		k := u.fits(q.Kind)
		fit = max(fit, k)
		scores[i] = .6*own/all + .4*context/all + kindShare(q.Kind)*k + .5*u.numbered(q.numbers) + position(i)
		if hard(q.Kind) && k == 0 {
			scores[i] -= .5
		}
	}
	d.Typed = !hard(q.Kind) || fit > 0
	best := 0
	for i := range scores {
		if scores[i] > scores[best] {
			best = i
		}
	}
	if scores[best] < 0 {
		return d
	}
	about := q.covered(func(s string) bool {
		return head.has(s) || slices.ContainsFunc(units, func(u Unit) bool { return u.has(s) })
	}) / all
	inBest := q.covered(func(s string) bool { return units[best].has(s) || head.has(s) }) / all
	d.best = scores[best]
	d.Score = aboutShare*about + sentenceShare*inBest
	if question.KindOf(hit.Section) == q.Kind || headed(q.Kind, &section) {
		d.best += .2
	}
	d.choose(q, units, scores, best)
	return d
}

// Best is how the draft compares to those of other hits.
func (d Draft) Best(rank int) float64 {
	b := d.Score + .45*d.best - .02*float64(rank)
	if !d.Typed {
		b -= .4
	}
	return b
}

// covered is the weight of the words that something has.
func (q Query) covered(has func(stem string) bool) float64 {
	sum := 0.0
	for i := range q.Words {
		sum += q.Words[i].Weight * q.Words[i].found(has)
	}
	return sum
}

func kindShare(k question.Kind) float64 {
	if hard(k) {
		return .5
	}
	return .2
}

// position prefers what stands first a little: articles begin with the rule and go on with exceptions.
func position(i int) float64 { return .06 / float64(i+1) }

// headed reports that a heading names the kind of fact.
func headed(k question.Kind, section *Unit) bool {
	words, ok := headings[k]
	return ok && section.says(words)
}

var headings = map[question.Kind]map[string]bool{
	question.Amount:   set("koster pris gebyr beløb meget satser sats takst betaling udgifter cost fee amount normalbidrag grundbeløb"),
	question.When:     set("hvornår frist frister udbetaling tidspunkt when deadline varighed"),
	question.Duration: set("længe tid behandlingstid frist frister varighed svartid gyldighed long varer"),
	question.Age:      set("alder hvornår hvem"),
	question.How:      set("sådan ansøgning ansøg how saadan ansøger søger anmeld bestil"),
	question.Who:      set("hvem betingelser who"),
	question.Where:    set("hvor kontakt where sådan"),
	question.Whether:  set("hvem betingelser krav kan"),
}

// choose takes the best unit and those that belong to the answer, in the order of the text.
func (d *Draft) choose(q Query, units []Unit, scores []float64, best int) {
	take := map[int]bool{best: true}
	size := len(units[best].Text)
	add := func(i int) bool {
		if i < 0 || i >= len(units) || take[i] || len(take) >= maxUnits || size+len(units[i].Text) > maxBytes || scores[i] < 0 {
			return false
		}
		take[i] = true
		size += len(units[i].Text)
		return true
	}
	d.complete(units, best, add)
	order := make([]int, len(units))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case scores[a] > scores[b]:
			return -1
		case scores[a] < scores[b]:
			return 1
		}
		return 0
	})
	floor := .62 * scores[best]
	if len(q.numbers) > 0 && units[best].Item { // one row of a table answers; its neighbours are for others
		floor = scores[best]
	}
	for _, i := range order {
		if scores[i] >= floor && add(i) {
			d.complete(units, i, add)
		}
	}
	if len(take) == 1 && !units[best].Item && best+1 < len(units) && units[best+1].leansBack() {
		add(best + 1) // "Det gælder dog ikke …": the reservation belongs to the rule
	}
	for i := range units {
		if take[i] {
			d.Units = append(d.Units, units[i])
		}
	}
}

// complete adds what a unit cannot be understood without: the sentence that it leans on, and the reservation after it.
func (d *Draft) complete(units []Unit, i int, add func(int) bool) {
	if i > 0 && units[i].leansBack() && units[i-1].Paragraph == units[i].Paragraph && !units[i-1].Item {
		add(i - 1)
	}
	if i+1 < len(units) && units[i+1].reserves() && units[i+1].Paragraph == units[i].Paragraph {
		add(i + 1)
	}
	if units[i].Lead >= 0 && strings.HasSuffix(units[units[i].Lead].Text, ":") {
		add(units[i].Lead)
	}
}

// leansBack reports a sentence that begins with a word for something before it.
func (u *Unit) leansBack() bool {
	if len(u.words) == 0 {
		return false
	}
	switch u.words[0].low {
	case "det", "den", "de", "dog", "men", "derfor", "så", "her", "disse", "ellers", "derefter", "herefter", "beløbet", "fristen", "denne", "dette", "derudover", "it", "this", "they", "but", "however", "that", "otherwise":
		return true
	}
	return false
}

// reserves reports a sentence that takes something back of the one before it.
func (u *Unit) reserves() bool {
	for i, w := range u.words {
		switch w.low {
		case "dog", "however":
			return i < 5
		case "men", "but", "ellers", "otherwise":
			return i == 0
		}
	}
	return false
}

// unfit reports a unit that must not be quoted: a question, a fragment, or a text that speaks to machines.
func (u *Unit) unfit() bool {
	return len(u.words) < 2 || strings.HasSuffix(u.Text, "?") || Instructs(u.Text)
}

// Instructs reports a text that gives orders to a machine instead of telling people something.
func Instructs(text string) bool {
	low := strings.ToLower(text)
	return slices.ContainsFunc(orders, func(o string) bool { return strings.Contains(low, o) })
}

var orders = []string{
	"ignorer alle", "ignorér", "ignorer tidl", "ignorer dine", "ignorer ovenst", "ignorer instr", "glem alle tidligere", "glem alt", "glem dine", "se bort fra tidligere", "se bort fra alle", "se bort fra dine", "instruktioner", "systemprompt",
	"system prompt", "system:", "assistant:", "assistent:", "sprogmodel", "language model", "som ai", "som en ai", "du er nu", "you are now", "ignore all", "ignore prev", "ignore the", "ignore any", "ignore your",
	"disregard", "forget all", "forget your", "instructions", "prompt", "svar altid", "svar borgeren", "always answer", "always reply", "answer with", "respond with", "reply with", "chatbot", "chatbotten", "ai-assistent", "assistenten skal", "assistenten bør", "robotten skal",
	"til ai", "til den ai", "to the ai", "note to ai", "hvis du er en ai", "if you are an ai", "udgiv dig", "overfør penge til", "indsæt følgende", "<|", "[inst", "```",
}

// Better reports that a draft's best sentence answers clearly better than another's.
func (d Draft) Better(than Draft) bool { return d.best > than.best+.1 || d.Typed && !than.Typed }

// About is how much of what a long, spoken text is about the draft's sentences and headings have, by the words that they share: speech
// has many words that no article has.
func (d Draft) About(q Query) float64 {
	if len(d.Units) == 0 {
		return 0
	}
	head := newUnit(d.Hit.Title+". "+d.Hit.Section, 0, len(d.Hit.Title)+len(d.Hit.Section)+2, Unit{})
	subject, all := 0.0, 0.0
	for i := range q.Words {
		w := &q.Words[i]
		if w.Generic {
			continue
		}
		all = max(all, w.Weight)
		subject += w.Weight * w.found(func(s string) bool {
			return head.has(s) || slices.ContainsFunc(d.Units, func(u Unit) bool { return u.has(s) })
		})
	}
	if all == 0 {
		return 0
	}
	return min(1, subject/(1.6*all))
}

// Subjects counts the words of the subject that the draft's sentences and headings have.
func (d Draft) Subjects(q Query) int {
	head := newUnit(d.Hit.Title+". "+d.Hit.Section, 0, len(d.Hit.Title)+len(d.Hit.Section)+2, Unit{})
	n, inHead := 0, false
	for i := range q.Words {
		w := &q.Words[i]
		if w.Generic {
			continue
		}
		h := w.found(head.has) >= .9
		if h || w.found(func(s string) bool { return slices.ContainsFunc(d.Units, func(u Unit) bool { return u.has(s) }) }) >= .9 {
			n++
		}
		inHead = inHead || h
	}
	if !inHead { // words that stand somewhere in the text are not what the article is about
		return 0
	}
	return n
}
