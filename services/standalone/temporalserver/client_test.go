package temporalserver_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	sdk "go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/types/known/durationpb"

	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/masterkey"
	"samtale.dk/samtale/services/platform/temporal"
	"samtale.dk/samtale/services/standalone/temporalserver"
)

// These tests hold services/platform/temporal against a real server.

func master(t *testing.T) masterkey.Key {
	t.Helper()
	k, err := masterkey.Parse(strings.Repeat("5a", 32))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

var quietLog = slog.New(slog.DiscardHandler)

// register makes the namespace, trying again as long as ctx lives: a fresh server takes some 12 s until it accepts one.
func register(ctx context.Context, cfg temporal.Config) error {
	for {
		ns, err := client.NewNamespaceClient(client.Options{HostPort: cfg.Addr, Logger: sdklog.NewStructuredLogger(quietLog)})
		if err == nil {
			err = ns.Register(ctx, &workflowservice.RegisterNamespaceRequest{
				Namespace: cfg.Namespace, WorkflowExecutionRetentionPeriod: durationpb.New(temporal.Retention),
			})
			ns.Close()
		}
		if exists := new(serviceerror.NamespaceAlreadyExists); err == nil || errors.As(err, &exists) { // only the answer did not come in time
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Second):
		}
	}
}

// connect starts a server and dials it.
func connect(t *testing.T) (client.Client, temporal.Config) {
	t.Helper()
	srv, err := temporalserver.Start(temporalserver.Config{Log: quietLog})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Stop() })
	cfg := temporal.Config{Addr: srv.Addr(), Namespace: "samtale"}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if err := register(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	c, err := temporal.Dial(ctx, "test", cfg, master(t), quietLog)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, cfg
}

type input struct{ Text string }

// greet is a workflow whose activity answers, fails with a kind, or fails in detail.
func greet(ctx workflow.Context, in input) (out string, err error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 2 * time.Minute, HeartbeatTimeout: time.Minute})
	err = workflow.ExecuteActivity(ctx, "Greet", in).Get(ctx, &out)
	return out, err
}

func greetActivity(_ context.Context, in input) (string, error) {
	if in.Text == "fejl" {
		return "", errs.E(errs.Denied, "Det må du ikke, hemmelige Bente.", errors.New("row 7"))
	}
	return "hej " + in.Text, nil
}

// work runs a worker until the test ends and fails the test if it ended in error.
func work(t *testing.T, c client.Client) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- temporal.Work(ctx, c, temporal.Worker{Queue: "q", Register: func(r worker.Registry) {
			r.RegisterWorkflowWithOptions(greet, workflow.RegisterOptions{Name: "Greet"})
			r.RegisterActivityWithOptions(greetActivity, activity.RegisterOptions{Name: "Greet"})
		}})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("worker: %v", err)
		}
	})
}

func execute(t *testing.T, c client.Client, id, text string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: "q"}, "Greet", input{text})
	if err != nil {
		t.Fatal(err)
	}
	var out string
	err = run.Get(ctx, &out)
	return out, err
}

func history(t *testing.T, c client.Client, id string) string {
	t.Helper()
	var b strings.Builder
	for it := c.GetWorkflowHistory(t.Context(), id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); it.HasNext(); {
		e, err := it.Next()
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(e.String())
	}
	return b.String()
}

// Values come back, errors keep their kind and text, and the server sees neither.
func TestPayloadsAndFailures(t *testing.T) {
	c, cfg := connect(t)
	if err := temporal.Polled(t.Context(), c, cfg, "q"); !errors.Is(err, errs.Unavailable) {
		t.Fatalf("nobody polls, but: %v", err)
	}
	work(t, c)
	got, err := execute(t, c, "w-1", "hemmelige Bente")
	if err != nil || got != "hej hemmelige Bente" {
		t.Fatalf("%q %v", got, err)
	}
	_, err = execute(t, c, "w-2", "fejl")
	var app *sdk.ApplicationError
	if !errors.As(err, &app) || app.Type() != string(errs.Denied) || app.Message() != "Det må du ikke, hemmelige Bente." ||
		strings.Contains(err.Error(), "row 7") {
		t.Fatalf("came back as %v", err)
	}
	for _, id := range []string{"w-1", "w-2"} {
		if h := history(t, c, id); strings.Contains(h, "hemmelige") || !strings.Contains(h, "binary/encrypted") {
			t.Errorf("%s: the history shows what was said, or is empty", id)
		}
	}
	if err := temporal.Polled(t.Context(), c, cfg, "q"); err != nil {
		t.Errorf("a worker polls, but: %v", err)
	}
	if err := temporal.Ready(t.Context(), c, cfg); err != nil {
		t.Error(err)
	}
}

// Another installation's key opens nothing and says so.
func TestAnotherKey(t *testing.T) {
	c, cfg := connect(t)
	work(t, c)
	if _, err := execute(t, c, "w-1", "x"); err != nil {
		t.Fatal(err)
	}
	other, err := masterkey.Parse(strings.Repeat("a5", 32))
	if err != nil {
		t.Fatal(err)
	}
	c2, err := temporal.Dial(t.Context(), "other", cfg, other, quietLog)
	if err != nil {
		t.Fatal(err)
	}
	defer c2.Close()
	var out string
	if err := c2.GetWorkflow(t.Context(), "w-1", "").Get(t.Context(), &out); !errors.Is(err, temporal.ErrPayload) {
		t.Fatalf("%q %v", out, err)
	}
}

// A trace goes from the caller through the workflow into the activity.
func TestTrace(t *testing.T) {
	before := otel.GetTracerProvider()
	t.Cleanup(func() { otel.SetTracerProvider(before) })
	rec := tracetest.NewSpanRecorder()
	otel.SetTracerProvider(trace.NewTracerProvider(trace.WithSpanProcessor(rec)))
	c, _ := connect(t)
	work(t, c)
	ctx, span := otel.Tracer("test").Start(t.Context(), "call")
	run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "w-1", TaskQueue: "q"}, "Greet", input{"x"})
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Get(ctx, nil); err != nil {
		t.Fatal(err)
	}
	span.End()
	want := "RunActivity:Greet"
	var seen []string
	for _, s := range rec.Ended() {
		seen = append(seen, s.Name())
		if s.Name() == want && s.SpanContext().TraceID() == span.SpanContext().TraceID() {
			return
		}
	}
	t.Fatalf("no span %s in the caller's trace; spans: %v", want, seen)
}

// Dial may begin before the namespace is made.
func TestDialWaitsForNamespace(t *testing.T) {
	_, cfg := connect(t)
	cfg.Namespace = "later"
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	registered := make(chan error, 1)
	go func() { registered <- register(ctx, cfg) }()
	c, err := temporal.Dial(ctx, "early", cfg, master(t), quietLog)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if err := <-registered; err != nil {
		t.Fatal(err)
	}
}
