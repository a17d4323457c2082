package line

import (
	"errors"
	"sync"
	"time"

	"samtale.dk/samtale/media/rtpx"
	"samtale.dk/samtale/media/rtt"
)

// Page is the text that a telephone shows: what all others type, put together (rtt.Mixer), and sentences of ours. It is safe for
// concurrent use. Without text on the line it loses what is written, and says so.
type Page struct {
	line *Line

	mu    sync.Mutex
	mix   rtt.Mixer
	timer *time.Timer // for who waits for the turn; nil: nobody has
	lost  bool        // there was no room: a gap is to be shown
}

// Page makes the page of a line.
func (l *Line) Page() *Page { return &Page{line: l} }

// Write shows what somebody types, after label (empty: none) where it is their turn.
func (p *Page) Write(from, label, text string) error {
	return p.show(func(m *rtt.Mixer) { m.Write(from, label, text, time.Now()) })
}

// Note shows a sentence of ours on a line of its own.
func (p *Page) Note(text string) error {
	return p.show(func(m *rtt.Mixer) { m.Note(text) })
}

func (p *Page) show(change func(*rtt.Mixer)) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.line.HasText() {
		return ErrNoText
	}
	change(&p.mix)
	return p.send()
}

// send types what the mixer has for the line. The caller holds mu.
func (p *Page) send() error {
	text, again := p.mix.Take(time.Now())
	if again > 0 {
		if p.timer != nil {
			p.timer.Stop()
		}
		p.timer = time.AfterFunc(again, p.turn)
	}
	if text == "" {
		return nil
	}
	if p.lost {
		text = string(rtt.MissingText) + text
	}
	err := p.line.Type(text)
	p.lost = errors.Is(err, rtpx.ErrTextFull)
	return err
}

// turn is for the timer.
func (p *Page) turn() {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.send() // what does not fit is shown as a gap; a line that is closed shows nothing
}
