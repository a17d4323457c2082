package portal

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// checked is a page in all its dresses: axe, 320 px, dark.
func (b *page) checked(name string) {
	b.t.Helper()
	b.axe(name)
	b.shot(name)
	b.narrow(name)
	b.scheme("dark")
	b.axe(name + " in the dark")
	b.shot(name + "-dark")
	b.scheme("light")
}

func (b *page) ask(question string) {
	b.t.Helper()
	n := eval[int](b, `document.querySelectorAll(".turn-q[id]").length`)
	b.run(chromedp.Evaluate(`document.getElementById("q-field").value = ""`, nil), chromedp.SendKeys("#q-field", question+kb.Enter, chromedp.ByQuery))
	b.until(`document.querySelectorAll(".turn-q[id]").length === ` + string(mustJSON(n+1)))
}

func (b *page) askReady() {
	b.t.Helper()
	b.until(`document.documentElement.dataset.ready === "ask"`)
}

func TestAskLive(t *testing.T) {
	p := start(t)
	b := chromium(t, p)
	b.open("/")
	b.askReady()
	b.checked("ask-da-empty")

	// The first sentence is there before the answer is made; focus is at the question.
	pause := make(chan struct{})
	p.assistant.mu.Lock()
	p.assistant.pause = pause
	p.assistant.mu.Unlock()
	b.run(chromedp.SendKeys("#q-field", "Hvornår skal jeg melde flytning?"+kb.Enter, chromedp.ByQuery))
	b.until(`document.querySelector(".said-q")?.textContent.includes("5 dage")`)
	b.until(`document.activeElement.matches(".asked") && document.getElementById("q-live").textContent.includes("5 dage")`)
	b.axe("answer on its way")
	b.run(chromedp.SendKeys("#q-field", "Og til udlandet?"+kb.Enter, chromedp.ByQuery)) // one at a time; nothing written is lost
	b.until(`document.getElementById("q-heard").textContent.startsWith("Vent") && document.getElementById("q-field").value.trim() === "Og til udlandet?"`)
	b.run(chromedp.Evaluate(`document.getElementById("q-field").value = ""; document.querySelector(".asked").focus()`, nil))
	b.shot("ask-making")
	p.assistant.mu.Lock()
	p.assistant.pause = nil
	p.assistant.mu.Unlock()
	close(pause)
	b.until(`document.querySelectorAll(".turn-q[id] .st").length === 2 && document.activeElement.matches(".asked")`)
	live := eval[string](b, `[...document.querySelectorAll("#q-live p")].map((e) => e.textContent).join("|")`)
	if strings.Count(live, "5 dage") != 1 || strings.Count(live, "4 uger") != 1 || !strings.Contains(live, "Kilder: 1") {
		t.Errorf("screen readers hear %q", live)
	}
	b.shows("Demoindhold")
	b.shows("Gælder pr.")
	b.shows("Flytning hører under den kommune, du flytter til.")
	b.checked("ask-da-answer")

	// A number opens the quote at its place.
	if eval[bool](b, `document.querySelector(".source").open`) {
		t.Error("the source is open already")
	}
	b.run(chromedp.Focus(`.cite[href$="-2"]`, chromedp.ByQuery))
	b.key(kb.Enter)
	b.until(`document.querySelector(".source").open && document.activeElement.matches(".place")`)
	if got := eval[string](b, `document.activeElement.nextElementSibling.textContent`); got != "Du kan tidligst gøre det 4 uger før." {
		t.Errorf("the second number opens at %q", got)
	}
	if got := eval[string](b, `document.querySelector(".source a").href`); !strings.Contains(got, "#:~:text=senest%205%20dage") {
		t.Errorf("the official page is %s", got)
	}
	b.checked("ask-da-quote")

	// A follow-up knows what came before, and says how it was read.
	b.ask("Og hvis jeg flytter til udlandet?")
	b.shows("Læst som:")
	p.assistant.mu.Lock()
	if q := p.assistant.asked; len(q) != 2 || q[0].Session != q[1].Session {
		t.Errorf("asked %+v", q)
	}
	p.assistant.mu.Unlock()

	// It helped, or not.
	b.click(`.turn-q:first-child .rate [value="no"]`)
	b.until(`document.activeElement.matches(".rate .chip") && document.activeElement.textContent === "Det er forkert"`)
	b.axe("why not")
	b.click(`.rate .chip:nth-of-type(2)`)
	b.shows("Tak. Det hjælper os med at blive bedre.")
	p.assistant.mu.Lock()
	if f := p.assistant.feedback; len(f) != 2 || f[1].Helpful || f[1].Why != "unclear" {
		t.Errorf("feedback %+v", f)
	}
	p.assistant.mu.Unlock()

	// A reload shows the conversation again, and deleting it ends that.
	b.open("/")
	b.askReady()
	b.until(`document.querySelectorAll(".turn-q").length === 2`)
	b.click(`#q-delete button`)
	b.shows("Samtalen er slettet.")
	b.axe("deleted")
	p.assistant.mu.Lock()
	defer p.assistant.mu.Unlock()
	for s, answers := range p.assistant.sessions {
		if len(answers) > 0 {
			t.Errorf("session %s is still there", s)
		}
	}
}

