package sitemap_test

import (
	"compress/gzip"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/services/assistant/internal/source"
	"samtale.dk/samtale/services/assistant/internal/source/sitemap"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/errs"
)

// site is a web site for tests: what it answers by path, and what it was asked.
type site struct {
	*httptest.Server
	pages map[string]http.HandlerFunc
	asked []string
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{pages: map[string]http.HandlerFunc{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked = append(s.asked, r.URL.RequestURI())
		if f, ok := s.pages[r.URL.Path]; ok {
			f(w, r)
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *site) text(path, contentType, text string) {
	s.pages[path] = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		fmt.Fprint(w, strings.ReplaceAll(text, "HOST", s.URL))
	}
}

func (s *site) html(path, text string) { s.text(path, "text/html; charset=utf-8", text) }

func (s *site) source(t *testing.T, include ...string) *sitemap.Source {
	t.Helper()
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	c := source.NewClient(source.ClientConfig{Private: []string{u.Host}, Host: u.Host})
	t.Cleanup(c.Close)
	src, err := sitemap.New(sitemap.Config{URL: s.URL + "/sitemap.xml", Include: include, Client: c})
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func (s *site) fetch(t *testing.T, path string) (source.Article, error) {
	t.Helper()
	return s.source(t).Fetch(t.Context(), source.Entry{Item: s.URL + path, URL: s.URL + path})
}

const robots = `# Regler
User-agent: *
Disallow: /Soeg
Disallow: /Min-Side/
Disallow: /*.pdf$
Allow: /Min-Side/hjaelp
User-agent: GPTBot
Disallow: /
`

func TestList(t *testing.T) {
	s := newSite(t)
	s.text("/robots.txt", "text/plain", robots)
	s.text("/sitemap.xml", "text/xml", `<?xml version="1.0"?><sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
		<sitemap><loc>HOST/a.xml</loc></sitemap><sitemap><loc>HOST/b.xml.gz</loc></sitemap><sitemap><loc>HOST/sitemap.xml</loc></sitemap>
		<sitemap><loc>https://elsewhere.example/c.xml</loc></sitemap></sitemapindex>`)
	s.text("/a.xml", "text/xml", `<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url><loc> HOST/pas </loc><lastmod>2026-10-01</lastmod></url>
		<url><loc>HOST/pas#pris</loc></url><url><loc>HOST/Soeg?q=1</loc></url><url><loc>HOST/Min-Side/post</loc></url><url><loc>HOST/Min-Side/hjaelp</loc></url>
		<url><loc>HOST/blanket.pdf</loc></url><url><loc>https://elsewhere.example/x</loc></url><url><loc>javascript:alert(1)</loc></url></urlset>`)
	s.pages["/b.xml.gz"] = func(w http.ResponseWriter, _ *http.Request) {
		z := gzip.NewWriter(w)
		fmt.Fprintf(z, `<urlset><url><loc>%s/flytning</loc></url></urlset>`, s.URL)
		z.Close()
	}
	list := func(include ...string) []string {
		t.Helper()
		l, err := s.source(t, include...).List(t.Context(), nil, time.Time{})
		if err != nil || !l.Complete {
			t.Fatalf("complete %v: %v", l.Complete, err)
		}
		var out []string
		for _, e := range l.Entries {
			out = append(out, strings.TrimPrefix(e.Item, s.URL)+" "+e.Modified)
		}
		return out
	}
	if diff := cmp.Diff([]string{"/pas 2026-10-01", "/Min-Side/hjaelp ", "/flytning "}, list()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"/flytning "}, list("/fly", "/Soeg")); diff != "" {
		t.Error(diff)
	}
}

func TestListFails(t *testing.T) {
	for name, tc := range map[string]struct {
		prepare func(s *site)
		kind    errs.Kind
	}{
		"robots.txt is broken": {func(s *site) {
			s.pages["/robots.txt"] = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }
		}, errs.Invalid},
		"server is busy": {func(s *site) {
			s.pages["/robots.txt"] = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }
		}, errs.Unavailable},
		"no sitemap":     {func(*site) {}, errs.NotFound},
		"a page instead": {func(s *site) { s.html("/sitemap.xml", "<!doctype html><html><p>Velkommen<br></html>") }, errs.Invalid},
		"half a sitemap": {func(s *site) { s.text("/sitemap.xml", "text/xml", "<urlset><url><loc>HOST/a</loc></url>") }, errs.Invalid},
		"one of two is away": {func(s *site) {
			s.text("/sitemap.xml", "text/xml", "<sitemapindex><sitemap><loc>HOST/x.xml</loc></sitemap></sitemapindex>")
		}, errs.NotFound},
	} {
		s := newSite(t)
		tc.prepare(s)
		_, err := s.source(t).List(t.Context(), nil, time.Time{})
		if errs.KindOf(err) != tc.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
}

const passport = `<!doctype html><html lang="da"><head><title>Pas - Kommunen</title><script>track()</script></head><body>
	<header><a href="/">Forsiden</a></header><nav>Menu</nav><div role="dialog">Cookies?</div>
	<main><h1>Pas</h1><p>Du søger om pas i borgerservice.</p><h2>Hvad koster&nbsp;det?</h2><p>Et pas koster <b>911 kr.</b></p>
	<a href="/bestil">Bestil tid</a></main><footer>Kontakt os</footer></body></html>`

func TestFetch(t *testing.T) {
	s := newSite(t)
	s.html("/pas", passport)
	a, err := s.fetch(t, "/pas")
	if err != nil {
		t.Fatal(err)
	}
	want := []knowledgev1.Record{
		{ID: "/pas#intro", ArticleID: "/pas", URL: s.URL + "/pas", Title: "Pas", Text: "Du søger om pas i borgerservice.", Language: "da"},
		{
			ID: "/pas#hvad-koster-det", ArticleID: "/pas", URL: s.URL + "/pas", Title: "Pas", Section: "Hvad koster det?",
			Text: "Et pas koster 911 kr.\n\nBestil tid", Language: "da", Links: []knowledgev1.Link{{Label: "Bestil tid", URL: s.URL + "/bestil"}},
		},
	}
	if diff := cmp.Diff(want, a.Records); diff != "" {
		t.Error(diff)
	}
}

// What has not changed is not sent again.
func TestConditional(t *testing.T) {
	s := newSite(t)
	const day = "Thu, 01 Oct 2026 12:00:00 GMT"
	s.pages["/pas"] = func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		w.Header().Set("Last-Modified", day)
		if r.Header.Get("If-None-Match") == `"1"` && r.Header.Get("If-Modified-Since") == day {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		fmt.Fprint(w, passport)
	}
	a, err := s.fetch(t, "/pas")
	if err != nil || a.ETag != `"1"` || a.HTTPDate != day || !a.UpdatedAt.Equal(time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)) {
		t.Fatalf("%+v %v", a, err)
	}
	again, err := s.source(t).Fetch(t.Context(), source.Entry{Item: s.URL + "/pas", URL: s.URL + "/pas", ETag: a.ETag, HTTPDate: a.HTTPDate})
	if err != nil || !again.Unchanged || again.ETag != a.ETag {
		t.Fatalf("%+v %v", again, err)
	}
}

