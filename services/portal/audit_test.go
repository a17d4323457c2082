package portal

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
)

// found are the searches that the log was asked.
func (p *place) found() []consentv1.AuditSearch {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.searches
}

// search sends the form of the log.
func (b *browser) search(t *testing.T, query string) (int, string) {
	t.Helper()
	form, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	r, err := b.PostForm(b.base+"/revision", form)
	if err != nil {
		t.Fatal(err)
	}
	if r.Request.URL.RawQuery != "" {
		t.Errorf("what is looked for is in the address: %s", r.Request.URL)
	}
	return read(t, r)
}

// An auditor's search narrows by all that was filled in; what is no day is said, and what names nothing finds nothing.
func TestAuditSearch(t *testing.T) {
	p := start(t)
	p.fill("x")
	p.mu.Lock()
	p.convs[1].CaseNumber = "2026-4711"
	p.mu.Unlock()
	b := p.browser(t)
	b.login(t, "karen")
	summer := time.FixedZone("", 2*3600)
	for _, tt := range []struct {
		query string
		want  consentv1.AuditSearch
	}{
		{"hvem=mette&hvad=reveal", consentv1.AuditSearch{Actor: "mette", Action: "reveal"}},
		{"fra=2026-06-01&til=2026-06-30", consentv1.AuditSearch{From: time.Date(2026, 6, 1, 0, 0, 0, 0, summer), Till: time.Date(2026, 7, 1, 0, 0, 0, 0, summer)}},
		{"om=+" + demoConv + "+", consentv1.AuditSearch{Conversations: []string{demoConv}}},
		{"om=J-2026-000123", consentv1.AuditSearch{Conversations: []string{"0199a0c0-0000-7000-8000-000000000003"}}},
		{"om=2026-4711", consentv1.AuditSearch{Conversations: []string{"0199a0c0-0000-7000-8000-000000000002"}}},
		{"hvem=mette&efter=1.x", consentv1.AuditSearch{Actor: "mette", After: "1.x"}},
	} {
		status, page := b.search(t, tt.query)
		all := p.found()
		if status != http.StatusOK || len(all) == 0 || !strings.Contains(page, "Fundet i loggen") {
			t.Fatalf("%s: %d\n%s", tt.query, status, page)
		}
		tt.want.Limit, tt.want.Look = 50, &consentv1.AuditReader{Actor: "karen", Role: "auditor"}
		if d := cmp.Diff(tt.want, all[len(all)-1]); d != "" {
			t.Errorf("%s: %s", tt.query, d)
		}
	}
	asked := len(p.found())
	if status, page := b.search(t, "om=nobody"); status != http.StatusOK || !strings.Contains(page, "intet i loggen") {
		t.Errorf("nothing: %d\n%s", status, page)
	}
	if status, page := b.search(t, "fra=i+sommer"); status != http.StatusBadRequest || !strings.Contains(page, `href="#a-from"`) {
		t.Errorf("no day: %d\n%s", status, page)
	}
	if _, page := b.get(t, "/revision?om="+demoConv); strings.Contains(page, "Fundet i loggen") { // an address is kept by others
		t.Errorf("searched by its address:\n%s", page)
	}
	if n := len(p.found()); n != asked {
		t.Errorf("the log was asked %d times for nothing", n-asked)
	}
	if _, page := b.search(t, "hvem=mange&hvad=approve"); !strings.Contains(page, `formaction="/revision" name="efter" value="1.x"`) {
		t.Errorf("no way to the next page:\n%s", page)
	}
	other := p.browser(t)
	other.login(t, "mette")
	if status, _ := other.search(t, "hvem=mette"); status != http.StatusForbidden {
		t.Errorf("a caseworker searches the log: %d", status)
	}
}

// The export has every page, holds no formulas, and stands in the log.
func TestAuditExport(t *testing.T) {
	p := start(t)
	p.fill("x")
	p.mu.Lock()
	p.audit = []consentv1.Audit{{
		Meta: event.NewMeta("audit.v1.entry", "consent", time.Now()), ConversationID: demoConv, Actor: "=mette()", Role: "caseworker", Action: "hold",
		Purpose: "Fredet; \"Aktindsigt\"",
	}}
	p.mu.Unlock()
	b := p.browser(t)
	b.login(t, "karen")
	r, err := b.PostForm(p.url+"/revision/udtraek", url.Values{"hvem": {"mange"}})
	if err != nil {
		t.Fatal(err)
	}
	status, body := read(t, r)
	if status != http.StatusOK || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/csv") || !strings.Contains(r.Header.Get("Content-Disposition"), "attachment") {
		t.Fatalf("%d %v", status, r.Header)
	}
	in := csv.NewReader(strings.NewReader(strings.TrimPrefix(body, "\ufeff")))
	in.Comma = ';'
	rows, err := in.ReadAll()
	if err != nil || len(rows) != 5 { // a head, and two pages of two entries
		t.Fatalf("%v: %q", err, rows)
	}
	if rows[1][1] != "karen" || rows[1][3] != "export-audit" {
		t.Errorf("the export does not hold itself: %q", rows[1])
	}
	if d := cmp.Diff([]string{"'=mette()", "caseworker", "hold", "Fredet; \"Aktindsigt\"", demoConv}, rows[2][1:]); d != "" {
		t.Error(d)
	}
	exports := 0
	for _, q := range p.found() {
		if q.Export != nil {
			exports++
		}
	}
	if exports != 1 {
		t.Errorf("told of %d exports", exports)
	}
	other := p.browser(t)
	other.login(t, "omar")
	r, err = other.PostForm(p.url+"/revision/udtraek", url.Values{"hvem": {"mange"}})
	if err != nil {
		t.Fatal(err)
	}
	if status, _ := read(t, r); status != http.StatusForbidden {
		t.Errorf("an operator exports: %d", status)
	}
}

func TestAuditSearchInTheBrowser(t *testing.T) {
	p := start(t)
	p.fill("x")
	p.mu.Lock()
	p.audit = []consentv1.Audit{{Meta: event.NewMeta("audit.v1.entry", "consent", time.Now()), ConversationID: demoConv, Actor: "mette", Role: "caseworker", Action: "reveal", Purpose: "Sag"}}
	p.mu.Unlock()
	b := chromium(t, p)
	b.login("karen")
	b.settled()
	b.axe("audit")
	b.write("#a-actor", "mange")
	b.click(`.ed-search button[type="submit"]`)
	b.until(`location.search === "" && document.querySelector("#found") !== null`)
	b.settled()
	b.axe("audit found")
	b.faultless("audit found")
	b.click(`button[name="efter"]`)
	b.until(`document.querySelector("button[formaction]:not([name])") !== null`)
	b.settled()
	b.axe("audit, next page")
	b.language("en")
	b.open("/sprog/en")
	b.open("/revision")
	b.settled()
	b.until(`(document.querySelector("#a-from").type = "text", true)`) // as in a browser without a calendar
	b.write("#a-from", "x")
	b.click(`.ed-search button[type="submit"]`)
	b.until(`document.querySelector("#a-from[aria-invalid]") !== null`)
	b.settled()
	b.axe("audit wrong day")
}
