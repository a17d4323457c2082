package extract

import (
	"cmp"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"samtale.dk/samtale/models/danish"
	"samtale.dk/samtale/services/assistant/internal/answer/question"
	"samtale.dk/samtale/services/contract/knowledgev1"
)

// Draft is what a micro-article says to a question.
type Draft struct {
	Hit   knowledgev1.Hit
	Units []Unit // in the order of the text; empty: no sentence of it answers
	// Typed is false when the kind of fact that is asked for does not stand there.
	Typed bool
	// Features say how well the article and its best sentence fit; Weights says what each is worth.
	Features [Features]float64
	best     float64
	order    float64
	picked   []int // beginnings of the units as they were chosen, the best first

	text  *divided
	met   []met     // what each of its phrases has of the question
	asked []float64 // how surely they have each word of the question together

	said int // which phrase is most like the question
	same verbatim
	unit int // which sentence answers best

	found, inHead, inBest []float64 // how surely the article, its heading and its best sentence have each word of the question
}

// Features of a draft, each about 0 to 1.
const (
	About        = iota // how much of the question the article has
	Head                // title and heading
	Section             // heading
	Title               // title
	Own                 // best sentence
	Context             // best sentence with title and heading
	Fits                // how well the best sentence gives the kind of fact
	Headed              // the heading names the kind of fact
	Numbers             // numbers of the question that the best sentence meets
	Heaviest            // whether the article has the question's rarest word
	Missing             // part of the rarest word that the article lacks
	Covered             // by the index's account
	Words               // score by words, against the best of the list
	NGrams              // score by n-grams, against the best of the list
	Rank                // place in the fused list, as 1/rank
	Level               // score by words, on its own
	Dense               // score by the embedding model, if there is one
	Company             // other hits of the same article
	Local               // how much of what tells the hits of this list apart the article has
	LocalHead           // … the heading
	LocalOwn            // … the best sentence
	WordsOwn            // score by words, against the best of the same article
	NGramsOwn           // score by n-grams, against the best of the same article
	Phrases             // what small words together ask for, in the heading
	Followed            // the article that answered the question before
	Beside              // how much of the heading is about something else
	Article             // how much of the question the found parts of the article have together
	Facet               // the heading is about a side of the matter that is asked about
	OtherFacet          // … about others only
	Told                // how much of the asked sides of the matter the best sentence tells
	Asked               // a number of what is counted ("hvor mange uger")
	AskedBest           // … in the best sentence
	Share               // words of the question that the article has, each counted the same
	ShareBest           // … the best sentence and the headings
	Pair                // the two rarest words stand in one sentence or its headings
	Evident             // the kind of fact, in a sentence about the question
	AskedHead           // what is asked and not only told around it, in the heading
	AskedOwn            // … in the best sentence
	AskedAbout          // … in the article
	Phrased             // the article has phrases: questions as people put them that it answers
	Said                // how much the best of them is like the question
	SaidBest            // … by the words of both, rare ones more
	SaidNamed           // how much of the question it has, with the headings
	SaidBack            // how much of it the question has
	SaidKind            // the same kind of fact and side of the matter
	SaidCover           // how much of the question any of them has
	SaidGrams           // n-grams that any of them shares with the question
	SaidSmall           // words of all kinds
	SaidLocal           // words that tell the hits apart
	SaidAll             // how much of the question all of them have together
	SaidLead            // how far the best is ahead of the best of the next article, or behind the first
	SaidFirst           // no other hit has a better one
	SaidNear            // how much of the question the phrase, the headings and the best sentence have together
	SaidMissing         // the part of the question that its heaviest word is that none of these has
	SaidAlmost          // the phrase is nearly the question
	Warned              // the article has phrases near it that it does not answer
	Unsaid              // how much the best of them is like the question, as Said
	UnsaidBack          // how much of it the question has
	UnsaidCover         // how much of the question any of them has
	UnsaidGrams         // n-grams that any of them shares with the question
	UnsaidSmall         // words of all kinds
	UnsaidAll           // how much of the question all of them have together
	Trap                // … that neither a heading nor a phrase that it answers has
	UnsaidNear          // how much the best of all hits is like the question
	UnsaidNearer        // … beyond what Said is
	UnsaidAlmost        // … is nearly the question
	UnsaidOver          // how far it is ahead of the best phrase that any hit answers
	Trapped             // how much the best of them is like the question, as far as the question has the words for which it is not answered
	TrappedNear         // … the best of all hits
	TrappedOver         // … how far that is ahead of the best phrase that any hit answers
	Frame               // how much its words are those of questions that no article answers
	Off                 // the heading is about a side that is not asked about: one for each of facets
	Features     = Off + sides
)

