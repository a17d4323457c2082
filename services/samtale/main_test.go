package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/process"
	"samtale.dk/samtale/services/samtale/internal/command"
)

// program runs the program as a shell would.
func program(t *testing.T, environ []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errb bytes.Buffer
	env := command.Env{Environ: append([]string{"SAMTALE_DATA=" + t.TempDir()}, environ...), Stdout: &out, Stderr: &errb}
	code = report(&errb, run(t.Context(), args, env))
	return code, out.String(), errb.String()
}

func TestUsage(t *testing.T) {
	for _, tt := range []struct {
		name   string
		args   []string
		code   int
		stdout string
		stderr string
	}{
		{"nothing", nil, 2, "", "samtale transcribe"},
		{"help", []string{"help"}, 0, "samtale phone", ""},
		{"-h", []string{"-h"}, 0, "samtale token", ""},
		{"unknown", []string{"fly"}, 2, "", `no "fly"`},
		{"help of a task", []string{"call", "-h"}, 0, "", "-wav"},
		{"help of a service", []string{"phone", "-h"}, 0, "", "-check-config"},
		{"unknown flag", []string{"token", "--rolle", "x"}, 2, "", "-role"},
		{"argument too many", []string{"approve", "a", "b"}, 2, "", "it takes 1"},
		{"argument missing", []string{"note"}, 2, "", "it takes 1"},
		{"flag missing", []string{"call", "--to", "sip:a@127.0.0.1"}, 2, "", "--wav"},
		{"service with an argument", []string{"phone", "x"}, 2, "", "it takes 0"},
		{"file is missing", []string{"transcribe", "/does/not/exist.wav"}, 2, "", "exist.wav"},
		{"nobody there", []string{"health"}, 3, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, stdout, stderr := program(t, []string{"SAMTALE_HTTP_ADDR=127.0.0.1:1"}, tt.args...)
			if code != tt.code || !strings.Contains(stdout, tt.stdout) || !strings.Contains(stderr, tt.stderr) {
				t.Fatalf("code %d\nstdout: %s\nstderr: %s", code, stdout, stderr)
			}
		})
	}
}

func TestReport(t *testing.T) {
	for _, tt := range []struct {
		err  error
		code int
	}{
		{nil, 0},
		{errors.New("x"), 1},
		{errs.E(errs.NotFound, "", nil), 1},
		{fmt.Errorf("ask: %w", errs.E(errs.Unavailable, "", nil)), 3},
		{fmt.Errorf("%w: x", command.ErrUsage), 2},
	} {
		var buf bytes.Buffer
		if got := report(&buf, tt.err); got != tt.code || (buf.Len() == 0) != (tt.err == nil) {
			t.Errorf("%v: %d, printed %q", tt.err, got, buf.String())
		}
	}
}

// What is misspelt is told wherever it would have had a meaning, without its value.
func TestMisspeltSetting(t *testing.T) {
	const told = "there is no SAMTALE_PORTAL_DBB; the nearest is SAMTALE_PORTAL_DB"
	code, stdout, stderr := program(t, []string{"SAMTALE_PORTAL_DBB=hemmeligt"}, "portal", "-check-config")
	if code != 1 || stdout != "" || !strings.Contains(stderr, told) || strings.Contains(stderr, "hemmeligt") {
		t.Errorf("-check-config: %d\nstdout: %s\nstderr: %s", code, stdout, stderr)
	}
	code, _, stderr = program(t, []string{"SAMTALE_URLL=hemmeligt"}, "token", "-h")
	if code != 0 || !strings.Contains(stderr, "there is no setting SAMTALE_URLL; the nearest is SAMTALE_URL") || strings.Contains(stderr, "hemmeligt") {
		t.Errorf("a task: %d\nstderr: %s", code, stderr)
	}
}

// Every service starts its check with nothing set, as in a container without settings.
func TestCheckConfig(t *testing.T) {
	for _, s := range services() {
		t.Run(s.name, func(t *testing.T) {
			if code, stdout, stderr := program(t, nil, s.name, "-check-config"); code != 0 || !strings.Contains(stdout, s.name) {
				t.Errorf("code %d: %s%s", code, stdout, stderr)
			}
			if code, _, stderr := program(t, []string{"SAMTALE_MASTER_KEY_FILE=/does/not/exist"}, s.name, "-check-config"); code != 1 || !strings.Contains(stderr, "SAMTALE_MASTER_KEY_FILE") {
				t.Errorf("a missing secret: code %d: %s", code, stderr)
			}
		})
	}
}

// freeAddr is an address below the ports that are given out by chance, so that nobody takes it before the test does.
func freeAddr(t *testing.T) string {
	t.Helper()
	for range 2000 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 12000+rand.IntN(3000)))
		if err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("no free port")
	return ""
}

// serving runs a service by itself, with its operations port, until stop.
func serving(t *testing.T, run process.Service) (addr string, stop func() error) {
	t.Helper()
	addr = freeAddr(t)
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	done := make(chan error, 1)
	var buf bytes.Buffer
	env := command.Env{Environ: []string{"SAMTALE_OPS_ADDR=" + addr}, Stdout: &buf, Stderr: &buf}
	go func() { done <- serve(ctx, serviceEntry{"test", "", run}, nil, env) }()
	return addr, func() error { cancel(); return <-done }
}

func status(addr string) int {
	resp, err := http.Get("http://" + addr + "/healthz")
	if err != nil {
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}

func awaitStatus(t *testing.T, addr string, want int) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); status(addr) != want; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("/healthz answers %d, want %d", status(addr), want)
		}
	}
}

// While a service drains its operations port answers "not ready".
func TestDrain(t *testing.T) {
	leave := make(chan struct{})
	addr, stop := serving(t, func(ctx context.Context, env process.Env) error {
		env.Health.Add("test", func(context.Context) error { return nil })
		<-ctx.Done()
		<-leave
		return nil
	})
	awaitStatus(t, addr, 200)
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	awaitStatus(t, addr, 503)
	close(leave)
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	if status(addr) != 0 {
		t.Fatal("the operations port outlives the service")
	}
}

// A service that ends without being asked to is a failure, whatever it returns.
func TestServiceEnds(t *testing.T) {
	broken := errors.New("port is taken")
	for name, want := range map[string]error{"with an error": broken, "by itself": nil} {
		t.Run(name, func(t *testing.T) {
			var buf bytes.Buffer
			env := command.Env{Environ: []string{"SAMTALE_OPS_ADDR=" + freeAddr(t)}, Stdout: &buf, Stderr: &buf}
			got := serve(t.Context(), serviceEntry{"test", "", func(context.Context, process.Env) error { return want }}, nil, env)
			if got == nil || !strings.HasPrefix(got.Error(), "test: ") || want != nil && !errors.Is(got, want) {
				t.Fatalf("got %v", got)
			}
		})
	}
}

// A taken operations port ends the service.
func TestOpsPortIsTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var buf bytes.Buffer
	env := command.Env{Environ: []string{"SAMTALE_OPS_ADDR=" + l.Addr().String()}, Stdout: &buf, Stderr: &buf}
	err = serve(t.Context(), serviceEntry{"test", "", func(ctx context.Context, _ process.Env) error { <-ctx.Done(); return nil }}, nil, env)
	if err == nil || !strings.Contains(err.Error(), "operations port") {
		t.Fatalf("got %v", err)
	}
}
