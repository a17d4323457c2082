package portal

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/inquiryv1"
	"samtale.dk/samtale/services/contract/journalv1"
)

// A citizen's chat at the desk: claimed, answered, helped by the assistant, ended, and its note.
func TestDeskChat(t *testing.T) {
	for _, l := range []string{"da", "en"} {
		t.Run(l, func(t *testing.T) {
			p := start(t)
			b := chromium(t, p)
			b.language(l)
			b.login("mette")
			i := p.assistant.wants(t, p, inquiryv1.Chat, "Bente Holm", "Jeg er flyttet og vil vide, hvad jeg skal gøre.")
			b.until(`document.querySelector(".inq-waiting .item") !== null && document.title.startsWith("(1)")`)
			p.assistant.step(p.bus, "", i.ID, "escalated", func(i *inquiryv1.Inquiry) { i.EscalatedAt = time.Now() })
			b.until(`document.querySelector(".inq-waiting .late") !== null`)
			b.run(chromedp.Evaluate(`document.activeElement.blur()`, nil))
			b.key("j") // the keyboard is enough
			b.until(`document.getElementById("inq-summary").textContent.startsWith("Jeg er flyttet") && !document.getElementById("inq-claim").hidden`)
			b.checked("desk-" + l + "-waiting")
			b.key("t")
			b.until(`document.activeElement.id === "inq-text"`)

			// Both directions, live; one live region speaks what the citizen writes.
			b.run(chromedp.SendKeys("#inq-text", "Goddag. Hvornår er du flyttet?"+kb.Enter, chromedp.ByQuery))
			b.until(`document.querySelector(".msg.caseworker .msg-text")?.textContent === "Goddag. Hvornår er du flyttet?" && document.getElementById("inq-text").value.trim() === ""`)
			say := func(id, text string) {
				t.Helper()
				if _, err := p.assistant.say(p.bus, inquiryv1.SayRequest{ID: id, Receipt: i.Receipt, Text: text}); err != nil {
					t.Fatal(err)
				}
			}
			b.untilDoing(`document.getElementById("inq-typing").textContent !== ""`, func() {
				p.bus.NC.Publish(inquiryv1.TypingSubject(i.ID), mustJSON(inquiryv1.Typing{InquiryID: i.ID, From: inquiryv1.FromCitizen}))
			})
			say("c-1", "I mandags <b>til Aarhus</b>")
			b.until(`document.querySelector(".msg.citizen .msg-text")?.textContent === "I mandags <b>til Aarhus</b>" && document.getElementById("inq-typing").textContent === ""`)
			if got := eval[string](b, `document.getElementById("inq-spoken").textContent`); got != "Bente Holm: I mandags <b>til Aarhus</b>" {
				t.Errorf("screen readers hear %q", got)
			}
			if n := eval[int](b, `[...document.querySelectorAll("#inq-pane [aria-live], #inq-pane [role=log], #inq-pane [role=status]")].length`); n != 1 {
				t.Errorf("%d live regions in the chat", n)
			}

			// What the assistant suggests is kept until the note is there.
			b.until(`document.querySelector("#assist .tip") !== null`)
			p.assistant.hears(t, i.ConversationID, "I mandags")
			b.run(chromedp.SendKeys("#assist-question", "Hvornår skal jeg melde flytning?"+kb.Enter, chromedp.ByQuery))
			b.until(`document.querySelectorAll("#assist .tip").length === 2`)
			b.click("#assist .tip .chip")
			b.until(`!document.getElementById("assist-kept").hidden`)
			b.checked("desk-" + l + "-chat")

			// The end, and the note beside it.
			p.chatIsTold(i)
			b.click("#inq-end")
			b.until(`document.getElementById("ask-dialog").open`)
			b.click("#ask-yes")
			b.until(`document.getElementById("inq-write").hidden`)
			p.noteOf(t, i)
			b.until(`document.querySelectorAll(".s").length === 5`)
			b.until(`document.getElementById("note-saved").textContent !== "" && document.getElementById("assist-kept").hidden`)
			b.until(`[...document.querySelectorAll(".s textarea")].some((e) => e.value.startsWith("Du skal melde flytning senest 5 dage efter. (") && e.value.includes("https://www.borger.dk/"))`)
			b.checked("desk-" + l + "-ended")
			b.until(`document.getElementById("note-saved").textContent.match(/\d\d[.:]\d\d/) !== null`)
			p.mu.Lock()
			stored := p.notes[chatNote]
			p.mu.Unlock()
			if n := len(stored.Sentences); n != 5 || stored.Sentences[2].Verdict != journalv1.Edited || stored.Sentences[2].Section != "oplyst" {
				t.Errorf("stored: %+v", stored.Sentences)
			}
		})
	}
}

