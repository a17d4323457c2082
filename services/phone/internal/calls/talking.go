package calls

import (
	"context"
	"errors"
	"strings"
	"time"

	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/phone/internal/announce"
	"samtale.dk/samtale/services/platform/errs"
)

// talking connects citizen and caseworker until one hangs up, the call is moved,
// or the browser is lost.
func talking(c *Call) phase {
	c.connectSound()
	c.set(c.talkState(), "")
	for {
		switch c.wait(nil, qualityEvery, c.talk) {
		case ended:
			return nil
		case through:
			c.watchQuality()
		case stopped:
			p := c.follow
			c.follow = nil
			return p
		}
	}
}

// qualityEvery is how often the desk is told about the line, when it changes.
const qualityEvery = 5 * time.Second

func (c *Call) watchQuality() {
	if s := c.snap.Load(); s.Quality != c.quality() || s.Text != c.hasText() {
		c.tellReaders()
		c.snapshot()
	}
}

func (c *Call) talkState() callv1.State {
	if c.held || c.peerHeld {
		return callv1.StateHeld
	}
	return callv1.StateTalking
}

// leave ends the talking phase; p comes next, nil ends the call.
func (c *Call) leave(p phase) verdict {
	c.follow = p
	return stop
}

// talk handles what may happen while talking.
func (c *Call) talk(v any) verdict {
	switch v := v.(type) {
	case connect:
		if c.take(v) {
			c.connectSound()
			c.set(c.talkState(), "desk-replaced")
		}
		return done
	case deskUp:
		return c.deskState(v)
	case deskLost:
		if c.lost(v) {
			c.dropConsult()
			c.dropDesk()
			return c.leave(ringing)
		}
		return done
	case peerHold:
		c.peerHeld = bool(v)
		c.set(c.talkState(), "peer-hold")
		return done
	case chosen:
		if c.heed(v) {
			c.connectSound()
			c.set(c.talkState(), "choice")
		}
		return done
	case control:
		return c.act(v)
	case consultResult:
		return c.consulted(v)
	case moveResult:
		return c.moved(v)
	}
	return pass
}

// deskState times the loss of the browser's media.
func (c *Call) deskState(v deskUp) verdict {
	if v.desk != c.desk {
		return done
	}
	switch up := v.desk.up.Load(); {
	case up:
		v.desk.watched = false
		v.desk.ups++
	case !v.desk.watched:
		v.desk.watched = true
		c.watchDesk(c.s.cfg.Times.AgentLost)
	}
	return done
}

// connectSound puts the sound of both parties where it belongs now. It is called
// after every change and makes everything anew, so that no change is forgotten.
func (c *Call) connectSound() {
	c.openLegs()
	toDesk, toLine := c.newBridge(), c.newBridge()
	fromLine, fromDesk := &route{to: toDesk, rec: c.mine}, &route{to: toLine, rec: c.yours}
	var hearsLine, hearsDesk pcm.Reader = toLine, toDesk
	k := c.consult
	three := k != nil && k.merged && !c.held && !c.moving
	away := k != nil && !k.merged || c.moving
	if c.held || away {
		fromLine.to, fromDesk.to = nil, nil
		hearsLine, hearsDesk = loop(c.tone(announce.Hold)), nil
	}
	if c.muted {
		fromDesk.to = nil
	}
	if c.mine != nil {
		c.mine.hold(c.held || away)
	}
	if c.yours != nil {
		c.yours.hold(c.held || away || c.muted)
	}
	switch {
	case three:
		hearsLine, hearsDesk = k.join(c, fromLine, fromDesk)
	case k != nil:
		hearsDesk = k.sound(c, fromDesk)
	}
	c.ear.route.Store(fromLine)
	c.line.SetSource(hearsLine)
	if c.desk != nil {
		c.desk.ear.route.Store(fromDesk)
		c.desk.phone.SetSource(hearsDesk)
	}
	c.tellReaders()
}

// openLegs opens or ends the legs for the recogniser as the choice says.
func (c *Call) openLegs() {
	if c.transcribe == nil || !*c.transcribe || !c.area.AllowTranscript {
		c.closeMine()
		if c.yours != nil {
			c.yours.finish()
			c.yours = nil
		}
		if c.consult != nil {
			c.consult.closeLeg()
		}
		return
	}
	if c.mine == nil {
		c.mine = c.recording(callv1.RoleCitizen, "")
	}
	if c.yours == nil && c.desk != nil {
		c.yours = c.recording(callv1.RoleCaseworker, c.caseworker)
	}
	if k := c.consult; k != nil && k.merged && k.rec == nil {
		k.rec = c.recording(callv1.RoleOther, "")
	}
}

// errNotYours refuses acts on a call of somebody else.
func errNotYours() error {
	return errs.E(errs.Denied, "En anden medarbejder har opkaldet.", nil)
}

// act does what a caseworker asked for.
func (c *Call) act(v control) verdict {
	if v.req.Caseworker != c.caseworker {
		v.reply <- errNotYours()
		return done
	}
	switch v.req.Action {
	case callv1.ActionHangup:
		c.reason = reasonHangup
		v.reply <- nil
		return c.leave(nil)
	case callv1.ActionTransfer:
		return c.transfer(v)
	case callv1.ActionType:
		v.reply <- c.typeBack(v.req.Value)
		return done
	case callv1.ActionComplete:
		return c.complete(v)
	}
	err := c.change(v.req)
	if err == nil {
		c.connectSound()
		c.set(c.talkState(), v.req.Action)
	}
	v.reply <- err
	return done
}

