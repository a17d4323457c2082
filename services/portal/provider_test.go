package portal

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"samtale.dk/samtale/services/portal/internal/testlogin"
)

// An authority's provider is another site: found by its address, reached over the
// network, with its own names for roles.
func TestLoginThroughAnotherProvider(t *testing.T) {
	mux := http.NewServeMux()
	site := httptest.NewServer(mux)
	t.Cleanup(site.Close)
	// The portal's address is known only when it runs, and it wants the issuer to start.
	var provider *testlogin.Provider
	mux.Handle("/oidc/", http.StripPrefix("/oidc", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { provider.ServeHTTP(w, r) })))
	mux.HandleFunc("GET /testlogin", func(w http.ResponseWriter, r *http.Request) {
		to, err := provider.Choose(r.URL.Query().Get("request"), "mette")
		if err != nil {
			t.Error(err)
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
	})
	p := start(t, "SAMTALE_OIDC_ISSUER="+site.URL+"/oidc", "SAMTALE_OIDC_CLIENT_ID="+testlogin.ClientID, "SAMTALE_OIDC_CLIENT_SECRET=s3cret",
		"SAMTALE_OIDC_ROLES=caseworker:auditor")
	var err error
	provider, err = testlogin.New(testlogin.Config{Issuer: site.URL + "/oidc", Redirect: p.url + "/login/callback", Secret: "s3cret", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	b := p.browser(t)
	r, err := b.Get(p.url + "/login?next=/revision")
	if err != nil {
		t.Fatal(err)
	}
	status, page := read(t, r)
	if status != http.StatusOK || r.Request.URL.String() != p.url+"/revision" || !strings.Contains(page, "Mette Sørensen") {
		t.Errorf("ended at %s with %d", r.Request.URL, status)
	}
	for _, path := range []string{"/oidc/.well-known/openid-configuration", "/testlogin"} {
		if status, _ := b.get(t, path); status != http.StatusNotFound {
			t.Errorf("the test login answers at %s: %d", path, status)
		}
	}
}