// Where the answer depends on the place, the caseworker chooses one and is answered, without asking again.
func TestDeskAssistantAsksBack(t *testing.T) {
	p := start(t)
	p.assistant.wants(t, p, inquiryv1.Chat, "Bente Holm", "Hej")
	b := chromium(t, p)
	b.login("mette")
	b.until(`document.querySelector(".inq-waiting .item") !== null`)
	b.click(".inq-waiting .item")
	b.until(`!document.getElementById("inq-claim").hidden && document.getElementById("assist-question").getBoundingClientRect().height > 0`)
	b.run(chromedp.SendKeys("#assist-question", "Hvad er gebyret?"+kb.Enter, chromedp.ByQuery))
	const aarhus = `[...document.querySelectorAll("#assist .tip .chip")].find((e) => e.textContent === "Aarhus")`
	b.until(aarhus + ` !== undefined`)
	b.shot("desk-asks-back")
	b.run(chromedp.Evaluate(aarhus+`.click()`, nil))
	b.until(`[...document.querySelectorAll("#assist .tip")].some((e) => e.querySelector("h3").textContent.endsWith("Hvad er gebyret? (Aarhus)") && e.querySelectorAll(".lines li").length === 2)`)
	b.run(chromedp.SendKeys("#assist-question", "Hvordan melder jeg flytning, og hvornår kan jeg melde flytning?"+kb.Enter, chromedp.ByQuery))
	b.until(`[...document.querySelectorAll("#assist .lines li")].some((e) => e.firstElementChild.textContent.startsWith("hvornår kan") && e.querySelector("details") !== null)`)
}

const chatNote = "0199a0c0-0000-7000-8000-0000000000ca"

// chatIsTold makes the journal know a claimed chat.
func (p *place) chatIsTold(i inquiryv1.Inquiry) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.convs = append(p.convs, journalv1.Conversation{
		ID: i.ConversationID, Channel: callv1.ChannelChat, ServiceArea: i.ServiceArea, State: "live", Party: callv1.Party{Name: i.Name},
		Caseworker: "mette", StartedAt: i.CreatedAt,
	})
}

// noteOf gives an ended chat its draft, and tells the desks.
func (p *place) noteOf(t *testing.T, i inquiryv1.Inquiry) {
	t.Helper()
	p.mu.Lock()
	n := demoDraft(wordsOf(i.CreatedAt))
	n.ID, n.ConversationID, n.Title = chatNote, i.ConversationID, "Flytning"
	p.notes[n.ID] = n
	c := &p.convs[len(p.convs)-1]
	c.State, c.NoteID, c.NoteState = "review", n.ID, journalv1.NoteDraft
	p.mu.Unlock()
	p.changedIn(t, i.ConversationID, i.ServiceArea, "drafted")
}

func TestDeskConflictIsToldInWords(t *testing.T) {
	p := start(t)
	i := p.assistant.wants(t, p, inquiryv1.Chat, "Bente Holm", "Hej")
	b := chromium(t, p)
	b.login("mette")
	b.until(`document.querySelector(".inq-waiting .item") !== null`)
	b.click(".inq-waiting .item")
	b.until(`!document.getElementById("inq-claim").hidden`)
	p.assistant.mu.Lock()
	h, err := p.assistant.one("", i.ID)
	if err == nil {
		h.Inquiry.State, h.Inquiry.Caseworker, h.Inquiry.CaseworkerName = inquiryv1.Claimed, "jonas", "Jonas Kjær" // its event is still on the way
	}
	p.assistant.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	b.run(chromedp.Evaluate(`document.getElementById("inq-claim").click()`, nil))
	b.shows("En kollega har allerede taget henvendelsen.")
	b.until(`document.getElementById("inq-state").textContent.includes("Jonas Kjær") && document.getElementById("inq-claim").hidden && document.getElementById("inq-write").hidden`)
	b.until(`document.querySelector(".inq-waiting .item") === null`)
}

