package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"samtale.dk/samtale/services/assistant/internal/knowledge"
	"samtale.dk/samtale/services/assistant/internal/source"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/workflows/ingest"
)

// Activities is the assistant's side of the workflow, for its worker.
type Activities struct{ g *Ingest }

var _ ingest.Activities = (*Activities)(nil)

// Activities returns them.
func (g *Ingest) Activities() *Activities { return &Activities{g} }

// OpenIngest implements ingest.Activities.
func (a *Activities) OpenIngest(ctx context.Context, in ingest.OpenIngestInput) (ingest.OpenIngestResult, error) {
	r, err := a.g.Library.BeginRun(ctx, in.SourceID)
	switch errs.KindOf(err) {
	case errs.NotFound, errs.Conflict: // removed or paused since
		return ingest.OpenIngestResult{}, nil
	}
	return ingest.OpenIngestResult{RunID: r.ID}, err
}

// ListArticles implements ingest.Activities.
func (a *Activities) ListArticles(ctx context.Context, in ingest.ListArticlesInput) (ingest.ListArticlesResult, error) {
	var none ingest.ListArticlesResult
	r, s, ok, err := a.g.running(ctx, in.RunID)
	if err != nil || !ok {
		return none, err
	}
	return none, a.g.list(ctx, r, s)
}

func (g *Ingest) list(ctx context.Context, r knowledgev1.Run, s knowledgev1.Source) error {
	src, end, err := g.open(s)
	if err != nil {
		return g.trouble(ctx, r.ID, err)
	}
	defer end()
	known, err := g.items.all(ctx, s.ID)
	if err != nil {
		return err
	}
	since, err := g.Library.LastDone(ctx, s.ID)
	if err != nil {
		return err
	}
	told := map[string]string{}
	for name, i := range known {
		told[name] = i.Modified
	}
	l, err := src.List(ctx, told, since)
	if err == nil && l.Complete && len(l.Entries) == 0 && len(known) > 0 {
		err = errs.E(errs.Invalid, "Kilden svarede med en tom liste. Derfor er intet slettet.", nil)
	}
	if err != nil {
		return g.trouble(ctx, r.ID, err)
	}
	return g.compare(ctx, r, s, src, l, known)
}

