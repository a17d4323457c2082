package portal

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"samtale.dk/samtale/services/contract/inquiryv1"
	"samtale.dk/samtale/services/portal/token"
)

// only is the one inquiry that was opened.
func (as *assistant) only(t *testing.T) (inquiryv1.HistoryReply, inquiryv1.OpenRequest) {
	t.Helper()
	as.mu.Lock()
	defer as.mu.Unlock()
	if len(as.opened) != 1 {
		t.Fatalf("%d inquiries were opened", len(as.opened))
	}
	for _, h := range as.inquiries {
		return *h, as.opened[0]
	}
	t.Fatal("no inquiry")
	return inquiryv1.HistoryReply{}, inquiryv1.OpenRequest{}
}

// From a question that has no answer to a person, with the keyboard alone, in both languages.
func TestHandover(t *testing.T) {
	for _, l := range []string{"da", "en"} {
		t.Run(l, func(t *testing.T) {
			p := start(t)
			b := chromium(t, p)
			b.language(l)
			b.open("/")
			b.askReady()
			b.ask("Hvornår skal jeg melde flytning?")
			b.ask("Kan man bo på månen?")
			b.run(chromedp.Focus(`.turn-q:last-child .way`, chromedp.ByQuery))
			b.key(kb.Enter)
			b.until(`document.readyState === "complete" && document.querySelector(".h-form") !== null && document.querySelector("[value=chat]").checked`)
			b.checked("handover-" + l)
			if got := eval[string](b, `document.getElementById("summary").value`); !strings.Contains(got, "melde flytning") || !strings.Contains(got, "månen") {
				t.Errorf("summary is %q", got)
			}
			if eval[bool](b, `document.querySelector(".h-phone").offsetParent !== null || document.querySelector("[name=ai_note]").checked`) {
				t.Error("a phone number is asked for, or the note by AI is a yes already")
			}

			// Somebody else's matter: what was written stays. Then what is wrong is said.
			b.run(chromedp.Evaluate(`document.getElementById("summary").value = "Min egen tekst"`, nil))
			b.click(`.h-form summary`)
			b.click(`button[value="pension"]`)
			b.until(`document.readyState === "complete" && document.querySelector(".h-area strong").textContent === "Pension" && document.getElementById("summary").value === "Min egen tekst"`)
			b.click(`[value="callback"]`)
			b.run(chromedp.SendKeys("#phone", "12 34"+kb.Enter, chromedp.ByQuery))
			b.until(`document.readyState === "complete" && document.querySelector('.alert-error a[href="#phone"]') !== null && document.getElementById("summary").value === "Min egen tekst"`)
			b.checked("handover-" + l + "-wrong")
			b.click(`[value="chat"]`)
			b.click(`[name="ai_note"]`)
			b.run(chromedp.SendKeys("#name", "Bente Holm"+kb.Enter, chromedp.ByQuery))
			b.until(`document.documentElement.dataset.ready === "inquiry"`)
			h, sent := p.assistant.only(t)
			if sent.Summary != "Min egen tekst" || sent.ServiceArea != "pension" || sent.Channel != "chat" || !sent.AINote || sent.Name != "Bente Holm" || len(sent.Sources) != 2 {
				t.Errorf("sent %+v", sent)
			}
			b.shows(h.Inquiry.Receipt)
			b.checked("inquiry-" + l + "-waiting")
			b.chats(p, h.Inquiry)
			b.checked("inquiry-" + l + "-chat")

			// The language changes here without the receipt leaving the page.
			other := map[string]string{"da": "en", "en": "da"}[l]
			b.click(`.foot a[hreflang="` + other + `"]`)
			b.until(`document.documentElement.lang === "` + other + `" && document.querySelectorAll(".i-msg").length === 3`)
			b.until(`document.documentElement.dataset.ready === "inquiry"`)
			b.click(`#i-end button`)
			b.until(`document.querySelector('#i-end a[href="/"]') !== null && document.getElementById("i-form") === null`)
			b.checked("inquiry-" + l + "-ended")
		})
	}
}

