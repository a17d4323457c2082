package extract

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
)

// Weights say how drafts are ranked and how sure the best of them is. They are fitted on one half of seeds/gold and reported on the
// other: `go run ./deploy/eval -fit` writes weights.json.
type Weights struct {
	Order     []float64 `json:"order"`     // by feature of a draft
	Sure      []float64 `json:"sure"`      // by feature of the best draft, then those of Shape, then a constant
	Threshold float64   `json:"threshold"` // of Confidence, from which a question is answered
}

//go:embed weights.json
var fitted []byte

// Fitted are the weights that were fitted.
func Fitted() (Weights, error) {
	var w Weights
	if err := json.Unmarshal(fitted, &w); err != nil {
		return w, fmt.Errorf("weights: %w", err)
	}
	if len(w.Order) != Features || len(w.Sure) != Features+Shapes+1 {
		return w, fmt.Errorf("weights: made for other features; go run ./deploy/eval -fit makes them again")
	}
	return w, nil
}

// order ranks drafts of one question: the higher, the better.
func (w Weights) order(d Draft) float64 {
	sum := 0.0
	for i, x := range w.Order {
		sum += x * d.Features[i]
	}
	if !d.Typed {
		sum--
	}
	return sum
}

// Close reports that a draft of the same article is so close behind the best one that either may be meant.
func (d Draft) Close(top Draft) bool {
	return d.Hit.ArticleID == top.Hit.ArticleID && d.Typed && len(d.Units) > 0 && top.order-d.order < closeBehind
}

const closeBehind = .6

// Confidence is how sure the first of the ranked drafts is to answer the question, 0 to 1.
func (r *Reader) Confidence(q Query, drafts []Draft) float64 {
	if len(drafts) == 0 {
		return 0
	}
	w := r.weights.Sure
	sum := w[len(w)-1]
	for i, x := range drafts[0].Features {
		sum += w[i] * x
	}
	for i, x := range q.Shape(drafts) {
		sum += w[Features+i] * x
	}
	return 1 / (1 + math.Exp(-sum))
}

// Shapes is how many numbers Shape gives.
const Shapes = 10

// Shape is what a question looks like beside its best draft: how far that is ahead of the next, how long the question is, how rare its
// rarest word, whether a fact is asked for, and whether it names things that no article has.
func (q Query) Shape(drafts []Draft) []float64 {
	margin, all, top := 3.0, 0.0, drafts[0].order
	for i, d := range drafts {
		all += math.Exp(d.order - top)
		if i == 1 {
			margin = min(3, top-d.order)
		}
	}
	n, rare, strange, thing := 0.0, 0.0, 0.0, 0.0
	for i := range q.Words {
		w := &q.Words[i]
		if w.Generic || w.phrase {
			continue
		}
		n++
		rare = max(rare, w.Weight)
		if q.known(i, drafts) < .6 {
			part := w.Weight / q.Weight()
			strange = max(strange, part)
			if w.thing {
				thing = max(thing, part)
			}
		}
	}
	typed := 0.0
	if Fact(q.Kind) {
		typed = 1
	}
	f := drafts[0].Features
	full := 0.0
	if f[About] > .99 {
		full = 1
	}
	return []float64{margin / 3, 1 / all, top / 10, min(1, float64(len(q.Words))/12), min(1, n/8), rare, typed, strange, thing, full}
}

// known is how surely any of the drafts' articles has a word.
func (q Query) known(word int, drafts []Draft) float64 {
	best := 0.0
	for _, d := range drafts {
		if d.found != nil {
			best = max(best, d.found[word])
		}
	}
	return best
}
