package portal

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/portal/token"
)

// A municipality that does not exist is refused wherever it can be written, in the language of who wrote it, and nothing is saved.
func TestNoSuchMunicipality(t *testing.T) {
	p := start(t)
	for accept, says := range map[string]string{
		"da": "Der er ingen kommune med koden 9999. Vælg kommunen på listen", "en": "There is no municipality with the code 9999. Choose it from the list",
	} {
		for name, c := range map[string]struct{ method, path, token, body string }{
			"question": {"POST", "/api/v1/ask", "", `{"question":"Hvad koster et pas?","municipality":"9999"}`},
			"search":   {"GET", "/api/v1/knowledge/search?q=pas&municipality=9999", p.token(t, token.Editor, nil), ""},
			"source": {
				"PUT", "/api/v1/knowledge/sources/borger", p.token(t, token.Editor, nil),
				`{"kind":"borger","title":"borger.dk","municipalities":["0751","9999"]}`,
			},
		} {
			req, err := http.NewRequestWithContext(t.Context(), c.method, p.url+c.path, strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Accept-Language", accept)
			if c.token != "" {
				req.Header.Set("Authorization", "Bearer "+c.token)
			}
			r, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			if status, body := read(t, r); status != http.StatusBadRequest || !strings.Contains(body, says) {
				t.Errorf("%s in %s: %d %s", name, accept, status, body)
			}
		}
	}
	c := p.browser(t)
	c.login(t, "ida")
	form := url.Values{"title": {"borger.dk"}, "kind": {knowledgev1.KindBorger}, "id": {"borgerdk"}, "every": {"24h"}, "municipalities": {"0751, 9999"}}
	r, err := c.PostForm(c.base+"/redaktion/ny", form)
	if err != nil {
		t.Fatal(err)
	}
	if status, page := read(t, r); status != http.StatusBadRequest || !strings.Contains(page, "ingen kommune med koden 9999") || !strings.Contains(page, `value="0751, 9999"`) {
		t.Errorf("%d %s", status, page)
	}
	if status, page := c.get(t, "/redaktion/kilder/borgerdk"); status != http.StatusNotFound {
		t.Errorf("%d %s", status, page)
	}
}
