package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"time"

	"samtale.dk/samtale/services/assistant"
	"samtale.dk/samtale/services/consent"
	"samtale.dk/samtale/services/journal"
	"samtale.dk/samtale/services/meeting"
	"samtale.dk/samtale/services/phone"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/process"
	"samtale.dk/samtale/services/portal"
	"samtale.dk/samtale/services/speech"
	"samtale.dk/samtale/services/standalone/internal/datadir"
	"samtale.dk/samtale/services/standalone/internal/supervise"
	"samtale.dk/samtale/services/standalone/receiver"
	"samtale.dk/samtale/workflows/worker"
)

// units in the order in which they start; they stop in the reverse one, so that calls
// end while everything they need still runs.
func units() []supervise.Unit {
	return []supervise.Unit{
		{Name: "receiver", Run: receiver.Run},
		{Name: "consent", Run: consent.Run},
		{Name: "journal", Run: journal.Run},
		{Name: "worker", Run: worker.Run},
		{Name: "assistant", Run: assistant.Run},
		{Name: "speech", Run: speech.Run},
		{Name: "portal", Run: portal.Run},
		{Name: "meeting", Run: meeting.Run},
		{Name: "phone", Run: phone.Run},
	}
}

// check lets every service load and check its settings; env only checks.
func check(env process.Env) error {
	if !has(env.Environ, "SAMTALE_WEBHOOK_SECRET") { // made at the first start
		env.Environ = with(env.Environ, "SAMTALE_WEBHOOK_SECRET", "later")
	}
	var failed []error
	for _, u := range units() {
		if err := u.Run(context.Background(), env); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", u.Name, err))
		}
	}
	return errors.Join(failed...)
}

// serve runs all services until ctx is done and says when they are ready.
func serve(ctx context.Context, cfg settings, env process.Env, stdout io.Writer, begin time.Time) error {
	flush, err := process.Trace(ctx, "standalone", cfg.OTLP)
	if err != nil {
		return err
	}
	defer flush()
	all := units()
	for _, u := range all {
		// Each service puts its real probe in place of this one.
		env.Health.Add(u.Name, func(context.Context) error { return errs.E(errs.Unavailable, "", errStarting) })
	}
	env.Health.Add("disk", func(context.Context) error {
		err := datadir.Probe(cfg.Data)
		if err != nil {
			return errs.E(errs.Unavailable, "", err)
		}
		return nil
	})
	all = append(all, supervise.Unit{Name: "operations", Run: func(ctx context.Context, env process.Env) error {
		return process.ServeOps(ctx, cfg.OpsAddr, env)
	}})
	go announce(ctx, cfg, env, stdout, begin)
	return supervise.Run(ctx, env, all...)
}

var errStarting = errors.New("still starting")

// announce waits until every service is ready and prints what to do next.
func announce(ctx context.Context, cfg settings, env process.Env, stdout io.Writer, begin time.Time) {
	for {
		if _, ready := env.Health.Run(ctx); ready {
			break
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
	fmt.Fprintf(stdout, welcome, time.Since(begin).Seconds(), cfg.HTTPAddr, cfg.SIPAddr, cfg.ReceiverAddr, cfg.Data)
	settle(ctx)
}

// settled is when what follows readiness is over: schedules are made, announcements spoken.
const settled = 5 * time.Second

// settle gives the system back what only the start has used: migrations, wiring and a new index allocate 600 MB one after the
// other. Left alone, an idle process returns those 40 MB within hours, because it hardly ever collects.
func settle(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(settled):
		debug.FreeOSMemory()
	}
}

// welcome is for the person who typed make run. The demo people are the portal's.
const welcome = `
Samtale is ready (%.1f s).

  Open         http://%[2]s
  Log in as    Mette Sørensen or Jonas Kjær (caseworkers), Bente Holm (citizen), Ida Lund (editor),
               Omar Nielsen (operator) or Karen Bach (auditor); no passwords: a test login with invented people
  Try first    log in as Mette Sørensen, press “Prøv en demo-besked”, wait for the note draft, approve it,
               then look at http://%[4]s, the demo case system, where it was delivered.
               “Prøv et demo-opkald” rings: answer it in the browser.
  By phone     sip:besked@%[3]s (leave a message), sip:borgerservice@%[3]s (the queue),
               sip:moede@%[3]s (a meeting, with the code that its invitation tells), or:
               bin/samtale call --to sip:besked@%[3]s --wav FILE.wav
  Data         %[5]s

What is heard is written down by a demo recogniser that was trained on synthetic voices.
Ctrl-C stops: calls finish first. A second Ctrl-C stops at once.
`
