// Package process is the shell around a service: what every Run gets, logging,
// tracing, the operations port (/healthz, /metrics) and stopping.
//
// A service exports Run(ctx, env). It returns when ctx is done and it has drained, or
// with the error that ended it. The first SIGTERM ends ctx; a second one ends the
// process at once.
package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.26.0"

	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/config"
	"samtale.dk/samtale/services/platform/health"
	"samtale.dk/samtale/services/platform/masterkey"
	"samtale.dk/samtale/services/platform/store"
)

// Env is what a service gets from its process. In standalone all services share one.
type Env struct {
	Environ []string
	Log     *slog.Logger
	Metrics *prometheus.Registry
	Health  *health.Checks
	NATS    []nats.Option // how to reach an embedded server; empty: by settings
	// CheckOnly makes Run return after its settings were loaded and checked.
	CheckOnly bool

	self *self // nil in tests that make their own Env
}

// Service is a service's entry point.
type Service func(ctx context.Context, env Env) error

// Common are the settings that every service knows.
type Common struct {
	Bus       bus.Config
	Data      string `env:"SAMTALE_DATA" envDefault:"./data"`
	OpsAddr   string `env:"SAMTALE_OPS_ADDR"` // /healthz and /metrics; empty: not served
	OTLP      string `env:"SAMTALE_OTLP_URL"` // traces, e.g. http://collector:4318; empty: none
	LogLevel  string `env:"SAMTALE_LOG_LEVEL" envDefault:"info"`
	MasterKey string `env:"SAMTALE_MASTER_KEY"` // 32 bytes in hex; wraps all other keys
}

// NewEnv returns an Env with a JSON logger on stderr and an empty registry.
func NewEnv(environ []string, stderr io.Writer) (Env, error) {
	var c Common
	if err := config.Load(environ, &c); err != nil {
		return Env{}, err
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		return Env{}, fmt.Errorf("settings: SAMTALE_LOG_LEVEL: use debug, info, warn or error")
	}
	if err := errors.Join(c.check(), checkDatabases(environ)); err != nil {
		return Env{}, fmt.Errorf("settings: %w", err)
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return Env{
		Environ: environ,
		Log:     slog.New(slog.NewJSONHandler(stderr, &slog.HandlerOptions{Level: level})),
		Metrics: reg,
		Health:  health.New(),
		self:    newSelf(),
	}, nil
}

// CheckNames tells of variables that nobody reads, because they are misspelt: a warning at a start, an error when settings are only checked.
func (e Env) CheckNames() error {
	var all []error
	for _, u := range config.UnknownNames(e.Environ) {
		if e.CheckOnly {
			all = append(all, fmt.Errorf("settings: there is no %s; the nearest is %s", u.Name, u.Nearest))
			continue
		}
		e.Log.Warn("unknown setting", "name", u.Name, "nearest", u.Nearest)
	}
	return errors.Join(all...)
}

// check finds what would only fail later.
func (c Common) check() error {
	if _, _, err := net.SplitHostPort(c.OpsAddr); c.OpsAddr != "" && err != nil {
		return fmt.Errorf("SAMTALE_OPS_ADDR: %q is not HOST:PORT", c.OpsAddr)
	}
	if u, err := url.Parse(c.OTLP); c.OTLP != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return fmt.Errorf("SAMTALE_OTLP_URL: %q is not like http://collector:4318", c.OTLP)
	}
	if c.MasterKey != "" {
		if _, err := masterkey.Load(c.MasterKey, c.Data); err != nil {
			return err
		}
	}
	return nil
}

// checkDatabases looks at every service's SAMTALE_…_DB; what it holds may be a password, so it is not repeated.
func checkDatabases(environ []string) error {
	for _, kv := range environ {
		name, dsn, _ := strings.Cut(kv, "=")
		if !strings.HasPrefix(name, "SAMTALE_") || !strings.HasSuffix(name, "_DB") || dsn == "" {
			continue
		}
		if err := store.CheckDSN(dsn); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// Connect opens the service's bus connection.
func (e Env) Connect(name string, cfg bus.Config) (*bus.Bus, error) {
	b, err := bus.Connect(name, cfg, e.Log.With("service", name), e.NATS...)
	if err != nil || e.self == nil {
		return b, err
	}
	if err := e.connected(name, b); err != nil {
		b.Close()
		return nil, fmt.Errorf("describe: %w", err)
	}
	return b, nil
}

// Signals returns a context that SIGTERM or Ctrl-C ends; a second signal ends the
// process with status 1 without waiting.
func Signals() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	sig := make(chan os.Signal, 2)
	signal.Notify(sig, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-sig
		cancel()
		<-sig
		os.Exit(1)
	}()
	return ctx, cancel
}

// Trace sends spans to an OTLP collector when one is configured; the returned
// function flushes them. Trace context is propagated in any case.
func Trace(ctx context.Context, service, otlp string) (flush func(), err error) {
	otel.SetTextMapPropagator(propagation.TraceContext{})
	if otlp == "" {
		return func() {}, nil
	}
	exp, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(otlp))
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	tp := trace.NewTracerProvider(trace.WithBatcher(exp),
		trace.WithResource(resource.NewSchemaless(semconv.ServiceName("samtale-"+service))))
	otel.SetTracerProvider(tp)
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		tp.Shutdown(ctx)
	}, nil
}

// ServeOps serves /healthz and /metrics until ctx is done; with no address it only waits.
func ServeOps(ctx context.Context, addr string, env Env) error {
	if addr == "" {
		<-ctx.Done()
		return nil
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("operations port: %w", err)
	}
	return serveOps(ctx, l, env)
}

func serveOps(ctx context.Context, l net.Listener, env Env) error {
	mux := http.NewServeMux()
	mux.Handle("GET /healthz", env.Health)
	mux.Handle("GET /metrics", promhttp.HandlerFor(env.Metrics, promhttp.HandlerOpts{}))
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		<-ctx.Done()
		srv.Close()
	}()
	if err := srv.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("operations port: %w", err)
	}
	return nil
}
