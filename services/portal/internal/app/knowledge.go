package app

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/portal/internal/texts"
	"samtale.dk/samtale/services/portal/internal/who"
)

const (
	// maxImport bounds one batch of records: a message on the bus holds 1 MiB.
	maxImport = 900 << 10
	// importLimit is how long a batch may take to be taken apart, encoded and stored.
	importLimit = 25 * time.Second
)

func (a *App) importKnowledge(w http.ResponseWriter, r *http.Request, p who.Person) error {
	var req knowledgev1.ImportRequest
	if err := decode(r, &req); err != nil {
		return err
	}
	if len(req.Records) > knowledgev1.MaxBatch {
		return errs.E(errs.Invalid, "Der må højst være 200 artikler i hvert kald. Del dem i flere med samme import.", nil)
	}
	req.Actor = p.ID
	ctx, cancel := context.WithTimeout(r.Context(), importLimit)
	defer cancel()
	run, err := bus.Request[knowledgev1.Run](ctx, a.Bus, knowledgev1.ImportSubject, req)
	if err != nil {
		return err
	}
	return reply(w, run)
}

// searchKnowledge answers with the list of hits alone, best first.
func (a *App) searchKnowledge(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	q := r.URL.Query()
	req := knowledgev1.SearchRequest{
		Query: q.Get("q"), Municipality: q.Get("municipality"), Language: q.Get("language"), At: q.Get("at"), Explain: q.Get("explain") == "1",
	}
	if err := aMunicipality(req.Municipality, texts.For(lang(r))); err != nil {
		return err
	}
	if s := q.Get("k"); s != "" {
		k, err := strconv.Atoi(s)
		if err != nil || k < 1 || k > 100 {
			return errs.E(errs.Invalid, "k skal være et tal fra 1 til 100.", err)
		}
		req.K = k
	}
	rep, err := bus.Request[knowledgev1.SearchReply](r.Context(), a.Bus, knowledgev1.SearchSubject, req)
	if err != nil {
		return err
	}
	if rep.Hits == nil {
		rep.Hits = []knowledgev1.Hit{}
	}
	return reply(w, rep.Hits)
}

func (a *App) getChunk(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	c, err := a.chunk(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return reply(w, c)
}

func (a *App) chunk(ctx context.Context, id string) (knowledgev1.Chunk, error) {
	return bus.Request[knowledgev1.Chunk](ctx, a.Bus, knowledgev1.ChunkSubject, knowledgev1.ChunkRequest{ID: id})
}

// putAsked sets the editors' phrases of a micro-article. No list at all is a mistake; an empty one takes them away.
func (a *App) putAsked(w http.ResponseWriter, r *http.Request, p who.Person) error {
	var req knowledgev1.AskedRequest
	if err := decode(r, &req); err != nil {
		return err
	}
	if req.Asked == nil {
		return errs.E(errs.Invalid, "Skriv formuleringerne som en liste (asked). En tom liste fjerner dem.", nil)
	}
	c, err := a.setAsked(r, p, r.PathValue("id"), req.Asked, req.Unanswered)
	if err != nil {
		return err
	}
	return reply(w, c)
}

func (a *App) listSources(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	rep, err := bus.Request[knowledgev1.SourcesReply](r.Context(), a.Bus, knowledgev1.SourcesSubject, knowledgev1.SourcesRequest{})
	if err != nil {
		return err
	}
	if rep.Sources == nil {
		rep.Sources = []knowledgev1.Source{}
	}
	return reply(w, rep)
}

func (a *App) putSource(w http.ResponseWriter, r *http.Request, p who.Person) error {
	var s knowledgev1.Source
	if err := decode(r, &s); err != nil {
		return err
	}
	if err := municipalities(s.Municipalities, texts.For(lang(r))); err != nil {
		return err
	}
	return forward[knowledgev1.Source](a, w, r, knowledgev1.SaveSourceSubject, func(id string) knowledgev1.Source {
		s.ID, s.Actor = id, p.ID
		return s
	})
}

// municipalities refuses the first code that no municipality has.
func municipalities(codes []string, t texts.Catalogue) error {
	for _, code := range codes {
		if err := aMunicipality(code, t); err != nil {
			return err
		}
	}
	return nil
}

func (a *App) runSource(w http.ResponseWriter, r *http.Request, p who.Person) error {
	return forward[knowledgev1.Run](a, w, r, knowledgev1.RunSourceSubject, sourceRef(p))
}

func (a *App) deleteSource(w http.ResponseWriter, r *http.Request, p who.Person) error {
	return forward[knowledgev1.Run](a, w, r, knowledgev1.RemoveSubject, sourceRef(p))
}

func sourceRef(p who.Person) func(id string) knowledgev1.SourceRef {
	return func(id string) knowledgev1.SourceRef { return knowledgev1.SourceRef{ID: id, Actor: p.ID} }
}