// compare notes what a listing means: what is to be fetched, what is as it was, and what is gone.
func (g *Ingest) compare(ctx context.Context, r knowledgev1.Run, s knowledgev1.Source, src source.Source, l source.Listing,
	known map[string]item,
) error {
	todo := map[string]bool{}
	var kept []string
	for _, e := range l.Entries {
		i, ok := known[e.Item]
		if ok && e.Modified != "" && e.Modified == i.fetched {
			kept = append(kept, e.Item)
		} else {
			todo[e.Item] = true
		}
		delete(known, e.Item)
	}
	note, gone := vanished(src, l, known)
	if err := g.Library.SetTotal(ctx, r.ID, len(l.Entries), note); err != nil {
		return err
	}
	for batch := range slices.Chunk(kept, atOnce) {
		if err := g.Library.KeepItems(ctx, r.ID, batch); err != nil {
			return err
		}
	}
	if err := g.items.put(ctx, s.ID, r.ID, l.Entries, todo); err != nil {
		return err
	}
	for _, name := range gone {
		err := g.Library.RemoveItem(ctx, r.ID, name)
		if err == nil {
			err = g.items.forget(ctx, s.ID, name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// few is how many articles may vanish at once without a doubt.
const few = 3

// vanished are the known articles that a listing leaves out. When it leaves out more than it names, it is the listing that is wrong,
// and nothing is removed but what the source's settings do not want any more.
func vanished(src source.Source, l source.Listing, left map[string]item) (note string, gone []string) {
	if !l.Complete {
		return "", nil
	}
	doubtful := 0
	for name := range left {
		gone = append(gone, name)
		if src.Wants(name) {
			doubtful++
		}
	}
	slices.Sort(gone)
	if doubtful > few && doubtful > len(l.Entries) {
		gone = slices.DeleteFunc(gone, src.Wants)
		note = fmt.Sprintf("Kildens liste mangler %d artikler, som var der før. Derfor er de ikke slettet. Er det rigtigt, så fjern kilden, og opret den igen.",
			doubtful)
	}
	return note, gone
}

// Bounds of one FetchArticles.
const (
	part    = 45 * time.Second
	fewer   = 20 // items read at once
	silence = 5  // articles in a row that nobody answers for: then it is the server
)

// FetchArticles implements ingest.Activities.
func (a *Activities) FetchArticles(ctx context.Context, in ingest.FetchArticlesInput) (ingest.FetchArticlesResult, error) {
	r, s, ok, err := a.g.running(ctx, in.RunID)
	if err != nil || !ok {
		return ingest.FetchArticlesResult{Done: true}, err
	}
	src, end, err := a.g.open(s)
	if err != nil {
		return ingest.FetchArticlesResult{}, a.g.trouble(ctx, r.ID, err)
	}
	defer end()
	f := &fetcher{g: a.g, src: src, run: r.ID, source: s.ID}
	for began := time.Now(); time.Since(began) < part; {
		left, err := a.g.items.next(ctx, s.ID, r.ID, f.place, fewer)
		if err == nil && len(left) == 0 {
			return ingest.FetchArticlesResult{Done: true}, f.finish(ctx)
		}
		if err != nil {
			return ingest.FetchArticlesResult{}, err
		}
		for _, i := range left {
			if err := f.one(ctx, i); err != nil {
				return ingest.FetchArticlesResult{}, err
			}
		}
		if _, _, ok, err := a.g.running(ctx, r.ID); err != nil || !ok {
			return ingest.FetchArticlesResult{Done: true}, err
		}
	}
	return ingest.FetchArticlesResult{}, nil
}

// fetcher fetches article after article.
type fetcher struct {
	g           *Ingest
	src         source.Source
	run, source string
	place       int
	answered    bool
	silent      []unanswered // since the last answer
}

// unanswered is an article for which nobody answered. Whether it is the article or the server shows with the next ones.
type unanswered struct {
	name string
	err  error
}

// one fetches an article. An error ends this part; what is left stays.
func (f *fetcher) one(ctx context.Context, i item) error {
	f.place = i.place
	a, err := f.src.Fetch(ctx, i.Entry)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, source.ErrAway):
		f.silent = append(f.silent, unanswered{i.Item, err})
		if len(f.silent) < silence {
			return nil
		}
		return f.g.trouble(ctx, f.run, err)
	}
	f.answered = true
	if err := f.release(ctx); err != nil {
		return err
	}
	switch {
	case errors.Is(err, source.ErrGone):
		return f.gone(ctx, i, err)
	case err != nil:
		return f.fail(ctx, i.Item, err)
	}
	return f.take(ctx, i, a)
}

// take keeps a fetched article.
func (f *fetcher) take(ctx context.Context, i item, a source.Article) error {
	lib := f.g.Library
	if a.Moved != "" {
		double, err := f.g.items.listed(ctx, f.source, f.run, a.Moved)
		if err != nil {
			return err
		}
		if double { // an old address of a page that is listed itself
			a.Records = nil
		}
	}
	var err error
	switch {
	case a.Law != source.Law{}:
		err = lib.LawChanged(ctx, f.run, a.Law.ELI, a.Law.Day)
	case a.Unchanged:
		err = lib.KeepItems(ctx, f.run, []string{i.Item})
	default:
		err = lib.SaveArticle(ctx, f.run, knowledge.Article{Item: i.Item, UpdatedAt: a.UpdatedAt, Records: a.Records, Problems: a.Problems})
	}
	if err != nil {
		return err
	}
	return f.g.items.done(ctx, f.source, i.Entry, a.ETag, a.HTTPDate)
}

func (f *fetcher) gone(ctx context.Context, i item, why error) error {
	err := f.g.Library.RemoveItem(ctx, f.run, i.Item)
	if err == nil {
		err = f.g.Library.FailItem(ctx, f.run, i.Item, errs.Text(why))
	}
	if err != nil {
		return err
	}
	return f.g.items.done(ctx, f.source, i.Entry, "", "")
}

func (f *fetcher) fail(ctx context.Context, name string, why error) error {
	f.g.Log.Info("article not taken", "source_id", f.source, "run_id", f.run, "err", why)
	if err := f.g.Library.FailItem(ctx, f.run, name, errs.Text(why)); err != nil {
		return err
	}
	return f.g.items.putOff(ctx, f.source, name)
}

// release lists the articles that nobody answered for, now that the server has answered for another one.
func (f *fetcher) release(ctx context.Context) error {
	for _, u := range f.silent {
		if err := f.fail(ctx, u.name, u.err); err != nil {
			return err
		}
	}
	f.silent = nil
	return nil
}

// finish decides about the last ones without an answer: where nobody has answered at all, it is the server.
func (f *fetcher) finish(ctx context.Context) error {
	if len(f.silent) > 0 && !f.answered {
		return f.g.trouble(ctx, f.run, f.silent[0].err)
	}
	return f.release(ctx)
}

// CloseIngest implements ingest.Activities.
func (a *Activities) CloseIngest(ctx context.Context, in ingest.CloseIngestInput) (ingest.CloseIngestResult, error) {
	err := a.g.Library.EndRun(ctx, in.RunID, in.Failed)
	if errs.KindOf(err) == errs.NotFound { // its source was removed
		err = nil
	}
	return ingest.CloseIngestResult{}, err
}
