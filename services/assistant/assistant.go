// Package assistant is the service that answers citizens' questions with sentences that it can prove, and hands over to a person. It
// owns the knowledge, the answers, the citizens' own history of questions, and the inquiries to people.
package assistant

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"golang.org/x/sync/errgroup"

	"samtale.dk/samtale/models/embed"
	"samtale.dk/samtale/models/vector"
	"samtale.dk/samtale/models/vector/embedded"
	"samtale.dk/samtale/models/vector/qdrant"
	"samtale.dk/samtale/services/assistant/internal/answer"
	"samtale.dk/samtale/services/assistant/internal/app"
	"samtale.dk/samtale/services/assistant/internal/ingest"
	"samtale.dk/samtale/services/assistant/internal/inquiry"
	"samtale.dk/samtale/services/assistant/internal/knowledge"
	"samtale.dk/samtale/services/assistant/internal/learn"
	"samtale.dk/samtale/services/assistant/internal/peer"
	"samtale.dk/samtale/services/assistant/internal/schema"
	"samtale.dk/samtale/services/assistant/internal/session"
	"samtale.dk/samtale/services/platform/areas"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/masterkey"
	"samtale.dk/samtale/services/platform/process"
	"samtale.dk/samtale/services/platform/seal"
	"samtale.dk/samtale/services/platform/store"
	"samtale.dk/samtale/services/platform/temporal"
	work "samtale.dk/samtale/workflows/inquiry"
)

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
	db, err := store.Open(ctx, cfg.DB)
	if err != nil {
		return fmt.Errorf("assistant: %w", err)
	}
	defer db.Close()
	if err := db.Migrate(ctx, schema.Migrations()); err != nil {
		return fmt.Errorf("assistant: %w", err)
	}
	b, err := env.Connect("assistant", cfg.Bus)
	if err != nil {
		return err
	}
	defer b.Close()
	model, err := describe(ctx, cfg, env)
	if err != nil {
		return fmt.Errorf("assistant: %w", err)
	}
	index, err := openIndex(ctx, cfg, model)
	if err != nil {
		return fmt.Errorf("assistant: %w", err)
	}
	defer index.Close()
	a, err := assemble(cfg, env, parts{master, db, b, index, model})
	if err != nil {
		return fmt.Errorf("assistant: %w", err)
	}
	env.Health.Add("assistant", a.Ready)
	return a.Run(ctx)
}

// describePatience is how long the embedding model may take to be there: its server may start beside us.
const describePatience = 30 * time.Second

// describe asks the embedding model for its name and dimension; nil without one. A model that is configured and does not answer
// ends the service: an index without its vectors would have to be made again.
func describe(ctx context.Context, cfg ready, env process.Env) (*embed.Model, error) {
	if cfg.embed == nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, describePatience)
	defer cancel()
	for {
		m, err := cfg.embed.Describe(ctx)
		if err == nil {
			return &m, nil
		}
		if !errors.Is(err, embed.ErrUnavailable) || ctx.Err() != nil {
			return nil, fmt.Errorf("SAMTALE_EMBED: %w", err)
		}
		env.Log.Warn("embedding model does not answer yet", "err", err)
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// openIndex opens the index, or starts an empty one in place of one that cannot be used: the library fills it again.
func openIndex(ctx context.Context, cfg ready, model *embed.Model) (ix vector.Index, err error) {
	if cfg.qdrant != "" {
		c := qdrant.Config{Address: cfg.qdrant, Dense: model, APIKey: cfg.QdrantKey}
		if cfg.QdrantTLS {
			c.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		ix, err = qdrant.Open(ctx, c)
		if errors.Is(err, vector.ErrRebuild) {
			ix, err = qdrant.Create(ctx, c)
		}
		return ix, err
	}
	c := embedded.Config{Dir: filepath.Join(cfg.Data, "knowledge-index"), Dense: model}
	ix, err = embedded.Open(c)
	if errors.Is(err, vector.ErrRebuild) {
		ix, err = embedded.Create(c)
	}
	return ix, err
}

// parts are what is open.
type parts struct {
	master masterkey.Key
	db     *store.DB
	bus    *bus.Bus
	index  vector.Index
	dense  *embed.Model // of the index; nil: none
}

// assemble puts the service together.
func assemble(cfg ready, env process.Env, p parts) (*app.App, error) {
	log := env.Log.With("service", "assistant")
	ring, err := seal.NewRing(p.bus)
	if err != nil {
		return nil, err
	}
	library, err := knowledge.New(knowledge.Config{
		DB: p.db, Bus: p.bus, Index: p.index, Embedder: cfg.embed, Model: p.dense, Starter: cfg.starter, Log: log, Metrics: env.Metrics,
	})
	if err != nil {
		return nil, err
	}
	pipeline, err := answer.New(answer.Config{Knowledge: library, Model: cfg.model, Areas: areas.New(p.bus).All, Log: log})
	if err != nil {
		return nil, err
	}
	ledger, err := learn.New(learn.Config{DB: p.db, Bus: p.bus, Key: p.master.Derive(learn.Purpose), Log: log})
	if err != nil {
		return nil, err
	}
	sessions := session.New(session.Config{DB: p.db, Bus: p.bus, Keys: ring, Forgotten: ledger.Forget, Log: log})
	peers, err := peer.New(peer.Config{DB: p.db, Bus: p.bus, Log: log, Metrics: env.Metrics})
	if err != nil {
		return nil, err
	}
	fetch := ingest.New(ingest.Config{Library: library, DB: p.db, Folder: cfg.Folder, Private: cfg.Private, Log: log})
	tc := &app.Temporal{}
	inquiries, err := inquiry.New(inquiry.Config{
		DB: p.db, Bus: p.bus, Keys: ring, ReceiptKey: p.master.Derive(inquiry.ReceiptPurpose), Sessions: sessions,
		Dial: func(ctx context.Context) (inquiry.Workflows, error) { return tc.Wait(ctx) }, Log: log, Metrics: env.Metrics,
	})
	if err != nil {
		return nil, err
	}
	return app.New(app.Config{
		Bus: p.bus, Pipeline: pipeline, Sessions: sessions, Ledger: ledger, Peers: peers,
		Parts: []app.Part{library, sessions, ledger, peers}, Inquiry: inquiries,
		Work: func(ctx context.Context) error {
			return workflows(ctx, cfg, env, p.master, tc, fetch, func(r worker.Registry) {
				r.RegisterActivity(inquiries.Activities())
				r.RegisterActivity(fetch.Activities())
			})
		},
		Probe: func(ctx context.Context) error { return errors.Join(library.Ready(ctx), tc.Ready(ctx)) },
		Log:   log, Metrics: env.Metrics,
	})
}

// workflows waits for Temporal, runs the activities and keeps the schedules of the sources until ctx ends.
func workflows(ctx context.Context, cfg ready, env process.Env, master masterkey.Key, tc *app.Temporal, fetch *ingest.Ingest,
	register func(worker.Registry),
) error {
	c, err := temporal.Dial(ctx, "assistant", cfg.Temporal, master, env.Log)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	defer c.Close()
	tc.Set(&c)
	defer tc.Set((*client.Client)(nil))
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return temporal.Work(ctx, c, temporal.Worker{Queue: work.Queue, Register: register}) })
	g.Go(func() error { return fetch.Schedule(ctx, c) })
	return g.Wait()
}
