package calls

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/phone/internal/sipua"
)

// Transfers that the telephone side asks for: REFER (RFC 3515), where somebody else
// is to be called in the place of the line that asks, and INVITE with Replaces (RFC
// 3891), where the other line is there already. Both end with a successor.

const (
	// askLimit bounds how long a SIP request waits for a call's decision: long enough for a machine that is busy, and well
	// within the 32 s that the other side waits (RFC 3261, timer F).
	askLimit = 8 * time.Second
	// goodbyeLimit is how long a line that had itself transferred may take to hang up.
	goodbyeLimit = 3 * time.Second
)

func waitFor(done <-chan struct{}, d time.Duration) {
	select {
	case <-done:
	case <-time.After(d):
	}
}

// Posts about transfers from outside. Each is answered on its reply channel.
type (
	referral struct { // a line wants somebody else called
		from  *end
		r     *sipua.Referral
		reply chan error
	}
	replacing struct { // may another line take the place of this one?
		old   *end
		reply chan error
	}
	successor struct { // another line takes the place of an old one
		old, line *end
		party     callv1.Party
		asked     *sipua.Referral // by the old line; nil when another process of SIP arranged it
		reply     chan error
	}
	handedOver struct { // our line has gone on in another call, or could not
		asked *sipua.Referral
		err   error
	}
)

// declined is a refusal that a telephone is told.
func declined(why string) error {
	return &sipua.StatusError{Code: sip.StatusGlobalDecline, Reason: why}
}

func forbidden(why string) error {
	return &sipua.StatusError{Code: sip.StatusForbidden, Reason: why}
}

// refer hands a REFER to the call of the line and waits for its decision.
func (e *end) refer(r *sipua.Referral) error {
	s := e.seat.Load()
	if s == nil {
		return declined("the call is over")
	}
	ctx, cancel := context.WithTimeout(s.call.s.ctx, askLimit)
	defer cancel()
	reply := make(chan error, 1)
	return refusal(s.call.ask(ctx, referral{e, r, reply}, reply))
}

// refusal makes a SIP status of whatever went wrong.
func refusal(err error) error {
	var st *sipua.StatusError
	if err == nil || errors.As(err, &st) {
		return err
	}
	return declined("not now")
}

// replace answers an INVITE that is to take the place of a line.
func (s *Service) replace(old *end, in *sipua.Incoming) {
	at := old.seat.Load()
	if at == nil {
		in.RejectText(sip.StatusGlobalDecline, "Decline", "the call is over")
		return
	}
	ctx, cancel := context.WithTimeout(s.ctx, askLimit)
	defer cancel()
	reply := make(chan error, 1)
	if err := at.call.ask(ctx, replacing{old, reply}, reply); err != nil {
		in.RejectText(sip.StatusGlobalDecline, "Decline", "not in this state of the call")
		return
	}
	e, err := s.newEnd(in.Source())
	if err != nil {
		s.cfg.Metrics.refuse("no-port")
		in.Reject(sip.StatusServiceUnavailable, "Service Unavailable", sip.NewHeader("Retry-After", "10"))
		return
	}
	if err := e.Accept(in, at.call.id); err != nil {
		e.Close()
		s.failed(in, err)
		return
	}
	name, user, uri := in.From()
	v := successor{old: old, line: e, party: callv1.Party{Number: user, Name: name, URI: uri}, reply: make(chan error, 1)}
	ctx, cancel = context.WithTimeout(s.ctx, askLimit)
	defer cancel()
	if err := at.call.ask(ctx, v, v.reply); err != nil {
		go e.HangUp(context.Background())
	}
}

// replaceable refuses while there is nobody whose place could be taken, or while
// that would give one person's words to another: a message being spoken.
func (c *Call) replaceable(old *end) error {
	_, known := c.place(old)
	known = known && (old == c.line || c.consult.up)
	talk := c.state == callv1.StateTalking || c.state == callv1.StateHeld || c.state == callv1.StateRinging || c.state == callv1.StateWaiting
	if !known || !talk || c.moving {
		return declined("not in this state of the call")
	}
	return nil
}

