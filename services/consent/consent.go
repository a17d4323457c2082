// Package consent is the service that keeps, for all others, a key per conversation,
// the choices people made, legal holds, the service areas and the audit log of every
// look at a person's data.
package consent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"samtale.dk/samtale/services/consent/internal/app"
	"samtale.dk/samtale/services/consent/internal/areas"
	"samtale.dk/samtale/services/consent/internal/store"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/platform/masterkey"
	"samtale.dk/samtale/services/platform/process"
	platformstore "samtale.dk/samtale/services/platform/store"
)

type settings struct {
	process.Common
	DB    string `env:"SAMTALE_CONSENT_DB"` // empty: SQLite in the data folder
	Areas string `env:"SAMTALE_AREAS"`      // JSON file of service areas; empty: the demo areas
	// KeepAfter replaces every area's time from receipt to erasure (demos, tests).
	KeepAfter *time.Duration `env:"SAMTALE_KEEP_AFTER"`
}

// Run serves until ctx is done.
func Run(ctx context.Context, env process.Env) error {
	var cfg settings
	if err := env.Load(&cfg); err != nil {
		return err
	}
	if cfg.DB == "" {
		cfg.DB = "sqlite:" + cfg.Data + "/consent.db"
	}
	list, err := areas.Load(cfg.Areas)
	if err != nil {
		return err
	}
	if err := cfg.keep(list); err != nil {
		return err
	}
	if env.CheckOnly {
		return nil
	}
	master, err := masterkey.LoadOrCreate(cfg.MasterKey, cfg.Data)
	if err != nil {
		return err
	}
	db, err := platformstore.Open(ctx, cfg.DB)
	if err != nil {
		return fmt.Errorf("consent: %w", err)
	}
	defer db.Close()
	if err := db.Migrate(ctx, store.Migrations()); err != nil {
		return fmt.Errorf("consent: %w", err)
	}
	b, err := env.Connect("consent", cfg.Bus)
	if err != nil {
		return err
	}
	defer b.Close()
	a, err := app.New(app.Config{
		Store: store.New(db, master.Derive(masterkey.Wrapping)), Bus: b, Areas: list,
		Log: env.Log.With("service", "consent"), Metrics: env.Metrics,
	})
	if err != nil {
		return err
	}
	env.Health.Add("consent", a.Ready)
	return a.Run(ctx)
}

// keep sets every area's time from receipt to erasure, when settings give one. It is
// done here, not where content is erased, so that every page shows what holds.
func (s settings) keep(list []consentv1.Area) error {
	if s.KeepAfter == nil {
		return nil
	}
	if *s.KeepAfter < 0 {
		return errors.New("settings: SAMTALE_KEEP_AFTER must be a time like 336h or 0s")
	}
	for i := range list {
		list[i].KeepAfter = *s.KeepAfter
	}
	return nil
}
