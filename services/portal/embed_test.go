package portal

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// hostSite is an authority's own site with a strict policy and the one script tag.
func hostSite(t *testing.T, portal *string) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src "+*portal+"; frame-src "+*portal)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write([]byte(`<!doctype html><html lang="da"><title>Kommunen</title><main><h1>Kommunen</h1></main><script src="` + *portal + `/embed.js" data-municipality="0751" async></script></html>`))
	})
	srv := httptest.NewServer(mux)
	mux.HandleFunc("/head", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write([]byte(`<!doctype html><html lang="en"><head><title>The city</title><script src="` + *portal + `/embed.js"></script></head><body><h1>The city</h1></body></html>`))
	})
	t.Cleanup(srv.Close)
	return srv
}

// The tag may stand in the head, where there is no body yet.
func TestEmbedInTheHead(t *testing.T) {
	var portal string
	host := hostSite(t, &portal)
	host.URL = strings.Replace(host.URL, "127.0.0.1", "localhost", 1)
	p := start(t, "SAMTALE_EMBED_ORIGINS="+host.URL)
	portal = p.url
	b := chromium(t, p)
	b.visit(host.URL + "/head")
	b.until(`document.body.lastElementChild.shadowRoot?.querySelector("button")?.textContent === "Ask for help"`)
}

func TestEmbed(t *testing.T) {
	var portal string
	host := hostSite(t, &portal)
	host.URL = strings.Replace(host.URL, "127.0.0.1", "localhost", 1) // another site than the portal's
	p := start(t, "SAMTALE_EMBED_ORIGINS="+host.URL+",https://www.kommune.example")
	portal = p.url
	b := chromium(t, p)
	b.visit(host.URL)
	b.until(`Boolean(document.body.lastElementChild.shadowRoot?.querySelector("button"))`)
	b.axe("another site")
	b.shot("embed-closed")
	b.run(chromedp.Evaluate(`document.body.lastElementChild.shadowRoot.querySelector("button").click()`, nil))
	frame := b.frame(p.url + "/indlejret")
	frame.askReady()
	if got := eval[string](frame, `document.getElementById("q-municipality").value`); got != "0751" {
		t.Errorf("the site's municipality is %q", got)
	}
	askIn := func(question string) { // keys go to the page around the frame
		t.Helper()
		n := eval[int](frame, `document.querySelectorAll(".turn-q[id]").length`)
		frame.run(chromedp.Evaluate(`document.getElementById("q-field").value = `+string(mustJSON(question))+`; document.getElementById("q-form").requestSubmit()`, nil))
		frame.until(fmt.Sprintf(`document.querySelectorAll(".turn-q[id]").length === %d`, n+1))
	}
	askIn("Hvornår skal jeg melde flytning?")
	frame.until(`document.querySelectorAll(".st").length === 2`)
	b.shot("embed-answer")
	askIn("Kan man bo på månen?")
	p.assistant.mu.Lock()
	if q := p.assistant.asked; len(q) != 2 || q[0].Session != q[1].Session || q[0].Municipality != "0751" {
		t.Errorf("asked %+v", q)
	}
	session := p.assistant.asked[0].Session
	p.assistant.mu.Unlock()

	// The way to a person leads to a page of its own, and the session comes along.
	opened := make(chan target.ID, 1)
	chromedp.ListenBrowser(b.ctx, func(ev any) {
		if e, ok := ev.(*target.EventTargetCreated); ok && e.TargetInfo.Type == "page" {
			select {
			case opened <- e.TargetInfo.TargetID:
			default:
			}
		}
	})
	frame.run(chromedp.Evaluate(`document.querySelector(".turn-q:last-child form .way").click()`, nil,
		func(e *runtime.EvaluateParams) *runtime.EvaluateParams { return e.WithUserGesture(true) }))
	var id target.ID
	select {
	case id = <-opened:
	case <-time.After(2 * time.Minute):
		t.Fatal("no page was opened")
	}
	tab := b.attach(id)
	tab.until(`document.getElementById("summary")?.value.includes("månen")`)
	if got := eval[string](tab, `location.href`); strings.Contains(got, session) || !strings.Contains(got, "kanal=chat") {
		t.Errorf("the page's address is %s", got)
	}

	// Escape in the frame gives the keyboard back.
	frame.run(chromedp.Evaluate(`document.dispatchEvent(new KeyboardEvent("keydown", {key: "Escape"}))`, nil))
	b.until(`document.body.lastElementChild.shadowRoot.querySelector("iframe").hidden && document.body.lastElementChild.shadowRoot.activeElement?.tagName === "BUTTON"`)
	b.key(kb.Enter)
	b.until(`!document.body.lastElementChild.shadowRoot.querySelector("iframe").hidden`)
}

