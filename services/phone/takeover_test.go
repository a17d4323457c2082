package phone

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/phone/dialer"
	"samtale.dk/samtale/services/phone/internal/sipua"
	"samtale.dk/samtale/services/platform/seal"
)

// talk sets a call up to the moment when anna has it.
func (w *world) talk(d *dialer.Dialer, user string, transcribed bool) (*dialer.Call, *browser) {
	w.t.Helper()
	c := w.call(d, user)
	if transcribed {
		w.saysYes(c)
	}
	w.inState(c.ConversationID, callv1.StateWaiting)
	b := newBrowser(w.t)
	b.answer(w, c.ConversationID, "anna")
	w.inState(c.ConversationID, callv1.StateTalking)
	return c, b
}

// partyOf is the last party that an event told of.
func (w *world) partyOf(id string) (p callv1.Party) {
	w.t.Helper()
	keys, err := seal.NewRing(w.bus)
	if err != nil {
		w.t.Fatal(err)
	}
	w.mu.Lock()
	sealed := w.started[id].Sealed
	for _, c := range w.changed[id] {
		if len(c.Sealed) > 0 {
			sealed = c.Sealed
		}
	}
	w.mu.Unlock()
	if err := seal.OpenJSON(w.t.Context(), keys, id, "party", sealed, &p); err != nil {
		w.t.Fatal(err)
	}
	return p
}

func (w *world) reason(id, reason string) {
	w.t.Helper()
	w.reasonTimes(id, reason, 1)
}

// reasonTimes waits until the call has said something so often.
func (w *world) reasonTimes(id, reason string, times int) {
	w.t.Helper()
	w.until("the call says "+reason, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		n := 0
		for _, c := range w.changed[id] {
			if c.Reason == reason {
				n++
			}
		}
		return n >= times
	})
}

// outcome collects what a transferor is told.
func outcome() (func(int), func(w *world) int) {
	codes := make(chan int, 8)
	final := func(w *world) int {
		w.t.Helper()
		for {
			select {
			case code := <-codes:
				if code >= 200 {
					return code
				}
			case <-time.After(2 * time.Minute):
				w.t.Fatal("nobody told the outcome of the transfer")
			}
		}
	}
	return func(code int) { codes <- code }, final
}

func status(err error) int {
	var st *sipua.StatusError
	if errors.As(err, &st) {
		return st.Code
	}
	return 0
}

func TestCitizensSideTransfersItself(t *testing.T) {
	w := start(t, "SAMTALE_ANNOUNCEMENTS="+shortWords(t), "SAMTALE_SIP_REFER=+4570,@127.0.0.1")
	taken := make(chan *dialer.Call, 1)
	other := w.dialer(dialer.Config{Local: "127.0.0.1", Answer: func(c *dialer.Call) { c.Keep(); taken <- c }})
	c, b := w.talk(w.dialer(dialer.Config{}), user, true)
	id := c.ConversationID
	c.Loop(tone(440, time.Second))
	w.hearing(2)

	for to, want := range map[string]int{
		"sip:+4590123456@127.0.0.2": 403, "sip:x@elsewhere.example": 403, "mailto:a@b": 403, // not allowed
		"sip:pension@127.0.0.1": 603, // a caseworker does not wait in a queue
	} {
		if err := c.Refer(t.Context(), to, nil, func(int) {}); status(err) != want {
			t.Errorf("REFER to %s: %v, want %d", to, err, want)
		}
	}
	progress, final := outcome()
	busy := w.dialer(dialer.Config{Local: "127.0.0.1"})
	if err := c.Refer(t.Context(), "sip:optaget@"+busy.Addr(), nil, progress); err != nil {
		t.Fatal(err)
	}
	if code := final(w); code != 486 {
		t.Errorf("a call to somebody busy: %d", code)
	}
	b.hears(w, true) // the call is as it was

	if err := c.Refer(t.Context(), "sip:kollega@"+other.Addr(), nil, progress); err != nil {
		t.Fatal(err)
	}
	k := <-taken
	if code := final(w); code != 200 {
		t.Errorf("outcome %d", code)
	}
	<-c.Ended()
	w.reason(id, "replaced")
	k.Loop(tone(440, time.Second))
	b.hears(w, true)
	b.say(tone(500, time.Second))
	w.citizenHears(k, true)
	call := w.snapshot(id)
	if call.Transcribe != nil || call.Party.Number != "kollega" {
		t.Errorf("somebody who was not asked: %+v", call)
	}
	w.deaf()
	if p := w.partyOf(id); p.Number != "kollega" {
		t.Errorf("the journal is told of %+v", p)
	}
	w.control(id, "anna", callv1.ActionTranscribe, "yes")
	w.hearing(4)
	w.control(id, "anna", callv1.ActionHangup, "")
	<-k.Ended()
	if e := w.endOf(id); len(e.Legs) != 4 || e.Reason != "hangup" {
		t.Errorf("ended: %+v", e)
	}
}

