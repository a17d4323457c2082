package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/portal/internal/who"
	"samtale.dk/samtale/services/portal/token"
)

// handler answers one request; p is the zero Person on public routes for those not
// logged in. An error becomes problem+json under /api and a page elsewhere.
type handler func(w http.ResponseWriter, r *http.Request, p who.Person) error

// route is one row of the table that pages, API, roles and the OpenAPI document share.
type route struct {
	pattern string   // as http.ServeMux takes it
	roles   []string // who may; empty with public
	public  bool
	stream  bool  // answers for as long as the reader stays
	bare    bool  // the same for everybody: not asked who it is, nor limited
	body    int64 // bytes that a body may have; 0: maxBody
	asks    bool  // limited by mayAsk alone
	handle  handler
}

// maxBody bounds a request body: the longest is a note or an SDP offer.
const maxBody = 256 << 10

// csp allows what we serve ourselves and nothing inline. data: images are the design
// system's form icons; blob: media is remote audio.
const csp = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; media-src 'self' blob:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// shield sets the headers that every answer has, refuses requests that other sites
// make in a logged-in browser, and survives panics.
func (a *App) shield(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.fail(w, r, errs.E(errs.Denied, "Kaldet kom fra en anden side og er afvist. Gå ind på siden selv, og prøv igen.", nil))
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", csp)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "microphone=(self), camera=(), geolocation=(), display-capture=()")
		if forMedia(r.URL.Path) { // players on other sites (RFC 9725, 4.2); a token is no right that a browser adds by itself
			h.Set("Access-Control-Allow-Origin", "*")
			h.Set("Access-Control-Expose-Headers", "Location, Link, ETag, Accept-Patch")
		}
		if a.Public.Scheme == "https" {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		defer func() {
			if p := recover(); p != nil {
				a.Log.Error("handler panicked", "path", r.Pattern, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
				a.fail(w, r, errs.E(errs.Internal, "", nil))
			}
		}()
		if bearer(r) != "" { // carries no ambient authority
			next.ServeHTTP(w, r)
			return
		}
		cross.Handler(next).ServeHTTP(w, r)
	})
}

// guard is the one place that decides who may: for pages and API alike.
func (a *App) guard(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin := a.Now()
		rec := &recorder{ResponseWriter: w}
		p, err := a.identify(r, rt)
		r = r.WithContext(who.With(r.Context(), p))
		if err == nil {
			err = a.admit(rec, r, rt, p)
		}
		if err != nil {
			a.fail(rec, r, err)
		}
		a.metrics.requests.WithLabelValues(rt.pattern, strconv.Itoa(rec.status())).Inc()
		if !rt.stream {
			a.metrics.seconds.WithLabelValues(rt.pattern).Observe(a.Now().Sub(begin).Seconds())
		}
	})
}

// identify says who asks, within the limits; nobody is fine on public routes.
func (a *App) identify(r *http.Request, rt route) (who.Person, error) {
	if rt.bare {
		return who.Person{}, nil
	}
	p, err := a.person(r, !rt.stream && acted(r))
	wrongToken := bearer(r) != "" && strings.HasPrefix(r.URL.Path, "/api/") // whoever sends one is to hear that it has expired
	if rt.public && errors.Is(err, errs.Unauthenticated) && !wrongToken {
		err = nil
	}
	if rt.asks {
		return p, err
	}
	if limited := a.limits.take(a.limitKey(r, p)); limited != nil {
		return p, limited
	}
	return p, err
}

func (a *App) admit(w http.ResponseWriter, r *http.Request, rt route, p who.Person) error {
	if p.Room != "" && !strings.Contains(rt.pattern, "/{room}") {
		return errs.E(errs.Denied, "Adgangsnøglen gælder kun for lyd og billede i ét møde. Lav en uden --room.", nil)
	}
	if !rt.public && !p.Is(rt.roles...) {
		return errs.E(errs.Denied, "", fmt.Errorf("role %q", p.Role))
	}
	r.Body = http.MaxBytesReader(w, r.Body, cmp.Or(rt.body, maxBody))
	if strings.HasPrefix(r.URL.Path, "/api/") || !rt.public {
		w.Header().Set("Cache-Control", "no-store")
	}
	return rt.handle(w, r, p)
}

