package extract

import "math"

// Frames say which words ("gennemsnit", "udlejer", "bedst", "danskere") are typical of questions near the articles that none of them
// answers: a weight above 0, and below for those of questions that are answered. They are learnt from the phrases of all articles, of
// words that many articles have in theirs, and so hold for articles without any.
type Frames map[string]float64

// FrameConstant is the word that every question has.
const FrameConstant = ""

// FrameWords are the words of a question that frames know, each once.
func FrameWords(text string) []string {
	s := own(text)
	return s.frame()
}

func (s *saying) frame() []string {
	out, seen := []string{FrameConstant}, map[string]bool{}
	for _, w := range s.words {
		if !seen[w.low] {
			seen[w.low] = true
			out = append(out, w.low)
		}
	}
	return out
}

// of is how much a question is like those that no article answers: -1 to 1.
func (f Frames) of(s *saying) float64 {
	sum := 0.0
	for _, w := range s.frame() {
		sum += f[w]
	}
	return math.Tanh(sum / 2)
}
