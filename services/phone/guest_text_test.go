package phone

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/phone/dialer"
	"samtale.dk/samtale/services/phone/internal/announce"
)

// takeText is what the telephone types into the meeting.
func (d *meetingDesk) takeText(m *nats.Msg) {
	var v meetingv1.Typed
	if err := json.Unmarshal(m.Data, &v); err != nil {
		d.w.t.Errorf("typed: %v", err)
		return
	}
	answer := false
	d.w.note(func() {
		if d.deaf--; d.deaf >= 0 {
			return
		}
		answer = true
		if n := len(d.typed); n == 0 || v.Number > d.typed[n-1].Number { // else it comes again, as our answer was late
			d.typed = append(d.typed, v)
		}
	})
	if answer {
		_ = m.Respond(nil) // when the test is over
	}
}

// said is all that the telephone has typed into the meeting. The world is locked.
func (d *meetingDesk) said() (text string) {
	for _, v := range d.typed {
		text += v.Text
	}
	return text
}

// show types to the telephone.
func (d *meetingDesk) show(v meetingv1.Typed) {
	d.w.t.Helper()
	var session string
	d.w.note(func() {
		d.shown++
		v.Number += d.shown // above 0: so many did not come before
		d.shown = v.Number
		session = d.session
	})
	data, err := json.Marshal(v)
	if err != nil {
		d.w.t.Fatal(err)
	}
	if err := d.w.bus.NC.Publish(meetingv1.TextDownSubject(session), data); err != nil {
		d.w.t.Fatal(err)
	}
}

// textGuest is a telephone with text that has called for a meeting.
func (d *meetingDesk) textGuest() *dialer.Call {
	d.w.t.Helper()
	c, err := d.w.dialer(dialer.Config{Text: true, User: "+4511223344"}).Dial(d.w.t.Context(), dialer.Options{To: d.w.uri("moede")})
	if err != nil {
		d.w.t.Fatal(err)
	}
	if !c.HasText() {
		d.w.t.Fatal("text was offered and not taken")
	}
	return c
}