// chats takes the inquiry as a caseworker and writes in both directions, while the citizen's page is open.
func (b *page) chats(p *place, i inquiryv1.Inquiry) {
	t := b.t
	t.Helper()
	worker := p.token(t, token.Caseworker, func(c *tokenClaims) { c.Name = "Mette Sørensen" })
	desk := "/api/v1/desk/inquiries/" + i.ID
	p.json(t, "POST", desk+"/claim", worker, "", new(inquiryv1.Inquiry))
	b.until(`document.getElementById("i-status").dataset.state === "claimed" && document.querySelector("#i-status .lead").textContent.includes("Mette Sørensen")`)
	p.json(t, "POST", desk+"/say", worker, `{"text":"Goddag. Hvad kan jeg hjælpe med?"}`, new(inquiryv1.Message))
	b.until(`document.querySelector(".i-msg.caseworker .i-text")?.textContent.startsWith("Goddag")`)
	typing := inquiryv1.Typing{InquiryID: i.ID, From: inquiryv1.FromCaseworker}
	b.untilDoing(`document.getElementById("i-typing").textContent !== ""`, func() {
		p.bus.NC.Publish(inquiryv1.TypingSubject(i.ID), mustJSON(typing))
	})
	b.run(chromedp.SendKeys("#i-text", "Jeg vil bo på månen <b>nu</b>"+kb.Enter, chromedp.ByQuery))
	b.until(`document.querySelector(".i-msg.citizen .i-text")?.textContent === "Jeg vil bo på månen <b>nu</b>" && document.getElementById("i-text").value.trim() === ""`)
	b.run(chromedp.SendKeys("#i-text", "Tak", chromedp.ByQuery))
	b.click(`#i-form button`)
	b.until(`document.querySelectorAll(".i-msg").length === 3`)
}

// Two messages are two also where the page has not been looked at again between them.
func TestInquiryMessagesAreAllSent(t *testing.T) {
	p := start(t)
	i := p.assistant.wants(t, p, inquiryv1.Chat, "Bente Holm", "Hej")
	b := chromium(t, p)
	b.open("/henvendelse/" + i.Receipt)
	b.until(`document.documentElement.dataset.ready === "inquiry"`)
	b.run(chromedp.Evaluate(`(() => { const f = window.fetch; window.fetch = (u, o) => u === location.pathname ? new Promise(() => {}) : f(u, o); })()`, nil))
	for n, text := range []string{"Jeg er flyttet", "Til Aarhus"} {
		b.run(chromedp.SendKeys("#i-text", text+kb.Enter, chromedp.ByQuery))
		b.until(`document.getElementById("i-text").value.trim() === ""`)
		p.assistant.mu.Lock()
		h, err := p.assistant.one(i.Receipt, "")
		if err != nil || len(h.Messages) != n+1 || h.Messages[n].Text != text {
			t.Errorf("stored %+v, %v", h, err)
		}
		p.assistant.mu.Unlock()
	}
}

