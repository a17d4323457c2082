package guest

import (
	"time"

	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/phone/internal/announce"
	"samtale.dk/samtale/services/platform/errs"
)

const (
	// codeDigits end a code; a # ends a shorter one.
	codeDigits = 9
	// codeTries in one call. The meeting limits callers, too.
	codeTries = 3
	// keyLimit is how long we wait for the next key of a code.
	keyLimit = 10 * time.Second
	// helpKeys are no code, for none begins with a zero: who keys nothing else asks for a person. helpLimit is how long after a zero
	// something else would have to come.
	helpKeys  = "0"
	helpLimit = 3 * time.Second
	// answerLimit is how long we wait for a key after a question.
	answerLimit = 4 * time.Second
	// lobbyAgain is how often who waits hears the place, and the meeting whether somebody still waits.
	lobbyAgain = 20 * time.Second
	// knockTries, with knockPause between: a node that stops is back by then.
	knockTries = 5
	knockPause = 2 * time.Second
)

// dialledIn is a visit that somebody has called for.
func (v *visit) dialledIn() string {
	if out := v.code(); out != "" {
		return out
	}
	if err := v.follow(); err != nil {
		v.log.Error("events of a meeting", "err", err)
		return v.farewell(announce.MeetingAway, outAway)
	}
	if v.question() == gone {
		return outHungUp
	}
	return v.lobby()
}

// code asks for the code until it is one; otherwise it says why not.
func (v *visit) code() string {
	prompt := announce.MeetingWelcome
	v.coding = true
	defer func() { v.coding = false }()
	for range codeTries {
		code, o := v.collect(prompt)
		if o == gone {
			return outHungUp
		}
		if code == helpKeys && v.person != nil {
			return v.toPerson()
		}
		rep, err := ask[meetingv1.DialInReply](v, meetingv1.DialInSubject, meetingv1.DialInRequest{
			Code: code, Device: v.device, Caller: v.caller, Tail: v.tail,
		})
		switch {
		case err != nil:
			v.log.Error("a code is not checked", "err", err)
			return v.farewell(announce.MeetingAway, outAway)
		case rep.Seat != nil:
			v.seat, v.area, v.asks, v.language = *rep.Seat, rep.ServiceArea, rep.Transcript, rep.Language
			return ""
		case rep.Problem == meetingv1.CodeEarly:
			return v.farewell(announce.MeetingEarly, outEarly)
		case rep.Problem == meetingv1.CodeOver:
			return v.farewell(announce.MeetingOver, outOver)
		case rep.Problem == meetingv1.CodeLimited:
			return v.farewell(announce.MeetingNoCode, outNoCode)
		}
		prompt = announce.MeetingWrong
	}
	return v.farewell(announce.MeetingNoCode, outNoCode)
}

// toPerson lets somebody take over who can help without a code.
func (v *visit) toPerson() string {
	o := v.play(ignore, v.both(announce.MeetingPerson)...)
	if o == gone {
		return outHungUp
	}
	if v.given = v.person(); v.given {
		return outPerson
	}
	return v.farewell(announce.MeetingNoCode, outNoCode)
}

// both is an announcement in both languages, as nobody knows yet who calls.
func (v *visit) both(id announce.ID) [][]int16 {
	v.write("", id)
	v.write(announce.English, id)
	return [][]int16{announce.Pause(300 * time.Millisecond), v.spoken(id), v.s.cfg.Sounds.In(announce.English, "", id)}
}

// collect plays a prompt and takes keys meanwhile and after. A star begins again.
func (v *visit) collect(prompt announce.ID) (code string, o outcome) {
	var keys []byte
	whole := false
	take := func(p any) bool {
		if _, ok := p.(erase); ok {
			keys = keys[:max(0, len(keys)-1)]
			return true
		}
		d, ok := p.(digit)
		switch {
		case !ok:
			return false
		case d == '*':
			keys = nil
		case d == '#':
			whole = len(keys) > 0 // else it belongs to the code before, which was long enough without
		case d >= '0' && d <= '9':
			keys = append(keys, byte(d))
		}
		return true
	}
	parts := v.both(prompt)
	if v.person != nil {
		parts = append(parts, v.both(announce.MeetingZero)...)
	}
	o = v.play(take, parts...)
	for o != gone && !whole && len(keys) < codeDigits {
		limit := v.patience(keyLimit)
		if string(keys) == helpKeys {
			limit = helpLimit
		}
		if o = v.wait(nil, limit, take); o == through {
			break
		}
	}
	return string(keys), o
}

