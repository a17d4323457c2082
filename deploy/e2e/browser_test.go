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

// browser is somebody's Chromium; its microphone plays a WAV file over and over, or once with %noloop behind its name.
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
	b.run("log in", chromedp.Navigate("http://"+b.s.http+path),
		chromedp.WaitVisible(`button[value="`+person+`"]`), chromedp.Click(`button[value="`+person+`"]`))
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
	b.s.until(what, func() error {
		var ok bool
		ctx, cancel := context.WithTimeout(b.ctx, 10*time.Second)
		defer cancel()
		if err := chromedp.Run(ctx, chromedp.Evaluate("Boolean("+js+")", &ok)); err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("not yet: %s", js)
		}
		return nil
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
