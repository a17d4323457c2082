package portal

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/services/contract/knowledgev1"
)

// The topics of what a source holds stand in its form, each with its area, also one of which it holds nothing now; what the form does not
// name stays.
func TestEditorSetsAreasByTopic(t *testing.T) {
	p := start(t)
	p.assistant.mu.Lock()
	p.assistant.sources = append(p.assistant.sources, knowledgev1.Source{
		ID: "borgerdk", Kind: knowledgev1.KindBorger, Title: "borger.dk", URL: "https://www.borger.dk/x", Every: 24 * time.Hour,
		Known:  []knowledgev1.Topic{{ID: "32", Name: "Økonomisk hjælp"}, {ID: "32.18", Name: "Boligstøtte <b>"}},
		Topics: []knowledgev1.TopicArea{{Topic: "32.18", Area: "boligstoette"}, {Topic: "99", Area: "nedlagt"}},
	})
	p.assistant.mu.Unlock()
	c := p.browser(t)
	c.login(t, "ida")
	_, page := c.get(t, "/redaktion/kilder/borgerdk")
	for _, part := range []string{
		"Serviceområde efter emne (3)", `<span lang="da">Økonomisk hjælp</span>`, "Boligstøtte &lt;b&gt;",
		`<option value="boligstoette" lang="da" selected>Boligstøtte</option>`, `<option value="nedlagt" selected>nedlagt</option>`,
	} {
		if !strings.Contains(page, part) {
			t.Errorf("the page lacks %s:\n%s", part, page)
		}
	}
	form := url.Values{
		"title": {"borger.dk"}, "url": {"https://www.borger.dk/x"}, "every": {"24h"}, "topic": {"32", "32.18"}, "topicarea": {"pension", ""},
	}
	r, err := c.PostForm(c.base+"/redaktion/kilder/borgerdk", form)
	if err != nil {
		t.Fatal(err)
	}
	if status, page := read(t, r); status != http.StatusOK || !strings.Contains(page, "Kilden er gemt.") {
		t.Fatalf("%d %s", status, page)
	}
	p.assistant.mu.Lock()
	saved := p.assistant.sources[len(p.assistant.sources)-1]
	p.assistant.mu.Unlock()
	want := []knowledgev1.TopicArea{{Topic: "99", Area: "nedlagt"}, {Topic: "32", Area: "pension"}}
	if diff := cmp.Diff(want, saved.Topics); diff != "" || saved.ID != "borgerdk" {
		t.Errorf("%s %s", saved.ID, diff)
	}
}

// Which service area gets the handovers about a source's articles is written by its name, and shown again, also when it cannot be read.
func TestEditorSetsASourcesAreas(t *testing.T) {
	p := start(t)
	c := p.browser(t)
	c.login(t, "ida")
	form := url.Values{
		"title": {"Odense"}, "url": {"https://www.odense.dk/sitemap.xml"}, "kind": {knowledgev1.KindSitemap}, "id": {"odense"}, "every": {"24h"},
		"area": {"borgerservice"}, "areas": {"Udbetaling Danmark = boligstøtte\r\n\r\nPolitiet=borgerservice\r\n"},
	}
	post := func(path string) (int, string) {
		t.Helper()
		r, err := c.PostForm(c.base+path, form)
		if err != nil {
			t.Fatal(err)
		}
		return read(t, r)
	}
	if status, page := post("/redaktion/ny"); status != http.StatusOK || !strings.Contains(page, "Kilden er gemt.") {
		t.Fatalf("%d %s", status, page)
	}
	p.assistant.mu.Lock()
	saved := p.assistant.sources[len(p.assistant.sources)-1]
	p.assistant.mu.Unlock()
	want := []knowledgev1.AuthorityArea{{Authority: "Udbetaling Danmark", Area: "boligstoette"}, {Authority: "Politiet", Area: "borgerservice"}}
	if diff := cmp.Diff(want, saved.Areas); diff != "" || saved.Area != "borgerservice" {
		t.Errorf("area %q, %s", saved.Area, diff)
	}
	_, page := c.get(t, "/redaktion/kilder/odense")
	for _, part := range []string{`<option value="borgerservice" lang="da" selected>`, "Udbetaling Danmark = Boligstøtte\nPolitiet = Borgerservice</textarea>"} {
		if !strings.Contains(page, part) {
			t.Errorf("the page lacks %s:\n%s", part, page)
		}
	}
	for _, wrong := range []string{"Udbetaling Danmark", "Politiet = Ministeriet"} {
		form.Set("areas", wrong)
		status, page := post("/redaktion/kilder/odense")
		if status != http.StatusBadRequest || !strings.Contains(page, wrong+"</textarea>") || !strings.Contains(page, "Serviceområderne kan ikke læses.") {
			t.Errorf("%s: %d\n%s", wrong, status, page)
		}
	}
}
