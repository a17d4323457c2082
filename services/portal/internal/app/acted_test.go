package app

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// Nothing that a script asks for by itself, whatever it is, keeps a login alive; what is sent outside the API is sent by people.
func TestScriptsDoNotAct(t *testing.T) {
	for _, rt := range new(App).routes() {
		method, path, ok := strings.Cut(rt.pattern, " ")
		if !ok {
			method, path = "POST", rt.pattern
		}
		if method == "POST" && !forPrograms(path) {
			continue
		}
		r := httptest.NewRequest(method, strings.NewReplacer("{", "", "}", "", "$", "", "...", "").Replace(path), nil)
		for _, accept := range []string{"*/*", "text/event-stream", "application/json", ""} {
			if r.Header.Set("Accept", accept); acted(r) {
				t.Errorf("%s with %q is an act", rt.pattern, accept)
			}
		}
	}
}

func TestPeopleAct(t *testing.T) {
	const browsers = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	for target, want := range map[string]bool{"GET /drift": true, "GET /redaktion?q=x": true, "POST /mit/x/bemaerkning": true, "GET /api/v1/me": false} {
		method, path, _ := strings.Cut(target, " ")
		r := httptest.NewRequest(method, path, nil)
		r.Header.Set("Accept", browsers)
		if acted(r) != want {
			t.Errorf("%s: %v", target, !want)
		}
	}
}
