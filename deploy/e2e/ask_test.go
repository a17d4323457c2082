package e2e

import (
	"html"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"samtale.dk/samtale/services/contract/assistantv1"
)

// TestAsk follows a citizen from a question to a proven answer, to a follow-up, to a question that nobody can answer from the
// knowledge, and from there to a person: the summary is approved, the receipt has a number, a caseworker in another browser
// claims it, both write, and the chat ends as a note that is approved, delivered and deleted.
func TestAsk(t *testing.T) {
	silence := t.TempDir() + "/silence.wav"
	writeWAV(t, silence, make([]int16, 8000))
	s := start(t, "SAMTALE_KNOWLEDGE_STARTER=true", "SAMTALE_ASK_RATE=100")
	citizen := newBrowser(s, silence)
	ask := func(question string) {
		t.Helper()
		before := citizen.text(`String(document.querySelectorAll(".turn-q[id]").length)`)
		citizen.run("ask", chromedp.Evaluate(`document.getElementById("q-field").value = ""`, nil), chromedp.SendKeys("#q-field", question+kb.Enter))
		citizen.await("the answer to "+question, `document.querySelectorAll(".turn-q[id]").length > `+before)
	}
	citizen.run("open the front page", chromedp.Navigate("http://"+s.http+"/"))
	citizen.await("the page", `document.documentElement.dataset.ready === "ask"`)
	s.until("the knowledge", func() error { return s.api("editor", "GET", "/api/v1/knowledge/search?q=flytning", nil, nil) })
	for _, lang := range []string{"da", "en"} {
		s.examples(lang)
	}
	ask("Hvornår skal jeg melde flytning?")
	last := `document.querySelector(".turn-q[id]:last-of-type, .turn-q:last-child").innerText`
	if got := citizen.text(last); !strings.Contains(got, "5 dage") {
		t.Errorf("the answer is %s", got)
	}
	citizen.screenshot("ask-answer")
	ask("Hvor stor en hest må jeg have i køkkenet?")
	citizen.screenshot("ask-unknown")

	citizen.run("to a person", chromedp.Navigate("http://"+s.http+"/henvendelse?kanal=chat"))
	citizen.await("the summary", `document.getElementById("summary")?.value.length > 10`)
	citizen.screenshot("handover")
	citizen.click(`[value="chat"]`)
	citizen.click(`[name="ai_note"]`)
	citizen.run("send", chromedp.SendKeys("#name", "Bente Holm"+kb.Enter))
	citizen.await("the receipt", `document.documentElement.dataset.ready === "inquiry"`)
	citizen.screenshot("receipt")

	desk := newBrowser(s, silence)
	desk.login("mette", "/desk")
	desk.await("the inquiry in the inbox", `document.querySelector(".inq-waiting .item")`)
	desk.click(".inq-waiting .item")
	desk.await("the summary", `document.getElementById("inq-summary").textContent.length > 10 && !document.getElementById("inq-claim").hidden`)
	desk.pressUntil("claim", `document.getElementById("inq-claim")`, `!document.getElementById("inq-write").hidden`)
	citizen.await("who has it", `document.getElementById("i-status").dataset.state === "claimed"`)
	desk.run("write", chromedp.SendKeys("#inq-text", "Goddag. Jeg sender dig et skema i morgen."+kb.Enter))
	citizen.await("the caseworker's words", `document.querySelector(".i-msg.caseworker .i-text")?.textContent.includes("skema")`)
	citizen.run("write", chromedp.SendKeys("#i-text", "Tak. Jeg flytter den 1. december."+kb.Enter))
	desk.await("the citizen's words", `document.querySelector(".msg.citizen .msg-text")?.textContent.includes("1. december")`)
	desk.screenshot("desk-chat")
	desk.click("#inq-end")
	desk.click("#ask-dialog[open] #ask-yes")

	conv := s.onlyConversation()
	n := s.awaitNote(conv)
	text := ""
	for _, x := range n.Sentences {
		text += x.Text + " "
		if x.Verdict == "supported" && len(x.Evidence) == 0 {
			t.Errorf("supported by nothing: %s", x.Text)
		}
	}
	if !strings.Contains(text, "1. december") {
		t.Errorf("the note says: %s", text)
	}
	s.confirmAll(&n)
	s.approve(n)
	if done := s.awaitErased(conv); done.Receipt.ID == "" {
		t.Errorf("receipt without id: %+v", done.Receipt)
	}
	if hits := found(t, s.data, "hest må jeg have", "sender dig et skema"); len(hits) > 0 {
		t.Errorf("after erasure the data folder still holds what was written: %v", hits)
	}
}

// exampleButton is a question that the front page proposes.
var exampleButton = regexp.MustCompile(`class="example" name="question" value="([^"]+)"`)

// examples asks the questions that the front page proposes in a language: who begins with one must get an answer.
func (s *system) examples(lang string) {
	s.t.Helper()
	req, err := http.NewRequest(http.MethodGet, "http://"+s.http+"/", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Accept-Language", lang)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	proposed := exampleButton.FindAllSubmatch(page, -1)
	if len(proposed) == 0 {
		s.t.Fatalf("the front page in %s proposes nothing", lang)
	}
	for _, p := range proposed {
		question := html.UnescapeString(string(p[1]))
		var got assistantv1.Answer
		if err := s.api("editor", http.MethodPost, "/api/v1/ask", map[string]string{"question": question}, &got); err != nil || !got.Answered {
			s.t.Errorf("%s: %s %v", question, got.Reason, err)
		}
	}
}
