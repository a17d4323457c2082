package line

import (
	"context"
	"errors"
	"time"

	"samtale.dk/samtale/media/rtpx"
	"samtale.dk/samtale/media/rtt"
	"samtale.dk/samtale/services/phone/internal/offer"
)

// text is the real-time text of a line, beside its sound. It is behind the line's mu.
type text struct {
	stream  *rtpx.Text // nil until there is text on the line
	offered bool       // in our first offer
	on      bool       // agreed on
	place   int        // of our stream in the description
	choice  offer.TextChoice
	key     *rtpx.Crypto // ours
}

// ErrNoText says that the other side has no real-time text.
var ErrNoText = errors.New("no real-time text on this line")

// OfferText puts real-time text into our first offer.
func (l *Line) OfferText() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.offered = true
}

// HasText reports whether real-time text is agreed on.
func (l *Line) HasText() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.on
}

// Type sends characters as if they were typed now.
func (l *Line) Type(s string) error {
	l.mu.Lock()
	t, on := l.text.stream, l.text.on
	l.mu.Unlock()
	if !on {
		return ErrNoText
	}
	return t.Write(s)
}

// lastWords bounds how long hanging up waits for what was typed: at 30 characters a second, the longest announcement.
const lastWords = 12 * time.Second

// sayAll waits until all that was typed has been sent, the call is over, or it takes too long.
func (l *Line) sayAll(ctx context.Context, over <-chan struct{}) {
	l.mu.Lock()
	t, on := l.text.stream, l.text.on
	l.mu.Unlock()
	limit := time.NewTimer(lastWords)
	defer limit.Stop()
	look := time.NewTicker(rtt.Interval / 3)
	defer look.Stop()
	for on && !t.Quiet() {
		select {
		case <-ctx.Done():
			return
		case <-over:
			return
		case <-limit.C:
			return
		case <-look.C:
		}
	}
}

func (l *Line) typed(s string) {
	if h := l.hooks.Load(); h.Text != nil {
		h.Text(s)
	}
}

// openText makes the stream when there is none yet. A line without a free port for it goes on without text.
func (l *Line) openText() bool {
	if l.hooks.Load().Text == nil || l.closed {
		return false
	}
	if l.text.stream != nil {
		return true
	}
	t, err := rtpx.NewText(rtpx.TextConfig{Ports: l.cfg.Ports, Local: l.cfg.Listen, Clock: l.cfg.Clock, Receive: l.typed})
	if err != nil {
		l.cfg.Log.Warn("a line has no real-time text", "err", err)
		return false
	}
	l.text.stream = t
	if l.secure {
		k, err := rtpx.NewCrypto(1, rtpx.Suites()[2])
		if err != nil {
			return false
		}
		l.text.key = &k
	}
	return true
}

// adoptText takes the text of an offer; false when there is none, and its line is turned down. The caller holds mu.
func (l *Line) adoptText(remote *offer.Session) (place int, ok bool) {
	place, c, ok := remote.RealTimeText()
	if !ok || !l.openText() {
		l.dropText()
		return 0, false
	}
	var key *rtpx.Crypto
	if c.Crypto != nil {
		k, err := keyFor(l.text.key, *c.Crypto)
		if err != nil {
			l.dropText()
			return 0, false
		}
		key = k
	}
	l.text.key = key
	return place, l.putText(place, c)
}

// answeredText takes what the other side says to the text that we offered, if we did. The caller holds mu.
func (l *Line) answeredText(remote *offer.Session) {
	place, c, ok := remote.RealTimeText()
	if !ok || l.text.stream == nil || (c.Crypto == nil) != (l.text.key == nil) {
		l.dropText()
		return
	}
	l.putText(place, c)
}

// putText puts an agreement about text into force.
func (l *Line) putText(place int, c offer.TextChoice) bool {
	dir := c.Dir & l.mine
	err := l.text.stream.Configure(rtpx.TextMedia{
		Remote: c.Remote, Format: c.Format, LocalKey: l.text.key, RemoteKey: c.Crypto,
		Sending: dir&offer.Send != 0, Receiving: dir&offer.Recv != 0,
	})
	if err != nil {
		l.cfg.Log.Warn("a line has no real-time text", "err", err)
		l.dropText()
		return false
	}
	l.text.on, l.text.place, l.text.choice = true, place, c
	return true
}

// dropText ends the text of a line whose other side has none any more. The ports stay its own: it may come back.
func (l *Line) dropText() {
	if l.text.on {
		l.text.on = false
		l.text.stream.Pause()
	}
}

func (l *Line) textLine(f rtt.Format, d offer.Dir) *offer.Line {
	return &offer.Line{Port: l.text.stream.LocalPort(), Text: &f, Dir: d, Crypto: l.text.key}
}
