// Command samtale is the program: each service as its own process, and a command for
// each daily task. `samtale help` lists them.
//
// Exit codes: 0 done, 1 failed, 2 wrong usage, 3 a part of the system does not answer.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"samtale.dk/samtale/services/platform/config"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/process"
	"samtale.dk/samtale/services/samtale/internal/command"
)

func main() {
	ctx, stop := process.Signals()
	defer stop()
	err := run(ctx, os.Args[1:], command.Env{Environ: os.Environ(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr})
	stop()
	os.Exit(report(os.Stderr, err))
}

func run(ctx context.Context, args []string, env command.Env) error {
	if len(args) == 0 {
		usage(env.Stderr)
		return command.ErrUsage
	}
	name, rest := args[0], args[1:]
	if name == "help" || name == "-h" || name == "--help" {
		usage(env.Stdout)
		return nil
	}
	if s, ok := service(name); ok {
		return serve(ctx, s, rest, env)
	}
	if t, ok := task(name); ok {
		for _, u := range config.UnknownNames(env.Environ) {
			fmt.Fprintf(env.Stderr, "samtale: there is no setting %s; the nearest is %s\n", u.Name, u.Nearest)
		}
		return t.run(ctx, env, rest)
	}
	return fmt.Errorf("%w: there is no %q; see samtale help", command.ErrUsage, name)
}

// report prints an error for a person and returns the exit code.
func report(w io.Writer, err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, command.ErrUsage):
		if err != command.ErrUsage { // else the usage itself was printed
			fmt.Fprintln(w, "samtale:", err)
		}
		return 2
	}
	fmt.Fprintln(w, "samtale:", err)
	if errors.Is(err, errs.Unavailable) {
		return 3
	}
	return 1
}

func usage(w io.Writer) {
	fmt.Fprint(w, "samtale runs one service of Samtale, or does one task on a running system.\n\nServices (settings from the environment, -check-config only checks them):\n")
	for _, s := range services() {
		fmt.Fprintf(w, "  samtale %-14s %s\n", s.name, s.about)
	}
	fmt.Fprint(w, "\nTasks (-h shows a task's own flags):\n")
	for _, t := range tasks() {
		fmt.Fprintf(w, "  samtale %-14s %s\n", t.name, t.about)
	}
	fmt.Fprint(w, `
Tasks talk to the JSON API at SAMTALE_URL (else http://SAMTALE_HTTP_ADDR, else
http://127.0.0.1:8080) with the token in SAMTALE_TOKEN, else with one made from the
master key (SAMTALE_MASTER_KEY, or master.key in SAMTALE_DATA, else in ./data).
`)
}
