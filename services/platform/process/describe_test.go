package process

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/bus/natsserver"
)

// Two services of one process answer as one, with what their settings are and what their probes say.
func TestProcessDescribesItself(t *testing.T) {
	srv, err := natsserver.Start(natsserver.Config{StoreDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Stop()
	env, err := NewEnv([]string{"SAMTALE_MASTER_KEY=" + strings.Repeat("5a", 32), "SAMTALE_DATA=/d"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	env.NATS = append(env.NATS, srv.Option())
	var cfg struct {
		Common
		Engine string `env:"SAMTALE_ENGINE" envDefault:"small"`
	}
	if err := env.Load(&cfg); err != nil {
		t.Fatal(err)
	}
	env.Health.Add("works", func(context.Context) error { return nil })
	env.Health.Add("fails", func(context.Context) error { return errors.New("no") })
	a, err := env.Connect("a", cfg.Bus)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := a.NC.Flush(); err != nil { // it is the first connection that answers
		t.Fatal(err)
	}
	b, err := env.Connect("b", cfg.Bus)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	m, err := b.NC.Request(DescribeSubject, nil, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	var d Description
	if err := json.Unmarshal(m.Data, &d); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(d.Services, []string{"a", "b"}) || d.Ready || len(d.Checks) != 2 {
		t.Errorf("got %+v", d)
	}
	for _, want := range []Setting{{"SAMTALE_ENGINE", "small"}, {"SAMTALE_DATA", "/d"}, {"SAMTALE_MASTER_KEY", "••••"}} {
		if !slices.Contains(d.Settings, want) {
			t.Errorf("%+v is not among %+v", want, d.Settings)
		}
	}
}

// The metrics that are asked for come along, others do not.
func TestDescriptionBringsMetrics(t *testing.T) {
	srv, err := natsserver.Start(natsserver.Config{StoreDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Stop()
	env, err := NewEnv(nil, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	env.NATS = append(env.NATS, srv.Option())
	calls := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "calls"}, []string{"state"})
	took := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "took", Buckets: []float64{1, 2}})
	other := prometheus.NewCounter(prometheus.CounterOpts{Name: "other"})
	env.Metrics.MustRegister(calls, took, other)
	calls.WithLabelValues("waiting").Set(3)
	for _, v := range []float64{.5, 1.5, 9} {
		took.Observe(v)
	}
	b, err := env.Connect("a", bus.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	m, err := b.NC.Request(DescribeSubject, []byte(`{"metrics":["calls","took","absent"]}`), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	var d Description
	if err := json.Unmarshal(m.Data, &d); err != nil {
		t.Fatal(err)
	}
	want := []Metric{
		{Name: "calls", Labels: map[string]string{"state": "waiting"}, Value: 3},
		{Name: "took", Count: 3, Buckets: []Bucket{{1, 1}, {2, 2}}},
	}
	if diff := cmp.Diff(want, d.Metrics); diff != "" {
		t.Error(diff)
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	for in, want := range map[string]string{
		"SAMTALE_MASTER_KEY=" + strings.Repeat("5a", 32): "••••",
		"SAMTALE_MASTER_KEY_FILE=/run/secrets/key":       "/run/secrets/key",
		"SAMTALE_OIDC_CLIENT_SECRET=abc":                 "••••",
		"SAMTALE_JOURNAL_DB=postgres://u:pw@db/x?a=b":    "postgres://",
		"SAMTALE_ASR=openai=http://user:pw@asr.local/v1": "openai=http://",
		"SAMTALE_HTTP_ADDR=127.0.0.1:8080":               "127.0.0.1:8080",
	} {
		name, value, _ := strings.Cut(in, "=")
		got := withoutSecret(name, value)
		if !strings.HasPrefix(got, want) || strings.Contains(got, "pw") || strings.Contains(got, "abc") {
			t.Errorf("%s is shown as %q", in, got)
		}
	}
}
