package calls

import (
	"time"

	"samtale.dk/samtale/services/phone/internal/announce"
	"samtale.dk/samtale/services/platform/errs"
)

// Outcome of waiting.
type outcome uint8

const (
	through outcome = iota // what was waited for has happened, or the time is over
	stopped                // the handler said so
	ended                  // the call is over
)

// verdict of a phase on a post.
type verdict uint8

const (
	pass verdict = iota // not mine: common decides
	done                // handled
	stop                // handled, and the phase is over
)

type handler func(v any) verdict

// wait handles posts until the handler stops it, ready is closed, d is over (0: no
// limit) or the call ends.
func (c *Call) wait(ready <-chan struct{}, d time.Duration, handle handler) outcome {
	var limit <-chan time.Time
	if d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		limit = t.C
	}
	for {
		select {
		case c.reason = <-c.over:
			return ended
		case <-ready:
			return through
		case <-limit:
			return through
		case v := <-c.inbox:
			if c.handle(v, handle) == stop {
				return stopped
			}
		}
	}
}

func (c *Call) handle(v any, h handler) verdict {
	switch v := v.(type) {
	case typedIn:
		return c.read(v.from, h)
	case rested:
		return c.rest(v, h)
	case digit:
		if v == captionKey && c.line != nil && c.line.HasText() && c.captionable() {
			c.toggleCaptions(c.line)
			return done
		}
	}
	if h != nil {
		if r := h(v); r != pass {
			return r
		}
	}
	c.common(v)
	return done
}

// common handles what the phase does not care about.
func (c *Call) common(v any) {
	switch v := v.(type) {
	case peerHold:
		c.peerHeld = bool(v)
	case referral:
		v.reply <- refusal(c.consider(v))
	case replacing:
		v.reply <- c.replaceable(v.old)
	case successor:
		v.reply <- c.succeed(v)
	case chosen:
		c.heedQuietly(v)
	case checkup:
		c.checkLine()
	case connect:
		v.reply <- errs.E(errs.Conflict, "Opkaldet kan ikke besvares lige nu.", nil)
	case control:
		v.reply <- errs.E(errs.Conflict, "Det kan man ikke, mens opkaldet er i denne tilstand.", nil)
	}
}

// play lets the citizen hear sounds, to their end unless stopped.
func (c *Call) play(h handler, parts ...[]int16) outcome {
	p := newPlayer(parts...)
	c.line.SetSource(p)
	o := c.wait(p.done, 0, h)
	if o != through {
		c.line.SetSource(nil)
	}
	return o
}

// sound is an announcement for the citizen, who is also written to where the line has text.
func (c *Call) sound(id announce.ID) []int16 {
	c.writeOnce(id)
	return c.s.cfg.Sounds.Get(c.area.ID, id)
}

func (c *Call) tone(t announce.Sound) []int16 { return c.s.cfg.Sounds.Tone(t) }
