package demo

import (
	_ "embed" // the language model
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sort"
)

//go:embed lm.bin
var lmFile []byte

// Weights of the language model in the search, in natural log.
const (
	lmWeight    = 0.6
	wordGain    = 2.0  // per word, against swallowing short ones
	unseenWord  = -4.0 // a word outside the vocabulary …
	spelling    = 0.6  // … whose letters are weighed by how Danish they look
	newSentence = -2.0 // the word before belongs to a sentence that has ended
)

// languageModel is a word bigram model with backoff over a sorted vocabulary. Read-only after load.
type languageModel struct {
	weight, gain, unseen, spell float32

	words   [][]uint8 // letters as alphabet indices, sorted
	unigram []float32
	backoff []float32 // per history; the last history is the start of a sentence
	first   []int32   // where a history's followers start in next
	next    []int32
	logp    []float32
	letter  []uint8 // -1/12 log P(letter | three before), [a][b][c][letter]
}

// lmState is what the model needs to know of a hypothesis: the word before and where in the vocabulary the word being
// written is.
type lmState struct {
	prev   int32 // index of the word before, len(words) at the start of a sentence, -1 for an unseen one
	lo, hi int32 // words that begin like the one being written; lo == hi: none
	depth  uint8
	last   [3]uint8 // letters, the newest last; space before the first
	spelt  float32  // log probability of the letters so far
}

var errLM = errors.New("demo: damaged language model")

// loadLM reads what train/build_lm.py wrote: "SDLM", uint32 words, uint32 bigrams, the words (a length byte and letters each),
// unigrams, backoffs (words+1), counts of followers (uint32, words+1), followers (uint32), their probabilities, letters after
// three letters. Probabilities are bytes, -1/12 of the natural logarithm.
func loadLM(b []byte) (*languageModel, error) {
	if len(b) < 12 || string(b[:4]) != "SDLM" {
		return nil, fmt.Errorf("%w: header", errLM)
	}
	n, m := int(binary.LittleEndian.Uint32(b[4:])), int(binary.LittleEndian.Uint32(b[8:]))
	b = b[12:]
	l := &languageModel{weight: lmWeight, gain: wordGain, unseen: unseenWord, spell: spelling}
	for range n {
		if len(b) == 0 || len(b) <= int(b[0]) {
			return nil, fmt.Errorf("%w: words", errLM)
		}
		l.words = append(l.words, b[1:1+b[0]])
		b = b[1+b[0]:]
	}
	if len(b) != n+(n+1)*5+m*5+letters*letters*letters*letters {
		return nil, fmt.Errorf("%w: length", errLM)
	}
	l.unigram, b = logs(b, n)
	l.backoff, b = logs(b, n+1)
	at := int32(0)
	for range n + 1 {
		l.first = append(l.first, at)
		at += int32(binary.LittleEndian.Uint32(b))
		b = b[4:]
	}
	l.first = append(l.first, at)
	for range m {
		l.next = append(l.next, int32(binary.LittleEndian.Uint32(b)))
		b = b[4:]
	}
	l.logp, l.letter = logs(b, m)
	if int(at) != m {
		return nil, fmt.Errorf("%w: followers", errLM)
	}
	return l, nil
}

func logs(b []byte, n int) ([]float32, []byte) {
	out := make([]float32, n)
	for i := range out {
		out[i] = -float32(b[i]) / 12
	}
	return out, b[n:]
}

// start is the state before the first word.
func (l *languageModel) start() lmState {
	if l == nil {
		return lmState{}
	}
	return l.begin(int32(len(l.words)))
}

// begin is the state at the first letter of a word after prev.
func (l *languageModel) begin(prev int32) lmState {
	return lmState{prev: prev, hi: int32(len(l.words)), last: [3]uint8{space, space, space}}
}

// spells is log P(c | the letters before it).
func (l *languageModel) spells(s *lmState, c uint8) float32 {
	i := ((int(s.last[0])*letters+int(s.last[1]))*letters+int(s.last[2]))*letters + int(c)
	return -float32(l.letter[i]) / 12
}

// advance adds a letter (or space) and gives the change of the score.
func (l *languageModel) advance(s lmState, c uint8) (lmState, float32) {
	if l == nil {
		return s, 0
	}
	if c == space {
		return l.begin(l.whole(s)), l.end(s)
	}
	p := l.spells(&s, c)
	t := lmState{prev: s.prev, depth: s.depth + 1, last: [3]uint8{s.last[1], s.last[2], c}, spelt: s.spelt + p}
	if s.lo == s.hi {
		return t, l.spell * p
	}
	d := int(s.depth)
	sub := l.words[s.lo:s.hi]
	lo := sort.Search(len(sub), func(i int) bool { return len(sub[i]) > d && sub[i][d] >= c })
	hi := lo + sort.Search(len(sub)-lo, func(i int) bool { return len(sub[lo+i]) > d && sub[lo+i][d] > c })
	t.lo, t.hi = s.lo+int32(lo), s.lo+int32(hi)
	if lo == hi {
		return t, l.unseen + l.spell*t.spelt
	}
	return t, 0
}

// whole is the word that ends here, -1 if the vocabulary has none.
func (l *languageModel) whole(s lmState) int32 {
	if s.lo < s.hi && len(l.words[s.lo]) == int(s.depth) && s.depth > 0 {
		return s.lo
	}
	return -1
}

// end scores the word that ends here.
func (l *languageModel) end(s lmState) float32 {
	if l == nil || s.depth == 0 {
		return 0
	}
	w := l.whole(s)
	if w < 0 {
		gain := l.gain + l.spell*l.spells(&s, space)
		if s.lo < s.hi { // a beginning of known words, but none of them
			gain += l.unseen + l.spell*s.spelt
		}
		return gain
	}
	p := l.follow(s.prev, w)
	if n := int32(len(l.words)); s.prev != n {
		p = max(p, l.follow(n, w)+newSentence)
	}
	return l.weight*p + l.gain
}

// follow is log P(w | prev).
func (l *languageModel) follow(prev, w int32) float32 {
	if prev < 0 {
		return l.unigram[w]
	}
	a, b := l.first[prev], l.first[prev+1]
	i := a + int32(sort.Search(int(b-a), func(i int) bool { return l.next[int(a)+i] >= w }))
	if i < b && l.next[i] == w {
		return l.logp[i]
	}
	return l.backoff[prev] + l.unigram[w]
}

// confidence of a word whose letters had this mean log probability.
func confidence(logp float32) float64 { return math.Exp(float64(logp)) }