// bridgedTo moves a call to a colleague outside and returns the colleague's end.
func (w *world) bridgedTo(id string, colleague *dialer.Dialer, calls chan *dialer.Call) *dialer.Call {
	w.t.Helper()
	w.control(id, "anna", callv1.ActionTransfer, "sip:kollega@"+colleague.Addr())
	k := <-calls
	w.reason(id, "transferred")
	return k
}

func TestColleagueMovesTheCitizenToAQueue(t *testing.T) {
	w := start(t, "SAMTALE_ANNOUNCEMENTS="+shortWords(t))
	taken := make(chan *dialer.Call, 1)
	colleague := w.dialer(dialer.Config{Local: "127.0.0.1", Answer: func(c *dialer.Call) { c.Keep(); taken <- c }})
	c, _ := w.talk(w.dialer(dialer.Config{}), user, false)
	k := w.bridgedTo(c.ConversationID, colleague, taken)
	progress, final := outcome()
	if err := k.Refer(t.Context(), "sip:300@"+w.sip, nil, progress); err != nil {
		t.Fatal(err)
	}
	if code := final(w); code != 200 {
		t.Errorf("outcome %d", code)
	}
	<-k.Ended()
	w.until("the citizen waits for pension", func() bool {
		s := w.snapshot(c.ConversationID)
		return s.State == callv1.StateWaiting && s.ServiceArea == "pension"
	})
	b := newBrowser(t)
	b.answer(w, c.ConversationID, "bo")
	c.Loop(tone(440, time.Second))
	b.hears(w, true)
}

func TestColleagueTransfersAttended(t *testing.T) {
	w := start(t, "SAMTALE_ANNOUNCEMENTS="+shortWords(t))
	taken := make(chan *dialer.Call, 1)
	colleague := w.dialer(dialer.Config{Local: "127.0.0.1", User: "kollega", Answer: func(c *dialer.Call) { c.Keep(); taken <- c }})
	c, _ := w.talk(w.dialer(dialer.Config{User: "+4511223344"}), user, false)
	k := w.bridgedTo(c.ConversationID, colleague, taken)
	ask := w.call(colleague, "pension")
	w.inState(ask.ConversationID, callv1.StateWaiting)
	b := newBrowser(t)
	b.answer(w, ask.ConversationID, "bo")
	w.inState(ask.ConversationID, callv1.StateTalking)
	ask.Loop(tone(440, time.Second))
	b.hears(w, true) // the colleague asks first
	progress, final := outcome()
	if err := k.Refer(t.Context(), "", ask, progress); err != nil {
		t.Fatal(err)
	}
	if code := final(w); code != 200 {
		t.Errorf("outcome %d", code)
	}
	<-k.Ended()
	<-ask.Ended()
	if e := w.endOf(c.ConversationID); e.Reason != "transferred" {
		t.Errorf("the first conversation: %+v", e)
	}
	c.Loop(tone(440, time.Second))
	b.hears(w, true)
	b.say(tone(500, time.Second))
	w.citizenHears(c, true)
	if s := w.snapshot(ask.ConversationID); s.Party.Number != "+4511223344" {
		t.Errorf("party: %+v", s.Party)
	}
	w.hangUp(c)
	if e := w.endOf(ask.ConversationID); e.Reason != "caller-hangup" {
		t.Errorf("the second conversation: %+v", e)
	}
}

func TestReplacedByTheSamePerson(t *testing.T) {
	w := start(t, "SAMTALE_ANNOUNCEMENTS="+shortWords(t))
	c, b := w.talk(w.dialer(dialer.Config{User: "+4511223344"}), user, true)
	id := c.ConversationID
	c.Loop(tone(440, time.Second))
	w.hearing(2)
	mobile := w.dialer(dialer.Config{User: "+4511223344"})
	m, err := mobile.Dial(t.Context(), dialer.Options{To: w.uri(user), Record: true, Headers: map[string]string{"Replaces": c.Replaces(), "Require": "replaces"}})
	if err != nil {
		t.Fatal(err)
	}
	if m.ConversationID != id {
		t.Errorf("conversation %s, want %s", m.ConversationID, id)
	}
	<-c.Ended()
	w.reason(id, "replaced")
	b.say(tone(500, time.Second))
	w.citizenHears(m, true)
	m.Loop(tone(440, time.Second))
	b.hears(w, true)
	w.hearing(2) // the same legs go on
	w.hangUp(m)
	e := w.endOf(id)
	if e.Reason != "caller-hangup" || len(e.Legs) != 2 {
		t.Errorf("ended: %+v", e)
	}
	for _, l := range e.Legs {
		w.complete(l)
	}
}

