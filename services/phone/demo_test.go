package phone

import (
	"testing"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/platform/errs"
)

func TestDemoCallToTheQueue(t *testing.T) {
	w := start(t, "SAMTALE_ANNOUNCEMENTS="+shortWords(t))
	rep, err := ask[callv1.DemoReply](w, callv1.DemoSubject, callv1.DemoRequest{Name: "flytning"})
	if err != nil {
		t.Fatal(err)
	}
	id := rep.ConversationID
	w.inState(id, callv1.StateWaiting)
	w.choiceIs(id, true) // the demo caller says yes
	b := newBrowser(t)
	b.answer(w, id, "anna")
	b.hears(w, true)
	w.until("the recogniser hears the demo caller", func() bool { return w.loud(callv1.RoleCitizen) > 0.5 })
	w.control(id, "anna", callv1.ActionHangup, "")
	w.endOf(id)
}

func TestDemoCallThatDoesNotExist(t *testing.T) {
	w := start(t)
	_, err := ask[callv1.DemoReply](w, callv1.DemoSubject, callv1.DemoRequest{Name: "findes-ikke"})
	if errs.KindOf(err) != errs.NotFound {
		t.Errorf("err = %v", err)
	}
}
