package extract

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"samtale.dk/samtale/services/assistant/internal/answer/question"
)

// Weights say how drafts are ranked and how sure the best of them is. They are fitted on one half of seeds/gold and reported on the
// other: `go run ./deploy/eval -fit` writes weights.json.
type Weights struct {
	Order      []float64 `json:"order"` // by feature of a draft
	OrderTrees []Tree    `json:"order_trees,omitempty"`
	Sure       []float64 `json:"sure"` // by feature of the best draft, then those of Shape, then a constant
	SureTrees  []Tree    `json:"sure_trees,omitempty"`
	Threshold  float64   `json:"threshold"` // of Confidence, from which a question is answered
	Bare       float64   `json:"bare"`      // more to be as sure of an article without phrases, which it is harder to be right about
	Frames     Frames    `json:"frames,omitempty"`
}

//go:embed weights.json
var fitted []byte

// Fitted are the weights that were fitted.
func Fitted() (Weights, error) {
	var w Weights
	if err := json.Unmarshal(fitted, &w); err != nil {
		return w, fmt.Errorf("weights: %w", err)
	}
	if len(w.Order) != Features || len(w.Sure) != Features+Shapes+1 || !grown(w.OrderTrees, Features) || !grown(w.SureTrees, Features+Shapes) {
		return w, fmt.Errorf("weights: made for other features; go run ./deploy/eval -fit makes them again")
	}
	return w, nil
}

// Rank puts the drafts of one question in order, the best first.
func (w Weights) Rank(drafts []Draft) {
	for i := range drafts {
		drafts[i].order = w.order(drafts[i])
	}
	slices.SortStableFunc(drafts, func(a, b Draft) int { return -cmp.Compare(a.order, b.order) })
	if len(drafts) == 0 || drafts[0].Typed {
		return
	}
	// The base text of a section is found best, but only what a municipality adds gives the fact: then that comes first.
	i := slices.IndexFunc(drafts, func(d Draft) bool { return d.Typed && len(d.Units) > 0 && d.Kin(drafts[0]) })
	if i > 0 {
		local := drafts[i]
		local.order = drafts[0].order
		copy(drafts[1:i+1], drafts[:i])
		drafts[0] = local
	}
}

// order ranks drafts of one question: the higher, the better.
func (w Weights) order(d Draft) float64 {
	sum := 0.0
	for i, x := range w.Order {
		sum += x * d.Features[i]
	}
	sum += trees(w.OrderTrees, d.Features[:])
	if !d.Typed {
		sum--
	}
	return sum
}

// Close reports a draft so close behind the best one that either may be meant; another article must be closer.
func (d Draft) Close(top Draft) bool {
	near := closeArticle
	switch {
	case d.Hit.ArticleID == top.Hit.ArticleID && d.Features[Followed] == 1:
		near = closeFollowed
	case d.Hit.ArticleID == top.Hit.ArticleID:
		near = closeSection
	}
	return d.Typed && len(d.Units) > 0 && top.order-d.order < near
}

const (
	closeFollowed = 3.0 // "og hvad så?" says little about which side of the matter is meant
	closeSection  = 2.0
	closeArticle  = 1.5
)

// Confidence is how sure the first of the ranked drafts is to answer the question, 0 to 1.
func (r *Reader) Confidence(q Query, drafts []Draft) float64 {
	if len(drafts) == 0 {
		return 0
	}
	row := append(drafts[0].Features[:], q.Shape(drafts)...)
	w := r.weights.Sure
	sum := w[len(w)-1] + trees(r.weights.SureTrees, row)
	for i, x := range row {
		sum += w[i] * x
	}
	if f := &drafts[0].Features; f[Phrased]+f[Warned] == 0 {
		sum -= r.weights.Bare
	}
	sure := 1 / (1 + math.Exp(-sum))
	switch {
	case drafts[0].Verbatim(): // somebody who knows has said so
		return max(sure, r.weights.Threshold)
	case slices.ContainsFunc(drafts, func(d Draft) bool { return d.same.not }):
		return refused * r.weights.Threshold
	}
	return sure
}

// refused is how sure, against the threshold, an answer is to what is known not to be answered: the nearest articles are offered to read.
const refused = .9

// Shapes is how many numbers Shape gives.
const Shapes = 21

// Shape is what a question looks like beside its best draft: how far that is ahead of the next, and its article of the next article; how
// long the question is, how rare its rarest word, whether a fact is asked for; and what it names that the draft, its article or all
// articles lack.
func (q Query) Shape(drafts []Draft) []float64 {
	first, f := drafts[0], drafts[0].Features
	margin, marginArticle, all, same := 3.0, 3.0, 0.0, 0.0
	var article []float64 // how surely the article has each word
	for i, d := range drafts {
		share := math.Exp(d.order - first.order)
		all += share
		if i == 1 {
			margin = min(3, first.order-d.order)
		}
		if d.Hit.ArticleID == first.Hit.ArticleID {
			same += share
			article = most(article, d.found)
		} else {
			marginArticle = min(marginArticle, first.order-d.order)
		}
	}
	var n, rare, strange, thing, name, long, unknown, lacks, lacksArticle, unsaid, lacksSaid float64
	for i := range q.Words {
		w := &q.Words[i]
		if w.Generic || w.phrase {
			continue
		}
		n++
		rare = max(rare, w.Weight)
		part := w.Weight / q.Weight()
		if len(article) > 0 && article[i] < surely {
			lacksArticle = max(lacksArticle, part)
		}
		if len(first.found) > 0 && first.found[i] < surely {
			lacks++
			if first.asks(i) < surely {
				lacksSaid++
			}
		}
		if q.known(i, drafts) >= surely {
			continue
		}
		unknown++
		if !slices.ContainsFunc(drafts, func(d Draft) bool { return d.asks(i) >= surely }) {
			unsaid = max(unsaid, part)
		}
		strange = max(strange, part)
		if w.thing {
			thing = max(thing, part)
		}
		if w.name {
			name = max(name, part)
		}
		if len(w.Text) >= 8 {
			long = max(long, part)
		}
	}
	return []float64{
		margin / 3, 1 / all, first.order / 10, min(1, float64(len(q.Words))/12), min(1, n/8), rare, one(Fact(q.Kind)), strange, thing, one(f[About] > .99),
		same / all, marginArticle / 3, unknown / max(n, 1), long, lacksArticle, lacks / max(n, 1), name, one(question.Language(q.text) == question.English), one(len(q.Words) > spoken),
		unsaid, lacksSaid / max(n, 1),
	}
}

// spoken is from how many words on a question is told rather than asked.
const spoken = 14

// surely is how surely a word must be found.
const surely = .6

func one(is bool) float64 {
	if is {
		return 1
	}
	return 0
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
