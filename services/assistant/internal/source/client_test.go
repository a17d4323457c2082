package source_test

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"samtale.dk/samtale/services/assistant/internal/source"
	"samtale.dk/samtale/services/platform/errs"
)

func serve(t *testing.T, f http.HandlerFunc) (address, host string) {
	t.Helper()
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return s.URL, u.Host
}

func client(t *testing.T, cfg source.ClientConfig) *source.Client {
	t.Helper()
	c := source.NewClient(cfg)
	t.Cleanup(c.Close)
	return c
}

// Addresses of this server, of its network and of others that are not public are not reached: neither given, nor by a name, nor by
// a redirect.
func TestPrivateAddresses(t *testing.T) {
	reached := false
	secret, secretHost := serve(t, func(http.ResponseWriter, *http.Request) { reached = true })
	_, port, _ := strings.Cut(secretHost, ":")
	open, openHost := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, secret, http.StatusFound) })
	c := client(t, source.ClientConfig{Private: []string{openHost}})
	for name, address := range map[string]string{
		"loopback": secret, "by name": "http://localhost:" + port + "/", "IPv6": "http://[::1]:" + port + "/",
		"IPv4 in IPv6": "http://[::ffff:127.0.0.1]:" + port + "/", "in six to four": "http://[2002:7f00:1::]:" + port + "/",
		"any": "http://0.0.0.0:" + port + "/", "network": "http://10.0.0.1/", "link local": "http://169.254.169.254/latest/meta-data/",
		"carrier": "http://100.64.0.1/", "unique local": "http://[fd00::1]/", "site local": "http://[fec0::1]/", "IPv4 compatible": "http://[::10.0.0.1]/",
		"multicast": "http://224.0.0.1/", "redirect": open,
	} {
		_, err := c.Get(t.Context(), source.Entry{URL: address}, 1<<20)
		if errs.KindOf(err) != errs.Denied {
			t.Errorf("%s: %v", name, err)
		}
	}
	if reached {
		t.Error("the server was reached")
	}
}

func TestClientBounds(t *testing.T) {
	address, host := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/large":
			w.WriteHeader(http.StatusOK)
			_, _ = io.Copy(w, io.LimitReader(zeros{}, 100<<20)) // the client hangs up
		case "/bomb":
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = io.Copy(z, io.LimitReader(zeros{}, 100<<20)) // the client hangs up
		case "/slow":
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/out":
			http.Redirect(w, r, "http://other.example/", http.StatusFound)
		case "/file":
			w.Header().Set("Location", "file:///etc/passwd")
			w.WriteHeader(http.StatusFound)
		case "/gone":
			w.WriteHeader(http.StatusGone)
		case "/broken":
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	for path, want := range map[string]struct {
		kind errs.Kind
		is   error
	}{
		"/large": {errs.Invalid, nil}, "/bomb": {errs.Invalid, nil}, "/slow": {errs.Unavailable, source.ErrAway}, "/loop": {errs.Invalid, nil},
		"/out": {errs.Invalid, nil}, "/file": {errs.Invalid, nil}, "/gone": {errs.NotFound, source.ErrGone}, "/broken": {errs.Invalid, nil},
	} {
		cfg := source.ClientConfig{Private: []string{host}, Host: host}
		if path == "/slow" {
			cfg.Timeout = 50 * time.Millisecond
		}
		c := client(t, cfg)
		_, err := c.Get(t.Context(), source.Entry{URL: address + path}, 1<<20)
		if errs.KindOf(err) != want.kind || want.is != nil && !errors.Is(err, want.is) {
			t.Errorf("%s: %v", path, err)
		}
	}
	c := client(t, source.ClientConfig{Private: []string{"127.0.0.1:1"}})
	_, err := c.Get(t.Context(), source.Entry{URL: "http://127.0.0.1:1/"}, 1<<20)
	if !errors.Is(err, source.ErrAway) {
		t.Errorf("nobody there: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestSections(t *testing.T) {
	const page = `<header>Top</header><main><header><h1>Pas</h1></header><p>Et pas er</p><nav><a href="/x">Menu</a></nav>
		<div><section><h2>Pris &amp; betaling</h2><p>911 kr.</p></section><h2>Pris og betaling</h2><aside>Reklame</aside></div>
		<h2>Hvor?</h2><h3>I byen</h3><p>Borgerservice</p><form>Var siden nyttig?</form><h2>Hvor?</h2><p>Også her</p></main><footer>Bund</footer>`
	root := parse(t, page)
	var got []string
	for _, s := range source.Sections(root, "") {
		got = append(got, s.Anchor+"|"+s.Heading+"|"+s.Text)
	}
	want := "intro||Et pas er; pris-betaling|Pris & betaling|911 kr.; hvor|Hvor?|I byen\n\nBorgerservice; hvor-2|Hvor?|Også her"
	if strings.Join(got, "; ") != want {
		t.Errorf("got %q", strings.Join(got, "; "))
	}
}