// A message that is not stored stays in its field and is sent with the same id again.
func TestDeskMessageIsNotLost(t *testing.T) {
	p := start(t)
	i := p.assistant.wants(t, p, inquiryv1.Chat, "Bente Holm", "Hej")
	other := p.assistant.wants(t, p, inquiryv1.Chat, "Fatima Demir", "Hej igen")
	b := chromium(t, p)
	b.login("mette")
	open := func(name string) {
		t.Helper()
		b.run(chromedp.Evaluate(`[...document.querySelectorAll(".item")].find((e) => e.textContent.includes("`+name+`")).click()`, nil))
		b.until(`document.getElementById("inq-title").textContent === "` + name + `"`)
	}
	b.until(`document.querySelectorAll(".inq-waiting .item").length === 2`)
	for _, name := range []string{"Fatima Demir", "Bente Holm"} {
		open(name)
		b.until(`!document.getElementById("inq-claim").hidden`)
		b.click("#inq-claim")
		b.until(`!document.getElementById("inq-write").hidden`)
	}
	b.run(chromedp.SendKeys("#inq-text", "   "+kb.Enter, chromedp.ByQuery)) // nothing is nothing
	p.assistant.mu.Lock()
	p.assistant.mute = true
	p.assistant.mu.Unlock()
	b.run(chromedp.SendKeys("#inq-text", "Et langt svar"+kb.Enter, chromedp.ByQuery))
	b.until(`document.getElementById("inq-problem").textContent.startsWith("Ikke sendt") && document.getElementById("inq-text").value.trim() === "Et langt svar"`)
	b.axe("message not sent")
	// What is half written waits while another chat is open.
	open("Fatima Demir")
	b.until(`document.getElementById("inq-text").value === ""`)
	if _, err := p.assistant.say(p.bus, inquiryv1.SayRequest{ID: "x", Receipt: i.Receipt, Text: "Er du der?"}); err == nil {
		t.Fatal("the script should refuse")
	}
	p.assistant.mu.Lock()
	p.assistant.mute = false
	p.assistant.mu.Unlock()
	if _, err := p.assistant.say(p.bus, inquiryv1.SayRequest{ID: "x", Receipt: i.Receipt, Text: "Er du der?"}); err != nil {
		t.Fatal(err)
	}
	b.until(`document.querySelector(".inq-chat .unread")?.textContent === "1 ny besked"`)
	b.shot("desk-unread")
	open("Bente Holm")
	b.until(`document.getElementById("inq-text").value.trim() === "Et langt svar" && document.querySelector(".inq-chat .unread") === null`)
	b.run(chromedp.Focus("#inq-text", chromedp.ByQuery))
	b.key(kb.Enter)
	b.until(`document.querySelectorAll(".msg.caseworker").length === 1 && document.getElementById("inq-text").value.trim() === ""`)
	p.assistant.mu.Lock()
	if h, _ := p.assistant.one("", i.ID); len(h.Messages) != 2 {
		t.Errorf("stored: %+v", h.Messages)
	}
	if h, _ := p.assistant.one("", other.ID); len(h.Messages) != 0 {
		t.Errorf("the other chat got: %+v", h.Messages)
	}
	p.assistant.mu.Unlock()

	// What comes while nobody looks at the page is unread although the page has it.
	read := func() bool {
		p.assistant.mu.Lock()
		defer p.assistant.mu.Unlock()
		h, _ := p.assistant.one("", i.ID)
		return p.assistant.unread(h) == 0
	}
	wait(t, read) // the page says so a moment after the message is on screen
	b.run(chromedp.Evaluate(`Object.defineProperty(document, "hidden", { value: true, configurable: true })`, nil))
	if _, err := p.assistant.say(p.bus, inquiryv1.SayRequest{ID: "y", Receipt: i.Receipt, Text: "Hallo?"}); err != nil {
		t.Fatal(err)
	}
	b.until(`document.querySelectorAll(".msg.citizen").length === 2 && document.querySelector(".inq-chat .unread")?.textContent === "1 ny besked"`)
	b.run(chromedp.Evaluate(`delete document.hidden; document.dispatchEvent(new Event("visibilitychange"))`, nil))
	b.until(`document.querySelector(".inq-chat .unread") === null`)
	wait(t, read)
}

