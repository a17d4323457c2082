package worker

import (
	"context"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/worker"

	"samtale.dk/samtale/services/platform/masterkey"
	"samtale.dk/samtale/services/platform/process"
	"samtale.dk/samtale/services/platform/temporal"
)

// TestReplay runs today's definitions over histories that earlier ones left behind: a running workflow must be able to go on after
// an upgrade. Those of this folder are of the standalone's tests, with encrypted payloads; each definition's own are in its testdata.
func TestReplay(t *testing.T) {
	master, err := masterkey.Parse(strings.Repeat("5a", 32))
	if err != nil {
		t.Fatal(err)
	}
	codec, err := temporal.NewCodec(master)
	if err != nil {
		t.Fatal(err)
	}
	for folder, converter := range map[string]converter.DataConverter{
		"worker": codec.DataConverter(), "erasure": nil, "ingest": nil, "inquiry": nil, "meeting": nil, "note": nil, "phonecall": nil,
	} {
		files, err := filepath.Glob(filepath.Join("..", folder, "testdata", "*.json"))
		if err != nil || len(files) == 0 {
			t.Errorf("histories of %s: %v %v", folder, files, err)
		}
		for _, f := range files {
			t.Run(folder+"/"+filepath.Base(f), func(t *testing.T) {
				r, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{
					DataConverter: converter, DisableDeadlockDetection: true, // a slow machine is in none
				})
				if err != nil {
					t.Fatal(err)
				}
				Register(r)
				if err := r.ReplayWorkflowHistoryFromJSONFile(nil, f); err != nil {
					t.Fatal(err)
				}
			})
		}
	}
}

func TestSettings(t *testing.T) {
	for _, tt := range []struct {
		name    string
		environ []string
		ok      bool
	}{
		{"defaults", nil, true},
		{"CA is missing", []string{"SAMTALE_TEMPORAL_CA=/does/not/exist"}, false},
		{"key from nowhere", []string{"SAMTALE_MASTER_KEY_FILE=/does/not/exist"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			env, err := process.NewEnv(nil, io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			env.Environ, env.CheckOnly = tt.environ, true
			if err := Run(t.Context(), env); (err == nil) != tt.ok {
				t.Fatalf("got %v", err)
			}
		})
	}
}

// A worker that waits for Temporal can be stopped.
func TestStopWhileWaiting(t *testing.T) {
	env, err := process.NewEnv([]string{"SAMTALE_DATA=" + t.TempDir(), "SAMTALE_TEMPORAL_ADDR=127.0.0.1:1"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := Run(ctx, env); err != nil {
		t.Fatal(err)
	}
}
