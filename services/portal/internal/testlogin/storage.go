package testlogin

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"net/url"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// request is one login in progress. It implements op.AuthRequest.
type request struct {
	id       string
	created  time.Time
	authTime time.Time
	subject  string // empty until somebody was chosen
	in       oidc.AuthRequest
}

func (r *request) GetID() string                      { return r.id }
func (r *request) GetACR() string                     { return "" }
func (r *request) GetAMR() []string                   { return nil }
func (r *request) GetAudience() []string              { return []string{r.in.ClientID} }
func (r *request) GetAuthTime() time.Time             { return r.authTime }
func (r *request) GetClientID() string                { return r.in.ClientID }
func (r *request) GetNonce() string                   { return r.in.Nonce }
func (r *request) GetRedirectURI() string             { return r.in.RedirectURI }
func (r *request) GetResponseType() oidc.ResponseType { return r.in.ResponseType }
func (r *request) GetResponseMode() oidc.ResponseMode { return r.in.ResponseMode }
func (r *request) GetScopes() []string                { return r.in.Scopes }
func (r *request) GetState() string                   { return r.in.State }
func (r *request) GetSubject() string                 { return r.subject }
func (r *request) Done() bool                         { return r.subject != "" }
func (r *request) GetCodeChallenge() *oidc.CodeChallenge {
	if r.in.CodeChallenge == "" {
		return nil
	}
	return &oidc.CodeChallenge{Challenge: r.in.CodeChallenge, Method: r.in.CodeChallengeMethod}
}

// client is the portal, the only client. It implements op.Client.
type client struct{ redirect string }

func (c client) GetID() string                       { return ClientID }
func (c client) RedirectURIs() []string              { return []string{c.redirect} }
func (c client) PostLogoutRedirectURIs() []string    { return nil }
func (c client) ApplicationType() op.ApplicationType { return op.ApplicationTypeWeb }
func (c client) AuthMethod() oidc.AuthMethod         { return oidc.AuthMethodBasic }
func (c client) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}
func (c client) GrantTypes() []oidc.GrantType { return []oidc.GrantType{oidc.GrantTypeCode} }
func (c client) LoginURL(id string) string {
	return ChoosePath + "?request=" + url.QueryEscape(id)
}
func (c client) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeBearer }
func (c client) IDTokenLifetime() time.Duration      { return 10 * time.Minute }
func (c client) DevMode() bool                       { return true } // plain http on loopback
func (c client) RestrictAdditionalIdTokenScopes() func([]string) []string {
	return func(s []string) []string { return s }
}

func (c client) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func(s []string) []string { return s }
}
func (c client) IsScopeAllowed(string) bool           { return false }
func (c client) IDTokenUserinfoClaimsAssertion() bool { return true }
func (c client) ClockSkew() time.Duration             { return 0 }

// key is the provider's signing key, private or public. It implements op.SigningKey and op.Key.
type key struct{ k any }

func (key) ID() string                                  { return "test" }
func (key) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (key) Algorithm() jose.SignatureAlgorithm          { return jose.RS256 }
func (key) Use() string                                 { return "sig" }
func (k key) Key() any                                  { return k.k }

// storage implements op.Storage on a Provider.
type storage struct{ *Provider }

var errNotOffered = errors.New("not offered by the test provider")

func (s *storage) CreateAuthRequest(_ context.Context, in *oidc.AuthRequest, _ string) (op.AuthRequest, error) {
	r := &request{id: rand.Text(), created: time.Now(), in: *in}
	return r, s.add(r)
}

func (s *storage) AuthRequestByID(_ context.Context, id string) (op.AuthRequest, error) {
	return s.get(id)
}

func (s *storage) AuthRequestByCode(_ context.Context, code string) (op.AuthRequest, error) {
	s.mu.Lock()
	id := s.codes[code]
	s.mu.Unlock()
	return s.get(id)
}

func (s *storage) SaveAuthCode(_ context.Context, id, code string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes[code] = id
	return nil
}

func (s *storage) DeleteAuthRequest(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(id)
	return nil
}

func (s *storage) CreateAccessToken(context.Context, op.TokenRequest) (string, time.Time, error) {
	return rand.Text(), time.Now().Add(10 * time.Minute), nil
}

func (s *storage) CreateAccessAndRefreshTokens(context.Context, op.TokenRequest, string) (string, string, time.Time, error) {
	return "", "", time.Time{}, errNotOffered
}

func (s *storage) TokenRequestByRefreshToken(context.Context, string) (op.RefreshTokenRequest, error) {
	return nil, errNotOffered
}

func (s *storage) TerminateSession(context.Context, string, string) error { return nil }

func (s *storage) RevokeToken(context.Context, string, string, string) *oidc.Error { return nil }

func (s *storage) GetRefreshTokenInfo(context.Context, string, string) (string, string, error) {
	return "", "", op.ErrInvalidRefreshToken
}

func (s *storage) SigningKey(context.Context) (op.SigningKey, error) { return key{s.key}, nil }

func (s *storage) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.RS256}, nil
}

func (s *storage) KeySet(context.Context) ([]op.Key, error) {
	return []op.Key{key{&s.key.PublicKey}}, nil
}

func (s *storage) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	if id != ClientID {
		return nil, errors.New("unknown client")
	}
	return client{s.cfg.Redirect}, nil
}

func (s *storage) AuthorizeClientIDSecret(_ context.Context, id, secret string) error {
	if id != ClientID || subtle.ConstantTimeCompare([]byte(secret), []byte(s.cfg.Secret)) != 1 {
		return errors.New("wrong client secret")
	}
	return nil
}

func (s *storage) SetUserinfoFromScopes(context.Context, *oidc.UserInfo, string, string, []string) error {
	return nil // replaced by SetUserinfoFromRequest
}

// SetUserinfoFromRequest puts the person's claims into the ID token.
func (s *storage) SetUserinfoFromRequest(_ context.Context, u *oidc.UserInfo, r op.IDTokenRequest, _ []string) error {
	return claims(u, r.GetSubject())
}

func (s *storage) SetUserinfoFromToken(_ context.Context, u *oidc.UserInfo, _, subject, _ string) error {
	return claims(u, subject)
}

func claims(u *oidc.UserInfo, subject string) error {
	p, ok := personByID(subject)
	if !ok {
		return errors.New("no such person")
	}
	u.Subject, u.Name = p.ID, p.Name
	u.AppendClaims("role", p.Role)
	if len(p.Areas) > 0 {
		u.AppendClaims("areas", p.Areas)
	}
	if p.CPR != "" {
		u.AppendClaims("dk.cpr", p.CPR)
	}
	if p.For != "" {
		u.AppendClaims("on_behalf_of", p.For)
	}
	u.AppendClaims("loa", "https://data.gov.dk/concept/core/nsis/"+cmp.Or(p.Level, "Substantial"))
	return nil
}

func (s *storage) SetIntrospectionFromToken(context.Context, *oidc.IntrospectionResponse, string, string, string) error {
	return errNotOffered
}

func (s *storage) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return nil, nil
}

func (s *storage) GetKeyByIDAndClientID(context.Context, string, string) (*jose.JSONWebKey, error) {
	return nil, errNotOffered
}

func (s *storage) ValidateJWTProfileScopes(context.Context, string, []string) ([]string, error) {
	return nil, errNotOffered
}
