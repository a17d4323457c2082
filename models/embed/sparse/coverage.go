package sparse

import "slices"

// A need is one word of a question and the ways in which a document can have it.
type need struct {
	ways   []alternative
	weight float32
}

// An alternative is worth so much when a document has its terms: any of them, or else each its share.
type alternative struct {
	dims  []uint32
	worth float64
	any   bool
}

// What it is worth to have a word: less when it is not quite what was asked for.
var wholeWorth = map[string]float64{ViaWord: 1, ViaSpelling: .9, ViaJoined: 1, ViaOfficial: .8}

// partsWorth is that of all the parts of a compound without the compound.
const partsWorth = .8

func (n *need) add(ways ...alternative) {
	for _, w := range ways {
		if len(w.dims) > 0 {
			n.ways = append(n.ways, w)
		}
	}
}

func (n *need) met(has func(dim uint32) bool) float64 {
	best := 0.0
	for _, w := range n.ways {
		count := 0
		for _, d := range w.dims {
			if has(d) {
				count++
			}
		}
		switch {
		case count > 0 && w.any:
			best = max(best, w.worth)
		default:
			best = max(best, w.worth*float64(count)/float64(len(w.dims)))
		}
	}
	return best
}

// matters is how much the word matters: as much as the rarest of what the corpus has for it, and most when the corpus has nothing.
func (n *need) matters(e *Encoder) float64 {
	best := float32(0)
	for _, w := range n.ways {
		for _, d := range w.dims {
			if r := e.Rarity(d); r < e.rarest {
				best = max(best, r)
			}
		}
	}
	if best == 0 {
		best = e.Rarity(n.ways[0].dims[0])
	}
	return float64(best * n.weight)
}

// Coverage is how much of a question a document has, from 0 to 1: its words, or else what they may stand for, rare words more.
// A question without content is not covered at all.
func (e *Encoder) Coverage(q Question, has func(dim uint32) bool) float64 {
	met, all := 0.0, 0.0
	for _, n := range q.needs {
		if len(n.ways) == 0 {
			continue
		}
		w := n.matters(e)
		met += w * n.met(has)
		all += w
	}
	if all == 0 {
		return 0
	}
	return met / all
}

// Shared lists the terms of a question that a document has, heaviest first.
func (e *Encoder) Shared(q Question, has func(dim uint32) bool) []Term {
	var out []Term
	for _, t := range q.Terms {
		if has(t.Dim) {
			out = append(out, t)
		}
	}
	e.Heaviest(out)
	return out
}

// Heaviest orders terms by what they weigh in the corpus.
func (e *Encoder) Heaviest(terms []Term) {
	slices.SortStableFunc(terms, func(a, b Term) int {
		wa, wb := a.Weight*e.Rarity(a.Dim), b.Weight*e.Rarity(b.Dim)
		switch {
		case wa > wb:
			return -1
		case wa < wb:
			return 1
		}
		return 0
	})
}
