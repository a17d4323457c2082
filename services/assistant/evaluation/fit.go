package evaluation

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"

	"samtale.dk/samtale/models/llm"
	"samtale.dk/samtale/services/assistant/internal/answer/extract"
)

// Fit fits, on the fitting half, how drafts are ranked; then, so ranked, how sure the best is; then, from how sure it must be. What sure
// means is learnt from near misses, from questions asked while the articles that answer them are hidden, and from phrases. The threshold is fitted
// on answers by weights that were fitted without the question: in its own sample every question looks surer than the next one will.
// These answers are given as well. Where articles have no phrases, the threshold that keeps near misses unanswered is another: how much
// more sure one must be there is a weight of its own.
func Fit(ctx context.Context, cfg Config) (extract.Weights, []Outcome, error) {
	s, err := newSample(ctx, cfg)
	if err != nil {
		return extract.Weights{}, nil, err
	}
	weights := s.apart()
	apart, err := cross(ctx, cfg, weights)
	if err != nil {
		return extract.Weights{}, nil, err
	}
	w := s.fit(func(Question) bool { return true })
	w.Threshold = fitThreshold(apart)
	cfg.Bare = true
	without, err := cross(ctx, cfg, weights)
	w.Bare = more(w.Threshold, fitThreshold(without))
	return w, apart, err
}

// more is how much more one must be sure of what is answered from another threshold on, in log odds, so that one threshold does for both.
func more(threshold, other float64) float64 {
	odds := func(p float64) float64 { return math.Log(p / (1 - p)) }
	return math.Round(1000*(odds(other)-odds(threshold))) / 1000
}

// Cross asks the questions of the fitting half with weights that were fitted without them, and the lowest threshold: what may be looked
// at while features are chosen. The threshold is that which Fit would choose.
func Cross(ctx context.Context, cfg Config) ([]Outcome, float64, error) {
	s, err := newSample(ctx, cfg)
	if err != nil {
		return nil, 0, err
	}
	out, err := cross(ctx, cfg, s.apart())
	return out, fitThreshold(out), err
}

// sample is the fitting half as it was found, before anything was fitted.
type sample struct {
	outcomes []Outcome
	hidden   []Outcome
	phrases  []Outcome // articles' own, asked of knowledge without them
	frames   extract.Frames
}

func newSample(ctx context.Context, cfg Config) (sample, error) {
	none := extract.Weights{Order: make([]float64, extract.Features), Sure: make([]float64, extract.Features+extract.Shapes+1), Threshold: lowest}
	cfg.Weights, cfg.Model = &none, llm.None
	var s sample
	records, err := cfg.records()
	if err != nil {
		return s, err
	}
	s.frames = framesOf(records)
	none.Frames = s.frames
	drops := []struct{ bare, part bool }{{}, {part: true}, {bare: true}}
	var found, hidden [3][]Outcome
	var failed [3]error
	var wg sync.WaitGroup
	for i, drop := range drops {
		cfg := cfg
		cfg.Bare, cfg.part = drop.bare, drop.part
		cfg.only = func(q Question) bool { // each question once with all phrases, and once without all or half of them
			poor := q.hash()/(2*folds)%2 == 0
			return q.fits() && (drop.bare == drop.part || drop.bare == poor)
		}
		wg.Go(func() {
			if found[i], _, failed[i] = Run(ctx, cfg); failed[i] == nil {
				cfg.hide = true
				hidden[i], _, failed[i] = Run(ctx, cfg)
			}
		})
	}
	wg.Wait()
	if s.phrases, err = phrases(ctx, cfg, none, records); err != nil {
		return s, err
	}
	s.outcomes, s.hidden = slices.Concat(found[:]...), slices.Concat(hidden[:]...)
	return s, errors.Join(failed[:]...)
}

// fits reports a question of the fitting half. Those that plant something need knowledge of their own, and rules answer them.
func (q Question) fits() bool { return q.Fitting() && len(q.Plant) == 0 }

// folds is in how many parts the fitting half is cut.
const folds = 5

func (q Question) fold() uint32 { return q.hash() / 2 % folds }

// apart are weights for each part, fitted on the others.
func (s sample) apart() []extract.Weights {
	out := make([]extract.Weights, folds)
	var wg sync.WaitGroup
	for fold := range out {
		wg.Go(func() { out[fold] = s.fit(func(q Question) bool { return q.fold() != uint32(fold) }) })
	}
	wg.Wait()
	return out
}

