package portal

import (
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/portal/internal/testlogin"
)

// tlsPlace is a portal behind a proxy that speaks TLS, with a provider of its own where Mette is.
type tlsPlace struct {
	*place
	front *httptest.Server
}

func startTLS(t *testing.T) tlsPlace {
	t.Helper()
	mux := http.NewServeMux()
	site := httptest.NewServer(mux)
	t.Cleanup(site.Close)
	var portal atomic.Pointer[httputil.ReverseProxy] // its address is known only when it runs
	front := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { portal.Load().ServeHTTP(w, r) }))
	t.Cleanup(front.Close)
	provider, err := testlogin.New(testlogin.Config{Issuer: site.URL + "/oidc", Redirect: front.URL + "/login/callback", Secret: "s3cret", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	mux.Handle("/oidc/", http.StripPrefix("/oidc", provider))
	mux.HandleFunc("GET /testlogin", func(w http.ResponseWriter, r *http.Request) {
		to, err := provider.Choose(r.URL.Query().Get("request"), "mette")
		if err != nil {
			t.Error(err)
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
	})
	p := start(t, "SAMTALE_PUBLIC_URL="+front.URL, "SAMTALE_OIDC_ISSUER="+site.URL+"/oidc",
		"SAMTALE_OIDC_CLIENT_ID="+testlogin.ClientID, "SAMTALE_OIDC_CLIENT_SECRET=s3cret")
	to, err := url.Parse(p.url)
	if err != nil {
		t.Fatal(err)
	}
	portal.Store(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host
	}})
	return tlsPlace{p, front}
}

// browser gives a browser, and what it has been told to keep.
func (p tlsPlace) browser(t *testing.T) (*browser, *settingCookies) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	told := &settingCookies{RoundTripper: p.front.Client().Transport}
	return &browser{&http.Client{Jar: jar, Transport: told}, p.front.URL}, told
}

type settingCookies struct {
	http.RoundTripper
	set []*http.Cookie
}

func (s *settingCookies) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := s.RoundTripper.RoundTrip(r)
	if err == nil {
		s.set = append(s.set, resp.Cookies()...)
	}
	return resp, err
}

// Over TLS every cookie that gives a right is one that only this host can have set, and one by its bare name, as a sibling subdomain
// could set it, gives nobody anything.
func TestCookiesOverTLS(t *testing.T) {
	p := startTLS(t)
	serveMeeting(t, p.place, meetingv1.RoleCitizen)
	b, told := p.browser(t)
	for _, path := range []string{"/login?next=/desk", "/moede/" + demoMeeting + "/secret"} {
		if status, page := b.get(t, path); status != http.StatusOK {
			t.Fatalf("%s: %d %s", path, status, page)
		}
	}
	r, err := b.Post(b.base+"/api/v1/ask", "application/json", strings.NewReader(`{"question":"Hvornår skal jeg melde flytning?"}`))
	if err != nil {
		t.Fatal(err)
	}
	if status, body := read(t, r); status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	if status, _ := b.get(t, "/api/v1/me"); status != http.StatusOK {
		t.Errorf("who has logged in is not known: %d", status)
	}
	names := map[string]bool{}
	for _, c := range told.set {
		names[c.Name] = true
		if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" {
			t.Errorf("another host can set %s", c)
		}
	}
	if len(names) != 4 { // login begun, session, device, asker
		t.Errorf("the cookies are %v", names)
	}
	if status, _ := p.planted(t, b).get(t, "/api/v1/me"); status != http.StatusUnauthorized {
		t.Errorf("cookies by their bare names are a login: %d", status)
	}
}

// planted is a browser that a sibling subdomain gave all that b has, by the names that it can set.
func (p tlsPlace) planted(t *testing.T, b *browser) *browser {
	t.Helper()
	at, err := url.Parse(b.base)
	if err != nil {
		t.Fatal(err)
	}
	own := b.Jar.Cookies(at)
	for _, c := range own {
		c.Name = strings.TrimPrefix(c.Name, "__Host-")
	}
	other, _ := p.browser(t)
	other.Jar.SetCookies(at, own)
	return other
}
