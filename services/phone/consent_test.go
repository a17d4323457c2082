package phone

import (
	"testing"
	"time"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/phone/dialer"
)

// onTheWeb makes the citizen choose about transcription on the web.
func (w *world) onTheWeb(id string, yes bool, at time.Time) consentv1.Choice {
	w.t.Helper()
	ch := consentv1.Choice{
		Meta:           event.NewMeta("consent.v1.event.choice", "consent", at),
		ConversationID: id, Kind: consentv1.Transcription, Value: yes, How: consentv1.HowButton, Who: "citizen", At: at.UTC(),
	}
	if err := w.bus.Publish(w.t.Context(), ch); err != nil {
		w.t.Fatal(err)
	}
	return ch
}

// snapshot is the call as the desk sees it.
func (w *world) snapshot(id string) callv1.Call {
	w.t.Helper()
	c, err := ask[callv1.Call](w, callv1.CheckSubject, callv1.CheckRequest{ConversationID: id})
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// choiceIs waits until the desk sees a choice.
func (w *world) choiceIs(id string, yes bool) {
	w.t.Helper()
	w.until("the desk sees the choice", func() bool {
		tr := w.snapshot(id).Transcribe
		return tr != nil && *tr == yes
	})
}

// taken is how many legs the recogniser got, and how much of their sound.
func (w *world) taken() (legs, samples int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.legs {
		samples += len(l.pcm)
	}
	return len(w.legs), samples
}

// deaf waits until nothing more goes to the recogniser.
func (w *world) deaf() {
	w.t.Helper()
	w.until("nothing more is taken", func() bool {
		_, before := w.taken()
		time.Sleep(300 * time.Millisecond)
		_, after := w.taken()
		return before == after
	})
}

// hearing waits until so many legs are there and sound goes to the recogniser.
func (w *world) hearing(want int) {
	w.t.Helper()
	w.until("the legs are taken", func() bool {
		_, before := w.taken()
		time.Sleep(100 * time.Millisecond)
		legs, after := w.taken()
		return legs == want && after > before
	})
}

func TestWithdrawnOnTheWeb(t *testing.T) {
	w := start(t, "SAMTALE_ANNOUNCEMENTS="+shortWords(t))
	c := w.call(w.dialer(dialer.Config{}), "borgerservice")
	id := c.ConversationID
	w.saysYes(c)
	w.inState(id, callv1.StateWaiting)
	b := newBrowser(t)
	b.answer(w, id, "anna")
	c.Loop(tone(440, time.Second))
	w.hearing(2)

	no := w.onTheWeb(id, false, time.Now())
	w.choiceIs(id, false)
	w.deaf()
	b.hears(w, true) // the call goes on

	w.control(id, "anna", callv1.ActionTranscribe, "yes") // said again, on the telephone
	w.hearing(4)
	w.onTheWeb(id, false, no.At) // comes late
	if err := w.bus.Publish(t.Context(), no); err != nil {
		t.Fatal(err)
	}
	w.onTheWeb(id, true, time.Now()) // changes nothing
	w.hearing(4)
	w.onTheWeb(id, false, time.Now())
	w.choiceIs(id, false)
	w.deaf()
	w.onTheWeb(id, true, time.Now())
	w.hearing(6)
	w.control(id, "anna", callv1.ActionHangup, "")
	if e := w.endOf(id); len(e.Legs) != 6 {
		t.Errorf("ended: %+v", e)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.choices) != 2 { // key 1 and the caseworker's: what came from outside is not sent again
		t.Errorf("the phone sent %d choices", len(w.choices))
	}
}

func TestWithdrawnBeforeTheAnswer(t *testing.T) {
	w := start(t, "SAMTALE_ANNOUNCEMENTS="+shortWords(t))
	c := w.call(w.dialer(dialer.Config{}), "borgerservice")
	id := c.ConversationID
	w.inState(id, callv1.StateWaiting)
	w.onTheWeb(id, true, time.Now())
	w.choiceIs(id, true)
	w.onTheWeb(id, false, time.Now())
	w.choiceIs(id, false)
	b := newBrowser(t)
	b.answer(w, id, "anna")
	c.Loop(tone(440, time.Second))
	b.hears(w, true)
	if legs, _ := w.taken(); legs != 0 {
		t.Errorf("%d legs went to the recogniser", legs)
	}
}

func TestMessageEndsWhenWithdrawn(t *testing.T) {
	w := start(t, "SAMTALE_ANNOUNCEMENTS="+shortWords(t))
	c := w.call(w.dialer(dialer.Config{}), "besked")
	c.Loop(tone(440, time.Second))
	w.until("the recogniser hears the caller", func() bool { return w.loud(callv1.RoleCitizen) > 1 })
	w.onTheWeb(c.ConversationID, false, time.Now())
	<-c.Ended()
	if e := w.endOf(c.ConversationID); e.Reason != "message-left" {
		t.Errorf("ended: %+v", e)
	}
}
