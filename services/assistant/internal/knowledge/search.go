package knowledge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"samtale.dk/samtale/models/embed"
	"samtale.dk/samtale/models/vector"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/errs"
)

// maxK is how many hits may be asked for.
const maxK = 100

// spare is how many hits more are asked of the index: some may be gone since.
const spare = 5

// embedWithin is how long a search waits for the vector of its question; then it goes on without.
const embedWithin = 2 * time.Second

// Search finds the chunks that fit. With a municipality, a base text brings its local difference along, and the difference its base.
func (l *Library) Search(ctx context.Context, req knowledgev1.SearchRequest) (knowledgev1.SearchReply, error) {
	req, err := l.checkSearch(req)
	if err != nil {
		return knowledgev1.SearchReply{}, err
	}
	state := l.state.Load()
	if !state.ready {
		return knowledgev1.SearchReply{}, state.unready()
	}
	q := vector.Query{
		Text: req.Query, Dense: l.question(ctx, req.Query), Municipality: req.Municipality, On: req.At, Language: req.Language, K: req.K + spare,
	}
	res, hits, err := l.find(ctx, q, req)
	if err == nil && len(hits) < req.K && len(res.Hits) == q.K { // the index lags behind: too many of its hits are gone
		q.K = vector.MaxK
		res, hits, err = l.find(ctx, q, req)
	}
	if err != nil {
		return knowledgev1.SearchReply{}, err
	}
	l.metrics.searches.Inc()
	rep := knowledgev1.SearchReply{Hits: hits, Encoder: state.encoder}
	for _, t := range res.Terms {
		rep.Terms = append(rep.Terms, knowledgev1.Term{Text: t.Text, Word: t.Word, Via: t.Via, Weight: t.Weight})
	}
	return rep, nil
}

// find asks the index, and the database about what it proposes.
func (l *Library) find(ctx context.Context, q vector.Query, req knowledgev1.SearchRequest) (vector.Result, []knowledgev1.Hit, error) {
	res, err := l.cfg.Index.Search(ctx, q)
	if err != nil {
		return res, nil, l.refused(err)
	}
	hits, err := l.hits(ctx, res, req)
	return res, hits, err
}

func (l *Library) checkSearch(req knowledgev1.SearchRequest) (knowledgev1.SearchRequest, error) {
	if len(req.Query) > vector.MaxQuery {
		return req, invalid("Spørgsmålet er for langt. Skriv det med færre ord.")
	}
	req.Query = CleanLine(req.Query)
	if req.K == 0 {
		req.K = vector.DefaultK
	}
	if req.At == "" {
		req.At = l.day()
	}
	switch {
	case req.Query == "":
		return req, invalid("Skriv, hvad du vil søge efter.")
	case req.K < 0 || req.K > maxK:
		return req, invalid("Der kan findes mellem 1 og %d artikler ad gangen.", maxK)
	case req.Municipality != "" && !isMunicipality(req.Municipality):
		return req, invalid("Der er ingen kommune med den kode. Skriv en kommunes fire cifre, for eksempel 0751 for Aarhus, eller udelad den for hele landet.")
	case !isDay(req.At):
		return req, invalid("Datoen skal skrives som 2026-01-31.")
	}
	return req, nil
}

// question is the vector of a question, or nil.
func (l *Library) question(ctx context.Context, text string) []float32 {
	if l.cfg.Embedder == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, embedWithin)
	defer cancel()
	v, err := l.cfg.Embedder.Query(ctx, text)
	if err != nil {
		l.metrics.sparse.Inc()
		if !errors.Is(err, embed.ErrUnavailable) && !errors.Is(err, embed.ErrBusy) && ctx.Err() == nil {
			l.cfg.Log.Warn("question without a vector", "err", err)
		}
		return nil
	}
	return v
}

// refused turns the index's error into what people are told.
func (l *Library) refused(err error) error {
	switch {
	case errors.Is(err, vector.ErrRebuild):
		l.state.Store(&indexState{lost: true})
		nudge(l.wake)
		return l.state.Load().unready()
	case errors.Is(err, vector.ErrQuery):
		return errs.E(errs.Invalid, "", err)
	case errors.Is(err, vector.ErrUnavailable), errors.Is(err, vector.ErrClosed):
		return errs.E(errs.Unavailable, "Søgningen svarer ikke lige nu. Prøv igen om lidt.", err)
	}
	return fmt.Errorf("search: %w", err)
}