// Screen readers hear the whole answer also where the events of some sentences were lost, or came after it.
func TestAskSaysWhatWasNotTold(t *testing.T) {
	p := start(t)
	p.assistant.drops = true
	b := chromium(t, p)
	b.open("/")
	b.askReady()
	b.ask("Hvornår skal jeg melde flytning?")
	b.until(`[...document.querySelectorAll("#q-live p")].map((e) => e.textContent).join("|") === "Du skal melde flytning senest 5 dage efter, at du er flyttet.|Du kan tidligst gøre det 4 uger før.|Svaret er færdigt. Kilder: 1."`)
}

// A sentence that stands in a Danish article is spoken as Danish on an English page, also while the answer is made.
func TestAskSpeaksSentencesInTheirLanguage(t *testing.T) {
	p := start(t)
	pause := make(chan struct{})
	p.assistant.pause = pause
	b := chromium(t, p)
	b.language("en")
	b.open("/")
	b.askReady()
	b.run(chromedp.SendKeys("#q-field", "Hvornår skal jeg melde flytning?"+kb.Enter, chromedp.ByQuery))
	b.until(`document.querySelector("#q-live p[lang=da]")?.textContent.includes("5 dage") === true && document.querySelector(".said-q").lang === "da"`)
	close(pause)
	b.until(`document.querySelectorAll(".turn-q[id] .st").length === 2`)
}

// What is a list in its article is one in the answer, also while that is made.
func TestAskShowsLists(t *testing.T) {
	p := start(t)
	pause := make(chan struct{})
	p.assistant.pause, p.assistant.pauseAt = pause, 2
	b := chromium(t, p)
	b.open("/")
	b.askReady()
	b.run(chromedp.SendKeys("#q-field", "Skal jeg bruge MitID?"+kb.Enter, chromedp.ByQuery))
	b.until(`document.querySelectorAll(".said-q[aria-hidden] > p + ul > li").length === 2`)
	close(pause)
	b.until(`document.querySelectorAll(".turn-q[id] .said-q > p + ul > li > .st > .cite").length === 2 && document.querySelectorAll(".said-q > p > .st").length === 1`)
	b.checked("ask-da-list")
}

// Steps keep the numbers that their article gives them, in the answer, while it is made, for screen readers, and where the quotes stand.
func TestAskShowsNumbers(t *testing.T) {
	p := start(t)
	pause := make(chan struct{})
	p.assistant.pause, p.assistant.pauseAt = pause, 2
	b := chromium(t, p)
	b.open("/")
	b.askReady()
	b.run(chromedp.SendKeys("#q-field", "Hvordan gør jeg, trin for trin?"+kb.Enter, chromedp.ByQuery))
	const numbers = `[...document.querySelectorAll("%s")].map((li) => li.value + " " + (li.querySelector(".st") ?? li).firstChild.textContent).join("|")`
	b.until(fmt.Sprintf(numbers, ".said-q[aria-hidden] > p + ol > li") + ` === "2 Skriv den nye adresse.|3 Send."`)
	close(pause)
	b.until(fmt.Sprintf(numbers, ".turn-q[id] .said-q > p + ol > li") + ` === "2 Skriv den nye adresse.|3 Send."`)
	b.until(`["2: Skriv den nye adresse.", "3: Send."].every((s) => [...document.querySelectorAll("#q-live > p")].filter((p) => p.textContent === s).length === 1)`)
	if got := eval[string](b, `[...document.querySelectorAll(".source-text > p + ol > li")].map((li) => li.value + " " + li.textContent).join("|")`); got != "1 Log ind.|2 Skriv den nye adresse.|3 Send." {
		t.Errorf("the source shows %q", got)
	}
	b.click(".cite")
	b.checked("ask-da-numbers")
}

