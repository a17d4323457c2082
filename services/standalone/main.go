// Command standalone is Samtale in one process: all services with an embedded NATS
// server (JetStream on disk), an embedded Temporal server and SQLite files under the
// data folder. It needs no arguments; `SAMTALE_…` settings change addresses and places.
//
// It is a module of its own so that nothing else has to build the Temporal server.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"samtale.dk/samtale/services/platform/process"
)

func main() {
	syscall.Umask(0o077) // the data folder is for this user only
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50) // a laptop has processors to spare rather than memory: some 25 MB less when nobody calls
	}
	ctx, stop := process.Signals()
	defer stop()
	if err := run(ctx, os.Environ(), os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "standalone:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, environ, args []string, stdout, stderr io.Writer) error {
	begin := time.Now()
	mode, err := parse(args)
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
	env.CheckOnly = mode == checkConfig
	misspelt := env.CheckNames()
	if mode == checkConfig {
		err := errors.Join(misspelt, check(env))
		if err == nil {
			fmt.Fprintln(stdout, "standalone: settings are fine")
		}
		return err
	}
	e, err := startEngines(cfg, env)
	if err != nil {
		return err
	}
	defer e.stop()
	if mode == enginesOnly {
		fmt.Fprintf(stdout, "NATS %s\nTemporal %s\n", cfg.NATSListen, e.wf.Addr())
		<-ctx.Done()
		return nil
	}
	return serve(ctx, cfg, e.env, stdout, begin)
}

// mode is what one optional argument chooses.
type mode string

const (
	everything  mode = ""
	checkConfig mode = "-check-config"
	// enginesOnly starts NATS and Temporal for services that run as processes of their
	// own, as the tests that kill them do.
	enginesOnly mode = "-engines"
)

func parse(args []string) (mode, error) {
	if len(args) == 0 {
		return everything, nil
	}
	m := mode("-" + strings.TrimLeft(args[0], "-"))
	if len(args) == 1 && (m == checkConfig || m == enginesOnly) {
		return m, nil
	}
	return "", fmt.Errorf("unknown argument %q: it takes none but -check-config or -engines; settings come from SAMTALE_… in the environment", args[0])
}
