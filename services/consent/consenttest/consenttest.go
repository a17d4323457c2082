// Package consenttest runs the real consent service for the tests of other services.
package consenttest

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"samtale.dk/samtale/services/consent"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/health"
	"samtale.dk/samtale/services/platform/process"
)

// patience is how long a slow machine may take to start it.
const patience = 2 * time.Minute

// Start runs the service at a bus until the test ends, with service areas as of the setting SAMTALE_AREAS. Its database is of its own.
func Start(t testing.TB, server nats.Option, areas string) {
	t.Helper()
	data := t.TempDir()
	file := filepath.Join(data, "areas.json")
	if err := os.WriteFile(file, []byte(areas), 0o600); err != nil {
		t.Fatal(err)
	}
	env := process.Env{
		Environ: []string{"SAMTALE_DATA=" + data, "SAMTALE_AREAS=" + file}, Log: slog.New(slog.DiscardHandler),
		Metrics: prometheus.NewRegistry(), Health: health.New(), NATS: []nats.Option{server},
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- consent.Run(ctx, env) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("consent: %v", err)
		}
	})
	await(t, server)
}

// await waits until the service answers and consumes. The embedded server of this release races with itself when one service updates a
// stream while another begins to consume it.
func await(t testing.TB, server nats.Option) {
	t.Helper()
	b, err := bus.Connect("consenttest", bus.Config{}, slog.New(slog.DiscardHandler), server)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		_, err := bus.Request[consentv1.AreasReply](t.Context(), b, consentv1.AreasSubject, consentv1.AreasRequest{})
		if err == nil {
			_, err = b.JS.Consumer(t.Context(), consentv1.Stream, "consent-audit")
		}
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the consent service: %v", err)
		}
	}
}
