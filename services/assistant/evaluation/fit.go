package evaluation

import (
	"context"
	"math"
	"slices"
	"strings"

	"samtale.dk/samtale/models/llm"
	"samtale.dk/samtale/services/assistant/internal/answer/extract"
	"samtale.dk/samtale/services/contract/assistantv1"
)

// Fit fits, on the fitting half, how drafts are ranked; then, so ranked, how sure the best is; then, from how sure it must be. What sure
// means is learnt from near misses, and from questions asked while the articles that answer them are hidden.
func Fit(ctx context.Context, cfg Config) (extract.Weights, error) {
	w := extract.Weights{Order: make([]float64, extract.Features), Sure: make([]float64, extract.Features+extract.Shapes+1), Threshold: lowest}
	cfg.Weights, cfg.Model = &w, llm.None
	for _, fit := range []func(outcomes []Outcome) error{
		func(o []Outcome) error { w.Order = fitOrder(o); return nil },
		func(o []Outcome) error {
			less := cfg
			less.hide = true
			hidden, _, err := Run(ctx, less)
			if err == nil {
				w.Sure = fitSure(o, hidden)
			}
			return err
		},
		func(o []Outcome) error { w.Threshold = fitThreshold(o); return nil },
	} {
		outcomes, _, err := Run(ctx, cfg)
		if err != nil {
			return w, err
		}
		if err := fit(outcomes); err != nil {
			return w, err
		}
	}
	return w, nil
}

// What fitting costs: large weights; being sure of a question that must not be answered, or of one whose answer is hidden; not being
// sure of one that can be, which costs less when the best article is another, because then there is little to be sure of.
const (
	ridge     = .003
	untrue    = 2.0
	absent    = .6
	misplaced = .4
)

// fitOrder fits the weights that rank drafts: those of the right articles before the others (softmax over a question's drafts).
func fitOrder(outcomes []Outcome) []float64 {
	type list struct {
		rows  [][]float64
		bias  []float64
		right []bool
	}
	var lists []list
	for _, o := range outcomes {
		if !o.Fitting() || !o.shouldAnswer() {
			continue
		}
		var l list
		for _, d := range o.Drafts {
			bias := 0.0
			if !d.Typed {
				bias = -1
			}
			l.rows, l.bias, l.right = append(l.rows, d.Features[:]), append(l.bias, bias), append(l.right, o.isRight(d))
		}
		if slices.Contains(l.right, true) {
			lists = append(lists, l)
		}
	}
	w := make([]float64, extract.Features)
	descend(w, func(gradient []float64) {
		for _, l := range lists {
			scores := make([]float64, len(l.rows))
			for i, row := range l.rows {
				scores[i] = l.bias[i] + dot(w, row)
			}
			all, some := softmax(scores, nil), softmax(scores, l.right)
			for i, row := range l.rows {
				add(gradient, row, (all[i]-some[i])/float64(len(lists)))
			}
		}
	})
	return w
}

// fitSure fits the weights of confidence on outcomes that were ranked by the weights in use.
func fitSure(outcomes, hidden []Outcome) []float64 {
	var rows [][]float64
	var right []bool
	var costs []float64
	total := 0.0
	for i, o := range slices.Concat(outcomes, hidden) {
		if !o.Fitting() || len(o.Drafts) == 0 || o.fixed() {
			continue
		}
		top := o.Drafts[0]
		row := append(slices.Clone(top.Features[:]), o.Shape...)
		cost := 1.0
		switch {
		case i >= len(outcomes):
			cost = absent
		case !o.shouldAnswer():
			cost = untrue
		case !o.isRight(top):
			cost = misplaced
		}
		rows, right, costs = append(rows, append(row, 1)), append(right, o.shouldAnswer()), append(costs, cost)
		total += cost
	}
	w := make([]float64, len(rows[0]))
	descend(w, func(gradient []float64) {
		for i, row := range rows {
			p := 1 / (1 + math.Exp(-dot(w, row)))
			if right[i] {
				p--
			}
			add(gradient, row, costs[i]*p/total)
		}
	})
	return w
}

// fixed reports questions that fixed rules decide before anything is looked for.
func (o Outcome) fixed() bool {
	return slices.Contains([]string{Crisis, Injection, Content, "own_case", "other_language"}, o.Class)
}

// isRight reports a draft of an article that answers.
func (o Outcome) isRight(d extract.Draft) bool {
	return strings.Contains(o.Expect.Reason, assistantv1.ReasonAnswered) && slices.Contains(o.Expect.Chunks, strings.TrimPrefix(d.Hit.ID, source+"/"))
}

// descend goes down a convex slope: gradient with momentum, plain because there are a few dozen weights.
func descend(w []float64, gradient func(g []float64)) {
	const steps, rate, momentum = 3000, .5, .9
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
	sum := 0.0
	for i, x := range a {
		sum += x * b[i]
	}
	return sum
}

func add(to, row []float64, by float64) {
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
