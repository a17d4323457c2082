package phone

import (
	"testing"
	"time"

	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/services/contract/audiov1"
	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/phone/dialer"
	"samtale.dk/samtale/services/phone/internal/announce"
	"samtale.dk/samtale/services/platform/errs"
)

func (w *world) control(id, who, action, value string) callv1.Call {
	w.t.Helper()
	c, err := ask[callv1.Call](w, callv1.ControlSubject, callv1.ControlRequest{ConversationID: id, Caseworker: who, Action: action, Value: value})
	if err != nil {
		w.t.Fatalf("%s: %v", action, err)
	}
	return c
}

// lastLevel of the citizen's ear over the time from now on.
func (w *world) citizenHears(c *dialer.Call, loud bool) {
	w.t.Helper()
	w.until("citizen hears the right thing", func() bool {
		n := len(c.Heard())
		if err := c.Wait(w.t.Context(), 300*time.Millisecond); err != nil {
			w.t.Fatal(err)
		}
		return (loudest(c.Heard()[n:]) > -35) == loud
	})
}

func (w *world) call(d *dialer.Dialer, user string) *dialer.Call {
	w.t.Helper()
	c, err := d.Dial(w.t.Context(), dialer.Options{To: w.uri(user), Record: true})
	if err != nil {
		w.t.Fatal(err)
	}
	w.begun(c.ConversationID)
	return c
}

// begun waits until the call has begun: our ACK may still be on its way to the service.
func (w *world) begun(id string) {
	w.t.Helper()
	w.until("the call has begun", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		_, ok := w.started[id]
		return ok
	})
}

// pressLast presses a key after which the other side hangs up, maybe before it is let go.
func (w *world) pressLast(c *dialer.Call, key string) {
	w.t.Helper()
	if err := c.Press(w.t.Context(), key); err != nil && !dialer.IsEnded(err) {
		w.t.Fatal(err)
	}
}

// saysYes presses 1 once the caller is asked about transcription.
func (w *world) saysYes(c *dialer.Call) {
	w.t.Helper()
	w.asked(c.ConversationID)
	if err := c.Press(w.t.Context(), "1"); err != nil {
		w.t.Fatal(err)
	}
	w.choiceIs(c.ConversationID, true)
}

func (w *world) asked(id string) {
	w.t.Helper()
	w.reason(id, callv1.ReasonAsking)
}

// TestKeyBeforeTheQuestionIsNoConsent: not into the welcome.
func TestKeyBeforeTheQuestionIsNoConsent(t *testing.T) {
	w := start(t, "SAMTALE_ANNOUNCEMENTS="+writeSoundsBut(t, 200*time.Millisecond, map[announce.ID]time.Duration{
		announce.Welcome: 2 * time.Second, announce.Ask: 2 * time.Minute,
	}))
	var c *dialer.Call
	w.until("a key comes before the question", func() bool { // else the test came too late, and says nothing
		if c != nil {
			c.HangUp(t.Context())
		}
		c = w.call(w.dialer(dialer.Config{}), "borgerservice")
		if err := c.Info(t.Context(), '1'); err != nil {
			t.Fatal(err)
		}
		w.refused(c.ConversationID, callv1.ActionHold) // the call has seen the key: it takes one thing after another
		return !w.snapshot(c.ConversationID).Asked
	})
	id := c.ConversationID
	w.asked(id)
	if s := w.snapshot(id); s.Transcribe != nil || !s.Asked {
		t.Errorf("when the question begins: %+v", s)
	}
	if err := c.Press(t.Context(), "2"); err != nil { // into the question
		t.Fatal(err)
	}
	w.choiceIs(id, false)
	w.hangUp(c)
	w.endOf(id)
	if ch := w.chosen(id); len(ch) != 1 || ch[0].Value {
		t.Errorf("choices: %+v", ch)
	}
}

// chosen are the choices that the consent service was told of one conversation.
func (w *world) chosen(id string) (list []consentv1.Choice) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.choices {
		if c.ConversationID == id {
			list = append(list, c)
		}
	}
	return list
}

