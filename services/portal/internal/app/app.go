// Package app is the portal: pages and JSON API behind one guard that knows who asks,
// and event streams that bring the bus to browsers.
//
// An App holds no conversation: it asks the services that do, per request. Handlers run
// concurrently; each event stream has one goroutine that writes and bus callbacks that
// feed it through a bounded queue.
package app

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/health"
	"samtale.dk/samtale/services/platform/seal"
	"samtale.dk/samtale/services/portal/internal/federation"
	"samtale.dk/samtale/services/portal/internal/login"
	"samtale.dk/samtale/services/portal/internal/session"
	"samtale.dk/samtale/services/portal/internal/testlogin"
	"samtale.dk/samtale/services/portal/internal/texts"
	"samtale.dk/samtale/services/portal/internal/web"
	"samtale.dk/samtale/services/portal/internal/who"
)

// Config is what an App needs. All fields but Test, Embed and Proxies are required.
type Config struct {
	Bus      *bus.Bus
	Keys     seal.Keys
	Sessions *session.Store
	Login    *login.Client
	Test     *testlogin.Provider // nil with an authority's own provider
	Web      *web.Site
	Health   *health.Checks
	Log      *slog.Logger
	Metrics  prometheus.Registerer
	Public   *url.URL // how browsers reach the portal
	TokenKey []byte
	Party    func(identity string) string
	Contact  Contact
	AskRate  float64        // questions a second that one address may ask, over time
	Embed    []string       // origins that may show the assistant in a frame
	Proxies  []netip.Prefix // whose X-Forwarded-For is believed
	Programs *federation.Server
	Now      func() time.Time
}

// Contact is how people reach a person instead.
type Contact struct{ Name, Phone, Email string }

// App serves the portal.
type App struct {
	Config
	handler http.Handler
	limits  *limits
	asks    *limits // questions and inquiries per address
	people  *limits // questions per session, messages per receipt or caseworker
	metrics metrics
	stop    <-chan struct{} // closed when the portal stops: ends event streams
}

// New returns an App; closing stop ends its event streams.
func New(cfg Config, stop <-chan struct{}) *App {
	a := &App{
		Config: cfg, metrics: newMetrics(cfg.Metrics), stop: stop, limits: newLimits(cfg.Now, perSecond, burst),
		asks:   newLimits(cfg.Now, rate.Limit(cfg.AskRate), int(math.Ceil(cfg.AskRate*askBurst))),
		people: newLimits(cfg.Now, personPerSecond, personBurst),
	}
	mux := http.NewServeMux()
	for _, r := range a.routes() {
		mux.Handle(r.pattern, a.guard(r))
	}
	mux.Handle("/", a.guard(route{public: true, handle: func(w http.ResponseWriter, r *http.Request, p who.Person) error {
		if methods := otherMethods(mux, r); len(methods) > 0 && forPrograms(r.URL.Path) {
			return a.notThatMethod(w, r, methods)
		}
		return a.notFound(w, r, p)
	}}))
	if cfg.Test != nil {
		mux.Handle("/oidc/", http.StripPrefix("/oidc", cfg.Test))
	}
	a.handler = a.shield(mux)
	return a
}

// otherMethods are those that something answers at the path that r asks.
func otherMethods(mux *http.ServeMux, r *http.Request) (methods []string) {
	for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		other := *r
		other.Method = m
		if _, pattern := mux.Handler(&other); pattern != "/" {
			methods = append(methods, m)
		}
	}
	return methods
}

// notThatMethod tells a program which methods a path has (RFC 9110, 15.5.6).
func (a *App) notThatMethod(w http.ResponseWriter, r *http.Request, methods []string) error {
	w.Header().Set("Allow", strings.Join(methods, ", "))
	if r.Method == http.MethodOptions {
		if forMedia(r.URL.Path) {
			w.Header().Set("Accept-Post", "application/sdp")
			w.Header().Set("Access-Control-Allow-Methods", strings.Join(methods, ", "))
			w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match")
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	err := errs.E(errs.Invalid, "Adressen findes, men ikke med "+r.Method+". Brug en af: "+w.Header().Get("Allow")+".", nil)
	return a.refuse(w, r, http.StatusMethodNotAllowed, err)
}

// refuse tells a program of an error by a status of HTTP's that the error's kind does not have.
func (a *App) refuse(w http.ResponseWriter, r *http.Request, status int, err error) error {
	p := problem(err, lang(r))
	p.Status = status
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	return json.NewEncoder(w).Encode(p)
}

// ServeHTTP implements http.Handler.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.handler.ServeHTTP(w, r) }

// Probe reports whether the portal can do its work: its database answers and the
// services that it cannot do without answer real requests.
func (a *App) Probe(ctx context.Context) error {
	if _, err := a.areas(ctx); err != nil {
		return fmt.Errorf("consent: %w", err)
	}
	if _, err := bus.Request[callv1.ListReply](ctx, a.Bus, callv1.ListSubject, callv1.ListRequest{}); err != nil {
		return fmt.Errorf("phone: %w", err)
	}
	return nil
}

func (a *App) areas(ctx context.Context) ([]consentv1.Area, error) {
	rep, err := bus.Request[consentv1.AreasReply](ctx, a.Bus, consentv1.AreasSubject, consentv1.AreasRequest{})
	return rep.Areas, err
}

// secure: the portal is reached over TLS.
func (a *App) secure() bool { return a.Public.Scheme == "https" }

// lang is the language of a request: what its address says, the person's choice, the browser's, Danish.
func lang(r *http.Request) texts.Lang {
	if l := texts.Lang(r.URL.Query().Get("sprog")); l.Known() {
		return l
	}
	if c, err := r.Cookie(langCookie); err == nil {
		if l := texts.Lang(c.Value); l.Known() {
			return l
		}
	}
	return texts.Match(r.Header.Get("Accept-Language"))
}

type metrics struct {
	requests *prometheus.CounterVec   // labels: route, status
	seconds  *prometheus.HistogramVec // labels: route
	streams  prometheus.Gauge
	dropped  prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) metrics {
	m := metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "samtale_portal_requests_total", Help: "Requests by route and status."}, []string{"route", "status"}),
		seconds:  prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "samtale_portal_request_seconds", Help: "Time to answer, by route; event streams are not in it."}, []string{"route"}),
		streams:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "samtale_portal_streams", Help: "Open event streams."}),
		dropped:  prometheus.NewCounter(prometheus.CounterOpts{Name: "samtale_portal_streams_dropped_total", Help: "Event streams ended because the reader was too slow."}),
	}
	reg.MustRegister(m.requests, m.seconds, m.streams, m.dropped)
	return m
}
