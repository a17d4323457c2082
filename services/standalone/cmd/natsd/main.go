// Command natsd is a NATS server with JetStream for tests that run services as
// processes of their own.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"samtale.dk/samtale/services/platform/bus/natsserver"
	"samtale.dk/samtale/services/platform/process"
)

func main() {
	ctx, stop := process.Signals()
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "natsd:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	cfg := natsserver.Config{SyncAlways: true}
	fs := flag.NewFlagSet("natsd", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&cfg.StoreDir, "dir", "", "folder of the JetStream files")
	fs.StringVar(&cfg.Host, "ip", "127.0.0.1", "address to listen on")
	fs.IntVar(&cfg.Port, "port", 4222, "port to listen on; -1: any free one")
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	if cfg.StoreDir == "" {
		return errors.New("-dir is missing")
	}
	srv, err := natsserver.Start(cfg)
	if err != nil {
		return err
	}
	fmt.Fprintln(stdout, "NATS", srv.URL())
	<-ctx.Done()
	srv.Stop()
	return nil
}
