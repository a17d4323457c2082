package app

import (
	"net/http/httptest"
	"net/netip"
	"testing"

	"samtale.dk/samtale/services/portal/internal/who"
)

func TestAddr(t *testing.T) {
	for _, tt := range []struct {
		name, remote string
		forwarded    []string
		want         string
	}{
		{"straight", "203.0.113.9:1000", nil, "203.0.113.9"},
		{"who is no proxy is not believed", "203.0.113.9:1000", []string{"198.51.100.1"}, "203.0.113.9"},
		{"behind one", "10.0.0.2:1000", []string{"198.51.100.1"}, "198.51.100.1"},
		{"behind two", "10.0.0.2:1000", []string{"198.51.100.1, 10.0.0.3"}, "198.51.100.1"},
		{"two headers", "10.0.0.2:1000", []string{"198.51.100.1", "10.0.0.3"}, "198.51.100.1"},
		{"what the asker wrote before", "10.0.0.2:1000", []string{"192.0.2.7, 198.51.100.1"}, "198.51.100.1"},
		{"the proxy itself", "10.0.0.2:1000", nil, "10.0.0.2"},
		{"nonsense", "10.0.0.2:1000", []string{"unknown"}, "unknown"},
		{"mapped", "[::ffff:10.0.0.2]:1000", []string{"2001:db8::1"}, "2001:db8::1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := &App{Config: Config{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}}
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr, r.Header["X-Forwarded-For"] = tt.remote, tt.forwarded
			if got := a.addr(r); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestNetwork(t *testing.T) {
	for addr, want := range map[string]string{
		"203.0.113.9":          "203.0.113.9",
		"::ffff:203.0.113.9":   "203.0.113.9",
		"2001:db8:1:2::7":      "2001:db8:1:2::/64",
		"2001:db8:1:2:a:b:c:d": "2001:db8:1:2::/64",
		"2001:db8:1:3::7":      "2001:db8:1:3::/64",
		"fe80::1%eth0":         "fe80::/64",
		"unknown":              "unknown",
	} {
		if got := network(addr); got != want {
			t.Errorf("%s: got %s, want %s", addr, got, want)
		}
	}
	a := &App{}
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = "[2001:db8:1:2::7]:1000"
	one := a.limitKey(r, who.Person{})
	r.RemoteAddr = "[2001:db8:1:2::8]:1000"
	if other := a.limitKey(r, who.Person{}); one != other {
		t.Errorf("two addresses of one customer have limits of their own: %s, %s", one, other)
	}
}