func TestRedirects(t *testing.T) {
	s := newSite(t)
	s.text("/robots.txt", "text/plain", "User-agent: Samtale\nDisallow: /lukket\n\nUser-agent: *\nDisallow: /\n")
	s.html("/pas", passport)
	for path, to := range map[string]string{"/gammel": "/pas", "/ud": "http://elsewhere.example/", "/ind": "/lukket"} {
		s.pages[path] = func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusMovedPermanently) }
	}
	s.html("/lukket", passport)
	a, err := s.fetch(t, "/gammel")
	if err != nil || a.Moved != s.URL+"/pas" || a.Records[0].ID != "/gammel#intro" || a.Records[0].URL != s.URL+"/pas" {
		t.Errorf("%+v %v", a, err)
	}
	for path, kind := range map[string]errs.Kind{"/ud": errs.Invalid, "/ind": errs.Denied, "/lukket": errs.Denied} {
		if _, err := s.fetch(t, path); errs.KindOf(err) != kind {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestPagesThatCannotBeTaken(t *testing.T) {
	s := newSite(t)
	s.html("/tom", `<html><body><div id="app"></div><script src="app.js"></script></body></html>`)
	s.html("/skjult", `<html><head><meta name="ROBOTS" content="NoIndex, follow"></head><body><p>Hemmelig</p></body></html>`)
	s.text("/fil", "application/pdf", "%PDF-1.7")
	s.pages["/doed"] = func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	for path, want := range map[string]struct {
		kind errs.Kind
		is   error
	}{
		"/tom": {errs.Invalid, nil}, "/skjult": {errs.Denied, source.ErrGone}, "/fil": {errs.Invalid, nil},
		"/vaek": {errs.NotFound, source.ErrGone}, "/doed": {errs.Unavailable, source.ErrAway},
	} {
		_, err := s.fetch(t, path)
		if errs.KindOf(err) != want.kind || want.is != nil && !errors.Is(err, want.is) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
