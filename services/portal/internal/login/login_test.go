package login

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/seal"
	"samtale.dk/samtale/services/portal/internal/who"
)

func TestClaimsBecomeAPerson(t *testing.T) {
	ours := Claims{Name: "name", Role: "role", Areas: "areas", Party: "dk.cpr"}
	keycloak := Claims{Name: "name", Role: "realm_access.roles", Roles: map[string]string{"JOB-Borgerservice": "caseworker"}, Areas: "groups", Party: "cpr"}
	broker := Claims{Name: "mitid.identity_name", Role: "role", Fallback: "citizen", Party: "dk.cpr"}
	full := Claims{Role: "role", Level: "loa", Behalf: "for.name", Unstated: "low"}
	tests := []struct {
		name   string
		m      Claims
		claims string
		want   who.Person
		kind   errs.Kind
	}{
		{"flat", ours, `{"sub":"m","name":"Mette","role":"caseworker","areas":["a","b"]}`, who.Person{ID: "m", Name: "Mette", Role: "caseworker", Areas: []string{"a", "b"}}, ""},
		{"nested and mapped", keycloak, `{"sub":"m","name":"Mette","realm_access":{"roles":["offline","JOB-Borgerservice"]},"groups":"a"}`, who.Person{ID: "m", Name: "Mette", Role: "caseworker", Areas: []string{"a"}}, ""},
		{"name with a dot", broker, `{"sub":"x","mitid.identity_name":"Bente","dk.cpr":"0000000001"}`, who.Person{ID: "x", Name: "Bente", Role: "citizen", PartyRef: "ref:0000000001"}, ""},
		{"level and mandate", full, `{"sub":"x","role":"citizen","loa":"https://data.gov.dk/concept/core/nsis/High","for":{"name":"Bente"}}`, who.Person{ID: "x", Name: "x", Role: "citizen", PartyRef: "ref:x", Level: "high", Behalf: "Bente"}, ""},
		{"level in one word", full, `{"sub":"m","role":"caseworker","loa":"Substantial","for":{"name":"Bente"}}`, who.Person{ID: "m", Name: "m", Role: "caseworker", Level: "substantial"}, ""},
		{"level that nobody knows", full, `{"sub":"m","role":"caseworker","loa":"urn:bank:gold"}`, who.Person{ID: "m", Name: "m", Role: "caseworker", Level: "low"}, ""},
		{"no level", full, `{"sub":"m","role":"caseworker"}`, who.Person{ID: "m", Name: "m", Role: "caseworker", Level: "low"}, ""},
		{"citizen without number", broker, `{"sub":"x"}`, who.Person{ID: "x", Name: "x", Role: "citizen", PartyRef: "ref:x"}, ""},
		{"areas are not a citizen's", ours, `{"sub":"x","role":"citizen","areas":["a"],"dk.cpr":"1"}`, who.Person{ID: "x", Name: "x", Role: "citizen", PartyRef: "ref:1"}, ""},
		{"no role", ours, `{"sub":"x"}`, who.Person{}, errs.Denied},
		{"unknown role", ours, `{"sub":"x","role":"boss"}`, who.Person{}, errs.Denied},
		{"no subject", ours, `{"role":"caseworker"}`, who.Person{}, errs.Unauthenticated},
		{"role of another type", ours, `{"sub":"x","role":7}`, who.Person{}, errs.Denied},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var claims map[string]any
			if err := json.Unmarshal([]byte(tt.claims), &claims); err != nil {
				t.Fatal(err)
			}
			got, err := tt.m.person(claims, func(id string) string { return "ref:" + id })
			if errs.KindOf(err) != tt.kind {
				t.Fatalf("got %v", err)
			}
			if err != nil {
				return
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestSafePath(t *testing.T) {
	for in, want := range map[string]string{
		"/desk?x=1": "/desk?x=1", "": "/", "//evil.example": "/", "https://evil.example": "/", `/\evil.example`: "/", "/a\r\nb": "/",
		"/\t/evil.example": "/", "/\x00/evil.example": "/", // browsers leave the tab out
	} {
		if got := SafePath(in); got != want {
			t.Errorf("%q gives %q", in, got)
		}
	}
}

func TestProviderThatIsAway(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	srv.Close()
	c := New(Config{Issuer: srv.URL, ID: "x", Key: seal.NewKey(), HTTP: http.DefaultClient})
	err := c.Begin(httptest.NewRecorder(), httptest.NewRequest("GET", "/login", nil), "/", "")
	if !errors.Is(err, errs.Unavailable) || !strings.Contains(errs.Text(err), "Login-tjenesten") {
		t.Errorf("got %v", err)
	}
}

func TestAnswersThatDoNotBelong(t *testing.T) {
	c := New(Config{Key: seal.NewKey(), HTTP: http.DefaultClient})
	forged := httptest.NewRequest("GET", "/login/callback?state=x&code=y", nil)
	forged.AddCookie(&http.Cookie{Name: flowCookie, Value: "bm9uZQ"})
	for name, r := range map[string]*http.Request{"no cookie": httptest.NewRequest("GET", "/login/callback?state=x&code=y", nil), "forged cookie": forged} {
		if p, _, err := c.Finish(httptest.NewRecorder(), r); !errors.Is(err, errs.Unauthenticated) || p.ID != "" {
			t.Errorf("%s: got %+v, %v", name, p, err)
		}
	}
}
