// Package worker hosts the workflow definitions: it polls the queue "workflows" and
// runs phonecall, note, erasure, inquiry and ingest. Their activities run at the services that own the
// side effects, on those services' own queues.
//
// A worker keeps no state of its own; any number may run, and one that dies is
// replaced by replaying histories at another.
package worker

import (
	"context"
	"fmt"

	"go.temporal.io/sdk/worker"

	"samtale.dk/samtale/services/platform/masterkey"
	"samtale.dk/samtale/services/platform/process"
	"samtale.dk/samtale/services/platform/temporal"
	"samtale.dk/samtale/workflows/erasure"
	"samtale.dk/samtale/workflows/ingest"
	"samtale.dk/samtale/workflows/inquiry"
	"samtale.dk/samtale/workflows/meeting"
	"samtale.dk/samtale/workflows/note"
	"samtale.dk/samtale/workflows/phonecall"
)

// Queue is where all workflows run.
const Queue = phonecall.WorkflowQueue

// Register adds every workflow definition; replay tests use it too.
func Register(r worker.WorkflowRegistry) {
	r.RegisterWorkflow(phonecall.PhoneCall)
	r.RegisterWorkflow(note.Note)
	r.RegisterWorkflow(erasure.Erasure)
	r.RegisterWorkflow(ingest.Ingest)
	r.RegisterWorkflow(inquiry.Inquiry)
	r.RegisterWorkflow(meeting.Meeting)
}

type settings struct {
	process.Common
	Temporal temporal.Config
}

// Run polls until ctx is done.
func Run(ctx context.Context, env process.Env) error {
	var cfg settings
	if err := env.Load(&cfg); err != nil {
		return err
	}
	if err := cfg.Temporal.Check(); err != nil || env.CheckOnly {
		return err
	}
	master, err := masterkey.LoadOrCreate(cfg.MasterKey, cfg.Data)
	if err != nil {
		return err
	}
	c, err := temporal.Dial(ctx, "worker", cfg.Temporal, master, env.Log)
	if err != nil {
		if ctx.Err() != nil { // stopped before Temporal came up
			return nil
		}
		return fmt.Errorf("worker: %w", err)
	}
	defer c.Close()
	env.Health.Add("worker", func(ctx context.Context) error { return temporal.Polled(ctx, c, cfg.Temporal, Queue) })
	return temporal.Work(ctx, c, temporal.Worker{Queue: Queue, Register: func(r worker.Registry) { Register(r) }})
}
