package laws_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/services/assistant/internal/source"
	"samtale.dk/samtale/services/assistant/internal/source/laws"
	"samtale.dk/samtale/services/platform/errs"
)

const feed = `<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom"><title>Ændringer</title>
	<entry><id>https://www.retsinformation.dk/eli/lta/2017/646</id><title>CPR-loven</title><updated>2026-06-01T08:00:00+02:00</updated></entry>
	<entry><id>urn:1</id><updated>2026-07-01T00:00:00Z</updated><link href="https://www.retsinformation.dk/eli/lta/2026/12"/>
		<link rel="related" href="https://www.retsinformation.dk/eli/lta/2017/646/xml"/></entry>
	<entry><id>/ELI/LTA/2015/1347</id><updated>i går</updated></entry>
	<entry><id>https://www.retsinformation.dk/om</id><updated>2026-07-01T00:00:00Z</updated></entry></feed>`

func list(t *testing.T, status int, body string) (source.Listing, *laws.Source, error) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(srv.Close)
	u, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	c := source.NewClient(source.ClientConfig{Private: []string{u.Host}})
	t.Cleanup(c.Close)
	src := laws.New(srv.URL, c)
	l, err := src.List(t.Context(), nil, time.Time{})
	return l, src, err
}

func TestFeed(t *testing.T) {
	l, src, err := list(t, http.StatusOK, feed)
	if err != nil {
		t.Fatal(err)
	}
	want := []source.Entry{{Item: "lta/2017/646", Modified: "2026-07-01"}, {Item: "lta/2026/12", Modified: "2026-07-01"}}
	if diff := cmp.Diff(want, l.Entries); diff != "" || l.Complete {
		t.Errorf("complete %v %s", l.Complete, diff)
	}
	a, err := src.Fetch(t.Context(), l.Entries[0])
	if err != nil || a.Law != (source.Law{ELI: "lta/2017/646", Day: "2026-07-01"}) {
		t.Errorf("%+v %v", a, err)
	}
}

func TestBadFeed(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		body   string
		kind   errs.Kind
	}{
		"a page":   {200, "<html><body></body></html>", errs.Invalid},
		"cut off":  {200, feed[:200], errs.Invalid},
		"nothing":  {200, "", errs.Invalid},
		"away":     {503, "", errs.Unavailable},
		"not here": {404, "", errs.NotFound},
	} {
		if _, _, err := list(t, tc.status, tc.body); errs.KindOf(err) != tc.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
}
