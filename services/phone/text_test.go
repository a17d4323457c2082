package phone

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/phone/dialer"
	"samtale.dk/samtale/services/phone/internal/announce"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/seal"
)

// noPause: lines end where the test ends them, however long a busy machine takes in between.
const noPause = "SAMTALE_TEXT_PAUSE=10m"

// typedLine is what was committed of a typed leg.
type typedLine struct{ Leg, Role, Words string }

// typedLines are the lines of a conversation's typed legs, in the order in which they were committed.
func (w *world) typedLines(id string) (out []typedLine) {
	w.t.Helper()
	w.mu.Lock()
	finals := slices.Clone(w.finals[id])
	key := w.keys[id]
	w.mu.Unlock()
	for _, f := range finals {
		plain, err := seal.Open(key, f.Sealed, id+"/body")
		if err != nil {
			w.t.Fatal(err)
		}
		var b transcriptv1.Body
		if err := json.Unmarshal(plain, &b); err != nil {
			w.t.Fatal(err)
		}
		var words []string
		for _, v := range b.Words {
			words = append(words, v.Text)
		}
		out = append(out, typedLine{f.LegID, f.Role, strings.Join(words, " ")})
	}
	return out
}

// followText keeps what the desk is shown, by line, and the finals of typed legs.
func (w *world) followText() {
	w.t.Helper()
	w.shown, w.finals = map[string]callv1.TextLine{}, map[string][]transcriptv1.Final{}
	for subject, take := range map[string]nats.MsgHandler{
		callv1.TextTopic("*"): func(m *nats.Msg) {
			keep(w, m, func(l callv1.TextLine) {
				if l.Seq >= w.shown[l.ID].Seq {
					w.shown[l.ID] = l
				}
			})
		},
		"transcript.v1.final.>": func(m *nats.Msg) {
			keep(w, m, func(f transcriptv1.Final) { w.finals[f.ConversationID] = append(w.finals[f.ConversationID], f) })
		},
	} {
		if _, err := w.bus.NC.Subscribe(subject, take); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := w.bus.NC.Flush(); err != nil {
		w.t.Fatal(err)
	}
}

// onDesk waits until a line is shown like this.
func (w *world) onDesk(role, text string, over bool) callv1.TextLine {
	w.t.Helper()
	var found callv1.TextLine
	w.until("the desk shows "+text, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, l := range w.shown {
			if l.Role == role && l.Text == text && l.Done == over {
				found = l
				return true
			}
		}
		return false
	})
	return found
}

func (w *world) reads(c *dialer.Call, text string) {
	w.t.Helper()
	w.until("the telephone shows "+text, func() bool { return strings.Contains(c.Typed(), text) })
}

func (w *world) types(c *dialer.Call, text string) {
	w.t.Helper()
	if err := c.Type(text); err != nil {
		w.t.Fatal(err)
	}
}

// textCaller is a call from a telephone with real-time text, which has been asked about transcription.
func (w *world) textCaller() *dialer.Call {
	w.t.Helper()
	c := w.call(w.dialer(dialer.Config{Text: true}), "borgerservice")
	if !c.HasText() {
		w.t.Fatal("text was offered and not taken")
	}
	w.asked(c.ConversationID)
	return c
}

