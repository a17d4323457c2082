package portal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/platform/browsertest"
)

// page is a real Chromium on the portal.
type page struct {
	t   *testing.T
	ctx context.Context
	url string
}

// chromium starts a browser with a fake microphone; tests that need it are skipped
// where there is none, except in CI.
func chromium(t *testing.T, p *place) *page {
	t.Helper()
	ctx := browsertest.Start(t, nil)
	b := &page{t, ctx, p.url}
	chromedp.ListenTarget(ctx, func(ev any) {
		switch ev := ev.(type) {
		case *runtime.EventExceptionThrown:
			t.Errorf("script error: %s", ev.ExceptionDetails.Error())
		case *log.EventEntryAdded:
			if ev.Entry.Source == log.SourceSecurity || strings.Contains(ev.Entry.Text, "Content Security Policy") {
				t.Errorf("browser says: %s", ev.Entry.Text)
			}
		}
	})
	b.run(chromedp.EmulateViewport(1400, 900), emulation.SetLocaleOverride().WithLocale("da-DK"))
	b.language("da")
	return b
}

func (b *page) language(l string) {
	b.t.Helper()
	b.run(network.Enable(), network.SetExtraHTTPHeaders(network.Headers{"Accept-Language": l}))
}

func (b *page) run(a ...chromedp.Action) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 2*time.Minute)
	defer cancel()
	if err := chromedp.Run(ctx, a...); err != nil {
		b.t.Fatalf("browser: %v\n%s", err, b.state())
	}
}

// state is what the page shows, for failures.
func (b *page) state() string {
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	var s string
	chromedp.Run(ctx, chromedp.Evaluate(`location.href + "\n" + document.activeElement.outerHTML.slice(0, 200) + "\n" + [...document.querySelectorAll("dialog[open]")].map((d) => d.id) + "\n" + document.cookie + "\n" + document.body.innerText.slice(0, 3000)`, &s))
	return s
}

// open goes to a page and waits until its document has been loaded.
func (b *page) open(path string) {
	b.t.Helper()
	b.visit(b.url + path)
}

// visit goes to an address. Not with chromedp.Navigate, which takes a change of the old page's address for the new page.
func (b *page) visit(address string) {
	b.t.Helper()
	b.run(chromedp.Evaluate(`window.left = true`, nil), chromedp.ActionFunc(func(ctx context.Context) error {
		_, _, trouble, _, err := cdppage.Navigate(address).Do(ctx)
		if err == nil && trouble != "" {
			err = errors.New(trouble)
		}
		return err
	}))
	b.until(`window.left === undefined && document.readyState === "complete"`)
}

func (b *page) login(person string) {
	b.t.Helper()
	b.open("/login")
	b.click(`button[value="` + person + `"]`)
	b.until(`document.readyState === "complete" && document.querySelector(".bar-name") !== null`)
	if person == "mette" || person == "jonas" {
		b.deskReady()
	}
}

// deskReady waits until the desk's scripts answer: its buttons are there before.
func (b *page) deskReady() {
	b.t.Helper()
	b.until(`document.documentElement.dataset.ready === "desk"`)
}

// settled waits until the page looks as it will: its styles, scripts and fonts have come, and nothing is on its way to another colour or place.
func (b *page) settled() {
	b.t.Helper()
	b.until(`document.readyState === "complete" && document.fonts.status === "loaded"
		&& (document.documentElement.dataset.ready !== undefined || document.querySelector('script[type="module"]:not([src$="/base.js"])') === null)
		&& document.getAnimations().every((a) => a.playState !== "running" || a.effect.getComputedTiming().endTime === Infinity)`)
}

// until waits for a JavaScript expression to become true, also across navigations.
func (b *page) until(expr string) {
	b.t.Helper()
	b.untilDoing(expr, func() {})
}

