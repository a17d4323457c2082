// Package portal is the web: pages for caseworkers, citizens, operators and auditors,
// the JSON API, login and sessions. It owns no conversation data; it asks the services
// that do and streams what happens to the browsers that may see it.
package portal

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // pages show Danish time wherever the program runs

	"samtale.dk/samtale/services/platform/agentcard"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/masterkey"
	"samtale.dk/samtale/services/platform/process"
	"samtale.dk/samtale/services/platform/seal"
	"samtale.dk/samtale/services/platform/store"
	"samtale.dk/samtale/services/portal/internal/app"
	"samtale.dk/samtale/services/portal/internal/federation"
	"samtale.dk/samtale/services/portal/internal/login"
	"samtale.dk/samtale/services/portal/internal/session"
	"samtale.dk/samtale/services/portal/internal/testlogin"
	"samtale.dk/samtale/services/portal/internal/web"
	"samtale.dk/samtale/services/portal/token"
)

// Settings of the portal.
type Settings struct {
	process.Common
	Addr   string `env:"SAMTALE_HTTP_ADDR" envDefault:"127.0.0.1:8080"`
	Public string `env:"SAMTALE_PUBLIC_URL"` // how browsers reach the portal; empty: http:// and the address
	DB     string `env:"SAMTALE_PORTAL_DB"`  // sessions; empty: portal.db in the data folder

	SessionIdle time.Duration `env:"SAMTALE_SESSION_IDLE" envDefault:"1h"`
	SessionMax  time.Duration `env:"SAMTALE_SESSION_MAX" envDefault:"10h"`

	// Login. Without an issuer the built-in test provider with demo people is used;
	// beyond this machine only when TestLogin says so.
	Issuer       string            `env:"SAMTALE_OIDC_ISSUER"`
	ClientID     string            `env:"SAMTALE_OIDC_CLIENT_ID"`
	ClientSecret string            `env:"SAMTALE_OIDC_CLIENT_SECRET"`
	Scopes       []string          `env:"SAMTALE_OIDC_SCOPES" envDefault:"openid,profile"`
	ClaimName    string            `env:"SAMTALE_OIDC_CLAIM_NAME" envDefault:"name"`
	ClaimRole    string            `env:"SAMTALE_OIDC_CLAIM_ROLE" envDefault:"role"`
	RoleMap      map[string]string `env:"SAMTALE_OIDC_ROLES"` // the provider's value:our role,…
	RoleDefault  string            `env:"SAMTALE_OIDC_ROLE_DEFAULT"`
	ClaimAreas   string            `env:"SAMTALE_OIDC_CLAIM_AREAS" envDefault:"areas"`
	ClaimParty   string            `env:"SAMTALE_OIDC_CLAIM_PARTY" envDefault:"dk.cpr"`
	ClaimLevel   string            `env:"SAMTALE_OIDC_CLAIM_LEVEL" envDefault:"loa"`
	ClaimBehalf  string            `env:"SAMTALE_OIDC_CLAIM_BEHALF" envDefault:"on_behalf_of"`
	Level        string            `env:"SAMTALE_OIDC_LEVEL" envDefault:"low"` // of logins whose provider does not say
	TestLogin    bool              `env:"SAMTALE_TEST_LOGIN"`

	// The assistant: questions a second that one address may ask over time, and the origins of other sites that may show it
	// in a frame (https://www.kommune.dk,…).
	AskRate float64  `env:"SAMTALE_ASK_RATE" envDefault:"4"`
	Embed   []string `env:"SAMTALE_EMBED_ORIGINS"`

	// Proxies in front of the portal (10.0.0.0/8,…): their X-Forwarded-For says whose address the limits count. Without, all
	// that comes through a proxy counts as one address.
	Proxies []netip.Prefix `env:"SAMTALE_TRUSTED_PROXIES"`

	ContactName  string `env:"SAMTALE_CONTACT_NAME" envDefault:"Borgerservice"`
	ContactPhone string `env:"SAMTALE_CONTACT_PHONE"`
	ContactEmail string `env:"SAMTALE_CONTACT_EMAIL"`
}

// drainLimit is how long answers in progress may take after a stop was asked for.
const drainLimit = 5 * time.Second

