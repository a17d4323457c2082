// Command standalone is Samtale in one process: all services with an embedded NATS
// server (JetStream on disk), an embedded Temporal server and SQLite files under the
// data folder. It needs no arguments; `SAMTALE_…` settings change addresses and places.
//
// It is a module of its own so that nothing else has to build the Temporal server.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"samtale.dk/samtale/services/platform/process"
)

func main() {
	ctx, stop := process.Signals()
	defer stop()
	if err := run(ctx, os.Environ(), os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "standalone:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, environ, args []string, stdout, stderr io.Writer) error {
	begin := time.Now()
	checkOnly, err := parse(args)
	if err != nil {
		return err
	}
	cfg, err := load(environ)
	if err != nil {
		return err
	}
	env, err := process.NewEnv(cfg.environ(environ), stderr)
	if err != nil {
		return err
	}
	if checkOnly {
		return check(env)
	}
	e, err := startEngines(cfg, env)
	if err != nil {
		return err
	}
	defer e.stop()
	return serve(ctx, cfg, e.env, stdout, begin)
}

func parse(args []string) (checkOnly bool, err error) {
	switch {
	case len(args) == 0:
		return false, nil
	case len(args) == 1 && (args[0] == "-check-config" || args[0] == "--check-config"):
		return true, nil
	}
	return false, fmt.Errorf("unknown argument %q; it takes none but -check-config, settings come from SAMTALE_… in the environment", args[0])
}
