package worker

import (
	"context"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/worker"

	"samtale.dk/samtale/services/platform/masterkey"
	"samtale.dk/samtale/services/platform/process"
	"samtale.dk/samtale/services/platform/temporal"
)

// TestReplay runs today's definitions against histories that earlier ones left behind
// (recorded by the tests of services/standalone, payloads encrypted): a change that
// would stop running workflows fails here.
func TestReplay(t *testing.T) {
	master, err := masterkey.Parse(strings.Repeat("5a", 32))
	if err != nil {
		t.Fatal(err)
	}
	codec, err := temporal.NewCodec(master)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) < 3 {
		t.Fatalf("histories: %v %v", files, err)
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			r, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{DataConverter: codec.DataConverter()})
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