// Run serves the portal until ctx is done.
func Run(ctx context.Context, env process.Env) error {
	var cfg Settings
	if err := env.Load(&cfg); err != nil {
		return err
	}
	if err := cfg.check(); err != nil || env.CheckOnly {
		return err
	}
	log := env.Log.With("service", "portal")
	master, err := masterkey.LoadOrCreate(cfg.MasterKey, cfg.Data)
	if err != nil {
		return err
	}
	db, err := store.Open(ctx, cfg.DB)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.Migrate(ctx, session.Migrations()); err != nil {
		return err
	}
	b, err := env.Connect("portal", cfg.Bus)
	if err != nil {
		return err
	}
	defer b.Close()
	keys, err := seal.NewRing(b)
	if err != nil {
		return err
	}
	site, err := web.New()
	if err != nil {
		return err
	}
	if !site.Styled {
		log.Warn("pages are plain: the design system is not built in", "build it with", web.BuildHint)
	}
	ln, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return fmt.Errorf("web address (SAMTALE_HTTP_ADDR): %w", err)
	}
	public, err := cfg.public(ln.Addr())
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	secret := master.Derive("portal sessions v1")
	parties := master.Derive(masterkey.Parties)
	party := func(identity string) string { return seal.Pseudonym(parties, app.Identity(identity)) }
	client, provider, err := cfg.login(public, secret, party, env)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	programs, err := cfg.programs(b, public, master)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	sessions := session.New(session.Config{DB: db, Key: secret, Idle: cfg.SessionIdle, Max: cfg.SessionMax, Secure: public.Scheme == "https", Now: time.Now})
	defer running(ctx, func(ctx context.Context) { sessions.Run(ctx, log) })()
	streams := make(chan struct{})
	a := app.New(app.Config{
		Bus: b, Keys: keys, Login: client, Test: provider, Web: site, Health: env.Health, Log: log, Metrics: env.Metrics,
		Sessions: sessions, Public: public, TokenKey: token.Key(master), Party: party, Now: time.Now,
		Contact: app.Contact{Name: cfg.ContactName, Phone: cfg.ContactPhone, Email: cfg.ContactEmail},
		AskRate: cfg.AskRate, Embed: cfg.Embed, Proxies: cfg.Proxies, Programs: programs,
	}, streams)
	env.Health.Add("portal", func(ctx context.Context) error { return errors.Join(db.Ready(ctx), a.Probe(ctx)) })
	log.Info("portal is up", "url", public.String(), "listens", ln.Addr().String())
	return serve(ctx, ln, a, func() { close(streams) })
}

// running begins f, and gives what ends it and waits for it.
func running(ctx context.Context, f func(ctx context.Context)) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { f(ctx) })
	return func() { cancel(); wg.Wait() }
}

// programs makes what other programs ask. The card's key stays the same as long as the master key does.
func (s *Settings) programs(b *bus.Bus, public *url.URL, master masterkey.Key) (*federation.Server, error) {
	signer, err := agentcard.NewSigner(master.Derive("agent card v1"))
	if err != nil {
		return nil, err
	}
	return federation.New(federation.Config{Bus: b, Public: public, Name: s.ContactName, Signer: signer, Now: time.Now})
}

// serve answers until ctx is done, then ends event streams and finishes what is begun.
func serve(ctx context.Context, ln net.Listener, h http.Handler, stopStreams func()) error {
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ln) }()
	select {
	case err := <-done:
		return fmt.Errorf("web server: %w", err)
	case <-ctx.Done():
	}
	stopStreams()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainLimit)
	defer cancel()
	if err := srv.Shutdown(stop); err != nil {
		return srv.Close()
	}
	return nil
}

