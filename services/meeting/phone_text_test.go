package meeting

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/contract/transcriptv1"
)

// textphone is a telephone with real-time text, as the phone service brings it.
type textphone struct {
	*phone
	reads []meetingv1.Typed // behind world.mu
}

// textphone brings a telephone into a meeting that is held. Its words may be written down.
func (w *world) textphone(m meetingv1.Meeting) *textphone {
	w.t.Helper()
	rep := w.dialIn(m.Participants[1].DialCode, "bente")
	yes := true
	get[meetingv1.Entry](w, meetingv1.KnockSubject, meetingv1.KnockRequest{Seat: *rep.Seat, Transcribe: &yes})
	get[meetingv1.Meeting](w, meetingv1.AdmitSubject, meetingv1.AdmitRequest{
		MeetingID: m.ID, ParticipantID: rep.Seat.ParticipantID, Decision: meetingv1.Admit, Actor: mette,
	})
	p := &textphone{phone: w.connect(*rep.Seat)}
	_, err := w.bus.NC.Subscribe(meetingv1.TextDownSubject(p.session), func(msg *nats.Msg) {
		var v meetingv1.Typed
		if err := json.Unmarshal(msg.Data, &v); err != nil {
			w.t.Errorf("down: %v", err)
			return
		}
		w.note(func() { p.reads = append(p.reads, v) })
	})
	w.must(err)
	w.must(w.bus.NC.Flush())
	p.text(true)
	return p
}

// text says whether the telephone has text.
func (p *textphone) text(on bool) {
	p.w.t.Helper()
	_, err := ask[meetingv1.Entry](p.w, meetingv1.SoundSubject, meetingv1.SoundRequest{Seat: p.seat, Session: p.session, Text: on})
	p.w.must(err)
}

// types types under a number, and waits until the room has it.
func (p *textphone) types(number uint64, text string) {
	p.w.t.Helper()
	data, err := json.Marshal(meetingv1.Typed{Number: number, Text: text})
	p.w.must(err)
	_, err = p.w.bus.NC.Request(meetingv1.TextUpSubject(p.session), data, patience)
	p.w.must(err)
}

// shown is what the telephone has got from somebody, with the numbers of the messages.
func (p *textphone) shown(from string) (text string, numbers []uint64) {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	for _, v := range p.reads {
		if v.From == from {
			text += v.Text
			numbers = append(numbers, v.Number)
		}
	}
	return text, numbers
}

