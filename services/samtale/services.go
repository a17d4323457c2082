package main

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"samtale.dk/samtale/services/assistant"
	"samtale.dk/samtale/services/consent"
	"samtale.dk/samtale/services/journal"
	"samtale.dk/samtale/services/meeting"
	"samtale.dk/samtale/services/phone"
	"samtale.dk/samtale/services/platform/config"
	"samtale.dk/samtale/services/platform/process"
	"samtale.dk/samtale/services/portal"
	"samtale.dk/samtale/services/samtale/internal/command"
	"samtale.dk/samtale/services/speech"
	"samtale.dk/samtale/workflows/worker"
)

type serviceEntry struct {
	name, about string
	run         process.Service
}

func services() []serviceEntry {
	return []serviceEntry{
		{"consent", "keys, choices, legal holds, service areas, audit log", consent.Run},
		{"journal", "transcripts, notes, approval, delivery, deletion", journal.Run},
		{"assistant", "questions with proven answers, knowledge, inquiries", assistant.Run},
		{"speech", "hears: streams of audio in, words out", speech.Run},
		{"phone", "calls: SIP, SIPREC, softphones, queues, messages", phone.Run},
		{"meeting", "video meetings: bookings, lobby, rooms, media", meeting.Run},
		{"worker", "hosts the workflow definitions", worker.Run},
		{"portal", "web pages and JSON API", portal.Run},
	}
}

func service(name string) (serviceEntry, bool) {
	for _, s := range services() {
		if s.name == name {
			return s, true
		}
	}
	return serviceEntry{}, false
}

// serve runs one service with its operations port until ctx is done.
func serve(ctx context.Context, s serviceEntry, args []string, cmd command.Env) error {
	fs := command.Flags(cmd, s.name, "", s.about)
	check := fs.Bool("check-config", false, "check the settings and end")
	if err := command.Parse(fs, args, 0); err != nil {
		return command.Help(err)
	}
	env, err := process.NewEnv(cmd.Environ, cmd.Stderr)
	if err != nil {
		return err
	}
	env.CheckOnly = *check
	misspelt := env.CheckNames()
	if *check {
		if err := errors.Join(misspelt, s.run(ctx, env)); err != nil {
			return err
		}
		fmt.Fprintf(cmd.Stdout, "%s: settings are fine\n", s.name)
		return nil
	}
	var cfg process.Common
	if err := config.Load(cmd.Environ, &cfg); err != nil {
		return err
	}
	flush, err := process.Trace(ctx, s.name, cfg.OTLP)
	if err != nil {
		return err
	}
	defer flush()
	return together(ctx, s, cfg, env)
}

// together: whichever of the service and its operations port fails ends the other. The
// port stays until the service has drained, answering "not ready".
func together(ctx context.Context, s serviceEntry, cfg process.Common, env process.Env) error {
	ops, stopOps := context.WithCancel(context.WithoutCancel(ctx))
	defer stopOps()
	var g errgroup.Group
	run, stopRun := context.WithCancel(ctx)
	defer stopRun()
	context.AfterFunc(run, env.Health.Drain)
	g.Go(func() error {
		defer stopRun()
		return process.ServeOps(ops, cfg.OpsAddr, env)
	})
	g.Go(func() error {
		defer stopOps()
		if err := s.run(run, env); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		if run.Err() == nil {
			return fmt.Errorf("%s: ended by itself", s.name)
		}
		return nil
	})
	return g.Wait()
}