// cross asks each part with its weights.
func cross(ctx context.Context, cfg Config, weights []extract.Weights) ([]Outcome, error) {
	out, failed := make([][]Outcome, len(weights)), make([]error, len(weights))
	var wg sync.WaitGroup
	for fold, w := range weights {
		cfg := cfg
		cfg.Weights, cfg.Model = &w, llm.None
		cfg.only = func(q Question) bool { return q.fits() && q.fold() == uint32(fold) }
		wg.Go(func() { out[fold], _, failed[fold] = Run(ctx, cfg) })
	}
	wg.Wait()
	return slices.Concat(out...), errors.Join(failed...)
}

// fit fits weights on some of the questions.
func (s sample) fit(some func(Question) bool) extract.Weights {
	var all []example
	for _, o := range s.outcomes {
		if some(o.Question) {
			all = append(all, example{o, o.cost(), false})
		}
	}
	ordered := slices.Clone(all)
	for _, o := range s.phrases {
		ordered = append(ordered, example{o, ofOrdered, false})
	}
	w := extract.Weights{Threshold: lowest, Frames: s.frames}
	w.Order, w.OrderTrees = fitOrder(ordered)
	for _, o := range s.hidden {
		if some(o.Question) {
			all = append(all, example{o, absent * o.cost(), true})
		}
	}
	for _, o := range s.phrases {
		counts := ofPhrases
		if !o.shouldAnswer() {
			counts = ofUnanswered
		}
		all = append(all, example{o, counts, false})
	}
	w.Sure, w.SureTrees = fitSure(w, all)
	return w
}

// example is an outcome to fit by.
type example struct {
	Outcome
	counts float64
	hidden bool // what answers it was
}

// What fitting costs: large weights; being sure of a question that must not be answered, or of one whose answer is hidden; not being
// sure of one that can be, which costs less when the best article is another, because then there is little to be sure of.
const (
	ridgeRank = .002
	ridgeSure = .0004
	untrue    = 3.0
	absent    = .1
	misplaced = .3
	poorer    = .5 // of a question asked where phrases are missing: of half of the articles, or of all
)

// What phrases count against questions: they are many, and not how all people ask. Those that are not answered are the fewer.
const (
	ofOrdered    = .05 // for the order
	ofPhrases    = .02 // for being sure
	ofUnanswered = .04
)

// fittedDrafts is how many drafts of a question, as the search found them, are put in order for fitting.
const fittedDrafts = 16

// fitOrder fits what ranks drafts: those of the right articles before the others (softmax over a question's drafts). Weights come first,
// trees on what they leave.
func fitOrder(outcomes []example) ([]float64, []extract.Tree) {
	var lists []list
	total := 0.0
	for _, o := range outcomes {
		if l := o.list(); slices.Contains(l.right, true) {
			lists = append(lists, l)
			total += l.cost
		}
	}
	w := make([]float64, extract.Features)
	descend(w, ridgeRank, func(gradient []float64) {
		for _, l := range lists {
			scores := make([]float64, len(l.rows))
			for i, row := range l.rows {
				scores[i] = l.bias[i] + dot(w, row)
			}
			all, some := softmax(scores, nil), softmax(scores, l.right)
			for i, row := range l.rows {
				add(gradient, row, l.cost*(all[i]-some[i])/total)
			}
		}
	})
	var rows [][]float64
	var costs, scores []float64
	for _, l := range lists {
		for i, row := range l.rows {
			rows, costs, scores = append(rows, row), append(costs, l.cost), append(scores, l.bias[i]+dot(w, row))
		}
	}
	return w, orderForest.grow(rows, costs, scores, func(scores, first, second []float64) {
		at := 0
		for _, l := range lists {
			of := scores[at : at+len(l.rows)]
			all, some := softmax(of, nil), softmax(of, l.right)
			for i := range of {
				first[at+i], second[at+i] = l.cost*(some[i]-all[i]), l.cost*max(all[i]*(1-all[i]), flat)
			}
			at += len(of)
		}
	})
}

// flat is the least second derivative, so that no step is without bounds.
const flat = 1e-4

// list is the first drafts of a question.
type list struct {
	rows  [][]float64
	bias  []float64
	right []bool
	cost  float64
}

