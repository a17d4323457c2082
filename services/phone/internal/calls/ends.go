package calls

import (
	"context"
	"sync/atomic"

	"samtale.dk/samtale/media/rtpx"
	"samtale.dk/samtale/services/phone/internal/announce"
	"samtale.dk/samtale/services/phone/internal/line"
	"samtale.dk/samtale/services/phone/internal/sipua"
)

// end is a telephone line as calls have it: the citizen's, or that of somebody who
// was called beside. Another line may take its place, and it may go on in another
// call, so what it says goes to the seat that it has at the time.
type end struct {
	*line.Line
	seat   atomic.Pointer[seat] // nil: not in a call (any more), nobody listens
	unread unread
	page   *line.Page  // what it shows
	told   announce.ID // what was last written about who reads what it types; the call's goroutine's

	captions captioned
}

// seat is a place in a call.
type seat struct {
	call   *Call
	ear    *ear
	second *consultation // nil: the citizen's place
}

// newEnd opens a line that has no seat yet. peer is the SIP address of the other side.
func (s *Service) newEnd(peer string) (*end, error) {
	e := &end{}
	l, err := line.New(s.cfg.Line, peer, nil, e.hooks(s))
	if err != nil {
		return nil, err
	}
	e.take(l)
	return e, nil
}

func (e *end) take(l *line.Line) { e.Line, e.page = l, l.Page() }

func (e *end) hooks(s *Service) line.Hooks {
	return line.Hooks{
		Frame: e.frame, Gap: e.gap, Digit: e.digit, Held: e.held, Ended: e.ended, Of: e, Text: e.typed,
		Refer: e.refer, Replace: func(in *sipua.Incoming) { s.replace(e, in) },
	}
}

func (e *end) frame(f rtpx.Frame) {
	if s := e.seat.Load(); s != nil {
		s.ear.frame(f)
	}
}

func (e *end) gap(g rtpx.Gap) {
	if s := e.seat.Load(); s != nil {
		s.ear.gap(g)
	}
}

func (e *end) digit(b byte) {
	if s := e.seat.Load(); s != nil && s.second == nil {
		s.call.post(digit(b))
	}
}

func (e *end) held(on bool) {
	if s := e.seat.Load(); s != nil && s.second == nil {
		s.call.post(peerHold(on))
	}
}

func (e *end) ended(reason string) {
	s := e.seat.Load()
	switch {
	case s == nil:
	case s.second == nil:
		s.call.hangUp(endReason(reason))
	default:
		s.call.post(consultResult{s.second, errConsultOver})
	}
}

// sit gives the line its place. One that hung up before is told of now.
func (e *end) sit(s *seat) {
	e.seat.Store(s)
	e.unread.retell()
	if d := e.Dialog(); d != nil {
		select {
		case <-d.Done():
			e.ended("bye")
		default:
		}
	}
}

// leave takes the line out of its call without a word: it no longer sounds, and
// what it does is nobody's business. Its dialog still stands.
func (e *end) leave(m *Metrics) {
	e.seat.Store(nil)
	m.media(e.Stats())
	e.Close()
}

// letGo hangs up on a line that left. Who asked for the transfer is told the
// outcome first and hangs up by itself, unless it forgets to.
func (e *end) letGo(asked *sipua.Referral) {
	if d := e.Dialog(); asked != nil && d != nil {
		<-asked.Reported()
		waitFor(d.Done(), goodbyeLimit)
	}
	e.HangUp(context.Background())
}
