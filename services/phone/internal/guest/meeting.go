package guest

import (
	"context"
	"time"

	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/phone/internal/announce"
	"samtale.dk/samtale/services/platform/errs"
)

const (
	// quietMeeting: the mix comes every 20 ms, so without it for so long the meeting's node is gone, or the bus.
	quietMeeting = 3 * time.Second
	// quietLine: a telephone that sent nothing for so long is asked by signalling whether it is there. It may well be silent.
	quietLine = 30 * time.Second
)

// meeting is the guest's time in the room.
func (v *visit) meeting() string {
	ctx, cancel := context.WithCancel(v.s.ctx)
	defer cancel()
	nc := v.s.cfg.Bus.NC
	session := event.NewID(time.Now())
	sub, err := nc.Subscribe(meetingv1.DownSubject(session), v.ear.hear)
	if err != nil {
		v.log.Error("sound of a meeting", "err", err)
		return v.farewell(announce.MeetingAway, outAway)
	}
	defer func() { _ = sub.Unsubscribe() }() // the connection may be gone already
	text, err := nc.Subscribe(meetingv1.TextDownSubject(session), v.reads())
	if err != nil {
		v.log.Error("text of a meeting", "err", err)
		return v.farewell(announce.MeetingAway, outAway)
	}
	defer func() { _ = text.Unsubscribe() }()
	pen := newPen()
	go pen.publish(ctx, nc, session)
	v.keyboard.hand(pen)
	defer func() { v.keyboard.hand(nil); pen.finish() }()
	v.ear.last.Store(time.Now().UnixNano())
	v.checked = time.Now()
	go v.mouth.publish(ctx, nc, session)
	v.mouth.begin()
	v.say(announce.MeetingIn)
	v.offerCaptions()
	for {
		if out := v.renew(session); out != "" {
			return out
		}
		v.checkLine()
		if v.wait(nil, meetingv1.SoundEvery, v.inMeeting) == gone {
			return outHungUp
		}
		if v.me.State != meetingv1.InRoom && v.me.State != meetingv1.InSide && v.me.Line != meetingv1.LineLost {
			return v.let()
		}
	}
}

// renew asks for the sound again, which also tells where the seat stands.
func (v *visit) renew(session string) string {
	e, err := ask[meetingv1.Entry](v, meetingv1.SoundSubject, meetingv1.SoundRequest{
		Seat: v.seat, Session: session, Text: v.line.HasText(), Captions: v.reading, Quality: v.line.Quality(),
	})
	switch errs.KindOf(err) {
	case errs.NotFound, errs.Denied:
		return v.turnedAway(err)
	}
	if err == nil {
		v.stands(e.Me)
	}
	quiet := quietMeeting
	if err == nil { // a room that has just been opened elsewhere sounds in a moment
		quiet += meetingv1.SoundEvery
	}
	v.listen(v.ear.silent() > quiet)
	return ""
}

// stands takes over how the seat stands, and says what the guest has not done itself.
func (v *visit) stands(me meetingv1.Participant) {
	v.me = me
	if me.Muted && !v.muted {
		v.say(announce.MeetingHostMuted)
	}
	v.muted = me.Muted
	if v.transcribe != nil && (me.Transcribe == nil || *me.Transcribe != *v.transcribe) { // as after taking over a seat
		v.act(meetingv1.ActTranscribe, map[bool]string{true: "yes", false: "no"}[*v.transcribe])
	}
}

// listen lets the guest hear the meeting, or that it is away.
func (v *visit) listen(away bool) {
	if away == v.away {
		return
	}
	v.away = away
	if away {
		v.say(announce.MeetingLost)
		return
	}
	v.line.SetSource(v.ear)
}

// say says something over what is heard.
func (v *visit) say(id announce.ID) {
	var under pcm.Reader = v.ear
	if v.away {
		under = loop(v.s.cfg.Sounds.Tone(announce.Hold))
	}
	v.line.SetSource(pcm.NewMix(pcm.NewClip(v.sound(id), false), under))
}

// checkLine asks a telephone that sends nothing whether it is still there: when it is not, its dialog ends.
func (v *visit) checkLine() {
	last := v.line.Stats().Receiver.LastSeen
	d := v.line.Dialog()
	if d == nil || time.Since(v.checked) < quietLine || time.Since(last) < quietLine {
		return
	}
	v.checked = time.Now()
	go func() {
		ctx, cancel := context.WithTimeout(v.s.ctx, 2*quietLine)
		defer cancel()
		if err := d.Check(ctx); err != nil {
			v.log.Info("a silent telephone did not answer", "err", err)
		}
	}()
}

// inMeeting handles keys, hold and what the meeting does.
func (v *visit) inMeeting(p any) bool {
	switch p := p.(type) {
	case digit:
		if p == captionKey && v.line.HasText() {
			v.toggleCaptions()
			return true // the room is told at once
		}
		v.key(p)
	case asksForCaptions:
		v.toggleCaptions()
		return true
	case held:
		v.report(map[bool]string{true: meetingv1.LineHeld}[bool(p)])
	case news:
		return v.heard(p)
	case again:
		v.listen(false)
	}
	return false
}

// key is one pressed in the meeting: 1 or *6 mute, 0 asks for help, 3 captions (where there is text), 2 takes back that it may be written down, # tells the keys.
func (v *visit) key(d digit) {
	star := v.star
	v.star = d == '*'
	switch {
	case d == '1', star && d == '6':
		action, said := meetingv1.ActMute, announce.MeetingMuted
		if v.muted {
			action, said = meetingv1.ActUnmute, announce.MeetingUnmuted
		}
		if v.act(action, "") {
			v.muted = action == meetingv1.ActMute
			v.say(said)
		}
	case d == '0':
		if v.act(meetingv1.ActHand, "up") {
			v.say(announce.MeetingHelp)
		}
	case d == '2' && v.asks:
		no := false
		v.transcribe = &no
		if v.act(meetingv1.ActTranscribe, "no") {
			v.say(announce.No)
		}
	case d == '#':
		v.say(announce.MeetingKeys)
	}
}

// act does something in the room.
func (v *visit) act(action, value string) bool {
	_, err := ask[meetingv1.Entry](v, meetingv1.ActSubject, meetingv1.ActRequest{Seat: v.seat, Action: action, Value: value})
	if err != nil {
		v.log.Warn("a key is not obeyed", "action", action, "err", err)
	}
	return err == nil
}
