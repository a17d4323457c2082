package ingest_test

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/encoding/protojson"

	"samtale.dk/samtale/services/assistant/internal/source/borger/borgertest"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/temporal"
	workflow "samtale.dk/samtale/workflows/ingest"
	"samtale.dk/samtale/workflows/phonecall"
)

const patience = 2 * time.Minute

// server is a real Temporal: bin/temporal-dev, which `make test` builds.
func server(t *testing.T) client.Client {
	t.Helper()
	path := os.Getenv("SAMTALE_TEST_TEMPORAL")
	if path == "" {
		if os.Getenv("REQUIRE_INTEGRATION") == "1" {
			t.Fatal("REQUIRE_INTEGRATION=1 but SAMTALE_TEST_TEMPORAL names no server")
		}
		t.Skip("SAMTALE_TEST_TEMPORAL names no server")
	}
	cmd := exec.Command(path, "--port", "0") // it takes one that nobody else is given, and tells which
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		must(t, cmd.Process.Signal(os.Interrupt))
		must(t, cmd.Wait())
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	must(t, err)
	var c client.Client
	await(t, "the server", func() error {
		c, err = client.DialContext(t.Context(), client.Options{HostPort: strings.TrimSpace(strings.TrimPrefix(line, "Temporal ")), Logger: quiet{}})
		return err
	})
	t.Cleanup(c.Close)
	return c
}

func await(t *testing.T, what string, f func() error) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waiting for %s: %v", what, err)
		}
	}
}

// The schedules of a real Temporal follow the sources: one is made, runs when a person asks, is paused, changed and deleted. With
// RECORD_HISTORIES=FOLDER the histories are written for the replay test of workflows/ingest.
func TestSchedule(t *testing.T) {
	c := server(t)
	srv := borgertest.New(t, article(1, "Flytning", "Meld flytning."), article(2, "Pas", "Hent passet."))
	h := start(t, sqlite(t), host(t, srv.URL))
	ctx, cancel := context.WithCancel(context.Background())
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		return temporal.Work(ctx, c, temporal.Worker{Queue: phonecall.WorkflowQueue, Register: func(r worker.Registry) {
			r.RegisterWorkflow(workflow.Ingest)
		}})
	})
	g.Go(func() error {
		return temporal.Work(ctx, c, temporal.Worker{Queue: workflow.Queue, Register: func(r worker.Registry) {
			r.RegisterActivity(h.ingest.Activities())
		}})
	})
	g.Go(func() error { return h.ingest.Schedule(ctx, c) })
	t.Cleanup(func() {
		cancel()
		must(t, g.Wait())
	})

	const seldom = 1000 * 24 * time.Hour // so that it does not run by itself in the minutes of this test
	s := knowledgev1.Source{ID: "borger", Kind: knowledgev1.KindBorger, URL: srv.URL, Every: seldom}
	h.save(t, s)
	await(t, "the next run to be known", func() error {
		rep, err := h.Sources(t.Context(), knowledgev1.SourcesRequest{})
		must(t, err)
		if next := rep.Sources[0].NextRunAt; next.Before(time.Now()) || next.After(time.Now().Add(seldom+time.Hour)) {
			return errors.New("next run " + next.String())
		}
		return nil
	})
	r, err := h.RunSource(t.Context(), knowledgev1.SourceRef{ID: "borger"})
	must(t, err)
	if r.State != knowledgev1.RunRunning {
		t.Fatalf("asked for: %+v", r)
	}
	ended := func(id, state string) func() error { // a person's wish may trigger the schedule twice: then another run follows
		return func() error {
			rep, err := h.Sources(t.Context(), knowledgev1.SourcesRequest{})
			must(t, err)
			for _, r := range rep.Runs {
				if r.ID == id && r.State != state {
					return errors.New(r.State)
				}
				if r.ID == id {
					return nil
				}
			}
			return errors.New("no such run")
		}
	}
	await(t, "the run", ended(r.ID, knowledgev1.RunDone))
	record(t, c, "borger", "fetched")

	// A source that cannot be listed.
	h.save(t, knowledgev1.Source{ID: "sider", Kind: knowledgev1.KindSitemap, URL: srv.URL + "/sitemap.xml"})
	if _, err := h.RunSource(t.Context(), knowledgev1.SourceRef{ID: "sider"}); err == nil {
		t.Error("a crawler that nobody has switched on was run")
	}
	h.save(t, knowledgev1.Source{ID: "sider", Kind: knowledgev1.KindSitemap, URL: srv.URL + "/sitemap.xml"})
	r, err = h.RunSource(t.Context(), knowledgev1.SourceRef{ID: "sider"})
	must(t, err)
	await(t, "the failure", ended(r.ID, knowledgev1.RunFailed))
	record(t, c, "sider", "failed")

	handle := c.ScheduleClient().GetHandle(t.Context(), workflow.ID("borger"))
	s.Paused, s.Every = true, 12*time.Hour
	h.save(t, s)
	await(t, "the pause", func() error {
		d, err := handle.Describe(t.Context())
		if err != nil {
			return err
		}
		if !d.Schedule.State.Paused || d.Schedule.Spec.Intervals[0].Every != 12*time.Hour {
			return errors.New("not yet")
		}
		return nil
	})
	_, err = h.Remove(t.Context(), knowledgev1.SourceRef{ID: "borger"})
	must(t, err)
	await(t, "the deletion", func() error {
		_, err := handle.Describe(t.Context())
		var absent *serviceerror.NotFound
		if errors.As(err, &absent) {
			return nil
		}
		return errors.New("still there")
	})
}

// record writes the history of a source's only workflow.
func record(t *testing.T, c client.Client, source, name string) {
	t.Helper()
	dir := os.Getenv("RECORD_HISTORIES")
	if dir == "" {
		return
	}
	var id string
	await(t, "the workflow to be closed", func() error {
		d, err := c.ScheduleClient().GetHandle(t.Context(), workflow.ID(source)).Describe(t.Context())
		must(t, err)
		if len(d.Info.RecentActions) == 0 {
			return errors.New("it has not begun")
		}
		id = d.Info.RecentActions[0].StartWorkflowResult.WorkflowID
		return c.GetWorkflow(t.Context(), id, "").Get(t.Context(), nil)
	})
	var hist historypb.History
	iter := c.GetWorkflowHistory(t.Context(), id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for iter.HasNext() {
		e, err := iter.Next()
		must(t, err)
		hist.Events = append(hist.Events, e)
	}
	data, err := protojson.MarshalOptions{Indent: " "}.Marshal(&hist)
	must(t, err)
	host, err := os.Hostname()
	must(t, err)
	text := strings.NewReplacer("@"+host+"@", "@host@", `"`+host+":", `"host:`).Replace(string(data))
	must(t, os.WriteFile(filepath.Join(dir, name+".json"), []byte(text+"\n"), 0o644))
}
