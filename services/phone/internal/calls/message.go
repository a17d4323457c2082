package calls

import (
	"time"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/phone/internal/announce"
)

// shortest message that somebody should call back about: less is a slip.
const shortestMessage = time.Second

// message takes a spoken message. Speaking after the announcement is the consent:
// those who do not want it are told to hang up.
func message(c *Call) phase {
	c.set(callv1.StateAnnouncing, "")
	if !c.area.AllowTranscript {
		c.reason = reasonHangup
		c.play(nil, c.sound(announce.NoMessage))
		return nil
	}
	if c.play(nil, announce.Pause(300*time.Millisecond), c.sound(announce.Message), c.tone(announce.Beep)) == ended {
		return nil
	}
	return speaking
}

// speaking records until '#', silence, the limit, a withdrawn consent or the end of the call.
func speaking(c *Call) phase {
	rec := c.recording(callv1.RoleCitizen, "")
	if rec == nil {
		c.reason = reasonFailed
		c.play(nil, c.sound(announce.NoMessage))
		return nil
	}
	c.choose(true, consentv1.HowOral, "citizen")
	c.ear.route.Store(&route{rec: rec})
	c.set(callv1.StateMessage, "")
	over := c.untilSpoken(rec)
	c.ear.route.Store(nil)
	c.unfinished()
	_, spoken := rec.silence()
	c.callBack = spoken >= shortestMessage || len(c.typists) > 0
	if over {
		return nil
	}
	c.reason = reasonMessage
	if c.callBack {
		c.play(nil, c.sound(announce.Thanks))
	} else {
		c.play(nil, c.sound(announce.Goodbye))
	}
	c.reason = reasonMessage
	return nil
}

// untilSpoken reports whether the call ended meanwhile.
func (c *Call) untilSpoken(rec *recorder) bool {
	t := c.s.cfg.Times
	till := time.Now().Add(t.MessageMax)
	for {
		silence, _ := rec.silence()
		if !c.theirs.last.IsZero() {
			silence = min(silence, time.Since(c.theirs.last))
		}
		left := min(t.MessageSilence-silence, time.Until(till))
		if left <= 0 {
			return false
		}
		switch c.wait(nil, left, c.messageOver) {
		case ended:
			return true
		case stopped:
			return false
		}
	}
}

// messageOver ends the message: '#', or a withdrawn consent.
func (c *Call) messageOver(v any) verdict {
	switch v := v.(type) {
	case digit:
		if v == '#' {
			return stop
		}
	case chosen:
		c.heedQuietly(v)
		if !*c.transcribe {
			return stop
		}
		return done
	}
	return pass
}
