package evaluation

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"samtale.dk/samtale/services/assistant/internal/answer/extract"
	"samtale.dk/samtale/services/contract/knowledgev1"
)

// frameArticles is in the phrases of how many articles a word must stand to be learnt: it is to say how something is asked, not about
// what.
const frameArticles = 5

// framed is a phrase to learn from.
type framed struct {
	words []string
	no    int // 1: not answered
}

// framesOf learns which words are typical of questions that are not answered, from the phrases of records: logistic regression in which
// either kind counts as much. Without phrases of both kinds there is nothing to learn.
func framesOf(records []knowledgev1.Record) extract.Frames {
	var phrases []framed
	kinds, articles := [2]float64{}, map[string]map[string]bool{}
	for _, r := range records {
		for no, list := range [][]string{r.Asked, r.Unanswered} {
			for _, p := range list {
				f := framed{extract.FrameWords(p), no}
				phrases = append(phrases, f)
				kinds[no]++
				for _, w := range f.words {
					if articles[w] == nil {
						articles[w] = map[string]bool{}
					}
					articles[w][cmp.Or(r.ArticleID, r.ID)] = true
				}
			}
		}
	}
	if kinds[0] == 0 || kinds[1] == 0 {
		return nil
	}
	maps.DeleteFunc(articles, func(_ string, in map[string]bool) bool { return len(in) < frameArticles })
	at := map[string]int{}
	names := slices.Sorted(maps.Keys(articles))
	for i, w := range names {
		at[w] = i
	}
	rows := make([][]int, len(phrases))
	for i, p := range phrases {
		for _, w := range p.words {
			if k, ok := at[w]; ok {
				rows[i] = append(rows[i], k)
			}
		}
	}
	w := regress(rows, len(names), func(i int) (no int, counts float64) {
		return phrases[i].no, float64(len(phrases)) / (2 * kinds[phrases[i].no])
	})
	out := extract.Frames{}
	for k, name := range names {
		if x := math.Round(w[k]*100) / 100; x != 0 {
			out[name] = x
		}
	}
	return out
}

// regress fits a weight for each of n words, of which rows name those that stand in a phrase; of says which kind a phrase is and what it
// counts.
func regress(rows [][]int, n int, of func(i int) (no int, counts float64)) []float64 {
	const steps, rate, shrink = 120, .3, 10 // Adagrad; shrink is worth so many phrases against a word
	w, speed := make([]float64, n), make([]float64, n)
	for range steps {
		g := make([]float64, n)
		for i, row := range rows {
			sum := 0.0
			for _, k := range row {
				sum += w[k]
			}
			no, counts := of(i)
			off := counts * (1/(1+math.Exp(-sum)) - float64(no))
			for _, k := range row {
				g[k] += off
			}
		}
		for k := range w {
			g[k] += shrink * w[k]
			speed[k] += g[k] * g[k]
			w[k] -= rate * g[k] / math.Sqrt(max(speed[k], 1e-6))
		}
	}
	return w
}