func TestReplacedWhileWaitingIsAskedAgain(t *testing.T) {
	w := start(t, "SAMTALE_ANNOUNCEMENTS="+shortWords(t))
	operator := w.call(w.dialer(dialer.Config{User: "omstilling"}), user)
	id := operator.ConversationID
	w.saysYes(operator)
	w.inState(id, callv1.StateWaiting)
	c, err := w.dialer(dialer.Config{User: "+4511223344"}).Dial(t.Context(), dialer.Options{To: w.uri(user), Headers: map[string]string{"Replaces": operator.Replaces()}})
	if err != nil {
		t.Fatal(err)
	}
	<-operator.Ended()
	w.reason(id, "replaced")
	if s := w.snapshot(id); s.Transcribe != nil || s.State != callv1.StateWaiting {
		t.Errorf("the citizen was not asked: %+v", s)
	}
	w.reasonTimes(id, callv1.ReasonAsking, 2)
	if err := c.Press(t.Context(), "2"); err != nil {
		t.Fatal(err)
	}
	w.choiceIs(id, false)
	w.hangUp(c)
	if e := w.endOf(id); e.Reason != "caller-hangup" {
		t.Errorf("ended: %+v", e)
	}
}

func TestOutgoingCallIsPickedUpElsewhere(t *testing.T) {
	w := start(t)
	ringing := make(chan string, 1)
	r := w.raw() // a telephone that rings and is never answered
	say := func(to answer, status, method string) {
		n, _, _ := strings.Cut(to.h.Get("Cseq"), " ")
		_, _ = fmt.Fprintf(r.conn, "SIP/2.0 %s\r\nVia: %s\r\nFrom: %s\r\nTo: %s;tag=ringing\r\nCall-ID: %s\r\nCSeq: %s %s\r\nContact: <sip:x@%s>\r\nContent-Length: 0\r\n\r\n",
			status, to.h.Get("Via"), to.h.Get("From"), to.h.Get("To"), to.h.Get("Call-Id"), n, method, r.host) // closed at the end
	}
	go func() {
		for {
			a, ok := r.read(5 * time.Minute)
			if !ok {
				return
			}
			switch {
			case strings.HasPrefix(a.line, "INVITE"):
				say(a, "180 Ringing", "INVITE")
				_, tag, _ := strings.Cut(a.h.Get("From"), "tag=")
				select {
				case ringing <- a.h.Get("Call-Id") + ";to-tag=" + tag + ";from-tag=ringing":
				default: // the INVITE came again
				}
			case strings.HasPrefix(a.line, "CANCEL"):
				say(a, "200 OK", "CANCEL")
				say(a, "487 Request Terminated", "INVITE")
			}
		}
	}()
	b := newBrowser(t)
	call := b.dial(w, r.host)
	replaces := <-ringing
	d := w.dialer(dialer.Config{User: "borger"})
	var c *dialer.Call
	var err error
	w.until("the call is picked up", func() bool { // the 180 may still be on its way
		c, err = d.Dial(t.Context(), dialer.Options{To: w.uri("x"), Record: true, Headers: map[string]string{"Replaces": replaces + ";early-only"}})
		return status(err) != 481
	})
	if err != nil {
		t.Fatal(err)
	}
	w.inState(call.ConversationID, callv1.StateTalking)
	b.say(tone(500, time.Second))
	w.citizenHears(c, true)
	w.control(call.ConversationID, "anna", callv1.ActionHangup, "")
	if e := w.endOf(call.ConversationID); e.AnsweredAt.IsZero() || e.Reason != "hangup" {
		t.Errorf("ended: %+v", e)
	}
}

