package phone

import (
	"net"
	"testing"
	"time"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/phone/dialer"
	"samtale.dk/samtale/services/phone/internal/announce"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/seal"
)

func announceTone(hz float64, d time.Duration) []int16 { return announce.Tone(hz, d) }

// shortWords replaces the announcements by short ones, so that tests are quick.
func shortWords(t *testing.T) string {
	t.Helper()
	return writeSounds(t, 200*time.Millisecond)
}

func TestLeaveAMessage(t *testing.T) {
	w := start(t, "SAMTALE_ANNOUNCEMENTS="+shortWords(t))
	d := w.dialer(dialer.Config{Name: "Borger Testsen"})
	c, err := d.Dial(t.Context(), dialer.Options{To: w.uri("besked"), Record: true})
	if err != nil {
		t.Fatal(err)
	}
	id := c.ConversationID
	if id == "" {
		t.Fatal("no conversation id in the answer")
	}
	w.inState(id, callv1.StateMessage)
	w.until("announcement and tone are heard", func() bool { return loudest(c.Heard()) > -30 })
	c.Loop(tone(440, time.Second))
	w.until("the recogniser hears the caller", func() bool { return w.loud(callv1.RoleCitizen) > 1.5 })
	c.Loop(nil)
	w.pressLast(c, "#")
	e := w.endOf(id)
	if e.Reason != "message-left" || !e.CallBack || !e.Transcribed || len(e.Legs) != 1 {
		t.Fatalf("ended: %+v", e)
	}
	w.complete(e.Legs[0])
	w.checkMessageEvents(id)
}

func (w *world) checkMessageEvents(id string) {
	w.t.Helper()
	w.mu.Lock()
	s := w.started[id]
	choices := w.choices
	key := w.keys[id]
	w.mu.Unlock()
	if s.Channel != callv1.ChannelMessage || s.ServiceArea != "borgerservice" || len(s.SIPCallIDHash) != 64 {
		w.t.Errorf("started: %+v", s)
	}
	plain, err := seal.Open(key, s.Sealed, id+"/party")
	if err != nil || !contains(string(plain), "Borger Testsen") {
		w.t.Errorf("party does not open: %v", err)
	}
	if len(choices) != 1 || !choices[0].Value || choices[0].How != consentv1.HowOral || choices[0].Kind != consentv1.Transcription {
		w.t.Errorf("choices: %+v", choices)
	}
}

func TestMessageEndsBySilence(t *testing.T) {
	w := start(t, "SAMTALE_ANNOUNCEMENTS="+shortWords(t), "SAMTALE_MESSAGE_SILENCE=1s")
	c, err := w.dialer(dialer.Config{}).Dial(t.Context(), dialer.Options{To: w.uri("besked")})
	if err != nil {
		t.Fatal(err)
	}
	if e := w.endOf(c.ConversationID); e.Reason != "message-left" || e.CallBack || len(e.Legs) != 1 {
		t.Errorf("ended: %+v", e)
	}
	<-c.Ended()
}

func TestHangingUpBeforeTheTone(t *testing.T) {
	w := start(t, "SAMTALE_ANNOUNCEMENTS="+writeSoundsBut(t, 200*time.Millisecond, map[announce.ID]time.Duration{announce.Message: 5 * time.Minute}))
	c, err := w.dialer(dialer.Config{}).Dial(t.Context(), dialer.Options{To: w.uri("besked")})
	if err != nil {
		t.Fatal(err)
	}
	w.hangUp(c)
	if e := w.endOf(c.ConversationID); e.Reason != "caller-hangup" || e.CallBack || len(e.Legs) != 0 {
		t.Errorf("ended: %+v", e)
	}
}

// A call that has ended while its events could not be sent has not vanished.
func TestEndedCallIsKnownUntilAllIsTold(t *testing.T) {
	w := start(t, "SAMTALE_ANNOUNCEMENTS="+shortWords(t))
	w.note(func() { w.full = true })
	c, err := w.dialer(dialer.Config{}).Dial(t.Context(), dialer.Options{To: w.uri("besked")})
	if err != nil {
		t.Fatal(err)
	}
	id := c.ConversationID
	w.until("the choice is refused", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.unkept > 0
	})
	w.hangUp(c)
	w.until("the call is over", func() bool { return w.snapshot(id).State == callv1.StateEnded })
	w.until("no desk has it any more", func() bool {
		calls, err := ask[callv1.ListReply](w, callv1.ListSubject, callv1.ListRequest{})
		return err == nil && len(calls.Calls) == 0
	})
	if s := w.snapshot(id).State; s != callv1.StateEnded {
		t.Errorf("not yet told, it is %s", s)
	}
	w.note(func() { w.full = false })
	if e := w.endOf(id); len(e.Legs) != 1 {
		t.Errorf("ended: %+v", e)
	}
	w.until("it is gone", func() bool {
		_, err := ask[callv1.Call](w, callv1.CheckSubject, callv1.CheckRequest{ConversationID: id})
		return errs.KindOf(err) == errs.NotFound
	})
}

func TestUnknownNumber(t *testing.T) {
	w := start(t)
	_, err := w.dialer(dialer.Config{}).Dial(t.Context(), dialer.Options{To: w.uri("nobody")})
	if err == nil || !contains(err.Error(), "404") {
		t.Errorf("err = %v", err)
	}
}

func TestAllAddresses(t *testing.T) {
	addr := freeAddr(t)
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	w := startAt(t, addr, "SAMTALE_ANNOUNCEMENTS="+shortWords(t), "SAMTALE_SIP_ADDR=0.0.0.0:"+port)
	for _, params := range []string{"", ";transport=tcp"} {
		c, err := w.dialer(dialer.Config{}).Dial(t.Context(), dialer.Options{To: "sip:100@127.0.0.1:" + port + params, Record: true})
		if err != nil {
			t.Fatal(err)
		}
		w.citizenHears(c, true)
		if err := c.Reinvite(t.Context()); err != nil {
			t.Errorf("re-INVITE%s: %v", params, err)
		}
		id := c.ConversationID
		w.inState(id, callv1.StateWaiting)
		b := newBrowser(t)
		b.answer(w, id, "anna")
		w.inState(id, callv1.StateTalking)
		w.control(id, "anna", callv1.ActionHangup, "")
		<-c.Ended()
	}
}
