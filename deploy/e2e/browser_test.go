package e2e

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"samtale.dk/samtale/services/platform/browsertest"
)

// browser is somebody's Chromium; its microphone plays a WAV file over and over.
type browser struct {
	s   *system
	ctx context.Context
}

func newBrowser(s *system, micFile string) *browser {
	t := s.t
	t.Helper()
	ctx := browsertest.Start(t, map[string]any{
		"use-file-for-fake-audio-capture": micFile, "autoplay-policy": "no-user-gesture-required",
		"use-fake-device-for-media-stream":    "fps=5", // a picture is encoded three times: a slow machine has other things to do
		"disable-background-timer-throttling": true, "disable-renderer-backgrounding": true, "disable-backgrounding-occluded-windows": true,
	})
	return started(s, ctx)
}

// another is somebody else's window of the same browser, with cookies of its own.
func (b *browser) another() *browser {
	b.s.t.Helper()
	var id target.ID
	b.run("open a window", chromedp.ActionFunc(func(ctx context.Context) error {
		ctx = cdp.WithExecutor(ctx, chromedp.FromContext(ctx).Browser)
		own, err := target.CreateBrowserContext().Do(ctx)
		if err == nil {
			id, err = target.CreateTarget("about:blank").WithBrowserContextID(own).WithNewWindow(true).Do(ctx)
		}
		return err
	}))
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithTargetID(id))
	b.s.t.Cleanup(cancel)
	return started(b.s, ctx)
}

func started(s *system, ctx context.Context) *browser {
	t := s.t
	t.Helper()
	if err := chromedp.Run(ctx); err != nil { // the browser lives as long as this context
		t.Fatal(err)
	}
	chromedp.ListenTarget(ctx, func(ev any) {
		if e, ok := ev.(*runtime.EventExceptionThrown); ok {
			t.Errorf("script error: %s", e.ExceptionDetails.Error())
		}
	})
	b := &browser{s: s, ctx: ctx}
	b.run("set up", chromedp.EmulateViewport(1440, 900), emulation.SetFocusEmulationEnabled(true), emulation.SetLocaleOverride().WithLocale("da-DK"),
		network.Enable(), network.SetExtraHTTPHeaders(network.Headers{"Accept-Language": "da"}))
	return b
}

// login goes to path as a demo person, through the OIDC provider.
func (b *browser) login(person, path string) {
	b.s.t.Helper()
	b.run("log in", chromedp.Navigate("http://"+b.s.http+path))
	b.click(`button[value="` + person + `"]`)
}

// pressed clicks an element as soon as somebody could: it is there, enabled and not covered. Looking and clicking are one step
// of the page's, for it may be drawn anew or move at any time.
const pressed = `((e) => {
  if (!e || e.disabled) return false;
  e.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
  const r = e.getBoundingClientRect();
  const there = document.elementFromPoint(r.x + r.width / 2, r.y + r.height / 2);
  if (!r.width || ![e, ...(e.labels ?? [])].some((x) => x.contains(there))) return false;
  e.focus({ preventScroll: true });
  e.click();
  return true;
})(%s)`

// click waits for what a selector finds and clicks it, as a person does: the page may share the screen, play sound and so on.
func (b *browser) click(selector string) {
	b.s.t.Helper()
	b.press(selector, fmt.Sprintf("document.querySelector(%q)", selector))
}

// press clicks what a JavaScript expression finds.
func (b *browser) press(what, js string) {
	b.s.t.Helper()
	b.s.until(what+", to press it", func() error { return b.true(waitLimit, fmt.Sprintf(pressed, js), byPerson) }) // never given up half way
}

// again is how long somebody waits before pressing once more.
const again = 30 * time.Second

// pressUntil presses what a JavaScript expression finds until another one holds: what a busy service has refused is pressed again.
func (b *browser) pressUntil(what, js, done string) {
	b.s.t.Helper()
	b.press(what, js)
	next := time.Now().Add(again)
	b.s.until(what+", which was pressed, to do something", func() error {
		err := b.true(10*time.Second, done)
		if err != nil && time.Now().After(next) {
			_ = b.true(waitLimit, fmt.Sprintf(pressed, js), byPerson)
			next = time.Now().Add(again)
		}
		return err
	})
}

func (b *browser) run(what string, actions ...chromedp.Action) {
	b.s.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, waitLimit)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		b.screenshot("failure")
		b.s.t.Fatalf("%s: %v", what, err)
	}
}

// await polls a JavaScript expression until it is true.
func (b *browser) await(what, js string) {
	b.s.t.Helper()
	b.s.until(what, func() error { return b.true(10*time.Second, js) })
}

// true evaluates a JavaScript expression once.
func (b *browser) true(limit time.Duration, js string, opts ...chromedp.EvaluateOption) error {
	ctx, cancel := context.WithTimeout(b.ctx, limit)
	defer cancel()
	var ok bool
	if err := chromedp.Run(ctx, chromedp.Evaluate("Boolean("+js+")", &ok, opts...)); err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("not yet: %s", js)
	}
	return nil
}

// reload loads the page again, and waits until it is another one: what the old one shows counts no more.
func (b *browser) reload() {
	b.s.t.Helper()
	b.s.until("the page to be loaded again", func() error {
		b.run("load the page again", chromedp.Evaluate(`globalThis.left = true`, nil), chromedp.Reload())
		b.await("another page", `globalThis.left === undefined`)
		return b.true(10*time.Second, `performance.getEntriesByType("navigation")[0].responseStatus < 500`) // else the service was busy
	})
}

func (b *browser) text(js string) string {
	b.s.t.Helper()
	var out string
	b.run("read "+js, chromedp.Evaluate(js, &out))
	return out
}

// screenshot writes what is on screen to SAMTALE_SCREENSHOTS, when that is set.
func (b *browser) screenshot(name string) {
	dir := os.Getenv("SAMTALE_SCREENSHOTS")
	if dir == "" {
		return
	}
	var png []byte
	if err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot(&png)); err != nil {
		b.s.t.Logf("screenshot: %v", err)
		return
	}
	if err := os.WriteFile(dir+"/"+name+".png", png, 0o644); err != nil {
		b.s.t.Logf("screenshot: %v", err)
	}
}

// listen measures in the page what the caseworker hears: the share of looks, over two
// seconds, in which the remote audio holds sound.
const listen = `(async () => {
  const src = document.getElementById("remote-audio").srcObject;
  if (!src) return 0;
  const ctx = new AudioContext(), an = ctx.createAnalyser(), data = new Float32Array(1024);
  ctx.createMediaStreamSource(src).connect(an);
  let loud = 0;
  for (let i = 0; i < 40; i++) {
    await new Promise((ok) => setTimeout(ok, 50));
    an.getFloatTimeDomainData(data);
    if (Math.sqrt(data.reduce((s, v) => s + v * v, 0) / data.length) > 0.01) loud++;
  }
  ctx.close();
  return loud / 40;
})()`

func (b *browser) hears() float64 {
	b.s.t.Helper()
	var share float64
	b.run("listen", chromedp.Evaluate(listen, &share, awaitPromise))
	return share
}

func awaitPromise(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }

// byPerson lets the page do what it may do only when a person has acted.
func byPerson(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithUserGesture(true) }
