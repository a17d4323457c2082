package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestTalk is the day's work: a citizen calls with a SIP telephone and says yes to
// being written down, a caseworker answers in Chromium, each hears the other, the
// words of both appear, the note is approved, the case system has it, the rest goes.
func TestTalk(t *testing.T) {
	mic := t.TempDir() + "/mic.wav"
	// Said again after a while, for on a slow machine some of it is over before the browser is connected.
	writeWAV(t, mic, append(append(make([]int16, 8000*4), spoken(t, "Goddag, du taler med Mette. Hvad kan jeg hjælpe dig med i dag? Det ser jeg på med det samme.")...), make([]int16, 8000*20)...))
	s := start(t)
	c := newCitizen(t)
	b := newBrowser(s, mic)
	b.login("mette", "/desk")
	b.await("the inbox", `document.querySelector("#inbox .box-group")`)

	c.call("sip:borgerservice@" + s.sip)
	s.until("the announcement", func() error {
		if energy(c.heard()) < 25 {
			return fmt.Errorf("nothing heard yet")
		}
		return nil
	})
	s.until("the yes to being written down", func() error { // a key before the question counts for nothing
		var list struct {
			Calls []struct {
				Asked      bool
				Transcribe *bool
			}
		}
		if err := s.api("caseworker", "GET", "/api/v1/calls", nil, &list); err != nil {
			return err
		}
		if len(list.Calls) != 1 || !list.Calls[0].Asked {
			return fmt.Errorf("calls: %+v", list.Calls)
		}
		if yes := list.Calls[0].Transcribe; yes == nil || !*yes {
			c.keys("1")
			return errors.New("no yes yet")
		}
		return nil
	})
	b.await("the call to ring", `document.querySelector("#inbox .ringing .item")`)
	b.screenshot("desk-ringing")
	before := energy(c.heard())
	b.run("answer by keyboard", chromedp.KeyEvent("s"))
	b.await("the call to be connected", `!document.getElementById("c-hangup").hidden && document.getElementById("remote-audio").srcObject`)
	// They speak one after the other: an echo canceller hears nothing of its own side
	// while the other speaks.
	b.await("the caseworker's words", `document.querySelectorAll("#transcript .turn.caseworker .w").length >= 8`)
	const words = "Goddag, jeg hedder Bente. Jeg ringer om min boligstøtte. Jeg har sendt min lønseddel i går. Jeg vil gerne ringes op i morgen."
	c.say(words)
	s.until("the caseworker to hear the citizen", func() error {
		if share := b.hears(); share < 0.3 {
			c.say(words) // it may have been over by then
			return fmt.Errorf("sound in %.0f%% of two seconds of speech, want at least 30%%", 100*share)
		}
		return nil
	})
	said := time.Now()
	s.until("the citizen's words", func() error {
		err := b.true(10*time.Second, `document.querySelectorAll("#transcript .turn.citizen .w").length >= 8`)
		if err != nil && time.Since(said) > again { // some of it was lost on its way
			c.say(words)
			said = time.Now()
		}
		return err
	})
	b.screenshot("desk-talking")
	s.until("the citizen to have heard the caseworker", func() error {
		if got := energy(c.heard()) - before; got < 50 {
			return fmt.Errorf("%d frames of sound, want at least 50 (1 s)", got)
		}
		return nil
	})

	id := b.text(`document.querySelector("#inbox .mine .item") ? new URLSearchParams(location.search).get("samtale") || "" : ""`)
	b.run("hang up by keyboard", chromedp.KeyEvent("x"))
	b.await("the note draft", `document.querySelectorAll("#note .sentence").length > 0`)
	b.screenshot("desk-note")
	conv := s.onlyConversation()
	if id != "" && id != conv {
		t.Errorf("page shows conversation %s, API %s", id, conv)
	}
	n := s.awaitNote(conv)
	s.confirmAll(&n)
	b.run("show the note", chromedp.Navigate("http://"+s.http+"/notat/"+n.ID))
	b.await("the note page", `document.getElementById("note-approve") && !document.getElementById("note-foot").hidden`)
	b.screenshot("note")
	b.run("approve by keyboard", chromedp.KeyEvent("g"))
	b.click("#ask-dialog[open] #ask-yes")
	done := s.awaitErased(conv)
	if done.Receipt.ID == "" {
		t.Errorf("receipt without id: %+v", done.Receipt)
	}
	b.run("receipts", chromedp.Navigate("http://"+s.http+"/afleveret"))
	b.await("the receipt", fmt.Sprintf(`document.body.innerText.includes(%q)`, done.Receipt.ID))
	b.screenshot("delivered")
	if hits := found(t, s.data, "boligstøtte", "lønseddel"); len(hits) > 0 {
		t.Errorf("after erasure the data folder still holds what was said: %v", hits)
	}
}

// onlyConversation waits until the journal knows of the one that there is.
func (s *system) onlyConversation() string {
	s.t.Helper()
	var list struct {
		Conversations []conversation `json:"conversations"`
	}
	s.until("a conversation", func() error {
		err := s.api("caseworker", "GET", "/api/v1/conversations", nil, &list)
		if err == nil && len(list.Conversations) == 0 {
			err = errors.New("there is none yet")
		}
		return err
	})
	if len(list.Conversations) != 1 {
		s.t.Fatalf("%d conversations, want 1", len(list.Conversations))
	}
	return strings.TrimSpace(list.Conversations[0].ID)
}
