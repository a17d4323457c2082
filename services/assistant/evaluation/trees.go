package evaluation

import (
	"math"
	"slices"
	"sync"

	"samtale.dk/samtale/services/assistant/internal/answer/extract"
)

// forest is how trees are grown.
type forest struct {
	trees    int
	learning float64 // share of a tree's step that is taken
	ridge    float64 // holds values back where little is known
}

// Trees are shallow and learn slowly, for there are a thousand or two of questions. Chosen by `go run ./deploy/eval -cross`.
var (
	orderForest = forest{200, .1, 5}
	sureForest  = forest{200, .05, 10}
)

const (
	levels    = 3
	leastCost = 5.0 // that an end must have of the examples
	leastGain = .1  // of a cut
	bins      = 32  // of a feature's values
)

// slope is the first and second derivative of the loss, downwards, at each row's score.
type slope func(score, first, second []float64)

// grow grows trees one after the other, each on what those before left of the loss: gradient boosting with second-order steps (Chen and
// Guestrin, XGBoost, 2016, sections 2.2 and 3.2). score is what the rows have without trees; costs is how much each row counts.
func (f forest) grow(rows [][]float64, costs, score []float64, down slope) []extract.Tree {
	if len(rows) == 0 {
		return nil
	}
	out := make([]extract.Tree, f.trees)
	g := garden{forest: f, rows: rows, costs: costs, first: make([]float64, len(rows)), second: make([]float64, len(rows))}
	g.cut()
	for i := range out {
		down(score, g.first, g.second)
		out[i] = g.tree()
		for k, row := range rows {
			score[k] += out[i][out[i].End(row)].Value
		}
	}
	return out
}

// garden is the rows that trees grow on.
type garden struct {
	forest
	rows          [][]float64
	costs         []float64
	first, second []float64
	cuts          [][]float64 // of each feature, ascending
	codes         [][]uint8   // of each feature and row: the first cut that it does not exceed
}

// cut cuts each feature into bins of about as many values.
func (g *garden) cut() {
	n := len(g.rows[0])
	g.cuts, g.codes = make([][]float64, n), make([][]uint8, n)
	var all sync.WaitGroup
	for f := range n {
		all.Go(func() {
			values := make([]float64, len(g.rows))
			for i, row := range g.rows {
				values[i] = row[f]
			}
			slices.Sort(values)
			values = slices.Compact(values)
			var cuts []float64
			for b := 1; b < bins; b++ {
				cuts = append(cuts, math.Round(1e4*values[b*(len(values)-1)/bins])/1e4)
			}
			g.cuts[f], g.codes[f] = slices.Compact(cuts), make([]uint8, len(g.rows))
			for i, row := range g.rows {
				at, _ := slices.BinarySearch(g.cuts[f], row[f])
				g.codes[f][i] = uint8(at)
			}
		})
	}
	all.Wait()
}

// sum is of some rows.
type sum struct{ first, second, cost float64 }

func (s *sum) add(o sum) {
	s.first, s.second, s.cost = s.first+o.first, s.second+o.second, s.cost+o.cost
}

// gain is how much of the loss one value for all of them takes away.
func (s sum) gain(ridge float64) float64 { return s.first * s.first / (s.second + ridge) }

func (g *garden) of(i int) sum { return sum{g.first[i], g.second[i], g.costs[i]} }

func (g *garden) tree() extract.Tree {
	every := make([]int, len(g.rows))
	for i := range every {
		every[i] = i
	}
	t := extract.Tree{{}}
	g.branch(&t, 0, every, levels)
	return t
}

// branch lets a node divide its rows, or ends there.
func (g *garden) branch(t *extract.Tree, node int, rows []int, more int) {
	var all sum
	for _, i := range rows {
		all.add(g.of(i))
	}
	feature, bin := -1, 0
	if more > 0 {
		feature, bin = g.best(rows, all)
	}
	if feature < 0 {
		(*t)[node].Value = math.Round(1e4*g.learning*all.first/(all.second+g.ridge)) / 1e4
		return
	}
	var left, right []int
	for _, i := range rows {
		if int(g.codes[feature][i]) <= bin {
			left = append(left, i)
		} else {
			right = append(right, i)
		}
	}
	at := len(*t)
	*t = append(*t, extract.Node{}, extract.Node{})
	(*t)[node] = extract.Node{Feature: feature, Cut: g.cuts[feature][bin], Left: at}
	g.branch(t, at, left, more-1)
	g.branch(t, at+1, right, more-1)
}

// best is the feature and the bin that divide the rows best; -1: none is worth it.
func (g *garden) best(rows []int, all sum) (feature, bin int) {
	type cut struct {
		gain float64
		bin  int
	}
	cuts := make([]cut, len(g.cuts))
	var every sync.WaitGroup
	for f := range cuts {
		every.Go(func() {
			var in [bins + 1]sum
			for _, i := range rows {
				in[g.codes[f][i]].add(g.of(i))
			}
			var left sum
			for b := range g.cuts[f] {
				left.add(in[b])
				right := sum{all.first - left.first, all.second - left.second, all.cost - left.cost}
				if x := left.gain(g.ridge) + right.gain(g.ridge) - all.gain(g.ridge); min(left.cost, right.cost) >= leastCost && x > cuts[f].gain {
					cuts[f] = cut{x, b}
				}
			}
		})
	}
	every.Wait()
	feature, least := -1, leastGain
	for f, c := range cuts {
		if c.gain > least {
			feature, bin, least = f, c.bin, c.gain
		}
	}
	return feature, bin
}
