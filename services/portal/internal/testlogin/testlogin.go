// Package testlogin is the built-in identity provider with demo people: a real OpenID
// Connect provider (authorization code with PKCE), so that the portal logs people in
// the same way as against an authority's own. It asks for no password and says so.
//
// Requests in progress live in memory, in a Provider that is safe for concurrent use;
// its signing key is made at start. A restart ends logins half-way, nothing else.
package testlogin

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/zitadel/oidc/v3/pkg/op"
)

// ClientID is the portal's id at this provider.
const ClientID = "samtale-portal"

// ChoosePath is where people pick who to be, below the portal's address.
const ChoosePath = "/testlogin"

// Config of a Provider.
type Config struct {
	Issuer   string // e.g. http://127.0.0.1:8080/oidc
	Redirect string // the portal's callback
	Secret   string // of the client
	Log      *slog.Logger
}

// Provider serves the protocol's endpoints; mount it with its issuer's path stripped.
type Provider struct {
	http.Handler
	cfg      Config
	callback func(request string) string
	key      *rsa.PrivateKey

	mu       sync.Mutex
	requests map[string]*request // by id
	codes    map[string]string   // code → request id
}

// requestLife bounds how long somebody may take to choose; maxRequests bounds memory.
const (
	requestLife = 15 * time.Minute
	maxRequests = 1000
)

// New returns a provider.
func New(cfg Config) (*Provider, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("test provider: %w", err)
	}
	p := &Provider{cfg: cfg, key: key, requests: map[string]*request{}, codes: map[string]string{}}
	oc := &op.Config{CodeMethodS256: true, SupportedScopes: []string{"openid", "profile"}}
	rand.Read(oc.CryptoKey[:])
	srv, err := op.NewProvider(oc, &storage{p}, op.StaticIssuer(cfg.Issuer), op.WithAllowInsecure(), op.WithLogger(cfg.Log))
	if err != nil {
		return nil, fmt.Errorf("test provider: %w", err)
	}
	p.Handler = srv
	p.callback = func(id string) string {
		return srv.AuthorizationEndpoint().Absolute(cfg.Issuer) + "/callback?id=" + url.QueryEscape(id)
	}
	return p, nil
}

// ErrGone reports a login that took too long, or that this process never saw.
var ErrGone = errors.New("login request is gone")

// Choose finishes a request as a demo person and returns where to send the browser.
func (p *Provider) Choose(request, person string) (string, error) {
	who, ok := personByID(person)
	if !ok {
		return "", fmt.Errorf("no demo person %q", person)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	r, ok := p.requests[request]
	if !ok {
		return "", ErrGone
	}
	r.subject, r.authTime = who.ID, time.Now()
	return p.callback(request), nil
}

func (p *Provider) add(r *request) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, old := range p.requests {
		if time.Since(old.created) > requestLife {
			p.drop(id)
		}
	}
	if len(p.requests) >= maxRequests {
		return errors.New("too many logins in progress")
	}
	p.requests[r.id] = r
	return nil
}

// drop forgets a request and its code; the caller holds mu.
func (p *Provider) drop(id string) {
	delete(p.requests, id)
	for code, rid := range p.codes {
		if rid == id {
			delete(p.codes, code)
		}
	}
}

// get returns a copy, so that the library reads without the lock.
func (p *Provider) get(id string) (*request, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r, ok := p.requests[id]
	if !ok {
		return nil, ErrGone
	}
	c := *r
	return &c, nil
}

// Health implements op.Storage by way of the provider's own memory.
func (p *Provider) Health(context.Context) error { return nil }