// place is where a line is held in this call.
func (c *Call) place(e *end) (**end, bool) {
	switch {
	case e == nil:
	case e == c.line:
		return &c.line, true
	case c.consult != nil && e == c.consult.line:
		return &c.consult.line, true
	}
	return nil, false
}

// consider decides about a REFER: the line that asks leaves, and whoever it talks to
// goes on with somebody else.
func (c *Call) consider(v referral) error {
	if err := c.replaceable(v.from); err != nil {
		return err
	}
	if v.from.Dialog() == nil {
		return declined("the call was not answered")
	}
	if d := c.s.cfg.Line.UA.Dialog(v.r.Replaces); d != nil {
		return c.handOver(v, d)
	}
	to, area, err := c.s.destination(v.r.To)
	if err != nil {
		return err
	}
	if area != nil {
		return c.requeued(v, *area)
	}
	return c.callInstead(v, to)
}

// destination applies the dial policy to what a telephone asks for: the numbers of
// our areas, and what SAMTALE_SIP_REFER allows.
func (s *Service) destination(to string) (uri string, area *consentv1.Area, err error) {
	if number, ok := strings.CutPrefix(to, "tel:"); ok {
		to = "sip:" + number
	}
	var u sip.Uri
	if err := sip.ParseUri(to, &u); err != nil || u.Scheme != "sip" && u.Scheme != "sips" {
		return "", nil, forbidden("not a SIP address")
	}
	user, _, _ := strings.Cut(u.User, ";")
	if a, ok := s.cfg.Areas.Number(user); ok {
		return "", &a, nil
	}
	if strings.Trim(user, "+0123456789") == "" && user != "" && s.allowed(func(p string) bool { return strings.HasPrefix(user, p) }) {
		if uri, err := s.cfg.Trunk.URI(user); err == nil {
			return uri, nil, nil
		}
	}
	if u.Host != "" && s.allowed(func(p string) bool { return strings.EqualFold(p, "@"+u.Host) }) {
		return to, nil, nil
	}
	return "", nil, forbidden("this number may not be called for others")
}

func (s *Service) allowed(match func(pattern string) bool) bool {
	return slices.ContainsFunc(s.cfg.Refer, match)
}

// requeued moves the citizen to an area's queue, as the caseworker's transfer does.
// Only who talks to the citizen can ask for that: the citizen's own line leaves with
// its REFER, and a caseworker does not wait in a queue.
func (c *Call) requeued(v referral, area consentv1.Area) error {
	if v.from == c.line || c.desk != nil {
		return declined("only a citizen can be moved to a queue")
	}
	v.r.Progress(sip.StatusOK, "OK")
	c.consult.line.leave(c.s.cfg.Metrics)
	go c.consult.line.letGo(v.r)
	c.consult.cancel()
	c.consult = nil
	c.release()
	c.area = area
	c.follow = requeue
	return nil
}

// callInstead calls somebody in the place of the line that asks, in the background.
func (c *Call) callInstead(v referral, to string) error {
	e, err := c.s.newEnd(hostOf(to))
	if err != nil {
		return &sipua.StatusError{Code: sip.StatusServiceUnavailable, Reason: "no free line"}
	}
	if v.from.HasText() || c.hasText() {
		e.OfferText()
	}
	out := c.s.cfg.Trunk.Outgoing(to)
	if v.r.Replaces != "" { // of a call that is not ours
		out.Headers = append(out.Headers, sip.NewHeader("Require", "replaces"), sip.NewHeader("Replaces", v.r.Replaces))
	}
	out.Progress = func(code int, _ sipua.Body, _ func(string) string) { v.r.Progress(code, "Ringing") }
	go func() {
		ctx, cancel := context.WithTimeout(c.s.ctx, c.s.cfg.Times.DialLimit)
		defer cancel()
		if _, err := e.Dial(ctx, out); err != nil {
			e.Close()
			v.r.Progress(outcomeOf(err))
			return
		}
		s := successor{old: v.from, line: e, party: callv1.Party{Number: userOf(to), URI: to}, asked: v.r, reply: make(chan error, 1)}
		if err := c.ask(ctx, s, s.reply); err != nil {
			v.r.Progress(sip.StatusGlobalDecline, "Decline")
			e.HangUp(context.Background())
		}
	}()
	c.tell("refer")
	return nil
}

