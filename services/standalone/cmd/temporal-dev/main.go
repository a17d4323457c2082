// Command temporal-dev is a Temporal server for tests. It takes the flags of
// `temporal server start-dev` that the SDK's testsuite.StartDevServer uses, so that a
// test may pass it as ExistingPath, and keeps its data in a SQLite file when told to.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"

	"samtale.dk/samtale/services/platform/process"
	"samtale.dk/samtale/services/platform/temporal"
	"samtale.dk/samtale/services/standalone/temporalserver"
)

func main() {
	ctx, stop := process.Signals()
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "temporal-dev:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) >= 2 && args[0] == "server" && args[1] == "start-dev" {
		args = args[2:]
	}
	cfg := temporalserver.Config{Retention: temporal.Retention, Log: slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	fs := flag.NewFlagSet("temporal-dev", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&cfg.Host, "ip", "127.0.0.1", "address to listen on")
	fs.IntVar(&cfg.Port, "port", 7233, "port to listen on; 0: any free one")
	fs.StringVar(&cfg.Dir, "db-folder", "", "folder of the SQLite file; empty: in memory")
	fs.Func("namespace", "namespace to create; may be repeated", func(s string) error {
		cfg.Namespaces = append(cfg.Namespaces, s)
		return nil
	})
	// Flags that StartDevServer always passes and that change nothing here.
	fs.Bool("headless", true, "no web pages; there are none")
	fs.String("log-level", "warn", "ignored")
	fs.String("log-format", "pretty", "ignored")
	fs.Func("dynamic-config-value", "ignored", func(string) error { return nil })
	fs.Func("search-attribute", "not supported", func(string) error { return errors.New("not supported") })
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	if len(cfg.Namespaces) == 0 {
		cfg.Namespaces = []string{"default"}
	}
	srv, err := temporalserver.Start(cfg)
	if err != nil {
		return err
	}
	fmt.Fprintln(stdout, "Temporal", srv.Addr())
	<-ctx.Done()
	return srv.Stop()
}
