package portal

import (
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/platform/store"
)

// logins reaches the sessions of a portal behind its back.
type logins struct {
	t  *testing.T
	db *store.DB
}

// startWithLogins starts a portal whose logins can be made older.
func startWithLogins(t *testing.T) (*place, logins) {
	t.Helper()
	dsn := "sqlite:" + filepath.Join(t.TempDir(), "portal.db")
	p := start(t, "SAMTALE_PORTAL_DB="+dsn)
	db, err := store.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return p, logins{t, db}
}

// age lets every login be unused for so much longer.
func (l logins) age(d time.Duration) {
	l.t.Helper()
	if _, err := l.db.Read().Exec(l.t.Context(), `UPDATE session SET seen_at = seen_at - ?, expires_at = expires_at - ?`, d.Microseconds(), d.Microseconds()); err != nil {
		l.t.Fatal(err)
	}
}

// expires is when the one login ends.
func (l logins) expires() int64 {
	l.t.Helper()
	var at int64
	if err := l.db.Read().QueryRow(l.t.Context(), `SELECT expires_at FROM session`).Scan(&at); err != nil {
		l.t.Fatal(err)
	}
	return at
}

// kept waits until what somebody does on an open page has kept the one login alive.
func (l logins) kept(b *page, does string, do func()) {
	l.t.Helper()
	l.age(10 * time.Minute)
	before := l.expires()
	b.run(chromedp.Evaluate(`Date.now = ((now) => () => now() + 61000)(Date.now)`, nil)) // told once a minute at most
	for deadline := time.Now().Add(2 * time.Minute); l.expires() <= before; do() {
		if time.Now().After(deadline) {
			l.t.Fatalf("somebody who %s is taken for away", does)
		}
	}
}

// ask sends a request of a browser.
func (b *browser) ask(t *testing.T, method, path, accept string, form url.Values) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, b.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", accept)
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r, err := b.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, r)
}

// An open page that looks for news does not keep its login alive; what somebody does does.
func TestOnlyPeopleKeepALoginAlive(t *testing.T) {
	p, l := startWithLogins(t)
	p.fill("x")
	b := p.browser(t)
	b.login(t, "mette")
	l.age(10 * time.Minute)
	before := l.expires()
	for _, path := range []string{
		"/desk", "/notat/" + demoNote, "/api/v1/me", "/api/v1/conversations", "/api/v1/conversations/" + demoConv,
		"/api/v1/conversations/" + demoConv + "/transcript", "/api/v1/notes/" + demoNote, "/api/v1/calls", "/api/v1/desk/inquiries",
	} {
		if status, _ := b.ask(t, "GET", path, "*/*", nil); status != http.StatusOK {
			t.Errorf("%s: %d", path, status)
		}
		if l.expires() != before {
			t.Fatalf("%s, asked by a script, keeps the login alive", path)
		}
	}
	r, err := b.Get(b.base + "/api/v1/events")
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatal(r, err)
	}
	r.Body.Close()
	if l.expires() != before {
		t.Error("a stream keeps the login alive")
	}
	for _, act := range []struct{ method, path string }{{"GET", "/desk"}, {"POST", "/api/v1/session/extend"}} {
		if status, _ := b.ask(t, act.method, act.path, "text/html,*/*;q=0.8", nil); status != http.StatusOK {
			t.Errorf("%s: %d", act.path, status)
		}
		if l.expires() <= before {
			t.Errorf("%s %s does not keep the login alive", act.method, act.path)
		}
		l.age(10 * time.Minute)
		before = l.expires()
	}
}

