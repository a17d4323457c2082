package phone

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/bus/natsserver"
	"samtale.dk/samtale/services/platform/health"
	"samtale.dk/samtale/services/platform/process"
)

// A bus that cannot do at once what the service needs of it, as when all start together on a busy machine, does not end it.
func TestBusRefusesAtTheStart(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	srv, err := natsserver.Start(natsserver.Config{StoreDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Stop)
	b, err := bus.Connect("test", bus.Config{}, log, srv.Option())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	asked := make(chan *nats.Msg, 100)
	if _, err := b.NC.ChanSubscribe("$JS.API.STREAM.CREATE."+callv1.WillStream, asked); err != nil {
		t.Fatal(err)
	}
	// While another stream has its subjects, the one of the wills is refused.
	if _, err := b.JS.CreateStream(t.Context(), jetstream.StreamConfig{Name: "OTHER", Subjects: []string{callv1.WillSubject("*")}}); err != nil {
		t.Fatal(err)
	}
	env := process.Env{
		Environ: []string{"SAMTALE_SIP_ADDR=" + freeAddr(t), "SAMTALE_RTP_PORTS=" + ownPorts(), "SAMTALE_DATA=" + t.TempDir(), "SAMTALE_DRAIN=1s"},
		Log:     log, Metrics: prometheus.NewRegistry(), Health: health.New(), NATS: []nats.Option{srv.Option()},
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Run(ctx, env) }()
	for range 2 { // it asks again
		select {
		case <-asked:
		case err := <-done:
			t.Fatalf("the service ended: %v", err)
		}
	}
	if err := b.JS.DeleteStream(t.Context(), "OTHER"); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := b.JS.Stream(t.Context(), callv1.WillStream); err == nil {
			break
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case err := <-done:
			t.Fatalf("the service ended: %v", err)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