// TestGuestTypes: somebody who cannot hear comes into a meeting by a telephone with text: reads what is said, types code and
// answers, writes to who leads the meeting from the lobby, and in the meeting types to all and reads who types what.
func TestGuestTypes(t *testing.T) {
	w := start(t, slowQuestions(t), noPause)
	d := w.meetingDesk()
	c := d.textGuest()
	w.reads(c, announce.Written(announce.MeetingWelcome)+"\n"+announce.WrittenIn(announce.English, announce.MeetingWelcome)+"\n")
	w.reads(c, announce.Written(announce.MeetingZero))
	w.types(c, "4799\b11\n")
	d.until("the wrong code", func() bool { return len(d.codes) == 1 && d.codes[0].Code == "47911" })
	w.reads(c, announce.Written(announce.MeetingWrong))
	w.types(c, "123 456-789\n")
	d.until("the right code", func() bool { return len(d.codes) == 2 && d.codes[1].Code == rightCode })
	w.reads(c, announce.Written(announce.MeetingAsk))
	w.types(c, "Hvad nu?\n")
	w.reads(c, announce.Written(announce.MeetingAnswer))
	w.types(c, "Jo\ba.\n")
	d.until("a knock", func() bool { return len(d.knocks) > 0 })
	w.mu.Lock()
	if k := d.knocks[0]; k.Transcribe == nil || !*k.Transcribe || k.Heard != announce.VersionWritten || k.Say != "" {
		t.Errorf("knocked: %+v", k)
	}
	w.mu.Unlock()
	knocked := func(ok func(meetingv1.KnockRequest) bool) func() bool {
		return func() bool { return slices.ContainsFunc(d.knocks, ok) }
	}
	w.reads(c, announce.Written(announce.MeetingLobby))
	w.types(c, "Jeg kan ikke høre.\n")
	d.until("a word from the lobby", knocked(func(k meetingv1.KnockRequest) bool { return k.Say == "Jeg kan ikke høre." && !k.Help }))
	w.reads(c, announce.Written(announce.MeetingSaid))
	w.types(c, "0\n")
	d.until("help", knocked(func(k meetingv1.KnockRequest) bool { return k.Say == "Jeg kan ikke høre." && k.Help }))
	d.tell(meetingv1.RoomEvent{Kind: meetingv1.EventNotice, To: d.seat.ParticipantID, Device: "device", Notice: "told", Text: "Vi er klar\nom lidt."})
	w.reads(c, "Vi er klar\nom lidt.\n")

	w.note(func() { d.deaf = 1 }) // as if the meeting's node had just gone
	d.move(func(p *meetingv1.Participant) { p.State = meetingv1.InRoom })
	w.reads(c, announce.Written(announce.MeetingIn)+"\n")
	w.types(c, "Goddage")
	d.until("the first of it in the meeting", func() bool { return d.said() == "Goddage" })
	w.types(c, "\b, 1 2\u2028")
	d.until("the line in the meeting", func() bool { return d.said() == "Goddage\b, 1 2\u2028" })
	w.mu.Lock()
	for i, v := range d.typed {
		if diff := cmp.Diff(meetingv1.Typed{Number: uint64(i + 1), Text: v.Text}, v); diff != "" {
			t.Error(diff)
		}
	}
	w.mu.Unlock()

	mette, ana := meetingv1.Typed{From: "p-2", Name: "Mette Holm", Role: meetingv1.RoleCaseworker}, meetingv1.Typed{From: "p-3", Role: meetingv1.RoleInterpreter}
	says := func(v meetingv1.Typed, text string) { v.Text = text; d.show(v) }
	says(mette, "Hej ")
	w.reads(c, "\n[Mette Holm, sagsbehandler] Hej ")
	says(mette, "Bx\bente\u2028")
	says(ana, "Oversat\u2028")
	w.reads(c, "[Mette Holm, sagsbehandler] Hej Bente\n[tolk] Oversat\n")
	mette.Number = 1 // one before it is lost
	says(mette, "igen\u2028")
	mette.Number, mette.Chat = 0, true
	says(mette, "brev.pdf\u2028")
	w.reads(c, "[tolk] Oversat\n[Mette Holm, sagsbehandler] \uFFFDigen\n[Mette Holm, sagsbehandler] brev.pdf\n")
	w.hangUp(c)
	d.until("it has left", func() bool { return d.left })
	w.mu.Lock()
	defer w.mu.Unlock()
	if slices.Contains(d.acts, meetingv1.ActMute) || len(w.started) != 0 {
		t.Errorf("what was typed in the meeting was taken for keys: %v; calls: %v", d.acts, w.started)
	}
}

// TestGuestReadsEnglish: who is spoken to in English is written to in English.
func TestGuestReadsEnglish(t *testing.T) {
	w := start(t, slowQuestions(t), noPause)
	d := w.meetingDesk()
	d.language = announce.English
	c := d.textGuest()
	w.types(c, rightCode)
	w.reads(c, announce.WrittenIn(announce.English, announce.MeetingAsk))
	w.types(c, "no\n")
	d.until("a knock with a no", func() bool {
		return len(d.knocks) > 0 && !*d.knocks[0].Transcribe && d.knocks[0].Heard == announce.VersionEnglish+announce.InWriting
	})
	d.move(func(p *meetingv1.Participant) { p.State = meetingv1.InRoom })
	w.reads(c, announce.WrittenIn(announce.English, announce.MeetingIn))
	d.until("the room knows the telephone", func() bool { return d.session != "" })
	d.show(meetingv1.Typed{From: "p-2", Name: "Mette Holm", Role: meetingv1.RoleCaseworker, Text: "Hello"})
	w.reads(c, "[Mette Holm, caseworker] Hello")
}

