package portal

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"samtale.dk/samtale/services/portal/token"
)

// TestLegalHold: an auditor sets a hold with a reason and lifts it, on the page and by the API; nobody else does.
func TestLegalHold(t *testing.T) {
	p := start(t)
	p.fill("x")
	path := "/api/v1/conversations/" + demoConv + "/hold"
	auditor := p.token(t, token.Auditor, nil)
	for _, role := range []string{token.Caseworker, token.Citizen, token.Operator, token.Editor} {
		if got := p.status(t, "PUT", path, p.token(t, role, nil), `{"on":true,"reason":"x"}`); got != http.StatusForbidden {
			t.Errorf("%s sets a hold: %d", role, got)
		}
	}
	if got := p.status(t, "PUT", path, auditor, `{"on":true,"reason":" "}`); got != http.StatusBadRequest || p.held.On {
		t.Fatalf("held without a reason: %d %+v", got, p.held)
	}
	if got := p.status(t, "PUT", path, auditor, `{"on":true,"reason":"Aktindsigt"}`); got != http.StatusOK || p.held.Reason != "Aktindsigt" {
		t.Fatalf("not held: %d %+v", got, p.held)
	}

	b := p.browser(t)
	b.login(t, "karen")
	page := "/revision/" + demoConv
	if _, text := b.get(t, page); !strings.Contains(text, "Aktindsigt") || !strings.Contains(text, "Fredet siden") {
		t.Fatalf("the page does not show the hold:\n%s", text)
	}
	c := p.browser(t)
	c.login(t, "bente")
	var me struct {
		Ref string `json:"party_ref"`
	}
	if _, text := c.get(t, "/api/v1/me"); json.Unmarshal([]byte(text), &me) != nil || me.Ref == "" {
		t.Fatalf("me: %s", text)
	}
	p.mu.Lock()
	p.convs[0].PartyRef = me.Ref
	p.mu.Unlock()
	if _, text := c.get(t, "/mit/"+demoConv); !strings.Contains(text, "Samtalen bliver ikke slettet nu, for den er fredet") {
		t.Error("the citizen does not see the hold")
	}
	post := func(form url.Values) string {
		r, err := b.PostForm(p.url+page+"/fredning", form)
		if err != nil {
			t.Fatal(err)
		}
		_, text := read(t, r)
		return text
	}
	if text := post(url.Values{"on": {"false"}, "reason": {"Sagen er slut"}}); !strings.Contains(text, "Samtalen er ikke fredet") || p.held.On {
		t.Fatalf("not lifted: %+v\n%s", p.held, text)
	}
	if text := post(url.Values{"on": {"true"}}); !strings.Contains(text, "Skriv, hvorfor") || p.held.On {
		t.Fatalf("held without a reason: %+v\n%s", p.held, text)
	}
	p.mu.Lock()
	p.convs[0].ErasedAt = time.Now()
	p.mu.Unlock()
	if got := p.status(t, "PUT", path, auditor, `{"on":true,"reason":"x"}`); got != http.StatusConflict {
		t.Errorf("what is erased is held: %d", got)
	}
}

// TestTooLarge: what is too large is said to be, not called something else.
func TestTooLarge(t *testing.T) {
	p := start(t)
	body := `{"on":true,"reason":"` + strings.Repeat("x", 1<<20) + `"}`
	status, text := read(t, p.do(t, "PUT", "/api/v1/conversations/"+demoConv+"/hold", p.token(t, token.Auditor, nil), body))
	if status != http.StatusBadRequest || !strings.Contains(text, "for stort") {
		t.Errorf("%d %.200s", status, text)
	}
}