func (a *App) person(r *http.Request, touch bool) (who.Person, error) {
	t := bearer(r)
	if t == "" {
		return a.Sessions.Person(r.Context(), r, touch)
	}
	c, err := token.Verify(a.TokenKey, t, a.Now())
	if err != nil {
		return who.Person{}, err
	}
	p := who.Person{ID: c.Subject, Name: c.Name, Role: c.Role, Areas: c.Areas, PartyRef: c.Party, Room: c.Room, Expires: c.Expires}
	if p.Is(token.Caseworker) && len(p.Areas) == 0 {
		return a.everyArea(r.Context(), p)
	}
	return p, nil
}

// everyArea gives a caseworker's token that names no areas all of them: who can make
// tokens holds the master key anyway.
func (a *App) everyArea(ctx context.Context, p who.Person) (who.Person, error) {
	areas, err := a.areas(ctx)
	if err != nil {
		return p, err
	}
	for _, ar := range areas {
		p.Areas = append(p.Areas, ar.ID)
	}
	return p, nil
}

func bearer(r *http.Request) string {
	scheme, t, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(t)
}

// addr is the address that asks. Behind a proxy that settings name it is the last one in X-Forwarded-For that no such proxy
// has: what stands before it, the asker may have written.
func (a *App) addr(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	way := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, next := range slices.Backward(way) {
		ip, err := netip.ParseAddr(host)
		if err != nil || !slices.ContainsFunc(a.Proxies, func(p netip.Prefix) bool { return p.Contains(ip.Unmap()) }) {
			return host
		}
		if next = strings.TrimSpace(next); next == "" {
			return host
		}
		host = next
	}
	return host
}

func (a *App) limitKey(r *http.Request, p who.Person) string {
	switch {
	case p.Session != "":
		return "session:" + p.Session
	case p.ID != "":
		return "token:" + p.ID
	}
	return "ip:" + network(a.addr(r))
}

// network is what one customer of a provider has: an IPv4 address, or the 2⁶⁴ addresses of an IPv6 prefix, which count as one.
func network(addr string) string {
	ip, err := netip.ParseAddr(addr)
	if err != nil {
		return addr
	}
	if ip = ip.Unmap(); ip.Is4() {
		return ip.String()
	}
	return netip.PrefixFrom(ip.WithZone(""), 64).Masked().String()
}

// Limits per session, token or address: a desk at work asks a few times a second, a
// page load fetches some twenty files.
const (
	perSecond = 25
	burst     = 150
	forget    = 10 * time.Minute

	// Questions and messages of one person; an address may be a whole library's (Config.AskRate).
	personPerSecond = 1
	personBurst     = 12
	askBurst        = 15 // times the rate
)

// limits holds a token bucket per key; unused ones are forgotten.
type limits struct {
	now   func() time.Time
	rate  rate.Limit
	burst int
	mu    sync.Mutex
	m     map[string]*bucket
	swep  time.Time
}

type bucket struct {
	*rate.Limiter
	used time.Time
}

func newLimits(now func() time.Time, perSecond rate.Limit, burst int) *limits {
	return &limits{now: now, rate: perSecond, burst: burst, m: map[string]*bucket{}, swep: now()}
}

func (l *limits) take(key string) error {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.swep) > forget {
		for k, b := range l.m {
			if now.Sub(b.used) > forget {
				delete(l.m, k)
			}
		}
		l.swep = now
	}
	b := l.m[key]
	if b == nil {
		b = &bucket{Limiter: rate.NewLimiter(l.rate, l.burst)}
		l.m[key] = b
	}
	b.used = now
	if b.AllowN(now, 1) {
		return nil
	}
	e := errs.E(errs.Limited, "Du har bedt om for meget på kort tid. Vent nogle sekunder, og prøv igen.", nil)
	e.RetryAfter = max(2*time.Second, time.Duration(float64(time.Second)/float64(l.rate)))
	return e
}

// recorder remembers the status for the metrics.
type recorder struct {
	http.ResponseWriter
	code int
}

func (r *recorder) WriteHeader(code int) {
	if r.code == 0 {
		r.code = code
	}
	r.ResponseWriter.WriteHeader(code)
}

// Write begins the answer where nothing else has.
func (r *recorder) Write(p []byte) (int, error) {
	if r.code == 0 {
		r.code = http.StatusOK
	}
	return r.ResponseWriter.Write(p)
}

func (r *recorder) status() int {
	if r.code == 0 {
		return http.StatusOK
	}
	return r.code
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