// TestGuestReadsCaptions: what the others say comes as text when it is asked for, by key or line, and comes no more when it is not wanted.
func TestGuestReadsCaptions(t *testing.T) {
	w := start(t, slowQuestions(t), noPause)
	d := w.meetingDesk()
	c := d.textGuest()
	w.types(c, rightCode)
	w.reads(c, announce.Written(announce.MeetingAsk))
	w.types(c, "nej\n") // who is not written down reads what the others say
	d.until("a knock", func() bool { return len(d.knocks) > 0 })
	d.move(func(p *meetingv1.Participant) { p.State = meetingv1.InRoom })
	w.written(c, announce.MeetingCaptionsOffer)
	if err := c.Press(t.Context(), "3"); err != nil {
		t.Fatal(err)
	}
	w.written(c, announce.MeetingCaptions)
	d.until("captions are asked for", func() bool { return d.reads })
	v := meetingv1.Typed{From: "p-2", Name: "Mette Holm", Role: meetingv1.RoleCaseworker, Caption: true}
	says := func(text string, corrected bool) { v.Text, v.Corrected = text+"\u2028", corrected; d.show(v) }
	says("Goddag, Bent.", false)
	says("Sid ned.", false)
	w.reads(c, "\n[Mette Holm, sagsbehandler (tekstning)] Goddag, Bent.\nSid ned.\n")
	says("Goddag, Bente.", true)
	w.reads(c, "\n[Mette Holm, sagsbehandler (tekstning, rettet)] Goddag, Bente.\n")
	v.Caption = false
	says("Skrevet", false)
	w.reads(c, "\n[Mette Holm, sagsbehandler] Skrevet\n")
	w.types(c, "tek")
	w.types(c, "st\n")
	w.written(c, announce.CaptionsOff)
	d.until("captions are not wanted", func() bool { return !d.reads })
	if strings.Count(c.Typed(), announce.Written(announce.MeetingCaptionsOffer)) != 1 {
		t.Errorf("captions are offered more than once: %q", c.Typed())
	}
}

// TestGuestTypesForAPerson: 0 instead of a code leads to a person, with text.
func TestGuestTypesForAPerson(t *testing.T) {
	w := start(t, noPause, "SAMTALE_ANNOUNCEMENTS="+shortWords(t))
	d := w.meetingDesk()
	c := d.textGuest()
	w.types(c, "0\n")
	var id string
	w.until("a call to the area", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		for id = range w.started {
		}
		return id != ""
	})
	w.reads(c, announce.Written(announce.MeetingPerson)+"\n")
	w.reads(c, announce.Written(announce.Welcome))
	newBrowser(t).answer(w, id, "anna")
	w.inState(id, callv1.StateTalking)
	w.control(id, "anna", callv1.ActionType, "Hvad hedder du?\u2028")
	w.reads(c, "Hvad hedder du?\n")
}

// TestCalledGuestTypes: whoever is called for a meeting is offered text, and answers by it.
func TestCalledGuestTypes(t *testing.T) {
	w := start(t, slowQuestions(t), noPause)
	d := w.meetingDesk()
	answered := make(chan *dialer.Call, 1)
	there := w.dialer(dialer.Config{Local: "127.0.0.1", Text: true, Answer: func(c *dialer.Call) { answered <- c }})
	if _, err := ask[meetingv1.BringReply](w, meetingv1.BringSubject, meetingv1.BringRequest{
		Seat: d.seat, To: "sip:karl@" + there.Addr(), ServiceArea: "borgerservice", Transcript: true,
	}); err != nil {
		t.Fatal(err)
	}
	c := <-answered
	w.reads(c, announce.Written(announce.MeetingCalled))
	w.reads(c, announce.Written(announce.MeetingJoinAsk))
	w.types(c, "nej\n")
	d.until("in without a yes", func() bool {
		return slices.ContainsFunc(d.lines, func(r meetingv1.LineReport) bool {
			return r.Line == meetingv1.LineAnswered && r.Transcribe != nil && !*r.Transcribe
		})
	})
	w.reads(c, announce.Written(announce.MeetingIn))
	w.types(c, "Goddag")
	d.until("what is typed in the meeting", func() bool { return d.said() == "Goddag" })
}
