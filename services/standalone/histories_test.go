package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/encoding/protojson"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/masterkey"
	"samtale.dk/samtale/services/platform/temporal"
	"samtale.dk/samtale/workflows/erasure"
	"samtale.dk/samtale/workflows/note"
	"samtale.dk/samtale/workflows/phonecall"
)

// historyKey is the master key of the recorded histories; it protects nothing else.
var historyKey = strings.Repeat("5a", 32)

// TestHistories takes a message through all workflows and looks at what Temporal has
// stored: none of what was said. With RECORD_HISTORIES=FOLDER it also writes the
// histories for the replay test of workflows/worker; that is done once per change of a
// workflow, and old recordings stay.
func TestHistories(t *testing.T) {
	addr := freePorts(t, 1)[0]
	i := install(t, "SAMTALE_KEEP_AFTER=0s", "SAMTALE_MASTER_KEY="+historyKey, "SAMTALE_TEMPORAL_LISTEN="+addr)
	c := newCall()
	i.speak(c, said)
	i.hangUp(c)
	i.approve(i.awaitNote(c, journalv1.NoteDraft))
	i.await("the key to be destroyed", func() error {
		_, err := bus.Request[consentv1.KeyReply](t.Context(), i.bus, consentv1.KeySubject, consentv1.KeyRequest{ConversationID: c.id})
		if err == nil {
			return errors.New("it is still there")
		}
		return nil
	})
	cl := dial(t, addr)
	for _, id := range []string{phonecall.ID(c.id), note.ID(c.id), erasure.ID(c.id)} {
		if err := cl.GetWorkflow(t.Context(), id, "").Get(t.Context(), nil); err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		text := history(t, cl, id)
		for _, w := range []string{"boligstøtte", "ringes op", "Mette"} {
			if strings.Contains(text, w) {
				t.Errorf("%s: the history holds %q", id, w)
			}
		}
		if dir := os.Getenv("RECORD_HISTORIES"); dir != "" {
			name, _, _ := strings.Cut(id, "-")
			if err := os.WriteFile(filepath.Join(dir, name+".json"), []byte(text+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func dial(t *testing.T, addr string) client.Client {
	t.Helper()
	master, err := masterkey.Parse(historyKey)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := temporal.Dial(ctx, "test", temporal.Config{Addr: addr, Namespace: "samtale"}, master, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// history is a workflow's history as Temporal's own tools print it.
func history(t *testing.T, c client.Client, id string) string {
	t.Helper()
	var h historypb.History
	iter := c.GetWorkflowHistory(t.Context(), id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for iter.HasNext() {
		e, err := iter.Next()
		if err != nil {
			t.Fatal(err)
		}
		h.Events = append(h.Events, e)
	}
	if len(h.Events) < 5 {
		t.Fatalf("%s has %d events", id, len(h.Events))
	}
	data, err := protojson.MarshalOptions{Indent: " "}.Marshal(&h)
	if err != nil {
		t.Fatal(err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(data), "@"+host+"/", "@host/")
}