// Bounds of an answer.
const (
	maxUnits = 6
	maxItems = 8 // of a list, which counts as one
	maxBytes = 900
)

// Drafts drafts an answer from each hit of a list, the best first.
func (r *Reader) Drafts(q Query, hits []knowledgev1.Hit) []Draft {
	out := make([]Draft, len(hits))
	most, own := map[string]float64{}, map[string]float64{}
	company := map[string]float64{}
	for _, h := range hits {
		company[h.ArticleID]++
		for _, w := range h.Why {
			most[w.Ranking] = max(most[w.Ranking], w.Score)
			own[h.ArticleID+w.Ranking] = max(own[h.ArticleID+w.Ranking], w.Score)
		}
	}
	drafts := r.from(q, hits)
	for i, h := range hits {
		d := drafts[i]
		for _, w := range h.Why {
			if most[w.Ranking] <= 0 {
				continue
			}
			switch w.Ranking {
			case "words":
				d.Features[Words], d.Features[Level] = w.Score/most[w.Ranking], min(1, w.Score/40)
				d.Features[WordsOwn] = w.Score / own[h.ArticleID+w.Ranking]
			case "ngrams":
				d.Features[NGrams] = w.Score / most[w.Ranking]
				d.Features[NGramsOwn] = w.Score / own[h.ArticleID+w.Ranking]
			case "dense":
				d.Features[Dense] = w.Score
			}
		}
		d.Features[Rank] = 1 / float64(i+1)
		d.Features[Covered] = h.Coverage
		d.Features[Company] = min(1, (company[h.ArticleID]-1)/4)
		if q.Topic != "" && h.Title == q.Topic {
			d.Features[Followed] = 1
		}
		out[i] = d
	}
	share(out)
	q.tellApart(out)
	q.together(out)
	q.phrased(out)
	q.warned(out)
	frame := r.weights.Frames.of(&q.own)
	for i := range out {
		out[i].Features[Frame] = frame
	}
	r.weights.Rank(out)
	return out
}

// share lets the texts of one section, the base and the difference of a municipality, have what the index says of the better found.
func share(drafts []Draft) {
	shared := []int{Words, NGrams, Rank, Level, Dense, Covered, WordsOwn, NGramsOwn}
	for i := range drafts {
		for k := range drafts {
			if i == k || !drafts[i].Kin(drafts[k]) {
				continue
			}
			for _, f := range shared {
				drafts[i].Features[f] = max(drafts[i].Features[f], drafts[k].Features[f])
			}
		}
	}
}

// Kin reports drafts of one section for different places.
func (d Draft) Kin(o Draft) bool {
	return d.Hit.ArticleID == o.Hit.ArticleID && d.Hit.Section == o.Hit.Section && d.Hit.Source == o.Hit.Source && d.Hit.Municipality != o.Hit.Municipality
}

// from drafts an answer from each hit, with all processors: the first to find many articles waits until all of them are divided.
func (r *Reader) from(q Query, hits []knowledgev1.Hit) []Draft {
	out := make([]Draft, len(hits))
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(len(hits), runtime.GOMAXPROCS(0)) {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(hits)); i = next.Add(1) - 1 {
				out[i] = r.From(q, hits[i])
			}
		})
	}
	all.Wait()
	return out
}

