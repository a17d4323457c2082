package demo

import (
	"math"
	"slices"
	"unicode/utf8"
)

// Search parameters. The weights of the language model were chosen on sentences of the generator and on
// free ones that are in neither test set (train/RESULTS.md).
const (
	beamWidth  = 16
	beamDrop   = 14.0  // a hypothesis this far (natural log) behind the best is dropped
	letterDrop = -7.0  // letters less likely than this in a frame are not tried
	blankSure  = -5e-4 // above this log probability of blank, a frame can only be blank
)

var never = float32(math.Inf(-1))

// node is one letter of a hypothesis; hypotheses share their beginnings. Index 0 is the empty one.
type node struct {
	parent, child, sibling int32
	letter                 uint8
	frame                  int32   // where the letter was heard best
	logp                   float32 // its log probability there
	lm                     lmState
	score                  float32 // of the language model, up to here
	pb, pnb                float32 // log probability of ending in blank, in the letter
	nextB, nextN           float32 // the same for the frame being computed
	stamp                  int32   // the last frame in which it was reached
}

// beam is a prefix beam search over the network's output. Not safe for concurrent use.
type beam struct {
	lm     *languageModel // nil: the network alone
	nodes  []node
	live   []int32
	next   []int32
	frame  int32
	cand   []uint8
	best   int32
	moved  []int32 // scratch of rebase
	latest int32   // frame of the best hypothesis' last letter
}

func newBeam(lm *languageModel) *beam {
	b := &beam{lm: lm, nodes: make([]node, 0, 1<<14)}
	b.reset(0, b.lm.start())
	return b
}

// reset begins with the empty hypothesis at a frame.
func (b *beam) reset(frame int32, s lmState) {
	b.nodes = append(b.nodes[:0], node{parent: -1, child: -1, sibling: -1, letter: space, frame: frame, lm: s, pnb: never, stamp: -1})
	b.live = append(b.live[:0], 0)
	b.frame, b.best, b.latest = frame, 0, frame
}

// step takes the log probabilities of the next frame.
func (b *beam) step(p []float32) {
	if p[blank] > blankSure {
		for _, i := range b.live {
			n := &b.nodes[i]
			n.pb, n.pnb = add(n.pb, n.pnb)+p[blank], never
		}
		b.frame++
		return
	}
	b.cand = b.cand[:0]
	for c := range p {
		if c != blank && p[c] > letterDrop {
			b.cand = append(b.cand, uint8(c))
		}
	}
	b.next = b.next[:0]
	for _, i := range b.live {
		b.extend(i, p)
	}
	b.prune()
	b.frame++
}

func (b *beam) extend(i int32, p []float32) {
	n := b.nodes[i]
	total := add(n.pb, n.pnb)
	b.reach(i, total+p[blank], never)
	for _, c := range b.cand {
		switch {
		case n.letter == space && c == space: // a second space is no letter
			b.reach(i, total+p[c], never)
		case n.letter == c && n.parent >= 0:
			b.reach(i, never, n.pnb+p[c])
			if n.pb > never {
				b.letter(i, c, p[c], n.pb+p[c])
			}
		default:
			b.letter(i, c, p[c], total+p[c])
		}
	}
}

func (b *beam) reach(i int32, pb, pnb float32) {
	n := &b.nodes[i]
	if n.stamp != b.frame {
		n.stamp, n.nextB, n.nextN = b.frame, never, never
		b.next = append(b.next, i)
	}
	n.nextB, n.nextN = add(n.nextB, pb), add(n.nextN, pnb)
}

// letter reaches the hypothesis i followed by c.
func (b *beam) letter(i int32, c uint8, logp, prob float32) {
	k := b.nodes[i].child
	for k >= 0 && b.nodes[k].letter != c {
		k = b.nodes[k].sibling
	}
	if k < 0 {
		k = int32(len(b.nodes))
		up := &b.nodes[i]
		s, gain := b.lm.advance(up.lm, c)
		b.nodes = append(b.nodes, node{
			parent: i, child: -1, sibling: up.child, letter: c, frame: b.frame, logp: logp, lm: s,
			score: up.score + gain, pb: never, pnb: never, stamp: -1,
		})
		b.nodes[i].child = k
	}
	n := &b.nodes[k]
	if logp > n.logp && b.frame-n.frame < 8 {
		n.frame, n.logp = b.frame, logp
	}
	b.reach(k, never, prob)
}