// outcomeOf is the status of a call that failed, as it is told to who asked for it.
func outcomeOf(err error) (code int, reason string) {
	var st *sipua.StatusError
	switch {
	case errors.As(err, &st):
		return st.Code, st.Reason
	case errors.Is(err, context.DeadlineExceeded):
		return sip.StatusRequestTimeout, "Request Timeout"
	}
	return sip.StatusServiceUnavailable, "Service Unavailable"
}

func userOf(uri string) string {
	var u sip.Uri
	if err := sip.ParseUri(uri, &u); err != nil {
		return ""
	}
	return u.User
}

// succeed puts a line in the place of another: the new one hears what the old one
// heard, and is heard by whom the old one was.
func (c *Call) succeed(v successor) error {
	if err := c.replaceable(v.old); err != nil {
		return err
	}
	at, _ := c.place(v.old)
	s := v.old.seat.Load()
	if s == nil {
		return declined("the call is over")
	}
	if s.second != nil {
		c.lastWords(s.second)
	}
	v.old.leave(c.s.cfg.Metrics)
	v.line.SetSource(v.old.Source())
	v.line.told = "" // others read it here
	*at = v.line
	v.line.sit(&seat{call: c, ear: s.ear, second: s.second})
	if s.second == nil {
		c.newCitizen(v.party)
	}
	if v.asked != nil {
		v.asked.Progress(sip.StatusOK, "OK")
	}
	go v.old.letGo(v.asked)
	if c.desk != nil {
		c.connectSound()
	} else if c.consult != nil {
		c.tellReaders()
	}
	if c.state == callv1.StateHeld {
		c.set(c.talkState(), "replaced")
		return nil
	}
	c.tell("replaced")
	return nil
}

// newCitizen is another line in the citizen's place. From the same number it is the
// same person with another telephone, and what was chosen holds. Anybody else was
// not asked yet: nothing of theirs is written down before they were.
func (c *Call) newCitizen(p callv1.Party) {
	c.peerHeld = false
	same := p.Number != "" && p.Number == c.party.Number
	c.party = p
	if same {
		return
	}
	c.news = &p
	c.transcribe, c.asked = nil, false
	c.closeMine()
	c.unfinished()
	c.forgetLines()
	c.wrote = nil
	for _, t := range c.typists {
		t.over = t.over || t.leg.Role == callv1.RoleCitizen
	}
}

// ownerOf finds the call that a dialog of ours belongs to.
func ownerOf(d *sipua.Dialog) (*end, *seat) {
	if l, ok := d.Owner().(interface{ Of() any }); ok {
		if e, ok := l.Of().(*end); ok {
			return e, e.seat.Load()
		}
	}
	return nil, nil
}

// handOver is an attended transfer between two calls that both are ours: who asks
// has one line here and another one there, and the citizen takes its place there.
func (c *Call) handOver(v referral, d *sipua.Dialog) error {
	target, there := ownerOf(d)
	if c.consult == nil || v.from != c.consult.line || c.desk != nil || there == nil || there.call == c {
		return declined("these calls cannot be connected")
	}
	c.moving = true
	moved, party := c.line, c.party
	go func() {
		ctx, cancel := context.WithTimeout(c.s.ctx, askLimit)
		defer cancel()
		s := successor{old: target, line: moved, party: party, reply: make(chan error, 1)}
		err := there.call.ask(ctx, s, s.reply)
		c.post(handedOver{v.r, err})
	}()
	return nil
}

// handed takes the outcome: the line is another call's now, and this one is over.
func (c *Call) handed(v handedOver) verdict {
	c.moving = false
	if v.err != nil {
		v.asked.Progress(sip.StatusGlobalDecline, "Decline")
		return done
	}
	v.asked.Progress(sip.StatusOK, "OK")
	c.consult.line.leave(c.s.cfg.Metrics)
	go c.consult.line.letGo(v.asked)
	c.consult.cancel()
	c.consult, c.line = nil, nil
	return stop
}
