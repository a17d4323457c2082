package calls

import (
	"sync"

	"samtale.dk/samtale/media/pcm"
)

// player plays sounds one after another and says when it is through.
type player struct {
	clip *pcm.Clip
	once sync.Once
	done chan struct{}
}

func newPlayer(parts ...[]int16) *player {
	var all []int16
	for _, p := range parts {
		all = append(all, p...)
	}
	return &player{clip: pcm.NewClip(all, false), done: make(chan struct{})}
}

// ReadFrame implements pcm.Reader on the media clock.
func (p *player) ReadFrame(dst []int16) bool {
	if p.clip.ReadFrame(dst) {
		return true
	}
	p.once.Do(func() { close(p.done) })
	return false
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
