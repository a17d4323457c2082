// Package token issues and verifies the bearer tokens of the portal's JSON API.
//
// A token is "st1.", the claims as base64url JSON, a dot, and an HMAC-SHA256 over all
// before it. Issuer and verifier share a key that is derived from the master key, so
// `samtale token` works on the machine that holds the data folder and nowhere else.
// Tokens cannot be revoked one by one: keep them short-lived.
package token

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/masterkey"
)

// Roles of people and programs at the portal.
const (
	Caseworker = "caseworker"
	Citizen    = "citizen"
	Editor     = "editor"
	Operator   = "operator"
	Auditor    = "auditor"
)

// Roles lists all of them.
func Roles() []string { return []string{Caseworker, Citizen, Editor, Operator, Auditor} }

// MaxLife bounds how long a token may be valid.
const MaxLife = 90 * 24 * time.Hour

const prefix = "st1."

// Claims are what a token says about its bearer.
type Claims struct {
	Subject string    `json:"sub"`
	Name    string    `json:"name,omitempty"`
	Role    string    `json:"role"`
	Areas   []string  `json:"areas,omitempty"`     // service areas of a caseworker
	Party   string    `json:"party_ref,omitempty"` // a citizen's pseudonym
	Room    string    `json:"room,omitempty"`      // the meeting whose media the bearer may join
	Issued  time.Time `json:"iat"`
	Expires time.Time `json:"exp"`
}

// Issue signs claims. Subject, a known role and an expiry within MaxLife are required.
func Issue(key []byte, c Claims) (string, error) {
	switch {
	case len(key) < 32:
		return "", errors.New("token key is too short")
	case c.Subject == "":
		return "", errors.New("token needs a subject")
	case !slices.Contains(Roles(), c.Role):
		return "", fmt.Errorf("role must be one of %s", strings.Join(Roles(), ", "))
	case !c.Expires.After(c.Issued) || c.Expires.Sub(c.Issued) > MaxLife:
		return "", fmt.Errorf("token must expire within %s", MaxLife)
	}
	c.Issued, c.Expires = c.Issued.UTC().Truncate(time.Second), c.Expires.UTC().Truncate(time.Second)
	body, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	s := prefix + base64.RawURLEncoding.EncodeToString(body)
	return s + "." + base64.RawURLEncoding.EncodeToString(sign(key, s)), nil
}

// Verify returns a token's claims; errs.Unauthenticated when it is not ours, altered
// or expired.
func Verify(key []byte, token string, now time.Time) (Claims, error) {
	var c Claims
	signed, mac, ok := cutLast(token, '.')
	if !ok || !strings.HasPrefix(signed, prefix) {
		return c, refused("token is not in the st1 form")
	}
	got, err := base64.RawURLEncoding.DecodeString(mac)
	if err != nil || !hmac.Equal(got, sign(key, signed)) {
		return c, refused("token signature does not match")
	}
	body, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(signed, prefix))
	if err != nil {
		return c, refused("token body is not base64url")
	}
	if err := json.Unmarshal(body, &c); err != nil {
		return Claims{}, refused("token body is not JSON")
	}
	if !now.Before(c.Expires) {
		return Claims{}, refused("token has expired")
	}
	return c, nil
}

func refused(why string) error {
	return errs.E(errs.Unauthenticated, "Adgangsnøglen er ugyldig eller udløbet. Lav en ny med: samtale token --role …", errors.New(why))
}

func sign(key []byte, s string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(s))
	return m.Sum(nil)
}

func cutLast(s string, sep byte) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, sep)
	if i < 0 {
		return "", "", false
	}
	return s[:i], s[i+1:], true
}

// Key returns the key for tokens.
func Key(master masterkey.Key) []byte { return master.Derive(masterkey.Tokens) }