// From drafts an answer to the question from one hit.
func (r *Reader) From(q Query, hit knowledgev1.Hit) Draft {
	d := Draft{Hit: hit}
	text := r.read(hit.Chunk)
	d.text = text
	units, title, section, head := text.units, &text.title, &text.section, &text.head
	all := q.Weight()
	if len(units) == 0 || all == 0 {
		return d
	}
	scores := make([]float64, len(units))
	fit, best := 0.0, 0
	for i := range units {
		u := &units[i]
		if u.unfit {
			scores[i] = -1
			continue
		}
		own, context := q.covered(u.has), q.covered(func(s string) bool { return u.has(s) || head.has(s) || u.Lead >= 0 && units[u.Lead].has(s) })
		k := u.fits(q.Kind)
		fit = max(fit, k)
		scores[i] = .6*own/all + .4*context/all + kindShare(q.Kind)*k + .5*u.numbered(q.numbers) + .4*one(u.counts(q.counted)) + .2*q.told(u.low) + position(i)
		if Fact(q.Kind) && k == 0 {
			scores[i] -= .5
		}
		if scores[i] > scores[best] {
			best = i
		}
	}
	d.Typed = !Fact(q.Kind) || fit > 0
	if scores[best] < 0 {
		return d
	}
	d.best, d.unit = scores[best], best
	has := func(s string) bool {
		return head.has(s) || slices.ContainsFunc(units, func(u Unit) bool { return u.has(s) })
	}
	f := &d.Features
	f[About], f[Head], f[Section], f[Title] = q.covered(has)/all, q.covered(head.has)/all, q.covered(section.has)/all, q.covered(title.has)/all
	f[Own] = q.covered(units[best].has) / all
	f[Context] = q.covered(func(s string) bool { return units[best].has(s) || head.has(s) }) / all
	f[Fits] = units[best].fits(q.Kind)
	if text.asks == q.Kind || headed(q.Kind, section) {
		f[Headed] = 1
	}
	f[Numbers] = min(1, units[best].numbered(q.numbers))
	f[Heaviest], f[Missing] = q.rarest(has)
	f[Phrases] = q.phrases(section.has)
	f[AskedHead], f[AskedOwn], f[AskedAbout] = q.askedIn(section.has), q.askedIn(units[best].has), q.askedIn(has)
	var off [sides]bool
	f[Facet], f[OtherFacet], off = q.facet(hit.Section)
	for i, is := range off {
		f[Off+i] = one(is)
	}
	f[Told] = q.told(units[best].low)
	f[AskedBest] = one(units[best].counts(q.counted))
	f[Asked] = one(slices.ContainsFunc(units, func(u Unit) bool { return u.counts(q.counted) }))
	near := func(s string) bool { return units[best].has(s) || head.has(s) }
	f[Share], f[ShareBest] = q.share(has), q.share(near)
	f[Pair] = q.pair(units, head)
	f[Evident] = f[Fits] * f[ShareBest]
	f[Beside] = q.beside(section)
	d.found, d.inHead, d.inBest = q.each(has), q.each(section.has), q.each(units[best].has)
	d.choose(q, units, scores, best)
	return d
}

// tellApart fills in the features that depend on the other hits: words that all of them have do not tell which of them answers.
func (q Query) tellApart(drafts []Draft) {
	weights, all := make([]float64, len(q.Words)), 0.0
	for i := range q.Words {
		n := 0.0
		for _, d := range drafts {
			if d.found != nil {
				n += d.found[i]
			}
		}
		weights[i] = q.Words[i].Weight * math.Log((float64(len(drafts))+1)/(n+.5))
		all += weights[i]
	}
	if all <= 0 {
		return
	}
	for k := range drafts {
		d := &drafts[k]
		if d.found == nil {
			continue
		}
		for i := range q.Words {
			d.Features[Local] += weights[i] * d.found[i] / all
			d.Features[LocalHead] += weights[i] * d.inHead[i] / all
			d.Features[LocalOwn] += weights[i] * d.inBest[i] / all
		}
	}
}

