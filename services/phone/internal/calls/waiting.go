package calls

import (
	"time"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/phone/internal/announce"
)

// announcing welcomes the caller and asks about transcription.
func announcing(c *Call) phase {
	c.s.queue.join(c.area.ID, c.id)
	c.set(callv1.StateAnnouncing, "")
	o := c.play(c.keys(), announce.Pause(300*time.Millisecond), c.sound(announce.Welcome))
	return c.next(o, asking)
}

// asking plays the question about transcription. A key counts from its first word on:
// who has called before answers into it, but a key pressed into the welcome was
// pressed for some other reason and is no consent.
func asking(c *Call) phase {
	if !c.area.AllowTranscript || c.transcribe != nil {
		return waiting
	}
	c.asked = true
	c.tell(callv1.ReasonAsking)
	question := c.sound(announce.Ask)
	c.tellCaptions()
	return c.next(c.play(c.keys(), question, announce.Pause(2*time.Second)), waiting)
}

// Posts that a key press of a waiting caller leads to.
type wish uint8

const (
	noWish wish = iota
	wantsMessage
	wantsAnswer // a caseworker took the call
	chose
	newcomer // another line has taken the place of the caller's
)

// keys handles what may happen while the caller waits, announcements included.
func (c *Call) keys() handler {
	return func(v any) verdict {
		switch v := v.(type) {
		case digit:
			return c.key(v)
		case connect:
			if !c.take(v) {
				return done
			}
			c.wish = wantsAnswer
			return stop
		case successor:
			if c.state != callv1.StateWaiting {
				return pass
			}
			err := c.succeed(v)
			v.reply <- err
			if err != nil {
				return done
			}
			c.wish = newcomer
			return stop
		}
		return pass
	}
}

func (c *Call) key(d digit) verdict {
	switch {
	case !c.area.AllowTranscript:
	case d == '9':
		c.wish = wantsMessage
		return stop
	case (d == '1' || d == '2') && c.asked:
		c.choose(d == '1', consentv1.HowDTMF, "citizen")
		c.tell("choice")
		c.wish = chose
		return stop
	}
	return done
}

// next turns the outcome of a wait into the phase that follows.
func (c *Call) next(o outcome, otherwise phase) phase {
	w := c.wish
	c.wish = noWish
	switch {
	case o == ended:
		return nil
	case o == stopped && w == wantsMessage:
		c.s.queue.leave(c.area.ID, c.id)
		return message
	case o == stopped && w == wantsAnswer:
		return answered
	case o == stopped && w == newcomer:
		return asking
	case o == stopped && w == chose:
		return c.next(c.play(c.keys(), c.thanked()), waiting)
	}
	return otherwise
}

func (c *Call) thanked() []int16 {
	if *c.transcribe {
		return c.sound(announce.Yes)
	}
	return c.sound(announce.No)
}

// waiting tells the position and plays the hold tone, over and over.
func waiting(c *Call) phase {
	c.s.queue.join(c.area.ID, c.id)
	if c.state != callv1.StateWaiting {
		c.waitingSince = time.Now()
		c.set(callv1.StateWaiting, "")
	}
	waited := time.Since(c.waitingSince)
	if waited > c.s.cfg.Times.MaxWait {
		c.s.queue.leave(c.area.ID, c.id)
		return message
	}
	if p := c.next(c.play(c.keys(), c.position()...), nil); p != nil || c.reason != "" {
		return p
	}
	if c.area.AllowTranscript && waited >= c.s.cfg.Times.OfferMessage {
		if p := c.next(c.play(c.keys(), c.sound(announce.OfferMessage)), nil); p != nil || c.reason != "" {
			return p
		}
	}
	c.line.SetSource(loop(c.tone(announce.Hold)))
	return c.next(c.wait(nil, c.s.cfg.Times.Announce, c.keys()), waiting)
}

// position says the place in the queue and, when it is known, how long it takes.
func (c *Call) position() [][]int16 {
	n := c.s.queue.position(c.area.ID, c.id)
	parts := [][]int16{c.sound(announce.PositionID(n))}
	if d, ok := c.s.queue.expected(c.area.ID, n); ok {
		parts = append(parts, c.sound(waitID(d)))
	}
	return parts
}

func waitID(d time.Duration) announce.ID {
	switch {
	case d < time.Minute:
		return announce.WaitShort
	case d < 5*time.Minute:
		return announce.Wait5
	case d < 10*time.Minute:
		return announce.Wait10
	case d < 20*time.Minute:
		return announce.Wait20
	}
	return announce.WaitLong
}

// answered is the moment when a caseworker took a waiting call.
func answered(c *Call) phase {
	c.s.queue.leave(c.area.ID, c.id)
	c.s.queue.answered(c.area.ID, time.Now())
	if c.answered.IsZero() {
		c.answered = time.Now().UTC()
	}
	c.writeOnce(announce.Answered)
	return talking
}

// ringing is after the browser vanished: the caller is kept on hold, and the call
// rings at that caseworker's desk, after a while at all desks of the area.
func ringing(c *Call) phase {
	lost := c.caseworker
	c.caseworker = ""
	c.offered = []string{lost}
	c.held, c.muted = false, false
	if c.mine != nil {
		c.mine.hold(true)
	}
	c.ear.route.Store(&route{rec: c.mine})
	c.set(callv1.StateRinging, "desk-lost")
	c.line.SetSource(newPlayerThen(c.sound(announce.Held), c.tone(announce.Hold)))
	h := c.keys()
	o := c.wait(nil, c.s.cfg.Times.RingOne, func(v any) verdict {
		if con, ok := v.(connect); ok && con.desk.caseworker != lost {
			return pass // refused by common
		}
		return h(v)
	})
	if o == through {
		c.offered = nil
		c.tell("desk-lost")
		o = c.wait(nil, c.s.cfg.Times.MaxWait, h)
	}
	if o == stopped && c.wish == wantsMessage && c.mine != nil {
		c.closeMine()
	}
	return c.next(o, message)
}

// closeMine ends the citizen's leg.
func (c *Call) closeMine() {
	if c.mine != nil {
		c.mine.finish()
		c.mine = nil
	}
}