func TestHandoverWithoutScripts(t *testing.T) {
	p := start(t)
	b := chromium(t, p)
	b.run(emulation.SetScriptExecutionDisabled(true))
	b.open("/henvendelse?kanal=callback")
	b.run(chromedp.SendKeys("#summary", "Ring om min pension", chromedp.ByQuery), chromedp.SendKeys("#phone", "0045 87 65 43 21", chromedp.ByQuery))
	b.click(".h-send")
	b.run(chromedp.WaitVisible("#i-number", chromedp.ByQuery))
	b.until(`document.readyState === "complete"`)
	b.shot("inquiry-noscript")
	h, sent := p.assistant.only(t)
	if sent.Phone != "+4587654321" || sent.Channel != "callback" || sent.AINote {
		t.Errorf("sent %+v", sent)
	}
	b.run(emulation.SetScriptExecutionDisabled(false))
	if got := eval[string](b, `document.body.innerText`); !strings.Contains(got, "Vi ringer til dig") || strings.Contains(got, "876543") || !strings.Contains(got, "•• 21") {
		t.Errorf("the page says %s", got)
	}

	// Another device finds it by the number, however it is typed.
	c := p.browser(t)
	r, err := c.PostForm(p.url+"/henvendelse/find", url.Values{"kvittering": {strings.ToLower(strings.ReplaceAll(h.Inquiry.Receipt, "-", " "))}})
	if err != nil {
		t.Fatal(err)
	}
	status, page := read(t, r)
	if status != http.StatusOK || !strings.Contains(page, "Ring om min pension") {
		t.Errorf("found: %d", status)
	}
	if r.Header.Get("Referrer-Policy") != "no-referrer" || r.Header.Get("Cache-Control") != "no-store" || !strings.Contains(page, "noindex") {
		t.Errorf("the receipt may leak: %v", r.Header)
	}
	r, err = c.PostForm(p.url+"/henvendelse/find", url.Values{"kvittering": {"NOPE"}})
	if err != nil {
		t.Fatal(err)
	}
	if status, page := read(t, r); status != http.StatusNotFound || !strings.Contains(page, "Vi kan ikke finde en henvendelse") {
		t.Errorf("unknown: %d", status)
	}
	// What the answers stood on stays here when the citizen takes it out, and so does a number that nobody is to call.
	r, err = c.PostForm(p.url+"/", url.Values{"question": {"Hvornår skal jeg melde flytning?"}})
	if err != nil {
		t.Fatal(err)
	}
	read(t, r)
	r, err = c.PostForm(p.url+"/henvendelse", url.Values{"id": {"x-2"}, "summary": {"s"}, "channel": {"chat"}, "omraade": {"pension"}, "phone": {"12345678"}})
	if err != nil {
		t.Fatal(err)
	}
	if status, page := read(t, r); status != http.StatusOK || strings.Contains(page, "Flytning: Frist") {
		t.Errorf("without sources: %d", status)
	}
	p.assistant.mu.Lock()
	if o := p.assistant.opened[1]; len(o.Sources) != 0 || o.Phone != "" {
		t.Errorf("sent %+v", o)
	}
	p.assistant.mu.Unlock()
	// A message is a form too.
	path := p.url + "/henvendelse/" + h.Inquiry.Receipt
	for range 2 { // sent twice
		r, err = c.PostForm(path+"/besked", url.Values{"id": {"m-1"}, "text": {"Ring helst om morgenen"}})
		if err != nil {
			t.Fatal(err)
		}
		if status, page := read(t, r); status != http.StatusOK || strings.Count(page, "Ring helst om morgenen") != 1 {
			t.Errorf("message: %d", status)
		}
	}
	r, err = c.PostForm(path+"/besked", url.Values{"id": {"m-2"}, "text": {"  "}})
	if err != nil {
		t.Fatal(err)
	}
	if status, page := read(t, r); status != http.StatusBadRequest || !strings.Contains(page, "Beskeden er tom.") {
		t.Errorf("empty message: %d", status)
	}
	if status, page := c.get(t, "/henvendelse/AAAA-BBBB-CCCC"); status != http.StatusNotFound || !strings.Contains(page, "Det findes ikke") {
		t.Errorf("no such receipt: %d", status)
	}
}

func TestPhoneNumbers(t *testing.T) {
	p := start(t)
	c := p.browser(t)
	for in, want := range map[string]string{
		"12345678": "+4512345678", "+45 12 34 56 78": "+4512345678", "0045-12345678": "+4512345678", "+46 70 123 45 67": "+46701234567",
		"": "", "1234": "", "+45 123": "", "ring bare": "", "123456789": "",
	} {
		r, err := c.PostForm(p.url+"/henvendelse", url.Values{"id": {"x" + strings.ReplaceAll(strings.Trim(in, "+"), " ", "")}, "summary": {"s"}, "channel": {"callback"}, "omraade": {"pension"}, "phone": {in}})
		if err != nil {
			t.Fatal(err)
		}
		status, _ := read(t, r)
		if want == "" && status != http.StatusBadRequest {
			t.Errorf("%q is taken: %d", in, status)
		}
		p.assistant.mu.Lock()
		if n := len(p.assistant.opened); want != "" && (n == 0 || p.assistant.opened[n-1].Phone != want) {
			t.Errorf("%q: %d %+v", in, status, p.assistant.opened)
		}
		p.assistant.mu.Unlock()
	}
}