// The second of two questions stands above its answer, also while that is made.
func TestAskShowsTheSecondQuestion(t *testing.T) {
	p := start(t)
	pause := make(chan struct{})
	p.assistant.pause, p.assistant.pauseAt = pause, 1
	b := chromium(t, p)
	b.open("/")
	b.askReady()
	b.run(chromedp.SendKeys("#q-field", "Hvordan melder jeg flytning, og hvornår kan jeg melde flytning?"+kb.Enter, chromedp.ByQuery))
	b.until(`document.querySelector(".said-q[aria-hidden] > p + .said-also")?.textContent.startsWith("hvornår kan") === true`)
	close(pause)
	b.until(`document.querySelector(".turn-q[id] .said-q > p + .said-also + p > .st > .cite") !== null && document.querySelectorAll(".turn-q[id] .st").length === 2`)
	b.checked("ask-da-two")
}

func TestAskOtherAnswers(t *testing.T) {
	p := start(t)
	b := chromium(t, p)
	for _, l := range []string{"da", "en"} {
		b.language(l)
		b.open("/")
		b.askReady()
		b.ask("Jeg vil slå mig selv ihjel")
		b.until(`document.querySelector('.crisis a[href="tel:112"]') !== null`)
		b.checked("ask-" + l + "-crisis")
		b.ask("Hvor langt er min sag?")
		b.until(`document.querySelector('.turn-q:last-child a[href="/login"]') !== null`)
		b.checked("ask-" + l + "-own")
		b.ask("Kan man bo på månen?")
		b.until(`document.querySelector('.turn-q:last-child a[href^="/henvendelse?kanal=chat"]') !== null`)
		b.checked("ask-" + l + "-unknown")
		b.ask("Hvad er gebyret?")
		b.checked("ask-" + l + "-municipality")
		b.click(`.turn-q:last-child button[value="0751"]`)
		b.shows(map[string]string{"da": "Aarhus Kommune", "en": "Aarhus Municipality"}[l])
		b.until(`document.getElementById("q-municipality").value === "0751"`) // it is not forgotten
		b.ask("Hvad gjaldt sidste år?")
		b.checked("ask-" + l + "-date")
		b.click(`.turn-q:last-child button[value="2025-12-31"]`)
		b.until(`document.querySelectorAll(".turn-q:last-child .st").length === 2`)
		b.click(`#q-delete button`)
		b.until(`document.querySelector(".alert-success") !== null`)
	}
	p.assistant.mu.Lock()
	defer p.assistant.mu.Unlock()
	last := p.assistant.asked[len(p.assistant.asked)-1]
	if last.At != "2025-12-31" || last.Municipality != "0751" || last.Question != "Hvad gjaldt sidste år?" {
		t.Errorf("asked %+v", last)
	}
}

func TestAskFailuresKeepTheQuestion(t *testing.T) {
	p := start(t)
	b := chromium(t, p)
	b.open("/")
	b.askReady()
	b.run(chromedp.SendKeys("#q-field", "Alt går ned"+kb.Enter, chromedp.ByQuery))
	b.until(`!document.getElementById("q-problem").hidden && document.activeElement.id === "q-field" && document.getElementById("q-field").value === "Alt går ned"`)
	b.checked("ask-da-problem")
	b.run(chromedp.Evaluate(`document.getElementById("q-field").value = "flytning ".repeat(60)`, nil), chromedp.SendKeys("#q-field", " ", chromedp.ByQuery))
	b.shows("tegn for meget")
	b.run(chromedp.Evaluate(`document.getElementById("q-field").value = "flytning ".repeat(120000)`, nil))
	b.key(kb.Enter)
	b.shows("Dit spørgsmål er for langt.")
}

