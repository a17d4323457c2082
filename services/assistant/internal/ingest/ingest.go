// Package ingest fetches the sources of knowledge: it is the assistant's side of the workflow ingest, and keeps a Temporal schedule
// per source as the source says.
//
// Its table holds the articles of each source as the last listing told of them, and which are left for the run at work: the place to
// go on from after a crash. Activities run concurrently for different sources; a schedule never starts a source twice at once.
package ingest

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"samtale.dk/samtale/services/assistant/internal/knowledge"
	"samtale.dk/samtale/services/assistant/internal/source"
	"samtale.dk/samtale/services/assistant/internal/source/borger"
	"samtale.dk/samtale/services/assistant/internal/source/folder"
	"samtale.dk/samtale/services/assistant/internal/source/laws"
	"samtale.dk/samtale/services/assistant/internal/source/sitemap"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/store"
)

// Config is what New needs.
type Config struct {
	Library *knowledge.Library
	DB      *store.DB
	// Folder is where the folders of JSONL files are.
	Folder string
	// Private are "host:port" of sources inside the authority's own network; all others must have public addresses.
	Private []string
	// Gap is the pause between requests to one server; 0: a second.
	Gap time.Duration
	// Timeout of one request; 0: a minute.
	Timeout time.Duration
	Log     *slog.Logger
}

// Ingest fetches.
type Ingest struct {
	Config
	items items
}

// New returns it, doing nothing yet: a worker runs its Activities, and Schedule keeps the schedules.
func New(cfg Config) *Ingest {
	cfg.Gap = cmp.Or(cfg.Gap, time.Second)
	return &Ingest{Config: cfg, items: items{cfg.DB}}
}

// open returns the adapter of a source, and what ends it.
func (g *Ingest) open(s knowledgev1.Source) (source.Source, func(), error) {
	c := source.ClientConfig{Private: g.Private, Gap: g.Gap, Timeout: g.Timeout}
	switch s.Kind {
	case knowledgev1.KindFolder:
		return folder.New(g.Folder, s.URL), func() {}, nil
	case knowledgev1.KindSitemap:
		u, err := url.Parse(s.URL)
		if err != nil {
			return nil, nil, errs.E(errs.Invalid, "Adressen på sitemap kan ikke bruges.", err)
		}
		c.Host = u.Host
		client := source.NewClient(c)
		src, err := sitemap.New(sitemap.Config{URL: s.URL, Include: s.Include, Client: client, Gap: g.Gap})
		return src, client.Close, err
	case knowledgev1.KindLaws:
		client := source.NewClient(c)
		return laws.New(s.URL, client), client.Close, nil
	case knowledgev1.KindBorger, knowledgev1.KindLife:
		language := "da"
		if s.Kind == knowledgev1.KindLife {
			language = "en"
		}
		client := source.NewClient(c)
		return borger.New(borger.Config{URL: s.URL, Language: language, Municipalities: s.Municipalities, Client: client}), client.Close, nil
	}
	return nil, nil, errs.E(errs.Invalid, "Kilden kan ikke hentes.", fmt.Errorf("kind %s", s.Kind))
}

// running gives a run with its source while it is to be worked on. Without an error and not ok, there is nothing to do any more.
func (g *Ingest) running(ctx context.Context, id string) (r knowledgev1.Run, s knowledgev1.Source, ok bool, err error) {
	r, err = g.Library.RunByID(ctx, id)
	if err == nil {
		s, err = g.Library.Source(ctx, r.Source)
	}
	if errs.KindOf(err) == errs.NotFound { // the source was removed
		return r, s, false, nil
	}
	if err != nil || r.State != knowledgev1.RunRunning {
		return r, s, false, err
	}
	if s.Paused {
		err := errs.E(errs.Conflict, "Kilden blev sat på pause.", nil)
		return r, s, false, g.trouble(ctx, id, err)
	}
	return r, s, true, nil
}

// trouble notes in the run why it does not go on, and returns the error.
func (g *Ingest) trouble(ctx context.Context, run string, err error) error {
	if ctx.Err() != nil {
		return err
	}
	if noteErr := g.Library.Trouble(ctx, run, errs.Text(err)); noteErr != nil {
		return fmt.Errorf("%w (and it could not be noted: %w)", err, noteErr)
	}
	return err
}
