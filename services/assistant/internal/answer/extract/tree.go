package extract

// Tree is a decision tree of a few levels over features.
type Tree []Node

// Node of a Tree. What has at most Cut of the Feature goes on at Left, anything else at the node after that. Without Left the tree ends
// here and adds Value.
type Node struct {
	Feature int     `json:"f,omitempty"`
	Cut     float64 `json:"c,omitempty"`
	Left    int     `json:"l,omitempty"`
	Value   float64 `json:"v,omitempty"`
}

// End is the node at which the tree ends for some features.
func (t Tree) End(features []float64) int {
	at := 0
	for t[at].Left != 0 {
		if features[t[at].Feature] <= t[at].Cut {
			at = t[at].Left
		} else {
			at = t[at].Left + 1
		}
	}
	return at
}

// trees are what they add together.
func trees(all []Tree, features []float64) float64 {
	sum := 0.0
	for _, t := range all {
		sum += t[t.End(features)].Value
	}
	return sum
}

// grown reports trees that End can walk: each goes on to later nodes that it has, by features that there are.
func grown(all []Tree, features int) bool {
	for _, t := range all {
		if len(t) == 0 {
			return false
		}
		for i, n := range t {
			if n.Left != 0 && (n.Left <= i || n.Left+1 >= len(t) || n.Feature < 0 || n.Feature >= features) {
				return false
			}
		}
	}
	return true
}
