package temporal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	sdk "go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/masterkey"
)

func key(t *testing.T, fill string) masterkey.Key {
	t.Helper()
	k, err := masterkey.Parse(strings.Repeat(fill, 64))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func codec(t *testing.T, fill string) *Codec {
	t.Helper()
	c, err := NewCodec(key(t, fill))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

type input struct {
	ConversationID string
	Text           string
}

func TestCodecRoundTrip(t *testing.T) {
	c := codec(t, "a")
	dc := c.DataConverter()
	want := input{"c-1", "jeg ringer om min boligstøtte"}
	p, err := dc.ToPayload(want)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(p.Data, []byte("boligst")) {
		t.Fatal("plaintext in the payload")
	}
	if got := string(p.Metadata[metadataKeyID]); got != c.KeyID() {
		t.Fatalf("key id %q", got)
	}
	var got input
	if err := dc.FromPayload(p, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	again, err := dc.ToPayload(want)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(again.Data, p.Data) {
		t.Fatal("the nonce was used twice")
	}
}

func TestCodecRefuses(t *testing.T) {
	c := codec(t, "a")
	sealed := func() *commonpb.Payload {
		p, err := c.DataConverter().ToPayload("x")
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for _, tt := range []struct {
		name string
		p    func() *commonpb.Payload
	}{
		{"another key", func() *commonpb.Payload {
			p, err := codec(t, "b").DataConverter().ToPayload("x")
			if err != nil {
				t.Fatal(err)
			}
			return p
		}},
		{"another key under this name", func() *commonpb.Payload {
			p, err := codec(t, "b").DataConverter().ToPayload("x")
			if err != nil {
				t.Fatal(err)
			}
			p.Metadata[metadataKeyID] = []byte(c.KeyID())
			return p
		}},
		{"bit flipped", func() *commonpb.Payload { p := sealed(); p.Data[len(p.Data)-1] ^= 1; return p }},
		{"cut", func() *commonpb.Payload { p := sealed(); p.Data = p.Data[:5]; return p }},
		{"empty", func() *commonpb.Payload { p := sealed(); p.Data = nil; return p }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := c.Decode([]*commonpb.Payload{tt.p()}); !errors.Is(err, ErrPayload) {
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestCodecPassesPlain(t *testing.T) {
	p, err := converter.GetDefaultDataConverter().ToPayload("from the operator")
	if err != nil {
		t.Fatal(err)
	}
	var got string
	if err := codec(t, "a").DataConverter().FromPayload(p, &got); err != nil || got != "from the operator" {
		t.Fatalf("%q %v", got, err)
	}
}

func TestFailureIsEncrypted(t *testing.T) {
	opts, err := options("test", Config{}, key(t, "a"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	f := opts.FailureConverter.ErrorToFailure(errors.New("noget hemmeligt"))
	if strings.Contains(f.String(), "hemmeligt") {
		t.Fatalf("plaintext in the failure: %v", f)
	}
	if back := opts.FailureConverter.FailureToError(f); !strings.Contains(back.Error(), "hemmeligt") {
		t.Fatalf("came back as %v", back)
	}
}

func TestFailureKinds(t *testing.T) {
	secret := errors.New("row of a person")
	for _, tt := range []struct {
		name  string
		err   error
		final bool
		delay time.Duration
		text  string
	}{
		{"invalid", errs.E(errs.Invalid, "Ret datoen.", secret), true, 0, "Ret datoen."},
		{"not found, wrapped", fmt.Errorf("load: %w", errs.E(errs.NotFound, "", secret)), true, 0, ""},
		{"bare kind", errs.Conflict, true, 0, ""},
		{"denied", errs.E(errs.Denied, "", nil), true, 0, ""},
		{"limited", &errs.Error{Kind: errs.Limited, RetryAfter: 3 * time.Second}, false, 3 * time.Second, ""},
		{"unavailable", errs.E(errs.Unavailable, "", secret), false, 0, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out := ToFailure(tt.err)
			var app *sdk.ApplicationError
			if !errors.As(out, &app) {
				t.Fatalf("got %T", out)
			}
			if app.NonRetryable() != tt.final || app.NextRetryDelay() != tt.delay {
				t.Fatalf("final %v delay %v", app.NonRetryable(), app.NextRetryDelay())
			}
			if strings.Contains(out.Error(), secret.Error()) {
				t.Fatal("the cause crossed over")
			}
			if app.Type() != string(errs.KindOf(tt.err)) {
				t.Fatalf("came out as %s", app.Type())
			}
			if tt.text != "" && app.Message() != tt.text {
				t.Fatalf("text %q", app.Message())
			}
		})
	}
}

func TestFailureLeavesOthers(t *testing.T) {
	plain := errors.New("plain")
	if ToFailure(plain) != plain {
		t.Fatal("changed an error without a kind")
	}
	canceled := errs.E(errs.Unavailable, "", context.Canceled)
	if got := ToFailure(canceled); !errors.Is(got, context.Canceled) {
		t.Fatalf("cancellation became %v", got)
	}
}

// patience is what a slow machine may take, for what has to happen at all.
const patience = 2 * time.Minute

// The interceptor is what makes a service's activity errors cross with their kind.
func TestActivityErrorCrosses(t *testing.T) { synctest.Test(t, testActivityError) }

// testActivityError runs in a bubble, whose clock knows no slow machine: the SDK takes a workflow that gets no processor for a second
// for one in a deadlock.
func testActivityError(t *testing.T) {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{&activities{}}})
	tries := 0
	env.RegisterActivityWithOptions(func(context.Context) error {
		tries++
		return fmt.Errorf("load note: %w", errs.E(errs.NotFound, "", errors.New("row of a person")))
	}, activity.RegisterOptions{Name: "Load"})
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: patience})
		return workflow.ExecuteActivity(ctx, "Load").Get(ctx, nil)
	})
	err := env.GetWorkflowError()
	var app *sdk.ApplicationError
	if !errors.As(err, &app) || app.Type() != string(errs.NotFound) {
		t.Fatalf("got %v", err)
	}
	if tries != 1 {
		t.Fatalf("a final error was tried %d times", tries)
	}
	if strings.Contains(err.Error(), "person") {
		t.Fatal("the cause crossed over")
	}
}

// An activity that asks for heartbeats gives them by itself.
func TestHeartbeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var suite testsuite.WorkflowTestSuite
		env := suite.NewTestWorkflowEnvironment()
		env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{&activities{}}})
		env.RegisterActivityWithOptions(func(context.Context) error {
			time.Sleep(time.Minute)
			return nil
		}, activity.RegisterOptions{Name: "Slow"})
		env.SetTestTimeout(patience)
		env.ExecuteWorkflow(func(ctx workflow.Context) error {
			ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: patience, HeartbeatTimeout: 10 * time.Second})
			return workflow.ExecuteActivity(ctx, "Slow").Get(ctx, nil)
		})
		if err := env.GetWorkflowError(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestLogWithholdsContent(t *testing.T) {
	var buf bytes.Buffer
	l := logger{slog.New(slog.NewTextHandler(&buf, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	l.Error("boom", "WorkflowID", "note-1", "Result", "det hun sagde", "PanicError", "det han sagde", 7, "x", "odd")
	l.With("Namespace", "samtale", "Input", "hemmeligt").Info("started")
	out := buf.String()
	for _, s := range []string{"det hun", "det han", "hemmeligt"} {
		if strings.Contains(out, s) {
			t.Errorf("logged %q:\n%s", s, out)
		}
	}
	for _, s := range []string{"WorkflowID=note-1", "Result=(withheld)", "Namespace=samtale", "level=DEBUG"} {
		if !strings.Contains(out, s) {
			t.Errorf("%q missing in:\n%s", s, out)
		}
	}
}

func TestDialGivesUpWithContext(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // nobody takes the connections
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	c, err := Dial(ctx, "test", Config{Addr: l.Addr().String(), Namespace: "samtale"}, key(t, "a"), slog.New(slog.DiscardHandler))
	if !errors.Is(err, errs.Unavailable) || c != nil {
		t.Fatalf("got %v, %v", c, err)
	}
}

func TestCheck(t *testing.T) {
	noPEM := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(noPEM, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		cfg  Config
		ok   bool
	}{
		{"plain", Config{Addr: "x:1"}, true},
		{"missing CA", Config{CA: "/does/not/exist"}, false},
		{"CA without certificate", Config{CA: noPEM}, false},
		{"certificate without CA", Config{Cert: "x"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.cfg.Check(); (err == nil) != tt.ok {
				t.Fatalf("got %v", err)
			}
		})
	}
}
