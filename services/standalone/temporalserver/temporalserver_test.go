package temporalserver

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

func start(t *testing.T, dir string) (*Server, error) {
	t.Helper()
	return Start(Config{Dir: dir, Namespaces: []string{"test"}, Retention: 5 * 24 * time.Hour, Log: slog.New(slog.DiscardHandler)})
}

func dial(t *testing.T, s *Server) client.Client {
	t.Helper()
	c, err := client.Dial(client.Options{
		HostPort: s.Addr(), Namespace: "test", Logger: quiet{}, ConnectionOptions: client.ConnectionOptions{GetSystemInfoTimeout: time.Minute},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}

const queue = "test"

// patient waits for a signal, which may come from another life of the server.
func patient(ctx workflow.Context) (string, error) {
	var s string
	workflow.GetSignalChannel(ctx, "go").Receive(ctx, &s)
	return s, nil
}

func work(t *testing.T, c client.Client) worker.Worker {
	t.Helper()
	w := worker.New(c, queue, worker.Options{})
	w.RegisterWorkflow(patient)
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	return w
}

// TestRestart: a workflow that waits is there after a restart and goes on; the
// namespace keeps the retention that was asked for.
func TestRestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "temporal")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	s, err := start(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	c := dial(t, s)
	ns, err := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: "test"})
	if err != nil || ns.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration() != 5*24*time.Hour {
		t.Fatalf("retention %v, %v", ns.GetConfig().GetWorkflowExecutionRetentionTtl(), err)
	}
	if _, err := os.Stat(filepath.Join(dir, dbFile+"-wal")); err != nil {
		t.Errorf("no write-ahead log: %v", err) // a pragma that is misspelt is ignored by SQLite
	}
	w := work(t, c)
	if _, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "w", TaskQueue: queue}, patient); err != nil {
		t.Fatal(err)
	}
	w.Stop()
	c.Close()
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}

	s, err = start(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	c = dial(t, s)
	defer c.Close()
	if err := c.SignalWorkflow(ctx, "w", "", "go", "videre"); err != nil {
		t.Fatal(err)
	}
	defer work(t, c).Stop()
	var got string
	if err := c.GetWorkflow(ctx, "w", "").Get(ctx, &got); err != nil || got != "videre" {
		t.Fatalf("%q %v", got, err)
	}
}

func TestAnotherVersionIsRefused(t *testing.T) {
	dir := t.TempDir()
	db := filepath.Join(dir, dbFile)
	for path, text := range map[string]string{db: "data of the other version", filepath.Join(dir, stampFile): "1.20.0\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := start(t, dir); !errors.Is(err, ErrVersion) {
		t.Fatalf("got %v", err)
	}
	if data, err := os.ReadFile(db); err != nil || string(data) != "data of the other version" {
		t.Fatalf("the data was touched: %q %v", data, err)
	}
}

// A first start that was cut short leaves a database without a stamp.
func TestUnfinishedStart(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, dbFile), []byte("half a schema"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := start(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
}

func TestPortIsTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = Start(Config{Dir: t.TempDir(), Port: l.Addr().(*net.TCPAddr).Port, Namespaces: []string{"test"}, Log: slog.New(slog.DiscardHandler)})
	if err == nil {
		t.Fatal("started on a taken port")
	}
}

func TestInMemory(t *testing.T) {
	s, err := start(t, "")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	c := dial(t, s)
	defer c.Close()
	if _, err := c.CheckHealth(t.Context(), &client.CheckHealthRequest{}); err != nil {
		t.Fatal(err)
	}
}