// TestTyped is a call of somebody who cannot hear: everything that is said is also written, typed answers count, and what is typed
// reaches desk and transcript.
func TestTyped(t *testing.T) {
	w := start(t, noPause, "SAMTALE_ANNOUNCEMENTS="+writeSoundsBut(t, 200*time.Millisecond, map[announce.ID]time.Duration{announce.Ask: 10 * time.Minute}))
	w.followText()
	c := w.textCaller()
	id := c.ConversationID
	w.reads(c, announce.Written(announce.Welcome))
	w.reads(c, announce.Written(announce.Ask))
	w.types(c, "Jx\ba\n")
	w.choiceIs(id, true)
	w.reads(c, announce.Written(announce.Yes))
	w.reads(c, announce.Written(announce.PositionID(1)))
	if !w.snapshot(id).Text {
		t.Error("the desk is not told that the caller has text")
	}

	b := newBrowser(t)
	b.answer(w, id, "anna")
	w.inState(id, callv1.StateTalking)
	w.reads(c, announce.Written(announce.Answered))
	if l := w.onDesk(callv1.RoleCitizen, "Ja", true); l.Caseworker != "anna" && l.Caseworker != "" {
		t.Errorf("line for %q", l.Caseworker)
	}
	w.types(c, "Mit nummer er ")
	w.onDesk(callv1.RoleCitizen, "Mit nummer er ", false) // before the line is over
	w.types(c, "010203-1234, og jeg flytter.\u2028")
	l := w.onDesk(callv1.RoleCitizen, "Mit nummer er 010203-1234, og jeg flytter.", true)
	if l.Caseworker != "anna" {
		t.Errorf("line for %q", l.Caseworker)
	}
	for _, s := range []string{"Tak", "!\b.", "\u2028"} {
		w.control(id, "anna", callv1.ActionType, s)
	}
	w.reads(c, "Tak.\n")
	w.onDesk(callv1.RoleCaseworker, "Tak.", true)
	again, err := ask[callv1.TextReply](w, callv1.TextSubject, callv1.TextRequest{ConversationID: id, Caseworker: "anna"})
	if err != nil || len(again.Lines) < 3 || again.Lines[len(again.Lines)-1].Text != "Tak." {
		t.Errorf("shown again: %+v, %v", again, err)
	}
	if _, err := ask[callv1.TextReply](w, callv1.TextSubject, callv1.TextRequest{ConversationID: id, Caseworker: "bo"}); errs.KindOf(err) != errs.Denied {
		t.Errorf("a colleague asks for the text: %v", err)
	}

	// A new offer goes on with the same text.
	if err := c.Reinvite(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.types(c, "Nr. 020304\u20284321\u2028") // a number over two lines
	w.onDesk(callv1.RoleCitizen, "4321", true)
	w.types(c, "Farvel") // without an end
	w.onDesk(callv1.RoleCitizen, "Farvel", false)
	w.control(id, "anna", callv1.ActionHangup, "")
	<-c.Ended()
	e := w.endOf(id) // told after all else
	if ch := w.chosen(id); len(ch) != 1 || ch[0].TextVersion != "1+"+announce.VersionWritten {
		t.Errorf("choices: %+v", ch)
	}
	w.until("all lines are committed", func() bool { return len(w.typedLines(id)) == 5 })
	got := w.typedLines(id)
	var typed []callv1.LegEnd
	for _, l := range e.Legs {
		if l.ID == got[0].Leg || l.ID == got[1].Leg {
			typed = append(typed, l)
		}
	}
	for i := range got {
		got[i].Leg = ""
	}
	want := []typedLine{
		{"", callv1.RoleCitizen, "Mit nummer er ••••••-••••, og jeg flytter."},
		{"", callv1.RoleCaseworker, "Tak."},
		{"", callv1.RoleCitizen, "Nr. 020304"},
		{"", callv1.RoleCitizen, "••••••-••••"},
		{"", callv1.RoleCitizen, "Farvel"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(typed) != 2 || typed[0].Samples == 0 || !typed[0].Transcribed || typed[1].User != "anna" {
		t.Errorf("typed legs: %+v", typed)
	}
}

// TestTypedIsNotKeptWithoutYes: the desk reads it, nothing else does. Later text is taken when the answer has become a yes.
func TestTypedIsNotKeptWithoutYes(t *testing.T) {
	w := start(t, noPause, "SAMTALE_ANNOUNCEMENTS="+shortWords(t))
	w.followText()
	c := w.textCaller()
	id := c.ConversationID
	w.types(c, "nej\n")
	w.choiceIs(id, false)
	newBrowser(t).answer(w, id, "anna")
	w.inState(id, callv1.StateTalking)
	w.types(c, "Det er privat.\n")
	w.onDesk(callv1.RoleCitizen, "Det er privat.", true)
	w.types(c, "Halvt ")
	w.onDesk(callv1.RoleCitizen, "Halvt ", false)
	w.control(id, "anna", callv1.ActionTranscribe, "yes")
	w.types(c, "privat.\n")
	w.onDesk(callv1.RoleCitizen, "Halvt privat.", true)
	w.types(c, "Nu må I.\n")
	w.onDesk(callv1.RoleCitizen, "Nu må I.", true)
	w.control(id, "anna", callv1.ActionPause, "")
	w.types(c, "Pause.\n")
	w.onDesk(callv1.RoleCitizen, "Pause.", true)
	w.control(id, "anna", callv1.ActionHangup, "")
	w.endOf(id)
	w.until("what may be is committed", func() bool { return len(w.typedLines(id)) > 0 })
	if got := w.typedLines(id); len(got) != 1 || got[0].Words != "Nu må I." {
		t.Errorf("committed: %+v", got)
	}
}

// TestTypedMessage: the message line takes a message that is typed.
func TestTypedMessage(t *testing.T) {
	w := start(t, noPause, "SAMTALE_ANNOUNCEMENTS="+shortWords(t))
	w.followText()
	c := w.call(w.dialer(dialer.Config{Text: true}), "besked")
	id := c.ConversationID
	w.reads(c, announce.Written(announce.Message))
	w.inState(id, callv1.StateMessage)
	w.types(c, "Skriv til mig om min sag.\n#\n")
	<-c.Ended()
	if e := w.endOf(id); !e.CallBack || e.Reason != "message-left" || len(e.Legs) != 2 {
		t.Errorf("ended: %+v", e)
	}
	w.until("the message is committed", func() bool { return len(w.typedLines(id)) > 0 }) // told on another subscription than the end
	if got := w.typedLines(id); len(got) != 1 || got[0].Words != "Skriv til mig om min sag." {
		t.Errorf("committed: %+v", got)
	}
}

// TestCalledWithText: a caseworker calls a telephone with text, and one without.
func TestCalledWithText(t *testing.T) {
	w := start(t, noPause)
	w.followText()
	for _, text := range []bool{true, false} {
		answered := make(chan *dialer.Call, 1)
		d := w.dialer(dialer.Config{Local: "127.0.0.1", Text: text, Answer: func(c *dialer.Call) { answered <- c }})
		b := newBrowser(t)
		id := b.dial(w, d.Addr()).ConversationID
		c := <-answered
		w.inState(id, callv1.StateTalking)
		if c.HasText() != text {
			t.Errorf("text: %v, want %v", c.HasText(), text)
		}
		r := callv1.ControlRequest{ConversationID: id, Caseworker: "anna", Action: callv1.ActionType, Value: "Goddag\u2028"}
		_, err := ask[callv1.Call](w, callv1.ControlSubject, r)
		if text {
			w.reads(c, "Goddag\n")
		} else if errs.KindOf(err) != errs.Conflict {
			t.Errorf("typed to a telephone without text: %v", err)
		}
		w.control(id, "anna", callv1.ActionHangup, "")
		w.endOf(id)
	}
}
