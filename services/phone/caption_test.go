package phone

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/phone/dialer"
	"samtale.dk/samtale/services/phone/internal/announce"
	"samtale.dk/samtale/services/platform/seal"
)

// speaker is the leg of somebody in a call, of whom a recogniser writes down what the test says.
type speaker struct {
	w    *world
	id   string
	leg  callv1.Leg
	to   int64
	miss int64 // samples of which the next final says nothing
}

// speaker waits for the last leg of a role that sound is taken of.
func (w *world) speaker(id, role string) *speaker {
	w.t.Helper()
	s := &speaker{w: w, id: id}
	w.until("a leg of "+role, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, c := range w.changed[id] {
			for _, l := range c.Legs {
				if l.Role == role && w.legs[l.ID] != nil {
					s.leg = l
				}
			}
		}
		return s.leg.ID != ""
	})
	return s
}

// now is where the leg is by the clock.
func (s *speaker) now() int64 {
	return int64(time.Since(s.leg.StartedAt)/time.Microsecond) * 16000 / 1e6
}

// says commits words that are said now.
func (s *speaker) says(text string) { s.commit(s.now(), text, false) }

// commit writes down what was said at a place; "…" is sound that was lost.
func (s *speaker) commit(at int64, text string, last bool) {
	s.w.t.Helper()
	f := transcriptv1.Final{
		Meta:           event.NewMeta("transcript.v1.final", "test", time.Now()),
		ConversationID: s.id, LegID: s.leg.ID, Role: s.leg.Role, From: s.to + s.miss, Engine: "test", Last: last,
	}
	at = max(at, f.From)
	if at > f.From {
		f.Ledger = append(f.Ledger, transcriptv1.Range{Start: f.From, End: at, State: transcriptv1.Silence})
	}
	var b transcriptv1.Body
	for word := range strings.FieldsSeq(text) {
		r := transcriptv1.Range{Start: at, End: at + 800, State: transcriptv1.Transcribed}
		if word == "…" {
			r.State, r.Reason = transcriptv1.Lost, transcriptv1.ReasonCapture
		} else {
			b.Words = append(b.Words, transcriptv1.Word{Text: word, Start: at, End: at + 800, Confidence: 1, Clear: "klart", Sentence: len(b.Words) == 0 && unicode.IsUpper([]rune(word)[0])})
		}
		f.Ledger = append(f.Ledger, r)
		at = r.End
	}
	f.To, s.to, s.miss = at, at, 0
	s.w.mu.Lock()
	key := s.w.keys[s.id]
	s.w.mu.Unlock()
	plain, err := json.Marshal(b)
	if err != nil {
		s.w.t.Fatal(err)
	}
	f.Sealed, err = seal.Seal(key, plain, s.id+"/body")
	if err != nil {
		s.w.t.Fatal(err)
	}
	data, err := json.Marshal(f)
	if err != nil {
		s.w.t.Fatal(err)
	}
	if err := s.w.bus.NC.Publish(f.Subject(), data); err != nil {
		s.w.t.Fatal(err)
	}
}

// readsAgain waits until a telephone has shown an announcement so often.
func (w *world) readsAgain(c *dialer.Call, id announce.ID, times int) {
	w.t.Helper()
	w.until("the telephone shows "+string(id)+" again", func() bool {
		return strings.Count(c.Typed(), announce.Written(id)+"\n") == times
	})
}

