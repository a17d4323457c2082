// Package journal is the service that keeps conversations: their transcripts, the
// notes that people approve, and what becomes of them. It takes in what phone and
// speech say, drafts notes, delivers them to the case system, and deletes the content
// afterwards.
package journal

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"samtale.dk/samtale/services/journal/internal/activity"
	"samtale.dk/samtale/services/journal/internal/app"
	"samtale.dk/samtale/services/journal/internal/areas"
	"samtale.dk/samtale/services/journal/internal/content"
	"samtale.dk/samtale/services/journal/internal/draft"
	"samtale.dk/samtale/services/journal/internal/store"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/masterkey"
	"samtale.dk/samtale/services/platform/process"
	"samtale.dk/samtale/services/platform/seal"
	platformstore "samtale.dk/samtale/services/platform/store"
	"samtale.dk/samtale/services/platform/temporal"
	"samtale.dk/samtale/workflows/note"
)

// signing is the purpose of the key that approvals are signed with.
const signing = "note signatures v1"

// Run serves until ctx is done.
func Run(ctx context.Context, env process.Env) error {
	cfg, err := load(env)
	if err != nil || env.CheckOnly {
		return err
	}
	master, err := masterkey.LoadOrCreate(cfg.MasterKey, cfg.Data)
	if err != nil {
		return err
	}
	db, err := platformstore.Open(ctx, cfg.DB)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	defer db.Close()
	if err := db.Migrate(ctx, store.Migrations()); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	b, err := env.Connect("journal", cfg.Bus)
	if err != nil {
		return err
	}
	defer b.Close()
	c, acts, err := assemble(cfg, env, master, store.New(db), b)
	if err != nil {
		return err
	}
	c.Dial = func(ctx context.Context) (client.Client, error) {
		return temporal.Dial(ctx, "journal", cfg.Temporal, master, env.Log)
	}
	c.Work = func(ctx context.Context, c client.Client) error {
		return temporal.Work(ctx, c, temporal.Worker{Queue: note.Queue, Register: func(r worker.Registry) { r.RegisterActivity(acts) }})
	}
	a, err := app.New(c)
	if err != nil {
		return err
	}
	env.Health.Add("journal", a.Ready)
	return a.Run(ctx)
}

// assemble puts the parts together, all but the way to Temporal.
func assemble(cfg ready, env process.Env, master masterkey.Key, st *store.Store, b *bus.Bus) (app.Config, *activity.Activities, error) {
	ring, err := seal.NewRing(b)
	if err != nil {
		return app.Config{}, nil, err
	}
	log := env.Log.With("service", "journal")
	vault, rules := content.Vault{Keys: ring}, areas.New(b)
	sign := ed25519.NewKeyFromSeed(master.Derive(signing))
	drafter := &draft.Drafter{Model: cfg.model, Store: st, Vault: vault, Areas: rules, Bus: b, Log: log}
	return app.Config{
			Store: st, Bus: b, Vault: vault, Drafter: drafter, Sign: sign, Parties: master.Derive(masterkey.Parties),
			Log: log, Metrics: env.Metrics,
		}, &activity.Activities{
			Store: st, Bus: b, Vault: vault, Areas: rules, Drafter: drafter, Deliverer: cfg.deliverer,
			Public: sign.Public().(ed25519.PublicKey), Log: log, Now: func() time.Time { return time.Now().UTC() },
		}, nil
}
