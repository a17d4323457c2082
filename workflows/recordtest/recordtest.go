// Package recordtest writes histories of workflows that ran on a real server, for the replay test of workflows/worker to read:
// after a change that old histories need not survive, or for a new path. Recording is by hand:
//
//	bin/temporal-dev --namespace record
//	SAMTALE_RECORD_TEMPORAL=127.0.0.1:7233 go test -run TestRecordHistories ./workflows/meeting
package recordtest

import (
	"bytes"
	"os"
	"testing"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/client"
)

// Dial connects to the server's namespace "record", where nobody else takes the tasks. Without SAMTALE_RECORD_TEMPORAL the test is skipped.
func Dial(t *testing.T) client.Client {
	t.Helper()
	addr := os.Getenv("SAMTALE_RECORD_TEMPORAL")
	if addr == "" {
		t.Skip("SAMTALE_RECORD_TEMPORAL names no server; recording is by hand")
	}
	c, err := client.Dial(client.Options{HostPort: addr, Namespace: "record", Identity: "recorder"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// Write waits for the workflow's end and writes its history to path.
func Write(t *testing.T, c client.Client, id, path string) {
	t.Helper()
	if err := c.GetWorkflow(t.Context(), id, "").Get(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	var h historypb.History
	it := c.GetWorkflowHistory(t.Context(), id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for it.HasNext() {
		e, err := it.Next()
		if err != nil {
			t.Fatal(err)
		}
		h.Events = append(h.Events, e)
	}
	data, err := temporalproto.CustomJSONMarshalOptions{Indent: " "}.Marshal(&h)
	if err != nil {
		t.Fatal(err)
	}
	host, err := os.Hostname() // names the worker's own queue
	if err != nil {
		t.Fatal(err)
	}
	data = bytes.ReplaceAll(data, []byte(`"`+host+`:`), []byte(`"worker:`))
	if err := os.WriteFile(path, append(data, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}
