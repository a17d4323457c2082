package process

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"go.opentelemetry.io/otel"
)

func TestNewEnv(t *testing.T) {
	var buf bytes.Buffer
	env, err := NewEnv([]string{"SAMTALE_LOG_LEVEL=warn"}, &buf)
	if err != nil {
		t.Fatal(err)
	}
	env.Log.Info("quiet")
	env.Log.Warn("loud", "conversation_id", "c-1")
	if s := buf.String(); strings.Contains(s, "quiet") || !strings.Contains(s, `"conversation_id":"c-1"`) {
		t.Fatalf("log: %s", s)
	}
	families, err := env.Metrics.Gather()
	if err != nil || len(families) == 0 {
		t.Fatalf("%d metrics, %v", len(families), err)
	}
	if _, err := NewEnv([]string{"SAMTALE_LOG_LEVEL=loud"}, io.Discard); err == nil || !strings.Contains(err.Error(), "SAMTALE_LOG_LEVEL") {
		t.Fatalf("got %v", err)
	}
}

// A setting that could only fail later is told by its name, without what it holds where that may be secret.
func TestNewEnvRefuses(t *testing.T) {
	for _, kv := range []string{
		"SAMTALE_OPS_ADDR=9090", "SAMTALE_OTLP_URL=collector:4318", "SAMTALE_MASTER_KEY=5a5a",
		"SAMTALE_JOURNAL_DB=mysql://me:hemmeligt@db/x", "SAMTALE_PORTAL_DB=sqlite:",
	} {
		name, _, _ := strings.Cut(kv, "=")
		_, err := NewEnv([]string{kv}, io.Discard)
		if err == nil || !strings.HasPrefix(err.Error(), "settings: "+name) || strings.Contains(err.Error(), "hemmeligt") {
			t.Errorf("%s: %v", name, err)
		}
	}
	ok := []string{
		"SAMTALE_OPS_ADDR=:9090", "SAMTALE_OTLP_URL=http://collector:4318", "SAMTALE_MASTER_KEY=" + strings.Repeat("5a", 32),
		"SAMTALE_JOURNAL_DB=postgres://db/x", "SAMTALE_PORTAL_DB=sqlite:/d/p.db", "SAMTALE_MEETING_DB=", "OTHER_DB=x",
	}
	if _, err := NewEnv(ok, io.Discard); err != nil {
		t.Error(err)
	}
}

// A misspelt setting is told, never with what it holds.
func TestCheckNames(t *testing.T) {
	var log bytes.Buffer
	env, err := NewEnv([]string{"SAMTALE_LOG_LEVEL=warn", "SAMTALE_WEBHOOK_SECRT=hemmeligt", "SAMTALE_DATA=/d"}, &log)
	if err != nil {
		t.Fatal(err)
	}
	if err := env.CheckNames(); err != nil || !strings.Contains(log.String(), `"name":"SAMTALE_WEBHOOK_SECRT","nearest":"SAMTALE_WEBHOOK_SECRET"`) {
		t.Errorf("%v, log: %s", err, log.String())
	}
	env.CheckOnly = true
	err = env.CheckNames()
	if err == nil || err.Error() != "settings: there is no SAMTALE_WEBHOOK_SECRT; the nearest is SAMTALE_WEBHOOK_SECRET" {
		t.Errorf("got %v", err)
	}
	if strings.Contains(log.String(), "hemmeligt") || strings.Count(log.String(), "unknown setting") != 1 {
		t.Errorf("log: %s", log.String())
	}
}

func TestServeOps(t *testing.T) {
	env, err := NewEnv(nil, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	env.Health.Add("x", func(context.Context) error { return nil })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := ServeOps(t.Context(), addr, env); err == nil {
		t.Fatal("a taken port is no error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- serveOps(ctx, l, env) }()
	for _, path := range []string{"/healthz", "/metrics"} {
		if body := fetch(t, "http://"+addr+path); body == "" {
			t.Errorf("%s is empty", path)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func fetch(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("%s: %d %v", url, resp.StatusCode, err)
	}
	return string(body)
}

func TestServeOpsWithoutAddress(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := ServeOps(ctx, "", Env{}); err != nil {
		t.Fatal(err)
	}
}

func TestTracePropagates(t *testing.T) {
	flush, err := Trace(t.Context(), "test", "")
	if err != nil {
		t.Fatal(err)
	}
	defer flush()
	if got := otel.GetTextMapPropagator().Fields(); len(got) == 0 || got[0] != "traceparent" {
		t.Fatalf("propagates %v", got)
	}
}

// TestSignals runs this test binary as a child process: the first SIGTERM ends its
// context, the second one the process.
func TestSignals(t *testing.T) {
	if os.Getenv("SIGNALS_CHILD") == "1" {
		ctx, stop := Signals()
		defer stop()
		os.Stdout.WriteString("up\n")
		<-ctx.Done()
		os.Stdout.WriteString("draining\n")
		select {} // drains for ever
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestSignals$")
	cmd.Env = append(os.Environ(), "SIGNALS_CHILD=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	expect(t, out, "up\n")
	cmd.Process.Signal(syscall.SIGTERM)
	expect(t, out, "draining\n")
	cmd.Process.Signal(syscall.SIGTERM)
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Fatalf("second signal: %v", err)
	}
}

func expect(t *testing.T, r io.Reader, want string) {
	t.Helper()
	buf := make([]byte, len(want))
	if _, err := io.ReadFull(r, buf); err != nil || string(buf) != want {
		t.Fatalf("read %q, %v", buf, err)
	}
}