func TestReplacesRefused(t *testing.T) {
	w := start(t, "SAMTALE_ANNOUNCEMENTS="+shortWords(t))
	c, _ := w.talk(w.dialer(dialer.Config{}), user, false)
	m := w.call(w.dialer(dialer.Config{}), "besked")
	w.inState(m.ConversationID, callv1.StateMessage)
	gone := w.call(w.dialer(dialer.Config{}), user)
	past := gone.Replaces()
	w.hangUp(gone)
	w.endOf(gone.ConversationID)
	for _, v := range []struct {
		name string
		hs   []string
		code int
	}{
		{"over", []string{"Replaces: " + past}, 603}, // first: it is remembered for 32 s
		{"nobody's", []string{"Replaces: x@y;to-tag=1;from-tag=2"}, 481},
		{"another tag", []string{"Replaces: " + c.Replaces() + "x"}, 481},
		{"unreadable", []string{"Replaces: x"}, 400},
		{"two", []string{"Replaces: " + c.Replaces(), "Replaces: " + c.Replaces()}, 400},
		{"only while it rings", []string{"Replaces: " + c.Replaces() + ";early-only"}, 486},
		{"a message", []string{"Replaces: " + m.Replaces()}, 603},
	} {
		r := w.raw()
		r.request("INVITE", user, sdp("127.0.0.1", 9000, ""), v.hs...)
		if a := r.final("INVITE"); a.code != v.code {
			t.Errorf("%s: %s, want %d", v.name, a.line, v.code)
		}
	}
	w.snapshot(c.ConversationID) // still there
}

// TestReferOnTheWire looks at the messages themselves.
func TestReferOnTheWire(t *testing.T) {
	w := start(t, "SAMTALE_ANNOUNCEMENTS="+shortWords(t), "SAMTALE_SIP_REFER=@127.0.0.1")
	taken := make(chan *dialer.Call, 1)
	other := w.dialer(dialer.Config{Local: "127.0.0.1", Answer: func(c *dialer.Call) { taken <- c }})
	r := w.raw()
	r.request("REFER", user, "", "Refer-To: <sip:x@"+other.Addr()+">")
	if a := r.final("REFER"); a.code != 403 {
		t.Errorf("outside a call: %s", a.line)
	}
	a := r.setup(user, sdp("127.0.0.1", 9000, ""))
	id := a.h.Get("X-Samtale-Conversation")
	r.ack(user, "")
	w.inState(id, callv1.StateWaiting)
	for _, h := range []string{
		"", "Refer-To: <", "Refer-To: <sip:x@127.0.0.1?method=BYE>",
		"Refer-To: <sip:x@127.0.0.1?Replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D2%0D%0AX-Evil:1>",
	} {
		r.request("REFER", user, "", h)
		if a := r.final("REFER"); a.code != 400 {
			t.Errorf("%q: %s", h, a.line)
		}
	}
	r.request("REFER", user, "", "Refer-To: <sip:x@10.9.8.7>")
	if a := r.final("REFER"); a.code != 403 || !strings.Contains(a.h.Get("Warning"), "may not be called") {
		t.Errorf("not allowed: %s %s", a.line, a.h.Get("Warning"))
	}
	r.request("REFER", user, "", "Refer-To: <sip:x@"+other.Addr()+">")
	if a := r.final("REFER"); a.code != 202 {
		t.Fatalf("REFER: %s", a.line)
	}
	<-taken
	var states []string
	for len(states) == 0 || !strings.HasPrefix(states[len(states)-1], "terminated") {
		a := r.next("NOTIFY", func(a answer) bool { return strings.HasPrefix(a.line, "NOTIFY") })
		r.write(fmt.Sprintf("SIP/2.0 200 OK\r\nVia: %s\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s\r\nContent-Length: 0\r\n\r\n",
			a.h.Get("Via"), a.h.Get("From"), a.h.Get("To"), a.h.Get("Call-Id"), a.h.Get("Cseq")))
		want := fmt.Sprintf("refer;id=%d", r.cseq)
		if a.h.Get("Event") != want || !strings.HasPrefix(a.h.Get("Content-Type"), "message/sipfrag") {
			t.Errorf("NOTIFY: %+v", a.h)
		}
		states = append(states, strings.SplitN(a.h.Get("Subscription-State"), ";", 2)[0]+" "+strings.TrimSpace(a.body))
	}
	if states[0] != "active SIP/2.0 100 Trying" || states[len(states)-1] != "terminated SIP/2.0 200 OK" {
		t.Errorf("NOTIFY: %q", states)
	}
	r.request("BYE", user, "")
	if a := r.final("BYE"); a.code != 200 && a.code != 481 { // who asked hangs up, or was hung up on for taking long
		t.Errorf("BYE: %s", a.line)
	}
	w.snapshot(id) // goes on with the other one
}
