// Command bench prints the budget table of the design with what was measured beside it,
// and a baseline from the same run where there is an honest one. `make bench` starts it.
//
// It judges nothing: a figure over its budget is marked, and the exit status says only
// whether everything could be measured. Each group of rows can be run alone (-only), and
// every row names the command that prints it.
//
// What runs at once: the groups run one after the other. Within a group the program under
// measurement is always a process of its own (bin/standalone, bin/samtale, or this
// program started again as one half of a telephone line), so that its CPU time and its
// allocations are not mixed with those of the callers, the broker and the listeners, who
// live here.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// group is some rows that are measured together.
type group struct {
	name string
	run  func(ctx context.Context, b *bench) error
}

var groups = []group{
	{"legs", measureLegs},
	{"recogniser", measureRecogniser},
	{"standalone", measureStandalone},
	{"recovery", measureRecovery},
	{"assistant", measureAssistant},
	{"retrieval", measureRetrieval},
	{"sfu", measureSFU},
	{"later", showLater},
}

// bench is one run.
type bench struct {
	bin   string // folder of the built programs
	quick bool   // short windows, to see that everything works
	prof  string // folder for CPU profiles of legs; empty: none
	log   io.Writer
	rows  []row
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) == 2 && os.Args[1] == partArgument {
		if err := runPart(ctx, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "bench part:", err)
			os.Exit(1)
		}
		return
	}
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	b := &bench{log: stderr}
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.SetOutput(stderr)
	asJSON := fs.Bool("json", false, "print JSON")
	only := fs.String("only", "", "comma-separated groups: "+strings.Join(names(), ", "))
	fs.StringVar(&b.bin, "bin", "bin", "folder of the built programs")
	fs.BoolVar(&b.quick, "quick", false, "short windows: shows that it works, not how fast")
	fs.StringVar(&b.prof, "profile", "", "folder for a CPU profile of each kind of leg")
	if err := fs.Parse(args); err != nil {
		return err
	}
	chosen, err := choose(*only)
	if err != nil {
		return err
	}
	m := describeMachine()
	if m.Load > 1 {
		fmt.Fprintf(stderr, "The load is %.1f: something else runs here, and the figures will be worse than they are.\n", m.Load)
	}
	failed := b.measure(ctx, chosen)
	if *asJSON {
		enc := json.NewEncoder(stdout)
		enc.SetIndent("", "  ")
		err = enc.Encode(report{m, b.rows})
	} else {
		err = printTable(stdout, m, b.rows)
	}
	if err == nil && len(failed) > 0 {
		err = fmt.Errorf("not measured: %s", strings.Join(failed, ", "))
	}
	return err
}

func names() []string {
	var out []string
	for _, g := range groups {
		out = append(out, g.name)
	}
	return out
}

func choose(only string) ([]group, error) {
	if only == "" {
		return groups, nil
	}
	var out []group
	for name := range strings.SplitSeq(only, ",") {
		n := len(out)
		for _, g := range groups {
			if g.name == name {
				out = append(out, g)
			}
		}
		if len(out) == n {
			return nil, fmt.Errorf("there is no group %q; there are %s", name, strings.Join(names(), ", "))
		}
	}
	return out, nil
}

// measure runs groups and returns the names of those that failed. Their rows so far stay.
func (b *bench) measure(ctx context.Context, chosen []group) (failed []string) {
	for _, g := range chosen {
		begin, n := time.Now(), len(b.rows)
		err := g.run(ctx, b)
		for i := range b.rows[n:] {
			if r := &b.rows[n+i]; r.By == "" && r.Missing == "" {
				r.By = "go run ./deploy/bench -only " + g.name
			}
		}
		if err != nil {
			fmt.Fprintf(b.log, "%s: %v\n", g.name, err)
			b.add(row{What: g.name + ": the rest", Missing: "not measured"})
			failed = append(failed, g.name)
		}
		b.say("%s took %s", g.name, time.Since(begin).Round(time.Second))
		if ctx.Err() != nil {
			break
		}
	}
	return failed
}

func (b *bench) add(r row) { b.rows = append(b.rows, r) }

func (b *bench) say(format string, args ...any) { fmt.Fprintf(b.log, "  "+format+"\n", args...) }

// window is how long something is measured.
func (b *bench) window(d time.Duration) time.Duration {
	if b.quick {
		return min(d, 3*time.Second)
	}
	return d
}

// pause waits unless ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// showLater names the budgets that are not measured.
func showLater(_ context.Context, b *bench) error {
	for _, r := range []row{
		{What: "assistant with a model, our overhead before its first token", Budget: "≤ 30 ms"},
	} {
		r.Missing = "no model was at hand"
		b.add(r)
	}
	return nil
}
