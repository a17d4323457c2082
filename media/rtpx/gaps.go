package rtpx

import (
	"samtale.dk/samtale/media/jitter"
	"samtale.dk/samtale/media/pcm"
)

// gaps follows what is missing in the sound of a receiver. Positions go up.
type gaps struct {
	open    bool
	current Gap   // its end is not known yet
	ended   []Gap // in sound that is not played yet
}

// begin notes that sound is missing from a position on.
func (g *gaps) begin(kind GapKind, at int64) {
	if g.open && g.current.Kind == kind {
		return
	}
	g.finish(jitter.Empty, at)
	g.open = true
	g.current = Gap{Range: pcm.Range{From: at}, Kind: kind}
}

// finish ends the gap, if there is one. What came after it may explain one
// that was unexplained. If that is a packet that was only late, nothing is
// missing: then finish returns how long playing paused for it.
func (g *gaps) finish(after jitter.Kind, at int64) (paused int64) {
	if !g.open {
		return 0
	}
	g.open = false
	g.current.To = at
	if g.current.Kind == Unexplained {
		switch after {
		case jitter.Lost:
			g.current.Kind = Lost
		case jitter.Silent:
			g.current.Kind = Silent
		case jitter.Ready:
			return g.current.Len()
		}
	}
	if g.current.Len() > 0 {
		g.ended = append(g.ended, g.current)
	}
	return 0
}

// take removes the first gap that ends up to a position.
func (g *gaps) take(pos int64) (Gap, bool) {
	if len(g.ended) == 0 || g.ended[0].To > pos {
		return Gap{}, false
	}
	first := g.ended[0]
	g.ended = g.ended[:copy(g.ended, g.ended[1:])]
	return first, true
}