func TestQueueAnswerTalk(t *testing.T) {
	w := start(t, "SAMTALE_ANNOUNCEMENTS="+shortWords(t))
	c := w.call(w.dialer(dialer.Config{}), "borgerservice")
	id := c.ConversationID
	w.saysYes(c)
	w.inState(id, callv1.StateWaiting)
	list, err := ask[callv1.ListReply](w, callv1.ListSubject, callv1.ListRequest{ServiceAreas: []string{"borgerservice"}})
	if err != nil || len(list.Calls) != 1 || list.Calls[0].Position != 1 || list.Calls[0].Transcribe == nil || !*list.Calls[0].Transcribe {
		t.Fatalf("list: %+v, %v", list, err)
	}
	b := newBrowser(t)
	b.answer(w, id, "anna")
	w.inState(id, callv1.StateTalking)
	b.say(tone(500, time.Second))
	w.citizenHears(c, true)
	c.Loop(tone(440, time.Second))
	b.hears(w, true)

	other := newBrowser(t)
	_, err = ask[callv1.AnswerReply](w, callv1.AnswerSubject, callv1.AnswerRequest{ConversationID: id, Caseworker: "bo", SDP: other.offer()})
	if errs.KindOf(err) != errs.Conflict {
		t.Errorf("second caseworker: %v", err)
	}

	w.control(id, "anna", callv1.ActionMute, "")
	w.citizenHears(c, false)
	w.control(id, "anna", callv1.ActionUnmute, "")
	w.citizenHears(c, true)
	if st := w.control(id, "anna", callv1.ActionHold, "").State; st != callv1.StateHeld {
		t.Errorf("state on hold: %s", st)
	}
	b.hears(w, false)
	w.control(id, "anna", callv1.ActionResume, "")
	b.hears(w, true)
	w.control(id, "anna", callv1.ActionDTMF, "42#")
	w.until("digits arrive", func() bool { return c.Digits() == "42#" })
	w.until("the recogniser has heard both", func() bool { return w.loud(callv1.RoleCitizen) > 1 && w.loud(callv1.RoleCaseworker) > 1 })
	w.control(id, "anna", callv1.ActionHangup, "")
	<-c.Ended()

	e := w.endOf(id)
	if e.Reason != "hangup" || e.Caseworker != "anna" || !e.Transcribed || len(e.Legs) != 2 || e.AnsweredAt.IsZero() {
		t.Fatalf("ended: %+v", e)
	}
	for _, l := range e.Legs {
		w.complete(l)
	}
}

func TestNoTranscriptWithoutYes(t *testing.T) {
	w := start(t, "SAMTALE_ANNOUNCEMENTS="+shortWords(t))
	c := w.call(w.dialer(dialer.Config{}), "100")
	id := c.ConversationID
	w.inState(id, callv1.StateWaiting)
	b := newBrowser(t)
	b.answer(w, id, "anna")
	w.inState(id, callv1.StateTalking)
	c.Loop(tone(440, time.Second))
	b.hears(w, true)
	w.mu.Lock()
	n := len(w.legs)
	w.mu.Unlock()
	if n != 0 {
		t.Fatalf("%d legs went to the recogniser without a choice", n)
	}
	w.control(id, "anna", callv1.ActionTranscribe, "yes")
	w.until("legs open", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return len(w.legs) == 2 })
	w.control(id, "anna", callv1.ActionPause, "")
	w.until("masked", func() bool { return w.masked(callv1.RoleCitizen) })
	w.control(id, "anna", callv1.ActionContinue, "")
	w.control(id, "anna", callv1.ActionTranscribe, "no")
	b.hears(w, true) // the call goes on
	w.hangUp(c)
	e := w.endOf(id)
	if e.Reason != "caller-hangup" || len(e.Legs) != 2 {
		t.Errorf("ended: %+v", e)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.choices) != 2 || w.choices[0].How != consentv1.HowOral || w.choices[0].Who != "anna" || w.choices[1].Value {
		t.Errorf("choices: %+v", w.choices)
	}
}

func (w *world) masked(role string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.legs {
		if l.attach.Role == role && len(l.flags) > 0 && l.flags[len(l.flags)-1]&audiov1.FlagMasked != 0 {
			return true
		}
	}
	return false
}

func TestAreaWithoutBasisIsNeverTranscribed(t *testing.T) {
	w := start(t, "SAMTALE_ANNOUNCEMENTS="+shortWords(t))
	c := w.call(w.dialer(dialer.Config{}), "lukket")
	id := c.ConversationID
	if err := c.Press(t.Context(), "1"); err != nil {
		t.Fatal(err)
	}
	w.inState(id, callv1.StateWaiting)
	newBrowser(t).answer(w, id, "anna")
	w.inState(id, callv1.StateTalking)
	_, err := ask[callv1.Call](w, callv1.ControlSubject, callv1.ControlRequest{ConversationID: id, Caseworker: "anna", Action: callv1.ActionTranscribe, Value: "yes"})
	if errs.KindOf(err) != errs.Conflict {
		t.Errorf("err = %v", err)
	}
	c.HangUp(t.Context())
	if e := w.endOf(id); e.Transcribed || len(e.Legs) != 0 {
		t.Errorf("ended: %+v", e)
	}
}