// TestCaptions: who cannot hear well reads what the caseworker says, when they have asked for it and said yes to writing down, and
// not otherwise. What was lost shows, and what is typed stays apart.
func TestCaptions(t *testing.T) {
	w := start(t, noPause, "SAMTALE_CAPTIONS_END=10m",
		"SAMTALE_ANNOUNCEMENTS="+writeSoundsBut(t, 200*time.Millisecond, map[announce.ID]time.Duration{announce.Ask: 10 * time.Minute}))
	w.followText()
	c := w.textCaller()
	id := c.ConversationID
	w.written(c, announce.CaptionsOffer)
	w.types(c, "Tekst.\n")
	w.written(c, announce.CaptionsWait)
	w.types(c, "ja\n")
	w.choiceIs(id, true)
	w.written(c, announce.CaptionsOn)
	newBrowser(t).answer(w, id, "anna")
	w.inState(id, callv1.StateTalking)
	w.written(c, announce.Answered)

	anna, me := w.speaker(id, callv1.RoleCaseworker), w.speaker(id, callv1.RoleCitizen)
	anna.says("Goddag, Bente.")
	w.reads(c, "\n[Medarbejder (tekstning)] Goddag, Bente. ")
	me.says("Hej.") // the citizen knows that
	anna.says("Dit nummer er •••••• ikke sandt?")
	w.reads(c, "\nDit nummer er •••••• ikke sandt? ") // the same turn: named once
	anna.says("Jeg … hører")
	w.reads(c, "\nJeg \uFFFD hører ")
	anna.miss = 16000
	anna.says("igen")
	w.reads(c, " \uFFFD hører \uFFFD igen ")
	w.control(id, "anna", callv1.ActionType, "Skrevet\u2028")
	w.reads(c, "\n[Medarbejder] Skrevet\n")
	anna.says("Sagt.")
	w.reads(c, "\n[Medarbejder (tekstning)] Sagt. ")

	w.control(id, "anna", callv1.ActionPause, "")
	w.written(c, announce.CaptionsPaused)
	w.control(id, "anna", callv1.ActionContinue, "")
	w.readsAgain(c, announce.CaptionsOn, 2)
	if err := c.Press(t.Context(), "3"); err != nil {
		t.Fatal(err)
	}
	w.written(c, announce.CaptionsOff)
	anna.says("Uset.")
	w.types(c, "tekst\n")
	w.readsAgain(c, announce.CaptionsOn, 3)
	anna.says("Set.")
	w.reads(c, "\n[Medarbejder (tekstning)] Set. ")
	w.control(id, "anna", callv1.ActionTranscribe, "no")
	w.readsAgain(c, announce.CaptionsWait, 2)
	w.control(id, "anna", callv1.ActionTranscribe, "yes")
	w.readsAgain(c, announce.CaptionsOn, 4)
	old := anna.leg.ID
	w.until("a new leg of the caseworker", func() bool { anna = w.speaker(id, callv1.RoleCaseworker); return anna.leg.ID != old })

	w.control(id, "anna", callv1.ActionHangup, "")
	anna.says("Farvel.")
	w.reads(c, "\n[Medarbejder (tekstning)] Farvel. ") // before it is hung up
	anna.commit(anna.now(), "", true)
	<-c.Ended()
	w.endOf(id)
	for _, not := range []string{"Hej.", "Uset", "klart"} {
		if strings.Contains(c.Typed(), not) {
			t.Errorf("the telephone shows %q: %q", not, c.Typed())
		}
	}
	for _, l := range w.typedLines(id) {
		if strings.Contains(strings.ToLower(l.Words), "tekst") && l.Role == callv1.RoleCitizen {
			t.Errorf("asking for captions is written down: %+v", l)
		}
	}
}

// TestCaptionsOfThree: who was called beside reads what the two others say, of what is said with all three; the citizen reads it too.
func TestCaptionsOfThree(t *testing.T) {
	w := start(t, noPause, "SAMTALE_ANNOUNCEMENTS="+shortWords(t))
	third, taken := w.colleague(true)
	c, _ := w.talk(w.dialer(dialer.Config{Text: true}), user, true)
	id := c.ConversationID
	w.types(c, "undertekster\n")
	w.written(c, announce.CaptionsOn)
	anna := w.speaker(id, callv1.RoleCaseworker)
	w.control(id, "anna", callv1.ActionConsult, "sip:kollega@"+third.Addr())
	k := <-taken
	w.written(k, announce.Consulted)
	w.types(k, "tekst\n")
	w.written(k, announce.CaptionsNone)
	before := anna.now()
	w.control(id, "anna", callv1.ActionMerge, "")
	w.written(k, announce.CaptionsOn)
	anna.commit(before, "Uden-dig.", false) // was said to the citizen, and is committed late
	w.reads(c, "\n[Medarbejder (tekstning)] Uden-dig. ")
	anna.says("Hej begge.")
	w.reads(c, "\nHej begge. ")
	w.reads(k, "\n[Medarbejder (tekstning)] Hej begge. ")
	w.speaker(id, callv1.RoleCitizen).says("Goddag.")
	w.reads(k, "\n[Borger (tekstning)] Goddag. ")
	w.speaker(id, callv1.RoleOther).says("Velkommen.")
	w.reads(c, "\n[Den tredje (tekstning)] Velkommen. ")
	w.control(id, "anna", callv1.ActionComplete, "")
	w.readsAgain(k, announce.CaptionsNone, 2)
	w.written(c, announce.CaptionsNone)
	if strings.Contains(k.Typed(), "Uden-dig") || strings.Contains(k.Typed(), "Velkommen.") || strings.Contains(c.Typed(), "Goddag.") {
		t.Errorf("read by the third: %q, by the citizen: %q", k.Typed(), c.Typed())
	}
	w.hangUp(k)
	w.endOf(id)
}

// TestNoCaptions: where nothing is written down there are none, and nobody is offered any.
func TestNoCaptions(t *testing.T) {
	w := start(t, noPause, "SAMTALE_ANNOUNCEMENTS="+shortWords(t))
	c := w.call(w.dialer(dialer.Config{Text: true}), "lukket")
	w.types(c, "tekst\n")
	w.written(c, announce.CaptionsNone)
	w.types(c, "tekst\n")
	w.written(c, announce.CaptionsOff)
	if strings.Contains(c.Typed(), announce.Written(announce.CaptionsOffer)) {
		t.Errorf("captions are offered: %q", c.Typed())
	}
	w.hangUp(c)
	w.endOf(c.ConversationID)
}