func (s *Settings) check() error {
	if s.DB == "" {
		s.DB = "sqlite:" + s.Data + "/portal.db"
	}
	if s.RoleDefault != "" && !known(s.RoleDefault) {
		return fmt.Errorf("settings: SAMTALE_OIDC_ROLE_DEFAULT must be one of %s", strings.Join(token.Roles(), ", "))
	}
	for from, to := range s.RoleMap {
		if !known(to) {
			return fmt.Errorf("settings: SAMTALE_OIDC_ROLES maps %q to %q; use one of %s", from, to, strings.Join(token.Roles(), ", "))
		}
	}
	if s.SessionIdle < 2*time.Minute || s.SessionMax < s.SessionIdle {
		return errors.New("settings: SAMTALE_SESSION_IDLE must be at least 2m and SAMTALE_SESSION_MAX no shorter")
	}
	if s.AskRate < 0.1 {
		return errors.New("settings: SAMTALE_ASK_RATE must be at least 0.1 questions a second")
	}
	for _, o := range s.Embed {
		u, err := url.Parse(o)
		if err != nil || u.Scheme+"://"+u.Host != o || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || strings.ContainsAny(o, " ;,*") {
			return fmt.Errorf("settings: SAMTALE_EMBED_ORIGINS: %q must be https://host[:port]", o)
		}
	}
	host, _, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return fmt.Errorf("settings: SAMTALE_HTTP_ADDR: %w", err)
	}
	public := host
	if s.Public != "" {
		u, err := s.public(nil)
		if err != nil {
			return err
		}
		public = u.Hostname()
	}
	if !slices.Contains(login.Levels(), s.Level) {
		return fmt.Errorf("settings: SAMTALE_OIDC_LEVEL must be one of %s", strings.Join(login.Levels(), ", "))
	}
	if s.Issuer != "" {
		if s.ClientID == "" {
			return errors.New("settings: SAMTALE_OIDC_ISSUER needs SAMTALE_OIDC_CLIENT_ID")
		}
		return nil
	}
	if !s.TestLogin && !(here(host) && here(public)) { // a proxy on this machine may bring everybody
		return errors.New("settings: the test login lets anybody in without a password, so it is offered on 127.0.0.1 only; " +
			"set SAMTALE_OIDC_ISSUER, or SAMTALE_TEST_LOGIN=true for a closed demonstration")
	}
	return nil
}

// here tells whether a host is this machine and reached from it alone.
func here(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func known(role string) bool {
	for _, r := range token.Roles() {
		if r == role {
			return true
		}
	}
	return false
}

func (s *Settings) public(ln net.Addr) (*url.URL, error) {
	if s.Public == "" {
		return &url.URL{Scheme: "http", Host: ln.String()}, nil
	}
	u, err := url.Parse(strings.TrimRight(s.Public, "/"))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.Path != "" {
		return nil, errors.New("settings: SAMTALE_PUBLIC_URL must be http(s)://host[:port]")
	}
	return u, nil
}

func (s *Settings) login(public *url.URL, key []byte, party func(string) string, env process.Env) (*login.Client, *testlogin.Provider, error) {
	cfg := login.Config{
		Issuer: s.Issuer, ID: s.ClientID, Secret: s.ClientSecret, Scopes: s.Scopes, Key: key, Party: party,
		Redirect: public.JoinPath("/login/callback").String(), Secure: public.Scheme == "https", HTTP: &http.Client{Timeout: 10 * time.Second},
		Claims: login.Claims{
			Name: s.ClaimName, Role: s.ClaimRole, Roles: s.RoleMap, Fallback: s.RoleDefault, Areas: s.ClaimAreas, Party: s.ClaimParty,
			Level: s.ClaimLevel, Behalf: s.ClaimBehalf, Unstated: s.Level,
		},
	}
	if s.Issuer != "" {
		return login.New(cfg), nil, nil
	}
	cfg.Issuer, cfg.ID, cfg.Secret = public.JoinPath("/oidc").String(), testlogin.ClientID, rand.Text()
	provider, err := testlogin.New(testlogin.Config{Issuer: cfg.Issuer, Redirect: cfg.Redirect, Secret: cfg.Secret, Log: env.Log.With("service", "testlogin")})
	if err != nil {
		return nil, nil, err
	}
	cfg.HTTP = &http.Client{Transport: inProcess{http.StripPrefix("/oidc", provider)}}
	return login.New(cfg), provider, nil
}

// inProcess carries the client's own requests to the built-in provider without a
// socket: the portal may sit behind a name that it cannot reach itself.
type inProcess struct{ h http.Handler }

// RoundTrip implements http.RoundTripper.
func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	t.h.ServeHTTP(rec, r)
	return rec.Result(), nil
}