func TestWaitingCallerLeavesMessage(t *testing.T) {
	w := start(t, "SAMTALE_ANNOUNCEMENTS="+shortWords(t), "SAMTALE_MESSAGE_SILENCE=12s") // more than a busy machine is silent for
	c := w.call(w.dialer(dialer.Config{}), "borgerservice")
	w.inState(c.ConversationID, callv1.StateWaiting)
	c.Loop(tone(440, time.Second))
	if err := c.Info(t.Context(), '9'); err != nil {
		t.Fatal(err)
	}
	w.inState(c.ConversationID, callv1.StateMessage)
	w.until("the recogniser hears the caller", func() bool { return w.loudIn(c.ConversationID) > 1.5 })
	c.Loop(nil)
	if e := w.endOf(c.ConversationID); !e.CallBack || e.Reason != "message-left" {
		t.Errorf("ended: %+v", e)
	}
}

func TestBrowserReloadsAndVanishes(t *testing.T) {
	w := start(t, "SAMTALE_ANNOUNCEMENTS="+shortWords(t), "SAMTALE_DESK_LOST=4s")
	c := w.call(w.dialer(dialer.Config{}), "borgerservice")
	id := c.ConversationID
	w.saysYes(c)
	w.inState(id, callv1.StateWaiting)
	first := newBrowser(t)
	first.answer(w, id, "anna")
	w.inState(id, callv1.StateTalking)
	c.Loop(tone(440, time.Second))
	first.hears(w, true)

	second := newBrowser(t) // a reload
	second.answer(w, id, "anna")
	second.hears(w, true)

	second.close() // the browser is gone
	w.inState(id, callv1.StateRinging)
	call, err := ask[callv1.Call](w, callv1.CheckSubject, callv1.CheckRequest{ConversationID: id})
	if err != nil || len(call.Offered) != 1 || call.Offered[0] != "anna" {
		t.Fatalf("check: %+v, %v", call, err)
	}
	third := newBrowser(t)
	third.answer(w, id, "anna")
	third.hears(w, true)
	w.control(id, "anna", callv1.ActionHangup, "")
	e := w.endOf(id)
	roles := map[string]int{}
	for _, l := range e.Legs {
		roles[l.Role]++
	}
	if roles[callv1.RoleCitizen] != 1 || roles[callv1.RoleCaseworker] != 3 {
		t.Errorf("legs: %+v", e.Legs)
	}
}

func TestBrowserThatNeverConnects(t *testing.T) {
	w := start(t, "SAMTALE_ANNOUNCEMENTS="+shortWords(t), "SAMTALE_DESK_CONNECT=10s")
	c := w.call(w.dialer(dialer.Config{}), "borgerservice")
	id := c.ConversationID
	w.inState(id, callv1.StateWaiting)
	b := newBrowser(t)
	rep, err := ask[callv1.AnswerReply](w, callv1.AnswerSubject, callv1.AnswerRequest{ConversationID: id, Caseworker: "anna", SDP: b.offer()})
	if err != nil || rep.SDP == "" {
		t.Fatal(err)
	}
	w.inState(id, callv1.StateRinging) // the answer never reached the browser
	c.Loop(tone(440, time.Second))
	for range 5 { // on a busy machine sound may take longer than the limit, too, and the call rings once more
		rings := w.rings(id)
		second := newBrowser(t)
		second.answer(w, id, "anna")
		sound := second.listens(true)
		w.until("the browser hears sound, or the call rings again", func() bool { return sound() || w.rings(id) > rings })
		if w.rings(id) == rings {
			return
		}
	}
	t.Error("no browser got through")
}

// rings is how often the call has begun to ring.
func (w *world) rings(id string) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.changed[id] {
		if c.State == callv1.StateRinging && c.Reason == "desk-lost" && c.Caseworker == "" {
			n++
		}
	}
	return n
}

func TestTransferToArea(t *testing.T) {
	w := start(t, "SAMTALE_ANNOUNCEMENTS="+shortWords(t))
	c := w.call(w.dialer(dialer.Config{}), "borgerservice")
	id := c.ConversationID
	w.inState(id, callv1.StateWaiting)
	newBrowser(t).answer(w, id, "anna")
	w.inState(id, callv1.StateTalking)
	w.control(id, "anna", callv1.ActionTransfer, "area:pension")
	w.until("call waits in the other queue", func() bool {
		l, err := ask[callv1.ListReply](w, callv1.ListSubject, callv1.ListRequest{ServiceAreas: []string{"pension"}})
		return err == nil && len(l.Calls) == 1 && l.Calls[0].State == callv1.StateWaiting && l.Calls[0].Caseworker == ""
	})
	b := newBrowser(t)
	b.answer(w, id, "bo")
	c.Loop(tone(440, time.Second))
	b.hears(w, true)
	w.control(id, "bo", callv1.ActionHangup, "")
	if e := w.endOf(id); e.ServiceArea != "pension" || e.Caseworker != "bo" {
		t.Errorf("ended: %+v", e)
	}
}