// change does the acts that keep the call where it is.
func (c *Call) change(r callv1.ControlRequest) error {
	switch r.Action {
	case callv1.ActionHold:
		c.held = true
		c.write(announce.Written(announce.Held))
	case callv1.ActionResume:
		c.held = false
		c.write(announce.Written(announce.Back))
	case callv1.ActionMute:
		c.muted = true
	case callv1.ActionUnmute:
		c.muted = false
	case callv1.ActionPause, callv1.ActionContinue:
		c.pause(r.Action == callv1.ActionPause)
	case callv1.ActionTranscribe:
		return c.noteChoice(r.Value)
	case callv1.ActionDTMF:
		return c.press(r.Value)
	case callv1.ActionConsult:
		return c.startConsult(r.Value)
	case callv1.ActionMerge:
		return c.merge()
	case callv1.ActionCancel:
		if c.consult == nil {
			return errs.E(errs.Conflict, "Der er ingen forespørgsel i gang.", nil)
		}
		c.dropConsult()
		c.held = false
	default:
		return errs.E(errs.Invalid, "", errors.New("unknown action"))
	}
	return nil
}

func (c *Call) pause(on bool) {
	c.paused = on
	open := []*recorder{c.mine, c.yours}
	if c.consult != nil {
		open = append(open, c.consult.rec)
	}
	for _, r := range open {
		if r != nil {
			r.mask(on)
		}
	}
}

// noteChoice takes the spoken choice that the caseworker noted.
func (c *Call) noteChoice(value string) error {
	if value != "yes" && value != "no" {
		return errs.E(errs.Invalid, "", errors.New("transcribe: yes or no"))
	}
	if value == "yes" && !c.area.AllowTranscript {
		return errs.E(errs.Conflict, "Dette fagområde har ikke grundlag for at skrive samtaler ned.", nil)
	}
	c.choose(value == "yes", consentv1.HowOral, c.caseworker)
	return nil
}

func (c *Call) press(keys string) error {
	target := c.line
	if c.consult != nil && c.consult.line != nil {
		target = c.consult.line
	}
	if err := target.SendDigits(keys); err != nil {
		return errs.E(errs.Invalid, "Tasterne kunne ikke sendes.", err)
	}
	return nil
}

// release lets the caseworker go; the citizen stays.
func (c *Call) release() {
	c.dropConsult()
	c.dropDesk()
	c.caseworker = ""
	c.held, c.muted, c.moving, c.hadText = false, false, false, false
	c.line.told = ""
	c.ear.route.Store(nil)
	c.closeMine()
	c.unfinished()
	c.forgetLines()
}

// transfer moves the call away without asking first.
func (c *Call) transfer(v control) verdict {
	if id, ok := strings.CutPrefix(v.req.Value, "area:"); ok {
		area, known := c.s.cfg.Areas.ID(id)
		if !known {
			v.reply <- errs.E(errs.NotFound, "Fagområdet findes ikke.", nil)
			return done
		}
		v.reply <- nil
		c.release()
		c.area = area
		return c.leave(requeue)
	}
	uri, err := c.s.cfg.Trunk.URI(v.req.Value)
	if err != nil {
		v.reply <- err
		return done
	}
	c.moving = true
	c.connectSound()
	c.set(callv1.StateHeld, callv1.ActionTransfer)
	v.reply <- nil
	c.refer(uri, nil)
	return done
}

// requeue is a call that was moved to another area's queue.
func requeue(c *Call) phase {
	c.s.queue.join(c.area.ID, c.id)
	c.offered = nil
	c.waitingSince = time.Now()
	c.set(callv1.StateWaiting, "transferred")
	return c.next(c.play(c.keys(), c.sound(announce.Transferred)), waiting)
}

// dialing is an outgoing call until it is answered.
func dialing(c *Call) phase {
	c.set(callv1.StateRinging, "")
	c.desk.phone.SetSource(loop(c.tone(announce.Ringback)))
	ctx, cancel := context.WithTimeout(c.s.ctx, c.s.cfg.Times.DialLimit)
	defer cancel()
	result := make(chan error, 1)
	l := c.line
	go func() { result <- c.dialCitizen(ctx, l) }()
	over := make(chan struct{})
	var err error
	go func() { err = <-result; close(over) }()
	o := c.wait(over, 0, c.whileDialing)
	if o != through {
		cancel()
		<-over
		if p := c.follow; p != nil {
			c.follow = nil
			return p
		}
		return nil
	}
	if err != nil {
		c.log.Info("outgoing call failed", "err", err)
		c.reason = failure(err)
		c.desk.phone.SetSource(newPlayer(c.tone(announce.Busy)))
		c.set(callv1.StateRinging, c.reason)
		c.wait(nil, 3*time.Second, c.whileDialing)
		c.reason = failure(err)
		return nil
	}
	c.answered = time.Now().UTC()
	return talking
}

// whileDialing lets the caseworker give up.
func (c *Call) whileDialing(v any) verdict {
	switch v := v.(type) {
	case control:
		if v.req.Action == callv1.ActionHangup && v.req.Caseworker == c.caseworker {
			c.reason = reasonHangup
			v.reply <- nil
			return stop
		}
	case successor: // another telephone picked the call up
		err := c.succeed(v)
		v.reply <- err
		if err != nil {
			return done
		}
		c.answered = time.Now().UTC()
		return c.leave(talking)
	case connect:
		if c.take(v) {
			c.desk.phone.SetSource(loop(c.tone(announce.Ringback)))
		}
		return done
	case deskUp:
		return c.deskState(v)
	case deskLost:
		if c.lost(v) {
			c.reason = reasonLost
			return stop
		}
		return done
	}
	return pass
}
