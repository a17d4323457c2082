package guest

import (
	"context"
	"errors"
	"time"

	"github.com/emiago/sipgo/sip"

	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/phone/internal/announce"
	"samtale.dk/samtale/services/phone/internal/sipua"
	"samtale.dk/samtale/services/platform/errs"
)

const (
	// ringLimit is how long it rings.
	ringLimit = time.Minute
	// joinRounds is how often whoever answers is asked: without a key nobody comes in, for it may be an answering machine, which
	// would keep what is said in the meeting.
	joinRounds = 2
)

// calledUp is a visit that a meeting has asked for.
func (v *visit) calledUp(out sipua.Outgoing) string {
	if err := v.follow(); err != nil {
		v.log.Error("events of a meeting", "err", err)
		v.report(meetingv1.LineFailed)
		return meetingv1.LineFailed
	}
	ctx, cancel := context.WithTimeout(v.s.ctx, ringLimit)
	defer cancel()
	done := make(chan struct{})
	var err error
	if v.s.cfg.OfferText {
		v.line.OfferText()
	}
	go func() {
		defer close(done)
		_, err = v.line.Dial(ctx, out)
	}()
	if o := v.wait(done, 0, v.unwanted); o != through {
		cancel()
		<-done
		if o == gone && err == nil { // hung up as soon as it was taken
			v.report(meetingv1.LineRefused)
			return meetingv1.LineRefused
		}
		return outStopped
	}
	if err != nil {
		line := failure(err)
		v.report(line)
		return line
	}
	return v.join()
}

// unwanted: whoever leads the meeting has given the call up, or the meeting is over.
func (v *visit) unwanted(p any) bool {
	e, ok := p.(news)
	return ok && v.heard(e) && (v.me.State == meetingv1.Removed || v.me.State == stateOver)
}

// failure is why a call became none.
func failure(err error) string {
	var st *sipua.StatusError
	if errors.As(err, &st) {
		switch st.Code {
		case sip.StatusBusyHere, sip.StatusGlobalBusyEverywhere:
			return meetingv1.LineBusy
		case sip.StatusNotFound, sip.StatusGone, sip.StatusAddressIncomplete, sip.StatusGlobalDoesNotExistAnywhere:
			return meetingv1.LineWrong
		case sip.StatusGlobalDecline:
			return meetingv1.LineRefused
		case sip.StatusTemporarilyUnavailable, sip.StatusRequestTimeout:
			return meetingv1.LineNoAnswer
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return meetingv1.LineNoAnswer
	}
	return meetingv1.LineFailed
}

// join asks whoever has answered to come in.
func (v *visit) join() string {
	question := announce.MeetingJoin
	if v.asks {
		question = announce.MeetingJoinAsk
	}
	wants, parts := false, [][]int16{announce.Pause(500 * time.Millisecond), v.sound(announce.MeetingCalled), v.sound(question)}
	answer := func(p any) bool {
		if v.unwanted(p) {
			return true
		}
		wants = v.choice(p)
		return wants
	}
	for range joinRounds {
		o := v.play(answer, parts...)
		if o == through {
			o = v.wait(nil, v.patience(answerLimit), answer)
		}
		switch {
		case o == gone:
			v.report(meetingv1.LineRefused)
			return meetingv1.LineRefused
		case o == stopped && !wants:
			return v.let()
		case wants:
			return v.answered()
		}
		parts = parts[2:]
	}
	v.report(meetingv1.LineRefused)
	return v.farewell(announce.Goodbye, meetingv1.LineRefused)
}

// answered brings in who wants to.
func (v *visit) answered() string {
	if !v.asks {
		v.transcribe = nil // nobody was asked: the key only meant to come in
	}
	var err error
	for i := range knockTries {
		if i > 0 && v.wait(nil, knockPause, ignore) == gone {
			return outHungUp
		}
		var e meetingv1.Entry
		e, err = ask[meetingv1.Entry](v, meetingv1.LineSubject, meetingv1.LineReport{
			Seat: v.seat, Line: meetingv1.LineAnswered, Transcribe: v.transcribe, Heard: v.heardVersion(),
		})
		if err == nil {
			v.me = e.Me
			return v.let()
		}
		if errs.KindOf(err) != errs.Unavailable && errs.KindOf(err) != errs.Internal {
			break
		}
	}
	return v.turnedAway(err)
}