// untilDoing does something before each look: what shows for a moment only is shown again.
func (b *page) untilDoing(expr string, do func(), opts ...chromedp.EvaluateOption) {
	b.t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for {
		do()
		var ok bool
		ctx, cancel := context.WithDeadline(b.ctx, deadline)
		err := chromedp.Run(ctx, chromedp.Evaluate(expr, &ok, opts...))
		cancel()
		if err == nil && ok {
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("never became true: %s (%v)\n%s", expr, err, b.state())
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (b *page) shows(text string) {
	b.t.Helper()
	b.until(`document.body.innerText.includes(` + string(mustJSON(text)) + `)`)
}

func eval[T any](b *page, expr string) T {
	b.t.Helper()
	var v T
	b.run(chromedp.Evaluate(expr, &v, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	return v
}

// byHand lets a script do what only people may, as if a key or a button had been pressed.
func byHand(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithUserGesture(true) }

// click presses what can be seen at its place and is not covered, in one step: a mouse would miss what moves between looking and pressing.
func (b *page) click(selector string) {
	b.t.Helper()
	b.untilDoing(`((e) => {
		if (!e?.checkVisibility() || e.disabled) return false;
		e.scrollIntoView({ block: "center", behavior: "instant" });
		const r = e.getClientRects()[0];
		const at = r && document.elementFromPoint(r.left + r.width / 2, r.top + r.height / 2);
		if (!at || ![e, ...(e.labels ?? [])].some((x) => x.contains(at))) return false;
		e.focus({ preventScroll: true });
		e.click();
		return true;
	})(document.querySelector(`+string(mustJSON(selector))+`))`, func() {}, byHand)
}

// write puts text into a field at once: what saves itself in a pause of typing would otherwise find pauses between two letters
// where the machine is slow.
func (b *page) write(selector, text string) {
	b.t.Helper()
	b.run(chromedp.Focus(selector, chromedp.ByQuery), chromedp.ActionFunc(func(ctx context.Context) error { return input.InsertText(text).Do(ctx) }))
}

// key presses keys. What a press types comes with it, as from a keyboard: chromedp.KeyEvent sends it afterwards, to whatever has got the
// focus by then.
func (b *page) key(keys string) {
	b.t.Helper()
	for _, k := range keys {
		events := kb.Encode(k)
		down, up := events[0], events[len(events)-1]
		if len(events) == 3 {
			down.Text, down.UnmodifiedText = events[1].Text, events[1].UnmodifiedText
		}
		b.run(down, up)
	}
}

// shot writes a picture to the folder that SAMTALE_SHOTS names, for people to look at.
func (b *page) shot(name string) {
	b.t.Helper()
	dir := os.Getenv("SAMTALE_SHOTS")
	if dir == "" {
		return
	}
	var png []byte
	b.run(chromedp.CaptureScreenshot(&png))
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// axe runs axe-core on the page as it is and fails on anything it finds.
func (b *page) axe(name string) {
	b.t.Helper()
	b.settled()
	src, err := os.ReadFile("../../node_modules/axe-core/axe.min.js")
	if err != nil {
		if os.Getenv("REQUIRE_INTEGRATION") == "1" {
			b.t.Fatal(err)
		}
		b.t.Skip("axe-core is not installed: npm ci")
	}
	b.run(chromedp.Evaluate(string(src), nil))
	out := eval[string](b, `axe.run(document, {resultTypes: ["violations"]}).then((r) => JSON.stringify(r.violations.map((v) => ({id: v.id, help: v.help, nodes: v.nodes.map((n) => n.html.slice(0, 200) + " :: " + n.failureSummary)}))))`)
	var found []struct {
		ID, Help string
		Nodes    []string
	}
	if err := json.Unmarshal([]byte(out), &found); err != nil {
		b.t.Fatal(err)
	}
	for _, v := range found {
		b.t.Errorf("%s: %s (%s)\n  %s", name, v.ID, v.Help, strings.Join(v.Nodes, "\n  "))
	}
}

// narrow checks that a 320 px wide page needs no sideways scrolling.
func (b *page) narrow(name string) {
	b.t.Helper()
	b.width(320, 640)
	b.settled()
	if w := eval[int](b, `Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)`); w > 320 {
		wide := eval[string](b, `[...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > 321 && !e.closest(".scroll, .transcript")).slice(0, 5).map((e) => e.outerHTML.slice(0, 120)).join("\n")`)
		b.t.Errorf("%s is %d px wide at 320 px:\n%s", name, w, wide)
	}
	b.faultless(name + " at 320 px")
	b.shot(name + "-320")
	b.width(1400, 900)
	b.faultless(name)
}

// faults lists what no page may have, also where the reader has set wider spacing (WCAG 1.4.12): targets under 24 px (2.5.8), text
// that is cut off, things beside the window, headings that skip a level, a page without its one main heading.
const faults = `(() => {
	const out = [];
	const say = (what, e) => out.push(what + ": " + e.outerHTML.slice(0, 120));
	const clips = (v) => v === "hidden" || v === "clip";
	const scrolled = (e) => { for (let p = e.parentElement; p && p !== document.body; p = p.parentElement) if (getComputedStyle(p).overflowX !== "visible") return true; return false; };
	const look = (spaced) => {
		for (const e of document.querySelectorAll("body *")) {
			const r = e.getBoundingClientRect();
			if (!e.checkVisibility({ visibilityProperty: true, opacityProperty: true }) || e.closest(".sr-only, .skipnav, svg, video, audio") || !r.width || !r.height) continue;
			const s = getComputedStyle(e);
			const text = e.matches("textarea") ? e.value : e.innerText;
			if ((r.right > innerWidth + 1 || r.left < -1) && !scrolled(e)) say("beside the window", e);
			if (text && !e.matches("input, select") && ((clips(s.overflowX) && e.scrollWidth > e.clientWidth + 2) || (clips(s.overflowY) && e.scrollHeight > e.clientHeight + 3))) say("cut off" + spaced, e);
			if (!e.matches("a[href], button, input, select, textarea, summary") || e.disabled || e.labels?.length) continue;
			if ((r.width < 23.5 || r.height < 23.5) && !(e.matches("a") && s.display === "inline")) say("small, " + Math.round(r.width) + " × " + Math.round(r.height), e);
		}
	};
	look("");
	const wide = new CSSStyleSheet();
	wide.replaceSync("body * { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important } p { margin-bottom: 2em !important }");
	document.adoptedStyleSheets.push(wide);
	look(" with wide spacing");
	document.adoptedStyleSheets.pop();
	const levels = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].filter((h) => h.checkVisibility()).map((h) => Number(h.tagName[1]));
	if (levels.filter((l) => l === 1).length !== 1) out.push("main headings: " + levels.filter((l) => l === 1).length);
	levels.reduce((before, l) => { if (l > before + 1) out.push("a heading of level " + l + " below one of " + before); return l; }, 1);
	return out.join("\n");
})()`

// faultless checks the page as it is for them.
func (b *page) faultless(name string) {
	b.t.Helper()
	if found := eval[string](b, faults); found != "" {
		b.t.Errorf("%s:\n%s", name, found)
	}
}

// width makes the window another one and waits until the page has heard of it.
func (b *page) width(w, h int64) {
	b.t.Helper()
	b.run(chromedp.EmulateViewport(w, h))
	b.until(fmt.Sprintf(`innerWidth === %d && innerHeight === %d`, w, h))
}

func (b *page) scheme(s string) {
	b.t.Helper()
	b.run(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: s}}))
	b.until(`matchMedia("(prefers-color-scheme: ` + s + `)").matches`)
}

func TestPages(t *testing.T) {
	p := start(t)
	b := chromium(t, p)
	b.open("/")
	titles := map[string]string{} // of which page
	check := func(name string) {
		t.Helper()
		title, path := eval[string](b, `document.title`), eval[string](b, `location.pathname`)
		if at, ok := titles[title]; ok && at != path {
			t.Errorf("%s and %s are both titled %q", at, path, title)
		}
		titles[title] = path
		b.axe(name)
		b.shot(name)
		b.narrow(name)
		b.scheme("dark")
		b.axe(name + " in the dark")
		b.shot(name + "-dark")
		b.scheme("light")
	}
	for _, l := range []string{"da", "en"} {
		b.language(l)
		for _, path := range []string{"/", "/om", "/tilgaengelighed", "/notices", "/nowhere", "/login"} {
			b.open(path)
			name := strings.Trim(path, "/")
			if name == "" {
				name = "front"
			}
			check(l + "-" + name)
		}
		b.login("bente")
		p.fill(eval[string](b, `fetch("/api/v1/me").then((r) => r.json()).then((m) => m.party_ref)`))
		b.open("/mit")
		check(l + "-mit")
		b.open("/mit/" + demoConv)
		check(l + "-mit-one")
		b.click(`a[href$="/valg/transcription"]`)
		b.until(`document.querySelector("form[action$='/valg/transcription']") !== null`)
		check(l + "-mit-withdraw")
		b.click(`form[action$="/valg/transcription"] button`)
		b.until(`document.querySelector("#valg .alert-success") !== null`)
		check(l + "-mit-withdrawn")
		b.logout()
		b.login("mette")
		b.open("/afleveret")
		check(l + "-afleveret")
		b.open("/notat/" + demoNote)
		b.until(`document.querySelectorAll(".w").length > 30 && document.querySelectorAll(".s").length === 4`)
		check(l + "-notat")
		b.open("/desk")
		b.deskReady()
		b.until(`document.querySelectorAll(".item").length >= 3`)
		check(l + "-desk")
		b.logout()
		b.login("omar")
		b.run(chromedp.Evaluate(`(() => { const m = document.querySelector("main"); m.tabIndex = -1; m.focus(); })()`, nil)) // where nobody works the page loads itself again
		check(l + "-drift")
		b.logout()
		b.login("karen")
		check(l + "-revision")
		b.open("/revision/" + demoConv)
		check(l + "-revision-one")
		b.logout()
		b.login("ida")
		check(l + "-redaktion")
		b.logout()
	}
}

func (b *page) logout() {
	b.t.Helper()
	b.click(`.bar-user button`)
	b.until(`document.readyState === "complete" && document.querySelector(".bar-name") === null && document.querySelector('a[href="/login"]') !== null`)
}

func TestKeyboardWalk(t *testing.T) {
	p := start(t)
	b := chromium(t, p)
	b.open("/login")
	// The skip link comes first, then everything by Tab alone.
	b.key(kb.Tab)
	if got := eval[string](b, `document.activeElement.className`); got != "skipnav" {
		t.Errorf("first stop is %q", got)
	}
	for range 20 {
		if eval[bool](b, `document.activeElement.value === "mette"`) {
			break
		}
		b.key(kb.Tab)
	}
	b.key(kb.Enter)
	b.deskReady()
	p.fill("x")
	b.open("/desk")
	b.deskReady()
	b.until(`document.querySelectorAll(".item").length >= 3`)
	stops := eval[int](b, `document.querySelectorAll("a[href], button:not([hidden]):not(:disabled), input, [tabindex='0']").length`)
	seen := map[string]bool{}
	for range stops + 5 {
		b.key(kb.Tab)
		id := eval[string](b, `(() => { const e = document.activeElement; if (e === document.body) return "";
			const s = getComputedStyle(e); const r = e.getBoundingClientRect();
			if (s.outlineStyle === "none" && !e.matches("body, main")) throw new Error("no focus to see on " + e.outerHTML.slice(0, 100));
			return e.outerHTML.slice(0, 80); })()`)
		seen[id] = true
	}
	if len(seen) < 8 {
		t.Errorf("Tab reaches only %d places: %v", len(seen), seen)
	}
	b.run(chromedp.Evaluate(`document.activeElement.blur()`, nil))
	b.key("?")
	b.until(`document.getElementById("keys-dialog").open`)
	b.axe("keys")
	b.shot("keys")
	b.key(kb.Escape)
	b.until(`!document.getElementById("keys-dialog").open`)
	b.key("j")
	b.until(`document.querySelector('.item[aria-current="true"]') !== null`)
}

func TestNoteIsEditedConfirmedAndApproved(t *testing.T) {
	p := start(t)
	p.fill("x")
	b := chromium(t, p)
	b.login("mette")
	b.open("/desk?samtale=" + demoConv)
	b.until(`document.querySelectorAll(".w").length > 30 && document.querySelectorAll(".s").length === 4`)
	b.shot("desk-note")
	b.axe("desk with note")

	// A sentence lights its words and a word its sentence.
	b.click(`.s .num`)
	if got := eval[string](b, `[...document.querySelectorAll(".w.lit")].map((e) => e.textContent).join(" ")`); !strings.HasPrefix(got, "Goddag.") {
		t.Errorf("lit words are %q", got)
	}
	b.shot("desk-lit")
	b.run(chromedp.Evaluate(`[...document.querySelectorAll(".w")].find((w) => w.textContent === "lønsedlen").click()`, nil))
	if got := eval[string](b, `document.querySelector(".s.lit textarea").value`); !strings.HasPrefix(got, "Lønsedlen") {
		t.Errorf("lit sentence is %q", got)
	}

	// Approval is refused while a sentence is unsupported, and leads to it.
	b.click(`#note-approve`)
	b.until(`document.activeElement.matches(".s.unsupported textarea")`)
	b.click(`.s.unsupported .s-tools button:nth-child(2)`)
	b.until(`document.getElementById("ask-dialog").open`)
	b.axe("confirm dialog")
	b.click(`#ask-yes`) // without a reason
	b.until(`!document.getElementById("ask-error").hidden`)
	b.run(chromedp.SendKeys(`#ask-input`, "Borgeren sagde fredag"))
	b.click(`#ask-yes`)
	b.until(`document.querySelectorAll(".s.unsupported").length === 0 && document.querySelectorAll(".s.confirmed").length === 1`)

	// Typing saves by itself, and survives a journal that is away.
	p.mu.Lock()
	p.saveErr = unavailable
	p.mu.Unlock()
	b.write(".s textarea", " Hun er urolig. ")
	b.until(`document.getElementById("note-saved").textContent.includes("Ikke gemt. Vi prøver igen")`)
	b.shot("desk-not-saved")
	p.mu.Lock()
	p.saveErr = nil
	p.mu.Unlock()
	b.until(`document.getElementById("note-saved").textContent.startsWith("Gemt")`)
	p.mu.Lock()
	n := p.notes[demoNote]
	p.mu.Unlock()
	if !strings.Contains(n.Sentences[0].Text, "Hun er urolig") || n.Sentences[0].Verdict != "edited" {
		t.Errorf("stored: %+v", n.Sentences[0])
	}

	b.click(`#note-approve`)
	b.until(`document.getElementById("ask-dialog").open`)
	b.shot("desk-approve")
	b.click(`#ask-yes`)
	b.shows("Notat (godkendt)")
	b.shot("desk-approved")
}

// What was deleted by mistake comes back, before and after the deletion was stored.
func TestDeletedSentenceComesBack(t *testing.T) {
	p := start(t)
	p.fill("x")
	b := chromium(t, p)
	b.login("mette")
	b.open("/notat/" + demoNote)
	b.until(`document.querySelectorAll(".s").length === 4`)
	first := eval[string](b, `document.querySelector(".s textarea").value`)
	for _, stored := range []bool{false, true} {
		b.run(chromedp.Evaluate(`[...document.querySelector(".s .s-tools").children].at(-1).click()`, nil))
		b.until(`document.querySelectorAll(".s").length === 3`)
		if stored {
			b.until(`document.getElementById("note-saved").textContent.startsWith("Gemt")`)
		}
		b.click(`#note-undo`)
		b.until(`document.querySelectorAll(".s").length === 4 && document.activeElement === document.querySelector(".s textarea") && document.getElementById("note-undo").hidden`)
		if got := eval[string](b, `document.activeElement.value`); got != first {
			t.Errorf("%q came back as %q", first, got)
		}
		wait(t, func() bool {
			p.mu.Lock()
			defer p.mu.Unlock()
			n := p.notes[demoNote]
			return len(n.Sentences) == 4 && n.Sentences[0].Text == first
		})
		b.until(`document.getElementById("note-saved").textContent.startsWith("Gemt")`)
	}
}

// So does one whose deletion is stored, but whose page has not been told yet.
func TestSentenceComesBackWhileItIsDeleted(t *testing.T) {
	p := start(t)
	p.fill("x")
	b := chromium(t, p)
	b.login("mette")
	b.open("/notat/" + demoNote)
	b.until(`document.querySelectorAll(".s").length === 4`)
	b.run(chromedp.Evaluate(`(() => {
		const f = window.fetch;
		window.fetch = async (u, o) => {
			const r = await f(u, o);
			if (o?.method === "PUT" && !window.letGo) await new Promise((ok) => (window.letGo = ok));
			return r;
		};
		[...document.querySelector(".s .s-tools").children].at(-1).click();
	})()`, nil))
	b.until(`window.letGo !== undefined`)
	b.click(`#note-undo`)
	b.until(`document.querySelectorAll(".s").length === 4`)
	b.run(chromedp.Evaluate(`window.letGo()`, nil))
	wait(t, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.notes[demoNote].Version == 3
	})
	b.until(`document.getElementById("note-saved").textContent.startsWith("Gemt")`)
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := p.notes[demoNote]; len(n.Sentences) != 4 || n.Sentences[0].Text != "Borgeren ringer om sin boligstøtte." || n.Sentences[0].ID == "s1" {
		t.Errorf("stored: %+v", n.Sentences)
	}
}

func TestConflictKeepsBoth(t *testing.T) {
	p := start(t)
	p.fill("x")
	b := chromium(t, p)
	b.login("mette")
	b.open("/notat/" + demoNote)
	b.until(`document.querySelectorAll(".s").length === 4`)
	p.mu.Lock()
	n := p.notes[demoNote]
	n.Version++
	n.Sentences = append(n.Sentences[:0:0], n.Sentences...)
	n.Sentences[3].Text = "Jonas ser på sagen i næste uge."
	p.notes[demoNote] = n
	p.mu.Unlock()
	b.write(".s textarea", " Min rettelse.")
	b.until(`document.getElementById("conflict-dialog").open`)
	b.axe("conflict")
	b.shot("conflict")
	b.click(`#conflict-apply`)
	b.until(`document.getElementById("note-saved").textContent.startsWith("Gemt")`)
	p.mu.Lock()
	defer p.mu.Unlock()
	got := p.notes[demoNote]
	if !strings.Contains(got.Sentences[0].Text, "Min rettelse.") || got.Sentences[3].Text != "Jonas ser på sagen i næste uge." {
		t.Errorf("stored: %q and %q", got.Sentences[0].Text, got.Sentences[3].Text)
	}
}

func TestSessionWarnsBeforeItEnds(t *testing.T) {
	p := start(t, "SAMTALE_SESSION_IDLE=290s")
	b := chromium(t, p)
	// Her page asks for nothing by itself: what is asked after the logout is what the button asks.
	b.login("karen")
	b.until(`document.getElementById("session-dialog").open`) // less than five minutes are left
	b.axe("session")
	b.shot("session")
	b.key(kb.Escape)
	b.until(`document.getElementById("session-dialog").open`) // it cannot be waved away
	// Another tab logs out: the next request says so.
	if !eval[bool](b, `fetch("/logout", {method: "POST"}).then((r) => r.ok)`) {
		t.Fatal("not logged out")
	}
	b.click(`#session-stay`)
	b.until(`document.getElementById("login-dialog").open`)
	b.axe("logged out")
}

func TestNoSentenceIsHidden(t *testing.T) {
	p := start(t)
	p.fill("x")
	p.mu.Lock()
	n := p.notes[demoNote]
	n.Sentences = append(n.Sentences[:0:0], n.Sentences...)
	n.Sentences[1].Section = "gone"
	p.notes[demoNote] = n
	p.mu.Unlock()
	b := chromium(t, p)
	b.login("mette")
	b.open("/notat/" + demoNote)
	b.until(`document.querySelectorAll(".s").length === 4`)
	if got := eval[string](b, `document.querySelector("#note-other:not([hidden]) .s textarea").value`); got != "Lønsedlen for juni mangler." {
		t.Errorf("the other sentence is %q", got)
	}
	b.axe("note with another section")
	b.narrow("other")
	b.run(chromedp.Evaluate(`(() => { const m = document.querySelector("#note-other .move"); m.focus(); m.value = "oplyst"; m.dispatchEvent(new Event("change")); })()`, nil))
	b.until(`document.getElementById("note-other").hidden && document.getElementById("note-saved").textContent.startsWith("Gemt")`)
	p.mu.Lock()
	defer p.mu.Unlock()
	got := p.notes[demoNote].Sentences
	if len(got) != 4 || got[1].Section != "oplyst" || got[1].Verdict != journalv1.Weak {
		t.Errorf("stored: %+v", got)
	}
}

func TestCitizenStaysLinkedUntilTakenAway(t *testing.T) {
	p := start(t)
	p.fill("x")
	b := chromium(t, p)
	b.login("mette")
	b.open("/notat/" + demoNote)
	b.until(`document.querySelectorAll(".s").length === 4`)
	save := func(change func()) {
		t.Helper()
		b.click(`#party-open`)
		b.until(`document.getElementById("party-dialog").open`)
		change()
		b.click(`#party-dialog button[type="submit"]`)
		b.until(`!document.getElementById("party-dialog").open`)
	}
	is := func(number, name, ref string) {
		t.Helper()
		p.mu.Lock()
		defer p.mu.Unlock()
		if c := p.convs[0]; c.CaseNumber != number || c.Party.Name != name || c.PartyRef != ref {
			t.Errorf("stored: %+v", c)
		}
	}
	write := func(field, value string) { b.run(chromedp.SetValue(field, value, chromedp.ByQuery)) }
	save(func() { write("#party-case", "2026-17"); write("#party-name", "Bente Skov"); b.axe("party dialog") })
	is("2026-17", "Bente Skov", "x")
	save(func() { write("#party-id", "000000-0001") })
	is("2026-17", "Bente Skov", "0000000001")
	save(func() { b.click(`#party-unlink-group label`) })
	is("2026-17", "Bente Skov", "")
}

func TestWithdrawnWordsLeaveTheScreen(t *testing.T) {
	p := start(t)
	p.fill("x")
	b := chromium(t, p)
	b.login("mette")
	b.open("/notat/" + demoNote)
	b.until(`document.querySelectorAll(".w").length > 30`)
	p.mu.Lock()
	gone := p.words[demoConv]
	gone.Words, gone.Text = nil, ""
	p.words[demoConv] = gone
	p.mu.Unlock()
	p.changed(t, "boligstoette", "withdrawn")
	b.until(`document.querySelectorAll(".w").length === 0 && document.getElementById("transcript").textContent === "Udskriften er slettet."`)
	b.axe("withdrawn")
}
