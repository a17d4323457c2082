// Package login logs people in through OpenID Connect (authorization code with PKCE,
// state and nonce) and turns the provider's claims into a person with a role.
//
// A Client finds the provider at the first login and after failures tries again, so
// that a provider that is away at start hurts only those who log in meanwhile. What a
// login needs to remember travels in a sealed cookie; nothing is kept here.
package login

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/seal"
	"samtale.dk/samtale/services/portal/internal/cookie"
	"samtale.dk/samtale/services/portal/internal/who"
	"samtale.dk/samtale/services/portal/token"
)

// Config of a Client.
type Config struct {
	Issuer, ID, Secret, Redirect string
	Scopes                       []string
	Claims                       Claims
	Key                          []byte // seals the cookie of a login in progress
	HTTP                         *http.Client
	Secure                       bool
	// Party turns a citizen's identity into the pseudonym that the journal knows.
	Party func(identity string) string
}

// Claims names where the provider puts what the portal needs. A name is looked up as it
// stands first ("dk.cpr"), then as a path ("realm_access.roles").
type Claims struct {
	Name     string            // display name
	Role     string            // one value or a list
	Roles    map[string]string // the provider's value → our role; unmapped values stand for themselves
	Fallback string            // role of those without any; empty: they are refused
	Areas    string            // service areas of a caseworker
	Party    string            // what identifies a citizen: CPR number; sub when missing
	Level    string            // NSIS level of assurance, as Low or as an address that ends in /Low
	Behalf   string            // name of whom a citizen acts for
	// Unstated is the level of those whose provider says nothing of it.
	Unstated string
}

// Client is safe for concurrent use.
type Client struct {
	cfg      Config
	mu       sync.Mutex
	provider *oidc.Provider
}

// New returns a client; it contacts nobody yet.
func New(cfg Config) *Client { return &Client{cfg: cfg} }

const (
	flowCookie = "samtale_login"
	flowLife   = 15 * time.Minute
	flowPlace  = "portal/login" // associated data of the sealed cookie
)

// flow is what one login remembers between leaving and coming back.
type flow struct {
	State, Nonce, Verifier, Next string
	Till                         time.Time
}

// Begin sends the browser to the provider; next is the path to return to afterwards, level one that is asked for ("" for any).
func (c *Client) Begin(w http.ResponseWriter, r *http.Request, next, level string) error {
	conf, _, err := c.connect(r.Context())
	if err != nil {
		return err
	}
	f := flow{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Next: SafePath(next), Till: time.Now().Add(flowLife)}
	plain, err := json.Marshal(f)
	if err != nil {
		return err
	}
	sealed, err := seal.Seal(c.cfg.Key, plain, flowPlace)
	if err != nil {
		return err
	}
	cookie.Set(w, c.cfg.Secure, flowCookie, base64.RawURLEncoding.EncodeToString(sealed), int(flowLife/time.Second))
	options := []oauth2.AuthCodeOption{oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)}
	if v := acr(level); v != "" { // whoever is logged in already is asked anew, or would come back with the level that they have
		options = append(options, oauth2.SetAuthURLParam("acr_values", v), oauth2.SetAuthURLParam("prompt", "login"))
	}
	http.Redirect(w, r, conf.AuthCodeURL(f.State, options...), http.StatusSeeOther)
	return nil
}

// Finish checks the provider's answer and returns who logged in and where they were going.
func (c *Client) Finish(w http.ResponseWriter, r *http.Request) (who.Person, string, error) {
	f, err := c.flow(r)
	if err != nil {
		return who.Person{}, "", err
	}
	cookie.Set(w, c.cfg.Secure, flowCookie, "", -1)
	q := r.URL.Query()
	if subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(f.State)) != 1 {
		return who.Person{}, "", again(errors.New("state does not match"))
	}
	if e := q.Get("error"); e != "" {
		return who.Person{}, "", again(fmt.Errorf("provider answered %q", e))
	}
	claims, err := c.exchange(r.Context(), q.Get("code"), f)
	if err != nil {
		return who.Person{}, "", err
	}
	p, err := c.cfg.Claims.person(claims, c.cfg.Party)
	return p, f.Next, err
}

func again(cause error) error {
	return errs.E(errs.Unauthenticated, "Login blev ikke færdig. Start forfra; intet er gået tabt.", cause)
}

func (c *Client) flow(r *http.Request) (flow, error) {
	var f flow
	value := cookie.Get(r, c.cfg.Secure, flowCookie)
	if value == "" {
		return f, again(http.ErrNoCookie)
	}
	sealed, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil {
		return f, again(err)
	}
	plain, err := seal.Open(c.cfg.Key, sealed, flowPlace)
	if err != nil {
		return f, again(err)
	}
	if err := json.Unmarshal(plain, &f); err != nil {
		return f, again(err)
	}
	if time.Now().After(f.Till) {
		return f, again(errors.New("login took too long"))
	}
	return f, nil
}