// TestTelephoneTypes: what a telephone with text types is everybody's as it is typed, kept in lines and written down like the
// others'; what the others type, and send to the chat, comes to it with their names. A pause counts for it, and lost text shows.
func TestTelephoneTypes(t *testing.T) {
	w := newWorld(t)
	m := w.withCodes()
	host := w.host(m).join()
	p := w.textphone(m)
	me := p.seat.ParticipantID
	at := func(text string) bool {
		host.mu.Lock()
		defer host.mu.Unlock()
		return strings.HasSuffix(host.written["t140:"+me], text)
	}
	n := uint64(0)
	w.eventually("the way to the host is there", func() bool { // until then what is typed is not kept for it
		n++
		p.types(n, "x\b")
		return at("x\b")
	})
	p.types(n+1, "Jeg hedder ")
	w.eventually("half a line at the host", func() bool { return at("Jeg hedder ") })
	p.types(n+2, "Bente.")
	p.types(n+2, "Bente.") // the answer was lost
	p.types(n+4, " \u009b1mNr. 010203-1234\r")
	w.eventually("the line at the host, with a gap", func() bool { return at("Jeg hedder Bente.\uFFFD Nr. 010203-1234\u2028") })
	w.eventually("the line", func() bool { return len(host.history().Messages) == 1 })
	host.act(meetingv1.ActPause, "", "")
	p.types(n+5, "\nDet er privat.\u2028")
	w.eventually("the line in the pause", func() bool { return len(host.history().Messages) == 2 })
	host.act(meetingv1.ActContinue, "", "")
	p.types(n+6, "Og nu")
	w.eventually("what is not ended", func() bool { return at("Og nu") })

	w.eventually("the host's channel", func() bool { return host.text.ReadyState().String() == "open" })
	w.must(host.text.SendText("Goddag, B"))
	hostID := host.seat.ParticipantID
	reads := func(text string) func() bool {
		return func() bool { got, _ := p.shown(hostID); return got == text }
	}
	w.eventually("half a line at the telephone", reads("Goddag, B"))
	w.must(host.text.SendText("ente\u2028"))
	w.eventually("the line at the telephone", reads("Goddag, Bente\u2028"))
	host.say("m1", "Se her")
	host.say("m1", "Se her") // again
	w.eventually("the chat at the telephone", reads("Goddag, Bente\u2028Se her\u2028"))
	p.text(false)
	w.must(host.text.SendText("Uset\u2028"))
	w.eventually("what was typed is kept", func() bool { return len(host.history().Messages) == 5 })
	p.text(true)
	w.must(host.text.SendText("Set\u2028"))
	w.eventually("the telephone reads again", reads("Goddag, Bente\u2028Se her\u2028Set\u2028"))
	_, numbers := p.shown(hostID)
	if diff := cmp.Diff([]uint64{1, 2, 3, 4}, numbers); diff != "" {
		t.Error(diff)
	}
	w.mu.Lock()
	for i, v := range p.reads {
		if v.Name == "" || v.Role != meetingv1.RoleCaseworker || v.Chat != (i == 2) {
			t.Errorf("the telephone is told %+v", v)
		}
	}
	w.mu.Unlock()

	get[meetingv1.Entry](w, meetingv1.LeaveSubject, p.seat)
	w.eventually("the line that was not ended", func() bool { return len(host.history().Messages) == 7 })
	data, err := json.Marshal(meetingv1.Typed{Number: 99, Text: "Efter"})
	w.must(err)
	w.eventually("nobody takes what it types afterwards", func() bool {
		_, err := w.bus.NC.Request(meetingv1.TextUpSubject(p.session), data, time.Second)
		return err == nats.ErrNoResponders
	})
	host.act(meetingv1.ActEnd, "", "")
	w.over(m.ID)
	w.eventually("the words", func() bool { return strings.Contains(fmt.Sprint(w.typed(m.ID)), "nu") })
	var words []string
	for _, v := range w.typed(m.ID) {
		words = append(words, v.Text)
	}
	all := strings.Join(words, " ")
	if !strings.Contains(all, "Jeg hedder Bente.\uFFFD Nr. ••••••-••••") || strings.Contains(all, "privat") || strings.Contains(all, "Efter") {
		t.Errorf("written down: %s", all)
	}
}

// TestTelephoneInTheSideRoom reads and types only there.
func TestTelephoneInTheSideRoom(t *testing.T) {
	w := newWorld(t)
	m := w.withCodes()
	host, tolk := w.host(m).join(), w.admitted(m, 3, "Ana", true).join()
	p := w.textphone(m)
	hostID, me := host.seat.ParticipantID, p.seat.ParticipantID
	shows := func(from, text string) func() bool {
		return func() bool { got, _ := p.shown(from); return strings.HasSuffix(got, text) }
	}
	at := func(g *guest, text string) bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		return strings.HasSuffix(g.written["t140:"+me], text)
	}
	w.eventually("the channel", func() bool {
		return tolk.text.ReadyState().String() == "open" && host.text.ReadyState().String() == "open"
	})
	n := uint64(0)
	w.eventually("the ways to the others are there", func() bool {
		n++
		p.types(n, "x\b")
		return at(host, "x\b") && at(tolk, "x\b")
	})
	host.act(meetingv1.ActSide, "", "open", me) // host and telephone
	p.types(n+1, "hemmeligt")
	w.eventually("the words in the side room", func() bool { return at(host, "hemmeligt") })
	w.must(tolk.text.SendText("udenfor\u2028"))
	w.eventually("the line outside", func() bool { return len(tolk.history().Messages) == 1 })
	w.must(host.text.SendText("kun dig\u2028"))
	w.eventually("the host's words", shows(hostID, "kun dig\u2028"))
	host.act(meetingv1.ActSide, "", "close")
	w.must(tolk.text.SendText("igen\u2028"))
	w.eventually("all are together", shows(tolk.seat.ParticipantID, "igen\u2028"))
	p.types(n+2, "åbent\u2028")
	w.eventually("the words outside", func() bool { return at(tolk, "åbent\u2028") })
	if text, _ := p.shown(tolk.seat.ParticipantID); text != "igen\u2028" || at(tolk, "hemmeligtåbent\u2028") {
		t.Errorf("the telephone has read %q", text)
	}
}