// A form that is sent after the login has ended is not lost: the page that says so holds it.
func TestFormAfterTheLoginEnded(t *testing.T) {
	p, l := startWithLogins(t)
	b := p.browser(t)
	b.login(t, "bente")
	p.fillFor(t, b)
	l.age(2 * time.Hour)
	const path = "/mit/" + demoConv + "/bemaerkning"
	form := url.Values{"text": {"Skrevet længe.\r\n\"Det\" er <vigtigt>."}}
	status, page := b.ask(t, "POST", path, "text/html", form)
	if status != http.StatusUnauthorized {
		t.Fatalf("got %d", status)
	}
	for _, want := range []string{
		`action="` + path + `"`, `name="text" value="Skrevet længe.`, `&#34;Det&#34; er &lt;vigtigt&gt;."`, `href="/login?next=/logget-ind" target="_blank"`, "Send igen",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%s is not in:\n%s", want, page)
		}
	}
	if _, page = b.get(t, "/logget-ind"); !strings.Contains(page, `href="/login?next=/logget-ind"`) {
		t.Errorf("whoever is not logged in is not led to it:\n%s", page)
	}
	b.login(t, "bente")
	if _, page = b.get(t, "/logget-ind"); !strings.Contains(page, "Du er logget ind igen") {
		t.Errorf("the login ends with:\n%s", page)
	}
	if status, page = b.ask(t, "POST", path, "text/html", form); status != http.StatusOK {
		t.Errorf("sent again: %d\n%s", status, page)
	}
}

// Keys on an open page keep its login alive.
func TestKeysKeepALoginAlive(t *testing.T) {
	p, l := startWithLogins(t)
	p.fill("x")
	b := chromium(t, p)
	b.login("karen")
	b.open("/revision/" + demoConv)
	b.settled()
	l.kept(b, "presses keys", func() { b.key(kb.Tab) })
}

// Somebody who only talks for an hour is at work.
func TestTalksKeepALoginAlive(t *testing.T) {
	p, l := startWithLogins(t)
	call := ringingCall()
	call.State, call.Caseworker = callv1.StateTalking, "mette"
	p.mu.Lock()
	p.calls = []callv1.Call{call}
	p.mu.Unlock()
	b := chromium(t, p)
	b.login("mette")
	b.deskReady()
	l.kept(b, "talks", func() { time.Sleep(10 * time.Millisecond) })
}

// Whoever was logged out logs in beside the page, comes back, and finds what was typed.
func TestLoggedOutAndBack(t *testing.T) {
	p, _ := startWithLogins(t)
	p.fill("x")
	b := chromium(t, p)
	b.login("karen")
	b.open("/revision/" + demoConv)
	b.settled()
	b.write("#hold-reason", "Aktindsigt, som er halvt skrevet")
	b.run(chromedp.Evaluate(`fetch("/logout", {method: "POST"}).then(() => import("/static/js/lib.js")).then((lib) => lib.api("GET", "/api/v1/me")).catch(() => {})`, nil))
	b.until(`document.getElementById("login-dialog").open`)
	b.axe("logged out")
	b.shot("logged out")
	b.run(chromedp.Evaluate(loggingIn, nil))
	b.untilDoing(`!document.getElementById("login-dialog").open`, func() {
		b.run(chromedp.Evaluate(`dispatchEvent(new Event("focus"))`, nil)) // as when people come back from another tab
	})
	b.until(`document.getElementById("hold-reason").value === "Aktindsigt, som er halvt skrevet"`)
	b.click(`#fredning button[type="submit"]`)
	b.until(`location.hash === "#fredning" && document.querySelector("#fredning blockquote")?.textContent.includes("halvt skrevet") === true`)
	b.open("/logget-ind")
	b.settled()
	b.axe("logged in again")

	p.browser(t).login(t, "karen")
	b.click(".bar-user button")
	b.until(`document.readyState === "complete" && document.querySelector('form[action="/logout/alle"]') !== null`)
	b.checked("logged out elsewhere")
	b.click(`form[action="/logout/alle"] button`)
	b.shows("Du er logget ud alle steder.")
	b.axe("logged out everywhere")
}

// loggingIn is what another tab does.
const loggingIn = `fetch("/login?next=/logget-ind").then((r) => r.text()).then((html) => {
	const request = new DOMParser().parseFromString(html, "text/html").querySelector("[name=request]").value;
	return fetch("/testlogin", { method: "POST", body: new URLSearchParams({ request, person: "karen" }) });
})`