// hits reads what the index proposes, and leaves out what may not answer. Behind each hit come the chunks that belong to it: the
// local difference of a base, the base of a difference. Where the index did not find one itself, it has the score of the hit that
// brought it, and no coverage.
func (l *Library) hits(ctx context.Context, res vector.Result, req knowledgev1.SearchRequest) ([]knowledgev1.Hit, error) {
	out := make([]knowledgev1.Hit, 0, min(req.K, len(res.Hits)))
	if len(res.Hits) == 0 {
		return out, nil
	}
	found, err := l.relatives(ctx, res.Hits, req)
	if err != nil {
		return nil, err
	}
	byID, byFamily, proposed := make(map[string]*row, len(found)), make(map[string][]*row, len(found)), make(map[string]vector.Hit, len(res.Hits))
	for i := range found {
		c := &found[i]
		byID[c.ID] = c
		if req.Municipality != "" { // only then are there relatives
			byFamily[family(c.Chunk)] = append(byFamily[family(c.Chunk)], c)
		}
	}
	for _, h := range res.Hits {
		proposed[h.ID] = h
	}
	placed := map[string]bool{}
	place := func(c *row, h vector.Hit) {
		if !placed[c.ID] && len(out) < req.K {
			out = append(out, hit(c, h, req.Explain))
			placed[c.ID] = true
		}
	}
	for _, h := range res.Hits {
		c, ok := byID[h.ID]
		if !ok {
			continue
		}
		place(c, h)
		if req.Municipality == "" {
			continue
		}
		for _, other := range byFamily[family(c.Chunk)] {
			if (other.Municipality == "") == (c.Municipality == "") {
				continue
			}
			own, ok := proposed[other.ID]
			if !ok {
				own = vector.Hit{Score: h.Score}
			}
			place(other, own)
		}
	}
	return out, nil
}

// relatives are the chunks of the hits, and with a municipality those of their families, as far as they may answer.
func (l *Library) relatives(ctx context.Context, hits []vector.Hit, req knowledgev1.SearchRequest) ([]row, error) {
	ids := make([]any, len(hits))
	for i, h := range hits {
		ids[i] = h.ID
	}
	condition := `WHERE c.id IN (` + marks(len(ids)) + `) AND c.municipality = ?`
	if req.Municipality != "" {
		condition = `WHERE c.family IN (SELECT family FROM knowledge_chunk WHERE id IN (` + marks(len(ids)) + `)) AND c.municipality IN ('', ?)
			ORDER BY c.id`
	}
	all, err := chunks(ctx, l.db.Read(), condition, append(ids, req.Municipality)...)
	return slices.DeleteFunc(all, func(c row) bool {
		return !c.visible(req.At) || req.Language != "" && c.Language != req.Language
	}), err
}

func hit(c *row, h vector.Hit, explain bool) knowledgev1.Hit {
	out := knowledgev1.Hit{Chunk: c.Chunk, Score: h.Score, Coverage: h.Coverage}
	if explain {
		for _, w := range h.Why {
			out.Why = append(out.Why, knowledgev1.Why{Ranking: w.Ranking, Rank: w.Rank, Score: w.Score, Terms: w.Terms})
		}
	}
	return out
}

// Chunk gives one chunk, also one that is not valid today: it says from when to when it holds.
func (l *Library) Chunk(ctx context.Context, id string) (knowledgev1.Chunk, error) {
	found, err := chunks(ctx, l.db.Read(), `WHERE c.id = ? AND c.removed_at = 0`, id)
	if err == nil && (len(found) == 0 || found[0].paused) {
		err = errs.E(errs.NotFound, "Artiklen findes ikke længere.", nil)
	}
	if err != nil {
		return knowledgev1.Chunk{}, err
	}
	return found[0].Chunk, nil
}

// Variants are the other chunks that say the same for other places or times: the base, the differences of all municipalities, what
// held before and what will hold.
func (l *Library) Variants(ctx context.Context, id string) ([]knowledgev1.Chunk, error) {
	found, err := chunks(ctx, l.db.Read(), `WHERE c.family = (SELECT family FROM knowledge_chunk WHERE id = ?) AND c.id <> ? AND c.removed_at = 0
		ORDER BY c.municipality, c.valid_from, c.id`, id, id)
	if err != nil {
		return nil, err
	}
	var out []knowledgev1.Chunk
	for _, c := range found {
		if !c.paused {
			out = append(out, c.Chunk)
		}
	}
	return out, nil
}
