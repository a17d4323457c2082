// Package receiver is the demo case system: it takes approved notes by signed webhook
// (services/contract/deliveryv1), keeps them in the data folder and shows them on a page.
//
// It stands for the authority's own case system and shares nothing with the services
// but the webhook and its secret. Each note is one file; the file name is the event's
// id, which is what makes taking it twice harmless.
package receiver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"time"
	_ "time/tzdata" // the page shows Danish time wherever the program runs

	"samtale.dk/samtale/services/platform/process"
)

type settings struct {
	process.Common
	Addr   string `env:"SAMTALE_RECEIVER_ADDR" envDefault:"127.0.0.1:8081"`
	Secret string `env:"SAMTALE_WEBHOOK_SECRET"`
}

// Run serves until ctx is done.
func Run(ctx context.Context, env process.Env) error {
	var cfg settings
	if err := env.Load(&cfg); err != nil {
		return err
	}
	if cfg.Secret == "" {
		return errors.New("settings: SAMTALE_WEBHOOK_SECRET is missing; it must be the one that the journal signs with")
	}
	if env.CheckOnly {
		return nil
	}
	store, err := openStore(filepath.Join(cfg.Data, "receiver"))
	if err != nil {
		return err
	}
	h, err := handler(store, []byte(cfg.Secret), time.Now, env.Log.With("service", "receiver"))
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return fmt.Errorf("demo case system (SAMTALE_RECEIVER_ADDR): %w", err)
	}
	env.Health.Add("receiver", func(context.Context) error { return store.ready() })
	return serve(ctx, ln, h)
}

func serve(ctx context.Context, ln net.Listener, h http.Handler) error {
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
	}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(ln) }()
	select {
	case err := <-failed:
		return fmt.Errorf("demo case system: %w", err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	if err := srv.Shutdown(stop); err != nil {
		return srv.Close()
	}
	return nil
}