// frame is the page in a frame of another site, which Chromium runs as a target of its own.
func (b *page) frame(url string) *page {
	b.t.Helper()
	var id target.ID
	wait(b.t, func() bool {
		all, err := chromedp.Targets(b.ctx)
		if err != nil {
			b.t.Fatal(err)
		}
		for _, x := range all {
			if x.Type == "iframe" && strings.HasPrefix(x.URL, url) {
				id = x.TargetID
			}
		}
		return id != ""
	})
	return b.attach(id)
}

// attach is another page or frame of the same browser; chromedp binds it to the context of its first run.
func (b *page) attach(id target.ID) *page {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithTargetID(id))
	b.t.Cleanup(cancel)
	if err := chromedp.Run(ctx); err != nil {
		b.t.Fatal(err)
	}
	return &page{b.t, ctx, b.url}
}

func TestEmbedIsForNamedSites(t *testing.T) {
	p := start(t, "SAMTALE_EMBED_ORIGINS=https://www.kommune.example")
	r := p.do(t, "GET", "/indlejret?sprog=en", "", "")
	status, page := read(t, r)
	csp := r.Header.Get("Content-Security-Policy")
	if status != http.StatusOK || !strings.Contains(csp, "frame-ancestors https://www.kommune.example;") || !strings.Contains(page, "What do you need help with?") {
		t.Errorf("got %d, policy %q", status, csp)
	}
	if r := p.do(t, "GET", "/embed.js", "", ""); r.Header.Get("Cross-Origin-Resource-Policy") != "cross-origin" || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/javascript") {
		t.Errorf("script: %v", r.Header)
	}
	for _, path := range []string{"/", "/henvendelse", "/login"} {
		if csp := p.do(t, "GET", path, "", "").Header.Get("Content-Security-Policy"); !strings.Contains(csp, "frame-ancestors 'none'") {
			t.Errorf("%s can be framed: %s", path, csp)
		}
	}
	off := start(t)
	for _, path := range []string{"/indlejret", "/embed.js"} {
		if status := off.status(t, "GET", path, "", ""); status != http.StatusNotFound {
			t.Errorf("without sites %s answers %d", path, status)
		}
	}
}

// Without scripts and cookies every form of the frame is answered by a page that the frame may show, also when something goes wrong.
func TestEmbedWithoutScripts(t *testing.T) {
	const site = "https://www.kommune.example"
	p := start(t, "SAMTALE_EMBED_ORIGINS="+site)
	post := func(path string, form url.Values) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Sec-Fetch-Site", "same-origin") // it is the frame's own page that posts
		r, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if csp := r.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "frame-ancestors "+site+";") {
			t.Errorf("%s cannot be shown in the frame: %s", path, csp)
		}
		return read(t, r)
	}
	status, page := post("/indlejret?sprog=en", url.Values{"question": {"Hvornår skal jeg melde flytning?"}})
	m := regexp.MustCompile(`action="(/svar/[^"]+)"[^>]*><input type="hidden" name="embedded" value="([^"]+)">`).FindStringSubmatch(page)
	if status != http.StatusOK || m == nil {
		t.Fatalf("%d %s", status, page)
	}
	rated := url.Values{"helpful": {"yes"}, "embedded": {m[2]}}
	status, page = post(m[1], rated)
	if status != http.StatusOK || !strings.Contains(page, "Thank you") || !strings.Contains(page, `class="page-embed"`) || !strings.Contains(page, "5 dage efter") {
		t.Errorf("rated: %d\n%s", status, page)
	}
	p.assistant.mu.Lock()
	if f := p.assistant.feedback; len(f) != 1 || !f[0].Helpful {
		t.Errorf("%+v", f)
	}
	p.assistant.mu.Unlock()
	if status, page = post("/svar/a.b?sprog=da", rated); status != http.StatusBadRequest && status != http.StatusNotFound {
		t.Errorf("no answer: %d %s", status, page)
	}
	if status, page = post("/slet-samtale", url.Values{"session": {m[2]}, "embedded": {"en"}}); status != http.StatusOK || strings.Contains(page, "5 dage efter") {
		t.Errorf("deleted: %d %s", status, page)
	}
}

func TestEmbeddedPages(t *testing.T) {
	p := start(t, "SAMTALE_EMBED_ORIGINS=https://www.kommune.example")
	b := chromium(t, p)
	for _, l := range []string{"da", "en"} {
		b.open("/indlejret?sprog=" + l)
		b.askReady()
		b.checked("embed-" + l)
		b.ask("Hvornår skal jeg melde flytning?")
		b.ask("Kan man bo på månen?")
		b.checked("embed-" + l + "-answer")
		b.click("#q-delete button")
		b.until(`document.readyState === "complete" && document.querySelector(".alert-success") !== null && document.documentElement.lang === "` + l + `"`)
	}
}
