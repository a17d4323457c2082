package phone

import (
	"testing"
	"time"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/phone/dialer"
	"samtale.dk/samtale/services/platform/errs"
)

func (w *world) roles() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := map[string]int{}
	for _, l := range w.legs {
		n[l.attach.Role]++
	}
	return n
}

// refused asks for an act that is not possible now.
func (w *world) refused(id, action string) {
	w.t.Helper()
	_, err := ask[callv1.Call](w, callv1.ControlSubject, callv1.ControlRequest{ConversationID: id, Caseworker: "anna", Action: action})
	if errs.KindOf(err) != errs.Conflict {
		w.t.Errorf("%s: %v, want a conflict", action, err)
	}
}

func TestTalkOfThree(t *testing.T) {
	w := start(t, "SAMTALE_ANNOUNCEMENTS="+shortWords(t))
	taken := make(chan *dialer.Call, 1)
	colleague := w.dialer(dialer.Config{Local: "127.0.0.1", Answer: func(c *dialer.Call) { c.Keep(); taken <- c }})
	c, b := w.talk(w.dialer(dialer.Config{}), user, true)
	id := c.ConversationID
	w.refused(id, callv1.ActionMerge)
	w.control(id, "anna", callv1.ActionConsult, "sip:kollega@"+colleague.Addr())
	k := <-taken
	w.reason(id, "consult-answered")
	if s := w.snapshot(id); s.Consult != callv1.ConsultTalking {
		t.Errorf("before: %q", s.Consult)
	}
	k.Loop(tone(600, time.Second))
	b.hears(w, true)
	if n := w.roles()[callv1.RoleOther]; n != 0 {
		t.Errorf("%d legs of the third one before the talk of three", n)
	}
	if s := w.control(id, "anna", callv1.ActionMerge, ""); s.Consult != callv1.ConsultMerged {
		t.Errorf("after: %q", s.Consult)
	}

	// The third one speaks: the two others hear it, itself not.
	w.citizenHears(c, true)
	b.hears(w, true)
	w.citizenHears(k, false)
	k.Loop(nil)
	// The citizen speaks.
	c.Loop(tone(440, time.Second))
	w.citizenHears(k, true)
	b.hears(w, true)
	w.citizenHears(c, false)
	c.Loop(nil)
	// The caseworker speaks, then not for anybody, then again.
	b.say(tone(500, time.Second))
	w.citizenHears(c, true)
	w.citizenHears(k, true)
	b.hears(w, false)
	w.control(id, "anna", callv1.ActionMute, "")
	w.citizenHears(c, false)
	w.citizenHears(k, false)
	w.control(id, "anna", callv1.ActionUnmute, "")
	w.citizenHears(k, true)
	// Each is recognised by themselves.
	w.hearing(3)
	if n := w.roles(); n[callv1.RoleOther] != 1 || n[callv1.RoleCitizen] != 1 || n[callv1.RoleCaseworker] != 1 {
		t.Errorf("legs: %v", n)
	}
	w.control(id, "anna", callv1.ActionTranscribe, "no")
	w.deaf()
	w.control(id, "anna", callv1.ActionTranscribe, "yes")
	w.hearing(6)

	// The citizen waits while the two others talk.
	w.control(id, "anna", callv1.ActionHold, "")
	w.citizenHears(k, true)
	k.Loop(tone(600, time.Second))
	b.hears(w, true)
	w.control(id, "anna", callv1.ActionResume, "")
	w.citizenHears(c, true)

	// The third one leaves: the two others go on.
	w.hangUp(k)
	w.reason(id, "consult-ended")
	w.citizenHears(c, true)
	c.Loop(tone(440, time.Second))
	b.hears(w, true)
	if s := w.snapshot(id); s.Consult != "" {
		t.Errorf("at the end: %q", s.Consult)
	}
	w.control(id, "anna", callv1.ActionHangup, "")
	if e := w.endOf(id); len(e.Legs) != 6 || e.Reason != "hangup" {
		t.Errorf("ended: %+v", e)
	}
}

func TestCaseworkerLeavesATalkOfThree(t *testing.T) {
	w := start(t, "SAMTALE_ANNOUNCEMENTS="+shortWords(t))
	taken := make(chan *dialer.Call, 1)
	colleague := w.dialer(dialer.Config{Local: "127.0.0.1", Answer: func(c *dialer.Call) { c.Keep(); taken <- c }})
	c, b := w.talk(w.dialer(dialer.Config{}), user, true)
	id := c.ConversationID
	w.control(id, "anna", callv1.ActionConsult, "sip:kollega@"+colleague.Addr())
	k := <-taken
	w.reason(id, "consult-answered")
	w.control(id, "anna", callv1.ActionMerge, "")
	b.say(tone(500, time.Second))
	w.citizenHears(c, true)
	w.hearing(3)
	w.control(id, "anna", callv1.ActionComplete, "")
	w.reason(id, "transferred")
	w.deaf() // what they say to each other is theirs
	k.Loop(tone(600, time.Second))
	w.citizenHears(c, true)
	w.hangUp(c)
	<-k.Ended()
	if e := w.endOf(id); len(e.Legs) != 3 {
		t.Errorf("ended: %+v", e)
	}
}