// together fills in what the parts of each article have of the question together.
func (q Query) together(drafts []Draft) {
	have := map[string][]float64{}
	for _, d := range drafts {
		have[d.Hit.ArticleID] = most(have[d.Hit.ArticleID], d.found)
	}
	for k := range drafts {
		sum := 0.0
		for i, x := range have[drafts[k].Hit.ArticleID] {
			sum += x * q.Words[i].Weight
		}
		if sum > 0 {
			drafts[k].Features[Article] = sum / q.Weight()
		}
	}
}

// most is the greater of each pair of numbers; a list may be empty.
func most(a, b []float64) []float64 {
	if len(a) == 0 {
		return slices.Clone(b)
	}
	for i, x := range b {
		a[i] = max(a[i], x)
	}
	return a
}

// beside is how much a heading says that nobody asked for: 1 is three words or more.
func (q Query) beside(section *Unit) float64 {
	sum := 0.0
	for _, w := range section.words {
		if danish.Stop(w.low) || question.Generic(w.low) || headings[q.Kind][w.low] {
			continue
		}
		one, best := Unit{words: []word{w}, joined: w.low}, 0.0
		for i := range q.Words {
			best = max(best, q.Words[i].found(one.has))
		}
		sum += 1 - best
	}
	return min(1, sum/3)
}

// phrases is how much of what phrases of small words ask for something has.
func (q Query) phrases(has func(stem string) bool) float64 {
	best := 0.0
	for i := range q.Words {
		if w := &q.Words[i]; w.phrase {
			best = max(best, w.found(has))
		}
	}
	return best
}

// rarest says whether something has the question's rarest word, and what part of the question the rarest word is that it lacks.
func (q Query) rarest(has func(stem string) bool) (heaviest, missing float64) {
	top := 0.0
	for i := range q.Words {
		w := &q.Words[i]
		found := w.found(has)
		if w.Weight > top {
			top, heaviest = w.Weight, found
		}
		missing = max(missing, w.Weight*(1-found))
	}
	return heaviest, missing / q.Weight()
}

// share is the part of the words that say what the question is about that something has.
func (q Query) share(has func(stem string) bool) float64 {
	n, found := 0.0, 0.0
	for i := range q.Words {
		if w := &q.Words[i]; !w.Generic && !w.phrase && !w.told {
			n++
			found += w.found(has)
		}
	}
	return found / max(n, 1)
}

// askedIn is how much of what is asked, and not only told around it, something has.
func (q Query) askedIn(has func(stem string) bool) float64 {
	all, found := 0.0, 0.0
	for i := range q.Words {
		if w := &q.Words[i]; !w.told {
			all += w.Weight
			found += w.Weight * w.found(has)
		}
	}
	if all == 0 {
		return 0
	}
	return found / all
}

// pair is how surely the two rarest words of the question stand in one sentence with its headings.
func (q Query) pair(units []Unit, head *Unit) float64 {
	var first, second *Word
	for i := range q.Words {
		w := &q.Words[i]
		switch {
		case w.Generic || w.phrase:
		case first == nil || w.Weight > first.Weight:
			first, second = w, first
		case second == nil || w.Weight > second.Weight:
			second = w
		}
	}
	if second == nil {
		return 0
	}
	best := 0.0
	for i := range units {
		near := func(s string) bool { return units[i].has(s) || head.has(s) }
		best = max(best, min(first.found(near), second.found(near)))
	}
	return best
}

