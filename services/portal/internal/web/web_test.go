package web

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func TestServe(t *testing.T) {
	s, err := New()
	if err != nil {
		t.Fatal(err)
	}
	get := func(path, etag string) (*httptest.ResponseRecorder, bool) {
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", path, nil)
		r.Header.Set("If-None-Match", etag)
		return w, s.Serve(w, r)
	}
	w, ok := get("/static/js/desk.js", "")
	if !ok || w.Header().Get("Content-Type") != "text/javascript; charset=utf-8" || w.Body.Len() == 0 {
		t.Fatalf("got %v, %v", ok, w.Header())
	}
	again, ok := get("/static/js/desk.js", w.Header().Get("ETag"))
	if !ok || again.Code != http.StatusNotModified || again.Body.Len() != 0 {
		t.Errorf("known file is sent again: %d", again.Code)
	}
	for _, path := range []string{"/static/none.js", "/pages/layout.html", "/static/../pages/desk.html", "/static/", "/dist", "/web.go"} {
		if _, ok := get(path, ""); ok {
			t.Errorf("%s is served", path)
		}
	}
}

// Every page can be parsed, though each is only when it is first shown.
func TestPages(t *testing.T) {
	s, err := New()
	if err != nil {
		t.Fatal(err)
	}
	if s.pages["ask"] == nil || s.pages["layout"] != nil || s.pages["parts"] != nil {
		t.Fatalf("%d pages, and not the right ones", len(s.pages))
	}
	for name := range s.pages {
		if _, err := s.page(name); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.Render("nowhere", nil); err == nil {
		t.Error("a page that is not there is rendered")
	}
	if _, err := s.Fragment("nowhere", "part", nil); err == nil {
		t.Error("a part of a page that is not there is rendered")
	}
}

// The stylesheet stands alone, so that a build without the design system is readable.
func TestStylesheetAlone(t *testing.T) {
	css, err := files.ReadFile("static/samtale.css")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"@media (prefers-color-scheme: dark)", "@media (prefers-reduced-motion: reduce)", "@media (forced-colors: active)", ".sr-only {", "[hidden] {"} {
		if !strings.Contains(string(css), want) {
			t.Errorf("stylesheet lacks %s", want)
		}
	}
	if strings.Contains(string(css), "@import") || strings.Contains(string(css), "url(http") {
		t.Error("stylesheet fetches from elsewhere")
	}
}

// Every class that the stylesheet names stands in a page or a script.
func TestStylesheetNamesNothingThatIsGone(t *testing.T) {
	var css []byte
	for _, name := range []string{"static/samtale.css", "static/ask.css"} {
		data, err := files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		css = append(css, data...)
	}
	words := map[string]bool{"supported": true} // a verdict of the journal
	for _, pattern := range []string{"pages/*.html", "static/js/*.js"} {
		names, err := fs.Glob(files, pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, name := range names {
			data, err := files.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range regexp.MustCompile(`[a-z][a-z0-9-]*`).FindAllString(string(data), -1) {
				words[w] = true
			}
		}
	}
	rules := regexp.MustCompile(`(?s)/\*.*?\*/|\{[^{}]*\}`).ReplaceAllString(string(css), "") // selectors alone
	classes := regexp.MustCompile(`\.([a-z][a-z0-9-]*)`).FindAllStringSubmatch(rules, -1)
	if len(classes) < 100 {
		t.Fatalf("found only %d classes", len(classes))
	}
	for _, m := range classes {
		if !words[m[1]] {
			t.Errorf("class %s is used nowhere", m[1])
		}
	}
}