func TestOutgoingCall(t *testing.T) {
	w := start(t)
	calls := make(chan *dialer.Call, 1)
	d := w.dialer(dialer.Config{Local: "127.0.0.1", Answer: func(c *dialer.Call) { c.Keep(); calls <- c }})
	b := newBrowser(t)
	call := b.dial(w, d.Addr())
	c := <-calls
	id := call.ConversationID
	w.inState(id, callv1.StateTalking)
	b.say(tone(500, time.Second))
	w.citizenHears(c, true)
	w.control(id, "anna", callv1.ActionHangup, "")
	<-c.Ended()
	if e := w.endOf(id); e.Channel != callv1.ChannelOutgoing || e.Reason != "hangup" {
		t.Errorf("ended: %+v", e)
	}
}

func TestOutgoingCallRefused(t *testing.T) {
	w := start(t)
	d := w.dialer(dialer.Config{Local: "127.0.0.1"})
	b := newBrowser(t)
	call := b.dial(w, d.Addr())
	if e := w.endOf(call.ConversationID); e.Reason != "busy" {
		t.Errorf("ended: %+v", e)
	}
	sdp := newBrowser(t).offer()
	for _, to := range []string{"hej", "+45 12 34 56 78", "sip:"} {
		_, err := ask[callv1.AnswerReply](w, callv1.DialSubject, callv1.DialRequest{Caseworker: "anna", ServiceArea: "borgerservice", To: to, SDP: sdp})
		if err == nil {
			t.Errorf("%q was dialled", to)
		}
	}
}

func TestTransfers(t *testing.T) {
	w := start(t, "SAMTALE_ANNOUNCEMENTS="+shortWords(t))
	third := make(chan *dialer.Call, 4)
	colleague := w.dialer(dialer.Config{Local: "127.0.0.1", Answer: func(c *dialer.Call) { c.Keep(); third <- c }})
	target := "sip:kollega@" + colleague.Addr()
	for _, attended := range []bool{false, true} {
		name := map[bool]string{false: "blind", true: "attended"}[attended]
		t.Run(name, func(t *testing.T) {
			w.t = t
			c := w.call(w.dialer(dialer.Config{}), "borgerservice")
			id := c.ConversationID
			w.inState(id, callv1.StateWaiting)
			b := newBrowser(t)
			b.answer(w, id, "anna")
			w.inState(id, callv1.StateTalking)
			b.say(tone(500, time.Second))
			var k *dialer.Call
			if attended {
				w.control(id, "anna", callv1.ActionConsult, target)
				k = <-third
				w.citizenHears(k, true) // the caseworker speaks to the colleague
				w.control(id, "anna", callv1.ActionCancel, "")
				<-k.Ended()
				w.citizenHears(c, true)
				w.control(id, "anna", callv1.ActionConsult, target)
				k = <-third
				w.citizenHears(k, true)
				w.control(id, "anna", callv1.ActionComplete, "")
			} else {
				w.control(id, "anna", callv1.ActionTransfer, target)
				k = <-third
			}
			c.Loop(tone(440, time.Second))
			w.citizenHears(k, true)
			k.Loop(tone(440, time.Second))
			w.citizenHears(c, true)
			w.hangUp(k)
			<-c.Ended()
			if e := w.endOf(id); e.Reason != "transferred" {
				t.Errorf("ended: %+v", e)
			}
		})
	}
}

// TestKeysAsTones: a telephone that offers no telephone-event sends keys in the sound.
func TestKeysAsTones(t *testing.T) {
	w := start(t, "SAMTALE_ANNOUNCEMENTS="+shortWords(t))
	key := tone(697, 200*time.Millisecond)
	for i, s := range tone(1209, 200*time.Millisecond) {
		key[i] = key[i]/2 + s/2
	}
	key = append(key, make([]int16, pcm.Rate/2)...) // the key 1, over and over
	t.Run("without telephone-event", func(t *testing.T) {
		w.t = t
		c := w.call(w.dialer(dialer.Config{NoEvents: true}), user)
		w.asked(c.ConversationID)
		c.Loop(key)
		w.choiceIs(c.ConversationID, true)
		w.hangUp(c)
	})
	t.Run("with it tones are only sound", func(t *testing.T) {
		w.t = t
		c := w.call(w.dialer(dialer.Config{}), user)
		id := c.ConversationID
		w.asked(id)
		c.Loop(key)
		if err := c.Wait(t.Context(), time.Second); err != nil {
			t.Fatal(err)
		}
		if err := c.Press(t.Context(), "2"); err != nil {
			t.Fatal(err)
		}
		w.choiceIs(id, false)
		w.hangUp(c)
		w.endOf(id)
		if ch := w.chosen(id); len(ch) != 1 {
			t.Errorf("choices: %+v", ch)
		}
	})
}
