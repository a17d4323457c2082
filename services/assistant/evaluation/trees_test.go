package evaluation

import (
	"math"
	"testing"
)

// Whether two features are equal is nothing that a weight for each can say; trees can.
func TestTreesLearnWhatWeightsCannot(t *testing.T) {
	var rows [][]float64
	var costs, right []float64
	for i := range 400 {
		a, b := float64(i%2), one(i%3 == 0)
		rows, costs = append(rows, []float64{float64(i%7) / 7, a, b}), append(costs, 1)
		right = append(right, one(a == b))
	}
	scores := make([]float64, len(rows))
	trees := sureForest.grow(rows, costs, scores, func(scores, first, second []float64) {
		for i, s := range scores {
			p := 1 / (1 + math.Exp(-s))
			first[i], second[i] = right[i]-p, p*(1-p)
		}
	})
	for i, row := range rows {
		sum := 0.0
		for _, tree := range trees {
			sum += tree[tree.End(row)].Value
		}
		if sum != scores[i] {
			t.Fatalf("the trees add %v to %v, and were grown on %v", sum, row, scores[i])
		}
		if (sum > 2) != (right[i] == 1) || math.Abs(sum) < 2 {
			t.Fatalf("%v scores %v", row, sum)
		}
	}
}
