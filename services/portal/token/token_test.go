package token

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/services/platform/errs"
)

var now = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

func TestIssueVerify(t *testing.T) {
	key := bytes.Repeat([]byte{7}, 32)
	want := Claims{Subject: "cli", Role: Caseworker, Areas: []string{"borgerservice"}, Issued: now, Expires: now.Add(time.Hour)}
	tok, err := Issue(key, want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Verify(key, tok, now.Add(59*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	refused := map[string]func() (Claims, error){
		"expired":      func() (Claims, error) { return Verify(key, tok, now.Add(time.Hour)) },
		"other key":    func() (Claims, error) { return Verify(bytes.Repeat([]byte{8}, 32), tok, now) },
		"other body":   func() (Claims, error) { return Verify(key, flip(tok, len(prefix)+4), now) },
		"other mac":    func() (Claims, error) { return Verify(key, flip(tok, len(tok)-4), now) },
		"no prefix":    func() (Claims, error) { return Verify(key, strings.TrimPrefix(tok, prefix), now) },
		"empty":        func() (Claims, error) { return Verify(key, "", now) },
		"no signature": func() (Claims, error) { return Verify(key, tok[:strings.LastIndexByte(tok, '.')], now) },
	}
	for name, f := range refused {
		t.Run(name, func(t *testing.T) {
			if c, err := f(); !errors.Is(err, errs.Unauthenticated) || c.Subject != "" {
				t.Errorf("got %+v, %v", c, err)
			}
		})
	}
}

func flip(s string, i int) string {
	c := byte('A')
	if s[i] == c {
		c = 'B'
	}
	return s[:i] + string(c) + s[i+1:]
}

func TestIssueRefuses(t *testing.T) {
	key := bytes.Repeat([]byte{7}, 32)
	good := Claims{Subject: "a", Role: Auditor, Issued: now, Expires: now.Add(time.Hour)}
	for name, change := range map[string]func(c *Claims){
		"no subject":   func(c *Claims) { c.Subject = "" },
		"unknown role": func(c *Claims) { c.Role = "admin" },
		"no expiry":    func(c *Claims) { c.Expires = time.Time{} },
		"too long":     func(c *Claims) { c.Expires = now.Add(MaxLife + time.Second) },
	} {
		c := good
		change(&c)
		if _, err := Issue(key, c); err == nil {
			t.Errorf("%s: issued", name)
		}
	}
}