// each gives how surely something has each of the words.
func (q Query) each(has func(stem string) bool) []float64 {
	out := make([]float64, len(q.Words))
	for i := range q.Words {
		out[i] = q.Words[i].found(has)
	}
	return out
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
	if Fact(k) {
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
	question.Hours:    set("hvornår åbningstid åbningstider tid tider rådhuset opening"),
	question.Deadline: set("hvornår frist frister tid inden deadline sådan"),
	question.Size:     set("størrelse areal formue grænse grænser formuegrænser size"),
	question.Duration: set("længe tid behandlingstid frist frister varighed svartid gyldighed long varer"),
	question.Age:      set("alder hvornår hvem"),
	question.How:      set("sådan ansøgning ansøg how saadan ansøger søger anmeld bestil"),
	question.Who:      set("hvem betingelser who"),
	question.Where:    set("hvor kontakt where sådan"),
	question.Whether:  set("hvem betingelser krav kan"),
}

// choose takes the best unit and those that belong to the answer, in the order of the text.
func (d *Draft) choose(q Query, units []Unit, scores []float64, best int) {
	p := picks{units: units, scores: scores, take: map[int]bool{}}
	p.add(best)
	p.complete(best)
	order := make([]int, len(units))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return -cmp.Compare(scores[a], scores[b]) })
	row := len(q.numbers) > 0 && units[best].Item // one row of a table answers; its neighbours are for others
	for _, i := range order {
		floor := also
		if p.sentences < least {
			floor = alsoFew
		}
		if row && units[i].Item {
			continue
		}
		if scores[i] >= floor*scores[best] && p.add(i) {
			p.complete(i)
		}
	}
	if !row {
		p.list()
	}
	p.introduce()
	d.picked = p.order
	for i := range units {
		if p.take[i] {
			d.Units = append(d.Units, units[i])
		}
	}
}

// Best gives the n units that answer best, in the order of the text; a list stays whole.
func (d Draft) Best(n int) []Unit {
	first := d.picked[:min(n, len(d.picked))]
	lists := map[int]bool{} // by their leads
	for _, u := range d.Units {
		if u.Item && (slices.Contains(first, u.Start) || !slices.Contains(d.picked, u.Start)) {
			lists[u.Lead] = true
		}
	}
	var out []Unit
	for i, u := range d.Units {
		introduces := !u.Item && u.introduces() && i+1 < len(d.Units) && d.Units[i+1].Item && lists[d.Units[i+1].Lead]
		if slices.Contains(first, u.Start) || u.Item && lists[u.Lead] || introduces {
			out = append(out, u)
		}
	}
	return out
}

// How good a further sentence must be against the best; the first few may be worse, because a rule alone is seldom an answer.
const (
	also    = .4
	alsoFew = .3
	least   = 4
)

// picks are the units of an answer while they are chosen.
type picks struct {
	units     []Unit
	scores    []float64
	take      map[int]bool
	order     []int // beginnings, as they were chosen
	sentences int
	bytes     int
}

func (p *picks) add(i int) bool {
	if i < 0 || i >= len(p.units) || p.take[i] || p.sentences >= maxUnits || p.bytes+len(p.units[i].Text) > maxBytes || p.scores[i] < 0 {
		return false
	}
	p.take[i] = true
	p.order = append(p.order, p.units[i].Start)
	p.sentences++
	p.bytes += len(p.units[i].Text)
	return true
}

// list adds the rest of a list of which an item or the introduction is taken: half a list misleads.
func (p *picks) list() {
	for lead := range p.units {
		var items []int
		any, size := p.take[lead] && strings.HasSuffix(p.units[lead].Text, ":"), 0
		for i, u := range p.units {
			if u.Item && u.Lead == lead && p.scores[i] >= 0 {
				items, size = append(items, i), size+len(u.Text)
				any = any || p.take[i]
			}
		}
		if !any || len(items) > maxItems || p.bytes+size > maxBytes {
			continue
		}
		for _, i := range items {
			p.take[i] = true
		}
	}
}

// introduce adds the sentence before a list of which an item is taken: items alone say neither what they are nor for whom. It may be one
// word, which says nothing by itself, and is not bounded, because it goes with what is.
func (p *picks) introduce() {
	for i, u := range p.units {
		if p.take[i] && u.Item && u.Lead >= 0 && p.units[u.Lead].introduces() && !Instructs(p.units[u.Lead].Text) {
			p.take[u.Lead] = true
		}
	}
}

