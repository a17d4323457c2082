// Package bustest gives tests a real NATS server with JetStream in process.
package bustest

import (
	"log/slog"
	"testing"

	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/bus/natsserver"
)

// New starts a server in a temporary folder and connects to it.
func New(t testing.TB, streams ...bus.Stream) *bus.Bus {
	t.Helper()
	srv, err := natsserver.Start(natsserver.Config{StoreDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	b, err := bus.Connect(t.Name(), bus.Config{}, slog.New(slog.DiscardHandler), srv.Option())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close(); srv.Stop() })
	if err := b.EnsureStreams(t.Context(), streams...); err != nil {
		t.Fatal(err)
	}
	return b
}
