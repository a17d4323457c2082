package e2e

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"samtale.dk/samtale/media/rtt"
	"samtale.dk/samtale/services/phone/dialer"
)

// TestTypedCall: a citizen who cannot hear calls with a telephone that has real-time text (RFC 4103). The announcements are written,
// a typed yes counts, both sides type while the other sees it, what the caseworker says can be read when it is asked for, and the note
// builds on what was typed.
func TestTypedCall(t *testing.T) {
	mic := t.TempDir() + "/mic.wav"
	writeWAV(t, mic, append(append(make([]int16, 8000*4), spoken(t, "Goddag, du taler med Mette. Hvad kan jeg hjælpe dig med i dag?")...), make([]int16, 8000*20)...))
	telephone, err := dialer.New(dialer.Config{Local: "127.0.0.1", Text: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(telephone.Close)
	s := start(t, "SAMTALE_TEXT_PAUSE=10m") // lines end where the test ends them
	b := newBrowser(s, mic)
	b.login("mette", "/desk")
	b.await("the inbox", `document.querySelector("#inbox .box-group")`)
	c, err := telephone.Dial(t.Context(), dialer.Options{To: "sip:borgerservice@" + s.sip})
	if err != nil {
		t.Fatal(err)
	}
	types := func(text string) {
		if err := c.Type(text); err != nil {
			t.Fatal(err)
		}
	}
	reads := func(what, text string) {
		s.until(what, func() error {
			if got := c.Typed(); !strings.Contains(got, text) {
				return fmt.Errorf("the telephone shows %q", got)
			}
			return nil
		})
	}
	reads("the question", "Skriv 1 eller ja")
	s.until("the typed yes", func() error { // one that comes before the question counts for nothing
		var list struct {
			Calls []struct {
				Asked      bool
				Text       bool
				Transcribe *bool
			}
		}
		if err := s.api("caseworker", "GET", "/api/v1/calls", nil, &list); err != nil {
			return err
		}
		if len(list.Calls) != 1 || !list.Calls[0].Asked || !list.Calls[0].Text {
			return fmt.Errorf("calls: %+v", list.Calls)
		}
		if yes := list.Calls[0].Transcribe; yes == nil || !*yes {
			types("ja\n")
			return errors.New("no yes yet")
		}
		return nil
	})
	reads("how to read what is said", "tast 3, eller skriv tekst")
	types("tekst\n")
	reads("that captions are on", "Tekstning er slået til.")
	b.await("the call to ring", `document.querySelector("#inbox .ringing .item")`)
	var answered time.Time
	s.until("the call to be connected", func() error {
		if time.Since(answered) > again && b.true(10*time.Second, `document.querySelector("#inbox .ringing .item")`) == nil { // a busy service may have refused it
			b.run("answer by keyboard", chromedp.KeyEvent("s"))
			answered = time.Now()
		}
		return b.true(10*time.Second, `!document.getElementById("c-hangup").hidden && !document.getElementById("typed-form").hidden`)
	})
	reads("that somebody is there", "En medarbejder har taget din samtale.")
	said := func(text string) string {
		return fmt.Sprintf(`[...document.querySelectorAll("#typed-lines .citizen .said")].some((e) => e.textContent === %q)`, text)
	}
	types("Jeg ringer om min bol")
	b.await("half a line", said("Jeg ringer om min bol"))
	types("igstøtte. Jeg har sendt min lønseddel i går.\n")
	b.await("the line", said("Jeg ringer om min boligstøtte. Jeg har sendt min lønseddel i går."))
	// At once: between letters that come slowly the telephone shows a caption.
	b.run("type back", chromedp.Focus("#typed-text", chromedp.ByQuery), input.InsertText("Tak, det ser jeg på."), chromedp.KeyEvent(kb.Enter))
	reads("the caseworker's line", "Tak, det ser jeg på.\n")
	types("Jeg vil gerne ringes op i morgen. Mit nummer er 30 40 50 60.\n")
	b.await("typed words in the transcript", `["citizen", "caseworker"].every((r) => document.querySelectorAll("#transcript .turn."+r+" .w").length > 3)`)
	b.await("the number, masked", `document.querySelector("#transcript .masked")`)
	b.screenshot("desk-typed")
	// captions are those of more than three words, the last left out, with nothing missing: where a busy machine has lost sound, the
	// transcript has a gap in their place.
	captions := func() (all []string) {
		for _, turn := range strings.Split(c.Typed(), "[Medarbejder (tekstning)] ")[1:] {
			line, _, _ := strings.Cut(turn, "\n")
			if strings.Count(line, " ") >= 4 && !strings.ContainsRune(line, rtt.MissingText) {
				all = append(all, line[:strings.LastIndex(line, " ")])
			}
		}
		return all
	}
	s.until("what the caseworker says", func() error {
		if len(captions()) == 0 {
			return fmt.Errorf("the telephone shows %q", c.Typed())
		}
		return nil
	})
	b.click("#c-hangup")
	n := s.awaitNote(s.onlyConversation())

	var words struct {
		Text  string
		Typed []string
		Words []struct{ Leg, Text string }
	}
	if err := s.api("caseworker", "GET", "/api/v1/conversations/"+s.onlyConversation()+"/transcript", nil, &words); err != nil {
		t.Fatal(err)
	}
	if len(words.Typed) != 2 || !strings.Contains(words.Text, "lønseddel") || strings.Contains(words.Text, "30 40 50 60") {
		t.Errorf("transcript: %+v", words)
	}
	if !slices.ContainsFunc(captions(), func(x string) bool { return strings.Contains(words.Text, x) }) { // some may have been corrected
		t.Errorf("the telephone shows %q, none of which is in the transcript: %q", captions(), words.Text)
	}
	proven := false
	for _, x := range n.Sentences {
		for _, e := range x.Evidence {
			proven = proven || slices.Contains(words.Typed, e.Leg)
		}
	}
	if !proven {
		t.Errorf("no sentence of the note builds on what was typed: %+v", n.Sentences)
	}
}