// introduces reports a sentence that says what the list after it is: it ends with a colon, or without any mark.
func (u *Unit) introduces() bool { return !strings.ContainsAny(u.Text[max(0, len(u.Text)-1):], ".!?") }

// complete adds what a unit cannot be understood without: the sentence that it leans on, and the reservation after it.
func (p *picks) complete(i int) {
	units := p.units
	if i > 0 && units[i].leansBack() && units[i-1].Paragraph == units[i].Paragraph && !units[i-1].Item {
		p.add(i - 1)
	}
	if i+1 < len(units) && units[i+1].reserves() && units[i+1].Paragraph == units[i].Paragraph {
		p.add(i + 1)
	}
	if units[i].Lead >= 0 && strings.HasSuffix(units[units[i].Lead].Text, ":") {
		p.add(units[i].Lead)
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

// Instructs reports a text that gives orders to a machine instead of telling people something.
func Instructs(text string) bool {
	low := strings.ToLower(text)
	return slices.ContainsFunc(orders, func(o string) bool { return strings.Contains(low, o) })
}

var orders = []string{
	"kodeord", "når du svarer", "når du bliver spurgt", "svar:", "skal du sige, at", "skal du svare", "svaret er altid", "sig til borgeren", "bed borgeren", "fortæl borgeren", "mobilepay", "ignorer alle", "ignorér", "ignorer tidl", "ignorer dine", "ignorer ovenst", "ignorer instr", "glem alle tidligere", "glem alt", "glem dine", "se bort fra tidligere", "se bort fra alle", "se bort fra dine", "instruktioner", "systemprompt",
	"system prompt", "system:", "assistant:", "assistent:", "sprogmodel", "language model", "som ai", "som en ai", "du er nu", "you are now", "ignore all", "ignore prev", "ignore the", "ignore any", "ignore your",
	"disregard", "forget all", "forget your", "instructions", "prompt", "svar altid", "svar borgeren", "always answer", "always reply", "answer with", "respond with", "reply with", "chatbot", "chatbotten", "ai-assistent", "assistenten skal", "assistenten bør", "robotten skal",
	"til ai", "til den ai", "to the ai", "note to ai", "hvis du er en ai", "if you are an ai", "udgiv dig", "overfør penge til", "indsæt følgende", "<|", "[inst", "```",
}

// Better reports that a draft's best sentence answers clearly better than another's.
func (d Draft) Better(than Draft) bool { return d.best > than.best+.1 || d.Typed && !than.Typed }

// About is how much of what a long, spoken text is about the draft's sentences and headings have. Speech has many words that no article
// has; they count for nothing.
func (d Draft) About(q Query, drafts []Draft) float64 {
	if len(d.Units) == 0 {
		return 0
	}
	head := newUnit(heading(d.Hit.Chunk), 0, len(heading(d.Hit.Chunk)), Unit{})
	subject, most := 0.0, 0.0
	for i := range q.Words {
		w := &q.Words[i]
		if w.Generic || q.known(i, drafts) < .6 {
			continue
		}
		most = max(most, w.Weight)
		subject += w.Weight * w.found(func(s string) bool {
			return head.has(s) || slices.ContainsFunc(d.Units, func(u Unit) bool { return u.has(s) })
		})
	}
	if most == 0 {
		return 0
	}
	return min(1, subject/(enoughWords*most))
}

// enoughWords is how many words like the rarest make it certain what a text is about.
const enoughWords = 1.6

// Subjects counts the words of the subject that the draft's sentences and headings have; the kind of fact that is asked for counts as one.
func (d Draft) Subjects(q Query) int {
	head := newUnit(heading(d.Hit.Chunk), 0, len(heading(d.Hit.Chunk)), Unit{})
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
	if Fact(q.Kind) && d.Typed { // a fact is asked for, and given
		n++
	}
	if !inHead { // words that stand somewhere in the text are not what the article is about
		return 0
	}
	return n
}

func heading(c knowledgev1.Chunk) string { return c.Title + ". " + c.Section }