func (e example) list() list {
	l := list{cost: e.counts}
	if !e.mayAnswer() {
		return l
	}
	for _, d := range e.Drafts[:min(fittedDrafts, len(e.Drafts))] {
		bias := 0.0
		if !d.Typed {
			bias = -1
		}
		l.rows, l.bias, l.right = append(l.rows, d.Features[:]), append(l.bias, bias), append(l.right, e.isRight(d))
	}
	return l
}

// fitSure fits confidence on outcomes as they are ranked by some weights.
func fitSure(ranked extract.Weights, outcomes []example) ([]float64, []extract.Tree) {
	var rows [][]float64
	var right []bool
	var costs []float64
	var drafts []extract.Draft
	total := 0.0
	for _, o := range outcomes {
		if len(o.Drafts) == 0 || o.fixed() || o.mayAnswer() != o.shouldAnswer() {
			continue
		}
		drafts = append(drafts[:0], o.Drafts...)
		ranked.Rank(drafts)
		top := drafts[0]
		row := append(slices.Clone(top.Features[:]), o.Query.Shape(drafts)...)
		cost := o.counts
		switch {
		case o.hidden:
		case !o.shouldAnswer():
			cost *= untrue
		case !o.isRight(top):
			cost *= misplaced
		}
		rows, right, costs = append(rows, append(row, 1)), append(right, o.shouldAnswer()), append(costs, cost)
		total += cost
	}
	wrong := func(i int, score float64) float64 { return 1/(1+math.Exp(-score)) - one(right[i]) }
	w := make([]float64, len(rows[0]))
	descend(w, ridgeSure, func(gradient []float64) {
		for i, row := range rows {
			add(gradient, row, costs[i]*wrong(i, dot(w, row))/total)
		}
	})
	scores := make([]float64, len(rows))
	for i, row := range rows {
		scores[i] = dot(w, row)
	}
	return w, sureForest.grow(rows, costs, scores, func(scores, first, second []float64) {
		for i, score := range scores {
			p := math.Abs(wrong(i, score))
			first[i], second[i] = -costs[i]*wrong(i, score), costs[i]*max(p*(1-p), flat)
		}
	})
}

func one(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// cost is what the outcome counts when weights are fitted.
func (o Outcome) cost() float64 {
	if o.poor {
		return poorer
	}
	return 1
}

// fixed reports questions that fixed rules decide before anything is looked for.
func (o Outcome) fixed() bool {
	return slices.Contains([]string{Crisis, Injection, Content, "own_case", "other_language"}, o.Class)
}

// isRight reports a draft of an article that answers.
func (o Outcome) isRight(d extract.Draft) bool {
	return o.mayAnswer() && slices.Contains(o.Expect.Chunks, strings.TrimPrefix(d.Hit.ID, source+"/"))
}

// descend goes down a convex slope: gradient with momentum, plain because there are a few dozen weights.
func descend(w []float64, ridge float64, gradient func(g []float64)) {
	const rate, momentum = 1, .9
	steps := int(.5 / ridge) // the less holds the weights back, the longer the way
	speed := make([]float64, len(w))
	for range steps {
		g := make([]float64, len(w))
		gradient(g)
		for i := range w {
			speed[i] = momentum*speed[i] - rate*(g[i]+2*ridge*w[i])
			w[i] += speed[i]
		}
	}
	for i := range w {
		w[i] = math.Round(w[i]*1000) / 1000
	}
}

func dot(a, b []float64) float64 {
	b = b[:len(a)]
	var s0, s1, s2, s3 float64 // side by side: a third of the time of one
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return s0 + s1 + s2 + s3
}

func add(to, row []float64, by float64) {
	to = to[:len(row)]
	for i, x := range row {
		to[i] += by * x
	}
}

// softmax is over those that count; nil: all.
func softmax(scores []float64, counts []bool) []float64 {
	out := make([]float64, len(scores))
	top, sum := slices.Max(scores), 0.0
	for i, s := range scores {
		if counts == nil || counts[i] {
			out[i] = math.Exp(s - top)
			sum += out[i]
		}
	}
	for i := range out {
		out[i] /= sum
	}
	return out
}

// Fitted are the weights in use.
func Fitted() (extract.Weights, error) { return extract.Fitted() }