// prune keeps the best hypotheses.
func (b *beam) prune() {
	top := never
	for _, i := range b.next {
		n := &b.nodes[i]
		n.pb, n.pnb = n.nextB, n.nextN
		if s := n.total(); s > top {
			top, b.best = s, i
		}
	}
	kept := b.next[:0]
	for _, i := range b.next {
		if b.nodes[i].total() > top-beamDrop {
			kept = append(kept, i)
		}
	}
	if len(kept) > beamWidth {
		slices.SortFunc(kept, func(x, y int32) int {
			if b.nodes[x].total() > b.nodes[y].total() {
				return -1
			}
			return 1
		})
		kept = kept[:beamWidth]
	}
	// A hypothesis that fell out keeps its node but must not be found with an old probability when reached again.
	b.live, b.next = append(b.live[:0], kept...), kept[:0]
	b.latest = b.nodes[b.best].frame
}

func (n *node) prob() float32 { return add(n.pb, n.pnb) }

func (n *node) total() float32 { return n.prob() + n.score }

// finalBest is the best hypothesis when nothing more comes: the last word is scored as ended.
func (b *beam) finalBest() int32 {
	best, top := b.best, never
	for _, i := range b.live {
		n := &b.nodes[i]
		if s := n.total() + b.lm.end(n.lm); s > top {
			best, top = i, s
		}
	}
	return best
}

// rebase makes node k, a space on the way to the best hypothesis, the empty one and forgets every hypothesis without it.
func (b *beam) rebase(k int32) {
	if cap(b.moved) < len(b.nodes) {
		b.moved = make([]int32, cap(b.nodes))
	}
	moved := b.moved[:len(b.nodes)]
	for i := range moved {
		moved[i] = -1
	}
	for _, i := range b.live {
		if !b.passes(i, k) {
			continue
		}
		for j := i; j >= k; j = b.nodes[j].parent {
			moved[j] = 0
		}
	}
	// A node comes after its parent, so moving down in order overwrites nothing that is still needed.
	to := int32(0)
	for i := k; int(i) < len(moved); i++ {
		if moved[i] < 0 {
			continue
		}
		n := b.nodes[i]
		n.child, n.sibling = -1, -1
		if i == k {
			n.parent = -1
		} else {
			n.parent = moved[n.parent]
			n.sibling = b.nodes[n.parent].child
		}
		moved[i] = to
		b.nodes[to] = n
		if n.parent >= 0 {
			b.nodes[n.parent].child = to
		}
		to++
	}
	kept := b.live[:0]
	for _, i := range b.live {
		if moved[i] >= 0 {
			kept = append(kept, moved[i])
		}
	}
	b.live, b.best = kept, moved[b.best]
	b.nodes = b.nodes[:to]
	base, score := b.nodes[b.best].prob(), b.nodes[0].score
	for i := range b.nodes {
		b.nodes[i].pb -= base
		b.nodes[i].pnb -= base
		b.nodes[i].score -= score
	}
}

// passes says whether hypothesis i goes through node k.
func (b *beam) passes(i, k int32) bool {
	for i > k {
		i = b.nodes[i].parent
	}
	return i == k
}

// heard is a word of a hypothesis, in frames.
type heard struct {
	first, last int32
	letters     int32
	logp        float32 // mean over letters
	end         int32   // node of its last letter
}

// words puts the words from node from (exclusive) to node to into out, oldest first.
func (b *beam) words(out []heard, from, to int32) []heard {
	out = out[:0]
	w := heard{}
	for i := to; i != from && i > 0; i = b.nodes[i].parent {
		n := &b.nodes[i]
		if n.letter == space {
			out, w = keep(out, w), heard{}
			continue
		}
		if w.letters == 0 {
			w.last, w.end = n.frame, i
		}
		w.first = n.frame
		w.letters++
		w.logp += n.logp
	}
	out = keep(out, w)
	slices.Reverse(out)
	return out
}

func keep(out []heard, w heard) []heard {
	if w.letters == 0 {
		return out
	}
	w.logp /= float32(w.letters)
	return append(out, w)
}

// text spells a word.
func (b *beam) text(w heard) string {
	var buf [64]byte
	at := len(buf)
	for i, k := w.end, w.letters; k > 0; i, k = b.nodes[i].parent, k-1 {
		r := alphabet[b.nodes[i].letter]
		n := utf8.RuneLen(r)
		if at < n {
			break // no word is longer; what is cut is noise
		}
		at -= n
		utf8.EncodeRune(buf[at:], r)
	}
	return string(buf[at:])
}

// add is log(exp(a) + exp(b)).
func add(a, b float32) float32 {
	if a < b {
		a, b = b, a
	}
	if b == never || b < a-16 {
		return a
	}
	return a + float32(math.Log1p(math.Exp(float64(b-a))))
}