// TestTelephoneReadsCaptions: a telephone that has asked for it reads what the others say, as their captions are, and what is put right;
// not its own words, nothing in the side room, and nothing when it wants none any more.
func TestTelephoneReadsCaptions(t *testing.T) {
	w := newWorld(t)
	m := w.withCodes()
	host := w.host(m).join()
	p := w.textphone(m)
	hostID := host.seat.ParticipantID
	wants := func(on bool) {
		t.Helper()
		_, err := ask[meetingv1.Entry](w, meetingv1.SoundSubject, meetingv1.SoundRequest{Seat: p.seat, Session: p.session, Text: true, Captions: on})
		w.must(err)
	}
	w.leg(m.ID, hostID)
	w.eventually("the telephone's own leg", func() bool { p.say(5, 0, 0); return w.legOf(m.ID, p.seat.ParticipantID).clear > 0 })
	leg, own := w.participant(m.ID, hostID).LegID, w.participant(m.ID, p.seat.ParticipantID).LegID
	at := int64(0)
	says := func(text string) { // and the room has done with it: it takes one after the other, and the telephone's own words say nothing to it
		t.Helper()
		n := len(host.history().Captions)
		at++
		w.final(m.ID, leg, at, text)
		w.final(m.ID, own, at, "det siger jeg selv")
		w.eventually("the captions", func() bool { return len(host.history().Captions) == n+2 })
	}
	says("før de blev bedt om")
	wants(true)
	says("jeg vil søge bolig støtte")
	reads := func(text string) {
		t.Helper()
		w.eventually("the telephone reads "+text, func() bool { got, _ := p.shown(hostID); return got == text })
	}
	reads("jeg vil søge bolig støtte ")
	host.act(meetingv1.ActCorrect, leg+"-2", "jeg vil søge boligstøtte")
	all := "jeg vil søge bolig støtte jeg vil søge boligstøtte\u2028"
	reads(all)
	w.final(m.ID, leg, at, "jeg vil søge bolig støtte") // told twice
	host.act(meetingv1.ActSide, "", "open", hostID, p.seat.ParticipantID)
	says("sagt før sidelokalet")
	host.act(meetingv1.ActSide, "", "close")
	wants(false)
	says("uset")
	wants(true)
	says("set")
	reads(all + "set ")
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, v := range p.reads {
		if v.From != hostID || !v.Caption || v.Corrected != (i == 1) || v.Role != meetingv1.RoleCaseworker || v.Name == "" {
			t.Errorf("the telephone is told %+v", v)
		}
	}
}

// TestGapsInCaptions: sound that was lost is shown between the words, and each sentence has a line.
func TestGapsInCaptions(t *testing.T) {
	w := newWorld(t)
	m := w.withCodes()
	host := w.host(m).join()
	p := w.textphone(m)
	_, err := ask[meetingv1.Entry](w, meetingv1.SoundSubject, meetingv1.SoundRequest{Seat: p.seat, Session: p.session, Text: true, Captions: true})
	w.must(err)
	w.leg(m.ID, host.seat.ParticipantID)
	leg := w.participant(m.ID, host.seat.ParticipantID).LegID
	sealed, err := sealJSON(w, m.ID, transcriptv1.Body{Words: []transcriptv1.Word{
		{ID: "w-1", Text: "ikke", Start: 0, End: 10}, {ID: "w-2", Text: "alt", Start: 20, End: 25}, {ID: "w-3", Text: "Hej", Start: 25, End: 30, Sentence: true},
	}})
	w.must(err)
	w.must(w.bus.Publish(t.Context(), transcriptv1.Final{
		Meta: event.NewMeta("transcript.v1.final", "test", time.Now()), ConversationID: m.ID, LegID: leg, Role: "caseworker", To: 30, Engine: "demo",
		Ledger: []transcriptv1.Range{
			{Start: 0, End: 10, State: transcriptv1.Transcribed},
			{Start: 10, End: 20, State: transcriptv1.Lost, Reason: transcriptv1.ReasonCapture},
			{Start: 20, End: 30, State: transcriptv1.Transcribed},
		}, Sealed: sealed,
	}))
	w.eventually("the gap", func() bool { got, _ := p.shown(host.seat.ParticipantID); return got == "ikke \uFFFD alt \u2028Hej " })
}