// question asks whether what is said may be written down. No answer is none: nothing is written down then.
func (v *visit) question() outcome {
	if !v.asks {
		return through
	}
	v.forget() // keys that were pressed before the question are no answer
	o := v.play(v.choice, v.sound(announce.MeetingAsk))
	if o == through {
		o = v.wait(nil, v.patience(answerLimit), v.choice)
	}
	switch {
	case o != stopped || v.transcribe == nil:
		return o
	case *v.transcribe:
		return v.play(ignore, v.sound(announce.Yes))
	}
	return v.play(ignore, v.sound(announce.No))
}

func ignore(any) bool { return false }

// choice takes key 1 or 2 as the answer.
func (v *visit) choice(p any) bool {
	if e, ok := p.(news); ok {
		return v.heard(e) && v.me.State == stateOver
	}
	if _, ok := p.(wrote); ok {
		v.write(v.language, announce.MeetingAnswer)
	}
	d, ok := p.(digit)
	if !ok || d != '1' && d != '2' {
		return false
	}
	yes := d == '1'
	v.transcribe = &yes
	return true
}

// lobby waits until the guest is let in.
func (v *visit) lobby() string {
	if out := v.knock(false); out != "" {
		return out
	}
	v.next = announce.MeetingLobby
	for v.me.State == meetingv1.InLobby {
		var parts [][]int16
		if v.next != "" {
			parts = append(parts, v.sound(v.next))
			v.next = ""
		}
		if v.me.Place > 1 {
			id := announce.PositionID(v.me.Place)
			if id != v.placed { // who reads, reads it once
				v.write(v.language, id)
			}
			v.placed = id
			parts = append(parts, v.spoken(id))
		}
		o := v.play(v.waiting, parts...)
		if o == through {
			v.line.SetSource(loop(v.s.cfg.Sounds.Tone(announce.Hold)))
			o = v.wait(nil, lobbyAgain, v.waiting)
		}
		if o == gone {
			return outHungUp
		}
		if o == through {
			if out := v.knock(false); out != "" {
				return out
			}
		}
	}
	return v.let()
}

// waiting handles what happens in the lobby.
func (v *visit) waiting(p any) bool {
	switch p := p.(type) {
	case digit:
		if p == captionKey && v.line.HasText() {
			v.toggleCaptions()
		}
		if p == '0' && v.knock(true) == "" {
			v.next = announce.MeetingHelp
			return true
		}
	case wrote:
		if announce.AsksForCaptions(string(p)) {
			v.toggleCaptions()
			return false
		}
		return v.tell(string(p))
	case news:
		return v.heard(p)
	}
	return false
}

// let goes on after the lobby, where the meeting says.
func (v *visit) let() string {
	switch v.me.State {
	case meetingv1.InRoom, meetingv1.InSide:
		return v.meeting()
	case meetingv1.Invited:
		return v.farewell(announce.MeetingPostponed, outPostponed)
	case stateOver:
		return v.farewell(announce.MeetingOver, outOver)
	}
	return v.farewell(announce.MeetingNo, outRefused)
}

// knock goes to the lobby, or says again that somebody waits there.
func (v *visit) knock(help bool) string {
	var err error
	for i := range knockTries {
		if i > 0 && v.wait(nil, knockPause, ignore) == gone {
			return outHungUp
		}
		var e meetingv1.Entry
		e, err = ask[meetingv1.Entry](v, meetingv1.KnockSubject, meetingv1.KnockRequest{
			Seat: v.seat, Transcribe: v.transcribe, Heard: v.heardVersion(), Help: help, Say: v.said,
		})
		if err == nil {
			v.me = e.Me
			return ""
		}
		if errs.KindOf(err) != errs.Unavailable && errs.KindOf(err) != errs.Internal {
			break
		}
	}
	return v.turnedAway(err)
}

// turnedAway says to the guest what the meeting has said to us.
func (v *visit) turnedAway(err error) string {
	switch errs.KindOf(err) {
	case errs.NotFound:
		return v.farewell(announce.MeetingOver, outOver)
	case errs.Denied, errs.Unauthenticated:
		return v.farewell(announce.MeetingNo, outRefused)
	case errs.Conflict:
		return v.farewell(announce.MeetingEarly, outEarly)
	}
	v.log.Error("the meeting does not answer", "err", err)
	return v.farewell(announce.MeetingAway, outAway)
}