func (c *Client) exchange(ctx context.Context, code string, f flow) (map[string]any, error) {
	conf, provider, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	ctx = oidc.ClientContext(ctx, c.cfg.HTTP)
	tok, err := conf.Exchange(ctx, code, oauth2.VerifierOption(f.Verifier))
	if err != nil {
		return nil, again(fmt.Errorf("exchange code: %w", err))
	}
	raw, _ := tok.Extra("id_token").(string)
	id, err := provider.VerifierContext(ctx, &oidc.Config{ClientID: c.cfg.ID}).Verify(ctx, raw)
	if err != nil {
		return nil, again(fmt.Errorf("verify ID token: %w", err))
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(f.Nonce)) != 1 {
		return nil, again(errors.New("nonce does not match"))
	}
	claims := map[string]any{}
	if err := id.Claims(&claims); err != nil {
		return nil, again(err)
	}
	return claims, c.addUserInfo(ctx, provider, tok, id.Subject, claims)
}

// addUserInfo fills in claims that the provider gives only at its userinfo endpoint.
func (c *Client) addUserInfo(ctx context.Context, provider *oidc.Provider, tok *oauth2.Token, subject string, claims map[string]any) error {
	if provider.UserInfoEndpoint() == "" {
		return nil
	}
	u, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(tok))
	if err != nil {
		return again(fmt.Errorf("userinfo: %w", err))
	}
	if u.Subject != subject { // OpenID Connect Core, section 5.3.2
		return again(errors.New("userinfo is about somebody else"))
	}
	more := map[string]any{}
	if err := u.Claims(&more); err != nil {
		return again(err)
	}
	for k, v := range more {
		if _, ok := claims[k]; !ok {
			claims[k] = v
		}
	}
	return nil
}

func (c *Client) connect(ctx context.Context) (oauth2.Config, *oidc.Provider, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.provider == nil {
		// The provider keeps its context's client for key fetches, so the request's
		// cancellation must not reach it.
		octx := oidc.ClientContext(context.WithoutCancel(ctx), c.cfg.HTTP)
		p, err := oidc.NewProvider(octx, c.cfg.Issuer)
		if err != nil {
			return oauth2.Config{}, nil, errs.E(errs.Unavailable, "Login-tjenesten svarer ikke lige nu. Prøv igen om lidt.", fmt.Errorf("find provider: %w", err))
		}
		c.provider = p
	}
	return oauth2.Config{
		ClientID: c.cfg.ID, ClientSecret: c.cfg.Secret, RedirectURL: c.cfg.Redirect,
		Scopes: c.cfg.Scopes, Endpoint: c.provider.Endpoint(),
	}, c.provider, nil
}

// SafePath returns next when it is a path on this site, else "/". Browsers leave tabs and line ends out of addresses: with one in
// between, two slashes are the beginning of another site's.
func SafePath(next string) string {
	if !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.Contains(next, `\`) || strings.ContainsFunc(next, unicode.IsControl) {
		return "/"
	}
	return next
}

func (m Claims) person(claims map[string]any, party func(string) string) (who.Person, error) {
	sub, _ := claims["sub"].(string)
	p := who.Person{ID: sub, Name: sub, Role: m.role(values(claims, m.Role))}
	if p.ID == "" {
		return p, again(errors.New("no subject"))
	}
	if n := values(claims, m.Name); len(n) > 0 {
		p.Name = n[0]
	}
	p.Level = m.level(values(claims, m.Level))
	switch p.Role {
	case "":
		return p, errs.E(errs.Denied, "Du er logget ind, men har ingen rolle her. Bed din lokale administrator om adgang.", nil)
	case token.Caseworker:
		p.Areas = values(claims, m.Areas)
	case token.Citizen:
		identity := sub
		if v := values(claims, m.Party); len(v) > 0 {
			identity = v[0]
		}
		p.PartyRef = party(identity)
		if v := values(claims, m.Behalf); len(v) > 0 {
			p.Behalf = v[0]
		}
	}
	return p, nil
}

// level reads a level of assurance, e.g. https://data.gov.dk/concept/core/nsis/Substantial. What it does not know it takes for the lowest.
func (m Claims) level(given []string) string {
	if len(given) == 0 {
		return m.Unstated
	}
	l := strings.ToLower(given[0][strings.LastIndexAny(given[0], "/:")+1:])
	if !slices.Contains(Levels(), l) {
		return meetingv1.LevelLow
	}
	return l
}

// Levels of assurance by the Danish standard (NSIS), the lowest first.
func Levels() []string {
	return []string{meetingv1.LevelLow, meetingv1.LevelSubstantial, meetingv1.LevelHigh}
}

// acr gives the address of a level, to ask a provider for it; "" for none.
func acr(level string) string {
	if !slices.Contains(Levels(), level) {
		return ""
	}
	return "https://data.gov.dk/concept/core/nsis/" + strings.ToUpper(level[:1]) + level[1:]
}

func (m Claims) role(given []string) string {
	for _, g := range given {
		if r, ok := m.Roles[g]; ok {
			g = r
		}
		if slices.Contains(token.Roles(), g) {
			return g
		}
	}
	return m.Fallback
}

// values returns a claim's strings: a string is one, a list of strings all of them.
func values(claims map[string]any, name string) []string {
	v, ok := claims[name]
	if !ok {
		v = lookup(claims, strings.Split(name, "."))
	}
	switch v := v.(type) {
	case string:
		if v == "" {
			return nil
		}
		return []string{v}
	case []any:
		var out []string
		for _, e := range v {
			if s, ok := e.(string); ok && s != "" {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}

func lookup(claims map[string]any, path []string) any {
	var v any = claims
	for _, p := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[p]
	}
	return v
}
