package phone

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/phone/dialer"
	"samtale.dk/samtale/services/phone/internal/announce"
	"samtale.dk/samtale/services/platform/errs"
)

// colleague is a telephone that takes every call.
func (w *world) colleague(text bool) (*dialer.Dialer, chan *dialer.Call) {
	w.t.Helper()
	taken := make(chan *dialer.Call, 1)
	return w.dialer(dialer.Config{Local: "127.0.0.1", Text: text, Answer: func(c *dialer.Call) { taken <- c }}), taken
}

// written waits until a telephone shows an announcement.
func (w *world) written(c *dialer.Call, id announce.ID) {
	w.t.Helper()
	w.reads(c, announce.Written(id)+"\n")
}

// TestTextOfThree: who is called beside a call types and reads as the two others: with the caseworker alone, which the citizen does
// not see and nobody keeps, then with all, by name, and at last with the citizen alone, which the desk does not see.
func TestTextOfThree(t *testing.T) {
	w := start(t, noPause, "SAMTALE_ANNOUNCEMENTS="+shortWords(t))
	w.followText()
	third, taken := w.colleague(true)
	c, _ := w.talk(w.dialer(dialer.Config{Text: true}), user, true)
	id := c.ConversationID
	types := func(s string) { w.t.Helper(); w.control(id, "anna", callv1.ActionType, s) }
	w.control(id, "anna", callv1.ActionConsult, "sip:kollega@"+third.Addr())
	k := <-taken
	if !k.HasText() {
		t.Fatal("who is called beside is not offered text")
	}
	w.written(k, announce.Consulted)
	w.types(k, "Goddag\u2028")
	w.onDesk(callv1.RoleOther, "Goddag", true)
	types("Hemmeligt\u2028")
	w.reads(k, "\nHemmeligt\n")
	types("Halvt ")
	w.onDesk(callv1.RoleCaseworker, "Halvt ", false)

	w.control(id, "anna", callv1.ActionMerge, "")
	w.onDesk(callv1.RoleCaseworker, "Halvt ", true) // what goes on is for others
	w.written(c, announce.Three)
	w.written(k, announce.Three)
	types("Hej begge\u2028")
	w.reads(c, "\n[Medarbejder] Hej begge\n")
	w.reads(k, "\n[Medarbejder] Hej begge\n")
	w.types(c, "Nr. 010203-1234\u2028")
	w.reads(k, "\n[Borger] Nr. 010203-1234\n")
	w.onDesk(callv1.RoleCitizen, "Nr. 010203-1234", true)
	w.types(k, "Velk")
	w.reads(c, "\n[Den tredje] Velk")
	w.types(k, "ommen\u2028")
	w.reads(c, "\n[Den tredje] Velkommen\n")
	w.onDesk(callv1.RoleOther, "Velkommen", true)
	w.control(id, "anna", callv1.ActionPause, "")
	w.types(k, "I pausen\u2028")
	w.reads(c, "\nI pausen\n")
	w.onDesk(callv1.RoleOther, "I pausen", true)
	w.control(id, "anna", callv1.ActionContinue, "")

	w.control(id, "anna", callv1.ActionHold, "")
	w.written(c, announce.Held)
	w.types(k, "Til dig\u2028")
	w.onDesk(callv1.RoleOther, "Til dig", true)
	types("Til kollegaen\u2028")
	w.reads(k, "\nTil kollegaen\n")
	w.control(id, "anna", callv1.ActionResume, "")
	w.written(c, announce.Back)
	types("Igen\u2028")
	w.reads(c, "\n[Medarbejder] Igen\n")
	if got := c.Typed(); strings.Contains(got, "Hemmeligt") || strings.Contains(got, "Halvt") || strings.Contains(got, "Til ") || strings.Contains(got, "Goddag") {
		t.Errorf("the citizen has read what the others typed without it: %q", got)
	}

	w.control(id, "anna", callv1.ActionComplete, "")
	w.written(c, announce.Moved)
	w.written(k, announce.Citizen)
	w.types(c, "Er du der?\u2028")
	w.reads(k, "\nEr du der?\n")
	w.types(k, "Ja\u2028")
	w.reads(c, "\nJa\n")
	w.hangUp(k)
	w.endOf(id)
	w.until("all lines are committed", func() bool { return len(w.typedLines(id)) == 4 })
	got := w.typedLines(id)
	for i := range got {
		got[i].Leg = ""
	}
	want := []typedLine{
		{"", callv1.RoleCaseworker, "Hej begge"},
		{"", callv1.RoleCitizen, "Nr. ••••••-••••"},
		{"", callv1.RoleOther, "Velkommen"},
		{"", callv1.RoleCaseworker, "Igen"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.shown {
		if l.Text == "Er du der?" || l.Text == "Ja" {
			t.Errorf("the desk is shown %+v", l)
		}
	}
}

// TestOnlyTheThirdHasText: the caseworker types to who was called beside a citizen without text, and the citizen is not asked for it.
func TestOnlyTheThirdHasText(t *testing.T) {
	w := start(t, noPause, "SAMTALE_ANNOUNCEMENTS="+shortWords(t))
	w.followText()
	third, taken := w.colleague(true)
	c, _ := w.talk(w.dialer(dialer.Config{}), user, false)
	id := c.ConversationID
	type1 := callv1.ControlRequest{ConversationID: id, Caseworker: "anna", Action: callv1.ActionType, Value: "Hej"}
	if _, err := ask[callv1.Call](w, callv1.ControlSubject, type1); errs.KindOf(err) != errs.Conflict {
		t.Errorf("typed to nobody: %v", err)
	}
	w.control(id, "anna", callv1.ActionConsult, "sip:kollega@"+third.Addr())
	k := <-taken
	w.written(k, announce.Consulted)
	w.until("the desk can type", func() bool { return w.snapshot(id).Text })
	w.control(id, "anna", callv1.ActionMerge, "")
	w.written(k, announce.ThreeUnread)
	w.control(id, "anna", callv1.ActionType, "Hej\u2028")
	w.reads(k, "\n[Medarbejder] Hej\n")
	w.control(id, "anna", callv1.ActionComplete, "")
	w.written(k, announce.CitizenUnread)
	w.hangUp(c)
	<-k.Ended()
}

// TestThirdLeaves: the two others go on, and the citizen is told who reads.
func TestThirdLeaves(t *testing.T) {
	w := start(t, noPause, "SAMTALE_ANNOUNCEMENTS="+shortWords(t))
	w.followText()
	third, taken := w.colleague(false)
	c, _ := w.talk(w.dialer(dialer.Config{Text: true}), user, false)
	id := c.ConversationID
	w.control(id, "anna", callv1.ActionConsult, "sip:kollega@"+third.Addr())
	<-taken
	w.reason(id, "consult-answered")
	w.control(id, "anna", callv1.ActionMerge, "")
	w.written(c, announce.ThreeUnread)
	w.control(id, "anna", callv1.ActionCancel, "")
	w.written(c, announce.Two)
	w.control(id, "anna", callv1.ActionType, "Så er vi to\u2028")
	w.reads(c, "\nSå er vi to\n")
}

// TestTextAfterTransfers: text goes on where the new telephone has it; where it has not, the other side is told.
func TestTextAfterTransfers(t *testing.T) {
	w := start(t, noPause, "SAMTALE_ANNOUNCEMENTS="+shortWords(t), "SAMTALE_SIP_REFER=@127.0.0.1")
	w.followText()
	with, withCalls := w.colleague(true)
	without, withoutCalls := w.colleague(false)
	c, _ := w.talk(w.dialer(dialer.Config{Text: true}), user, false)
	id := c.ConversationID

	k := w.bridgedTo(id, with, withCalls) // blind
	w.written(c, announce.Moved)
	w.written(k, announce.Citizen)
	w.types(c, "Hej\u2028")
	w.reads(k, "\nHej\n")
	refer := func(k *dialer.Call, to *dialer.Dialer, calls chan *dialer.Call) *dialer.Call {
		t.Helper()
		progress, final := outcome()
		if err := k.Refer(t.Context(), "sip:naeste@"+to.Addr(), nil, progress); err != nil {
			t.Fatal(err)
		}
		next := <-calls
		if code := final(w); code != 200 {
			t.Errorf("outcome %d", code)
		}
		return next
	}
	k = refer(k, without, withoutCalls)
	w.written(c, announce.Unread)
	k = refer(k, with, withCalls)
	w.written(k, announce.Citizen)
	w.until("the citizen is told that text goes on", func() bool {
		return strings.Count(c.Typed(), announce.Written(announce.Moved)) == 2
	})
	w.types(k, "Så er jeg her\u2028")
	w.reads(c, "\nSå er jeg her\n")
	w.hangUp(k)
	<-c.Ended()

	// The citizen's side.
	c, _ = w.talk(w.dialer(dialer.Config{Text: true}), user, false)
	id = c.ConversationID
	w.types(c, "Jeg får min datter\u2028")
	w.onDesk(callv1.RoleCitizen, "Jeg får min datter", true)
	refer(c, without, withoutCalls)
	<-c.Ended()
	w.onDesk(callv1.RoleSystem, announce.Written(announce.TextOver), true)
	w.until("the desk cannot type", func() bool { return !w.snapshot(id).Text })
}

// TestTooMuchAtOnce: more than a telephone takes is refused, not lost.
func TestTooMuchAtOnce(t *testing.T) {
	w := start(t, noPause, "SAMTALE_ANNOUNCEMENTS="+shortWords(t))
	c, _ := w.talk(w.dialer(dialer.Config{Text: true}), user, false)
	r := callv1.ControlRequest{ConversationID: c.ConversationID, Caseworker: "anna", Action: callv1.ActionType, Value: strings.Repeat("lang ", 400)}
	w.until("it is refused", func() bool {
		_, err := ask[callv1.Call](w, callv1.ControlSubject, r)
		return errs.KindOf(err) == errs.Limited
	})
	w.hangUp(c)
	w.endOf(c.ConversationID)
}