// A question is a form and its answer a page.
func TestAskWithoutScripts(t *testing.T) {
	p := start(t)
	b := chromium(t, p)
	b.run(emulation.SetScriptExecutionDisabled(true))
	b.open("/")
	b.run(chromedp.SendKeys("#q-field", "Hvornår skal jeg melde flytning?", chromedp.ByQuery))
	b.click("#q-ask")
	b.run(chromedp.WaitVisible(".said-q .cite", chromedp.ByQuery))
	b.until(`document.readyState === "complete"`)
	b.shot("ask-noscript")
	b.click(`.cite`)
	b.run(chromedp.WaitVisible(".source mark", chromedp.ByQuery)) // the browser opens what holds the place
	b.shot("ask-noscript-quote")
	b.click(`.rate [value="yes"]`)
	b.run(chromedp.WaitVisible(`.rate [role="status"]`, chromedp.ByQuery))
	p.assistant.mu.Lock()
	if f := p.assistant.feedback; len(f) != 1 || !f[0].Helpful {
		t.Errorf("feedback %+v", f)
	}
	p.assistant.mu.Unlock()
	b.click("#q-delete button")
	b.run(chromedp.WaitVisible(`.alert-success`, chromedp.ByQuery))
	b.run(emulation.SetScriptExecutionDisabled(false))
}

func TestAskPageRefusesClearly(t *testing.T) {
	p := start(t)
	c := p.browser(t)
	tests := []struct {
		name     string
		question string
		status   int
		says     string
	}{
		{"a megabyte", strings.Repeat("flytning ", 120_000), http.StatusBadRequest, "for langt"},
		{"markup", `<script>alert(1)</script><b onclick=x>flytning</b>`, http.StatusOK, "&lt;script&gt;alert(1)"},
		{"zero width", "flyt\u200bning", http.StatusOK, "5 dage"},
		{"assistant away", "alt går ned", http.StatusServiceUnavailable, "Intet er gået tabt"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := c.PostForm(p.url+"/", url.Values{"question": {tt.question}})
			if err != nil {
				t.Fatal(err)
			}
			status, page := read(t, r)
			if status != tt.status || !strings.Contains(page, tt.says) || !strings.Contains(page, `id="q-field"`) {
				t.Errorf("got %d without %q", status, tt.says)
			}
			if strings.Contains(page, "<script>alert") {
				t.Error("markup stands in the page")
			}
		})
	}
}

// Asking, opening a quote and finding a person by the keyboard alone; what has the focus is always to be seen.
func TestAskByKeyboard(t *testing.T) {
	p := start(t)
	b := chromium(t, p)
	b.open("/")
	b.askReady()
	tab := func(to string) {
		t.Helper()
		for range 40 {
			b.key(kb.Tab)
			got := eval[string](b, `(() => { const e = document.activeElement, s = getComputedStyle(e), box = e.closest(".q-box");
				const ring = s.outlineStyle !== "none" || box && getComputedStyle(box).boxShadow !== "none";
				const r = e.getBoundingClientRect(), bar = document.querySelector(".q-person").getBoundingClientRect();
				const under = !e.closest(".q-person") && r.top >= bar.top && r.bottom <= bar.bottom;
				return e.matches(`+string(mustJSON(to))+`) ? "there" : !ring ? "no focus to see on " + e.outerHTML : under ? "hidden behind the bar: " + e.outerHTML : ""; })()`)
			if got == "there" {
				return
			}
			if got != "" {
				t.Error(got)
			}
		}
		t.Fatalf("Tab never reaches %s\n%s", to, b.state())
	}
	tab("#q-field")
	b.run(chromedp.SendKeys("#q-field", "Hvornår skal jeg melde flytning?", chromedp.ByQuery))
	tab("#q-ask")
	b.key(kb.Enter)
	b.until(`document.querySelectorAll(".turn-q[id] .st").length === 2 && document.activeElement.matches(".asked")`)
	tab(`.cite[href$="-1"]`)
	b.key(kb.Enter)
	b.until(`document.activeElement.matches(".place")`)
	tab(`.source a`)
	tab(`.rate [value="yes"]`)
	b.key(kb.Enter)
	b.until(`document.activeElement.matches(".rate [role=status]")`)
	tab(".q-person a")
	b.key(kb.Enter)
	b.until(`document.readyState === "complete" && document.querySelector(".h-form") !== null`)
}