// hears waits until suggestions are asked for with these words.
func (as *assistant) hears(t *testing.T, conversation, words string) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for {
		as.mu.Lock()
		heard := slices.Clone(as.overheard)
		as.mu.Unlock()
		if slices.ContainsFunc(heard, func(r assistantv1.SuggestRequest) bool {
			return r.ConversationID == conversation && strings.Contains(r.Text, words)
		}) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("suggestions are asked for with %+v", heard)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// A call-back: dialled through the softphone with what it is about, told to the citizen, and with a third person.
func TestDeskCallBack(t *testing.T) {
	p := start(t)
	far := &peer{}
	p.answer = far.answer(t, p)
	t.Cleanup(func() {
		for _, pc := range far.open {
			pc.Close()
		}
	})
	i := p.assistant.wants(t, p, inquiryv1.CallBack, "", "Ring om min pension")
	b := chromium(t, p)
	b.login("mette")
	b.open("/desk?henvendelse=" + i.ID)
	b.deskReady()
	b.until(`!document.getElementById("inq-claim").hidden && document.getElementById("inq-title").textContent === "+4512345678"`)
	b.click("#inq-claim")
	b.until(`document.activeElement.id === "inq-call" && document.getElementById("inq-end").hidden`)
	b.checked("desk-callback")
	b.click("#inq-call")
	b.until(`document.getElementById("dial-dialog").open && document.getElementById("dial-to").value === "+4512345678" && document.getElementById("dial-area").value === "borgerservice"`)
	b.click(`#dial-dialog button[type="submit"]`)
	b.until(`!document.getElementById("call-pane").hidden && !document.getElementById("c-hangup").hidden`)
	b.until(`document.getElementById("regarding-text").textContent === "Ring om min pension"`)
	p.mu.Lock()
	call, dialled := p.calls[0].ConversationID, p.dialled
	p.mu.Unlock()
	if len(dialled) != 1 || dialled[0].Regarding != i.ConversationID || dialled[0].To != "+4512345678" {
		t.Errorf("dialled %+v", dialled)
	}

	// Somebody else is asked, and joins.
	b.click("#c-transfer")
	b.until(`document.getElementById("transfer-dialog").open`)
	b.run(chromedp.SendKeys("#transfer-to", "87654321", chromedp.ByQuery))
	b.click("#transfer-consult")
	b.until(`document.getElementById("transfer-state").textContent.startsWith("Det ringer") && document.getElementById("transfer-merge").disabled`)
	b.axe("consultation")
	p.mu.Lock()
	p.calls[0].Consult = callv1.ConsultTalking
	p.snapshot()
	p.mu.Unlock()
	b.until(`!document.getElementById("transfer-merge").disabled && !document.getElementById("c-merge").hidden`)
	b.shot("desk-consult")
	b.click("#transfer-merge")
	b.until(`!document.getElementById("transfer-dialog").open && !document.getElementById("c-unmerge").hidden && document.getElementById("c-merge").hidden`)
	b.checked("desk-callback-merged")
	b.click("#c-hangup")
	b.until(`document.getElementById("c-hangup").offsetParent === null`)
	b.click("#regarding-open")
	b.until(`!document.getElementById("inq-end").hidden`)
	p.assistant.mu.Lock()
	if h, _ := p.assistant.one("", i.ID); h.Inquiry.CallID != call {
		t.Errorf("the inquiry has call %q, not %q", h.Inquiry.CallID, call)
	}
	p.assistant.mu.Unlock()
}

// An answer that comes after an event is older than what the event told.
func TestDeskLateAnswerIsOld(t *testing.T) {
	p := start(t)
	call := ringingCall()
	call.State, call.Caseworker = callv1.StateTalking, "mette"
	p.mu.Lock()
	p.calls = []callv1.Call{call}
	p.mu.Unlock()
	b := chromium(t, p)
	b.login("mette")
	b.click("#c-transfer")
	b.until(`document.getElementById("transfer-dialog").open`)
	b.run(chromedp.SendKeys("#transfer-to", "87654321", chromedp.ByQuery), chromedp.Evaluate(`(() => {
		const f = window.fetch;
		window.fetch = async (u, o) => {
			const r = await f(u, o);
			if (u.endsWith("/control")) await new Promise((ok) => (window.letGo = ok));
			return r;
		};
	})()`, nil))
	b.click("#transfer-consult")
	b.until(`window.letGo !== undefined`)
	p.mu.Lock()
	p.calls[0].Consult = callv1.ConsultTalking
	p.snapshot()
	p.mu.Unlock()
	b.until(`!document.getElementById("c-merge").hidden`)
	b.run(chromedp.Evaluate(`window.letGo()`, nil))
	b.until(`document.activeElement.id === "transfer-cancel" && !document.getElementById("transfer-merge").disabled`)
}

func TestDeskVideoAndForward(t *testing.T) {
	p := start(t)
	i := p.assistant.wants(t, p, inquiryv1.Video, "Fatima Demir", "Jeg vil gerne vise mine papirer")
	b := chromium(t, p)
	b.login("mette")
	b.until(`document.querySelector(".inq-waiting .item") !== null`)
	b.click(".inq-waiting .item")
	b.until(`!document.getElementById("inq-claim").hidden`)
	b.click("#inq-claim")
	b.until(`document.activeElement.id === "inq-video"`)
	b.click("#inq-video")
	b.until(`document.getElementById("video-dialog").open && document.getElementById("video-url").value === "https://moede.example.dk/borgerservice"`)
	b.axe("video dialog")
	b.shot("desk-video")
	b.click(`#video-dialog button[type="submit"]`)
	b.until(`document.querySelector("#inq-facts a")?.href === "https://moede.example.dk/borgerservice" && !document.getElementById("video-dialog").open`)

	b.click("#inq-forward")
	b.until(`document.getElementById("forward-dialog").open`)
	b.click(`#forward-dialog button[type="submit"]`)
	b.until(`document.getElementById("forward-error").textContent !== ""`)
	b.axe("forward dialog")
	b.shot("desk-forward")
	b.click(`[name="way"][value="authority"]`)
	b.until(`document.getElementById("forward-contact").offsetParent !== null && document.getElementById("forward-area").offsetParent === null`)
	b.click(`[name="way"][value="area"]`)
	b.run(chromedp.SetValue("#forward-area", "pension", chromedp.ByQuery), chromedp.SendKeys("#forward-reason", "Det handler om pension", chromedp.ByQuery))
	b.click(`#forward-dialog button[type="submit"]`)
	b.until(`!document.getElementById("forward-dialog").open && document.getElementById("inq-pane").hidden && document.querySelector(".inq-video .item") === null`)
	p.assistant.mu.Lock()
	defer p.assistant.mu.Unlock()
	if h, _ := p.assistant.one("", i.ID); h.Inquiry.ServiceArea != "pension" || h.Inquiry.State != inquiryv1.Waiting {
		t.Errorf("forwarded: %+v", h.Inquiry)
	}
}

// A chat goes to a colleague who is logged in, picked by name; whoever is not is reached by user name.
func TestDeskForwardToColleague(t *testing.T) {
	p := start(t)
	i := p.assistant.wants(t, p, inquiryv1.Chat, "Fatima Demir", "Jeg vil gerne skrive")
	b := chromium(t, p)
	b.login("mette")
	b.until(`document.querySelector(".inq-waiting .item") !== null`)
	b.click(".inq-waiting .item")
	b.until(`!document.getElementById("inq-claim").hidden`)
	b.click("#inq-claim")
	b.until(`document.activeElement.id === "inq-text"`)
	toColleague := func() {
		b.click("#inq-forward")
		b.until(`document.getElementById("forward-dialog").open`)
		b.click(`[name="way"][value="caseworker"]`)
	}
	toColleague()
	b.until(`document.getElementById("forward-caseworker").offsetParent !== null && document.getElementById("forward-colleague").offsetParent === null`)
	b.key(kb.Escape)
	b.until(`!document.getElementById("forward-dialog").open`)

	for _, person := range []string{"jonas", "ida"} {
		c := p.browser(t)
		c.login(t, person)
	}
	toColleague()
	b.until(`document.getElementById("forward-colleague").offsetParent !== null && document.getElementById("forward-caseworker").offsetParent === null`)
	if got := eval[string](b, `document.getElementById("forward-colleague").innerText`); got != "Jonas Kjær\nEn anden: skriv brugernavn" {
		t.Errorf("colleagues: %q", got)
	}
	b.checked("desk-forward-colleague")
	b.run(chromedp.SetValue("#forward-reason", "Jonas kender sagen", chromedp.ByQuery))
	b.click(`#forward-dialog button[type="submit"]`)
	b.until(`!document.getElementById("forward-dialog").open`)
	p.assistant.mu.Lock()
	if h, _ := p.assistant.one("", i.ID); h.Inquiry.Caseworker != "jonas" || h.Inquiry.CaseworkerName != "Jonas Kjær" {
		t.Errorf("forwarded: %+v", h.Inquiry)
	}
	p.assistant.mu.Unlock()
	if status, _ := p.browser(t).get(t, "/api/v1/desk/colleagues?area=borgerservice"); status != 401 {
		t.Errorf("a stranger sees who works here: %d", status)
	}
}

// Suggestions follow what is said, and nothing moves where somebody works.
func TestDeskSuggestions(t *testing.T) {
	p := start(t)
	p.fill("x")
	b := chromium(t, p)
	b.login("mette")
	b.open("/desk?samtale=" + demoConv)
	b.until(`document.querySelectorAll(".s").length === 4`)
	p.say(t, demoConv, legCitizen, callv1.RoleCitizen, 50*time.Second, "jeg er flyttet i mandags")
	b.until(`document.querySelectorAll("#assist .tip").length === 1`)
	b.until(`document.querySelector("#assist .tip a[href='https://www.borger.dk/meld-flytning']")?.textContent === "Meld flytning"`)
	b.run(chromedp.Focus("#assist .tip .chip", chromedp.ByQuery))
	p.say(t, demoConv, legWorker, callv1.RoleCaseworker, 55*time.Second, "så skal du også have nyt pas")
	b.until(`!document.getElementById("assist-new").hidden`)
	if n := eval[int](b, `document.querySelectorAll("#assist .tip").length`); n != 1 {
		t.Errorf("%d cards while somebody works in the list", n)
	}
	p.assistant.hears(t, demoConv, "jeg er flyttet i mandags\nså skal du også have nyt pas")
	b.checked("desk-suggestions")
	b.click("#assist-new")
	b.until(`document.querySelectorAll("#assist .tip").length === 2 && document.getElementById("assist-new").hidden`)

	// One click, and it is the caseworker's own sentence in the open note.
	b.click("#assist .tip .chip")
	b.until(`document.querySelectorAll(".s").length === 5 && document.getElementById("note-saved").textContent.startsWith("Gemt")`)
	p.mu.Lock()
	n := p.notes[demoNote].Sentences
	p.mu.Unlock()
	const want = "Du skal melde flytning senest 5 dage efter. (Kilde: Flytning, https://www.borger.dk/bolig-og-flytning/flytning; pr. 20. november 2026)"
	if i := slices.IndexFunc(n, func(s journalv1.Sentence) bool { return s.Text == want }); i < 0 || n[i].Section != "oplyst" || n[i].By != "mette" {
		t.Errorf("stored: %+v", n)
	}

	// What was waved away stays away; switched off, nothing is asked.
	b.click("#assist .tip:last-of-type header button")
	b.until(`document.querySelectorAll("#assist .tip").length === 1`)
	b.run(chromedp.Evaluate(`document.activeElement.blur()`, nil))
	p.say(t, demoConv, legCitizen, callv1.RoleCitizen, 70*time.Second, "hvad koster sådan et pas")
	p.assistant.hears(t, demoConv, "hvad koster")
	b.until(`document.querySelectorAll("#assist .tip").length === 1 && document.getElementById("assist-new").hidden`)
	b.click("#assist-suggest")
	b.until(`document.getElementById("assist-suggest").getAttribute("aria-pressed") === "false" && document.cookie.includes("samtale_suggest=off")`)
	b.open("/desk")
	b.deskReady()
	b.until(`document.getElementById("assist-suggest").getAttribute("aria-pressed") === "false"`)
}
