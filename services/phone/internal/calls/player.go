package calls

import (
	"sync"

	"samtale.dk/samtale/media/pcm"
)

// player plays sounds one after another and says when it is through. The sounds
// are shared and not copied.
type player struct {
	parts [][]int16
	at    int // in the first part
	once  sync.Once
	done  chan struct{}
}

func newPlayer(parts ...[]int16) *player {
	return &player{parts: parts, done: make(chan struct{})}
}

// ReadFrame implements pcm.Reader on the media clock.
func (p *player) ReadFrame(dst []int16) bool {
	n := 0
	for n < len(dst) && len(p.parts) > 0 {
		k := copy(dst[n:], p.parts[0][p.at:])
		n += k
		p.at += k
		if p.at == len(p.parts[0]) {
			p.parts, p.at = p.parts[1:], 0
		}
	}
	if n == 0 {
		p.once.Do(func() { close(p.done) })
		return false
	}
	clear(dst[n:])
	return true
}

// loop plays a sound over and over.
func loop(s []int16) pcm.Reader { return pcm.NewClip(s, true) }

// playerThen plays a sound once and then another over and over.
type playerThen struct{ first, then *pcm.Clip }

func newPlayerThen(first, then []int16) pcm.Reader {
	return &playerThen{pcm.NewClip(first, false), pcm.NewClip(then, true)}
}

// ReadFrame implements pcm.Reader on the media clock.
func (p *playerThen) ReadFrame(dst []int16) bool {
	return p.first.ReadFrame(dst) || p.then.ReadFrame(dst)
}
