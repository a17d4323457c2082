package portal

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/errs"
)

// serveLearning answers the editor's questions with figures that show everything the pages can show.
func (as *assistant) serveLearning(t testing.TB, p *place, s microService) {
	script(t, p, s, knowledgev1.EvaluationSubject, func(knowledgev1.EvaluationRequest) (knowledgev1.Evaluation, error) {
		e := knowledgev1.Evaluation{
			At: time.Now().UTC(), Model: "extract", Questions: 320, Chunks: 642, HitAt1: .81, HitAt5: .94, HitAt10: .97, NDCG10: .889, Threshold: .62,
			Answered: .87, Wrong: .021, Supported: 1, CrisisRecall: 1,
			Classes: []knowledgev1.ClassRate{{Class: "answerable", Questions: 160, Answered: .87, Right: .86, Wrong: .02}, {Class: "near_miss", Questions: 40, Answered: .05, Right: .95, Wrong: .05}},
		}
		for i := range 21 {
			x := float64(i) / 20
			e.Curve = append(e.Curve, knowledgev1.CurvePoint{Threshold: 1 - x, Coverage: x, Risk: .09 * x * x * x})
		}
		return e, nil
	})
	script(t, p, s, assistantv1.TrySubject, func(r assistantv1.TryRequest) (assistantv1.Tried, error) {
		if r.Language == "en" {
			return assistantv1.Tried{
				Reason: assistantv1.ReasonUnproven, Sure: .4, Threshold: .69, Without: .8, Title: "Moving", Section: "Deadline", Language: "en", Like: .8,
				Unanswered: "who carries my piano", UnansweredChunkID: movingChunk().ID, UnansweredTitle: "Moving", UnansweredSection: "Deadline", UnansweredLanguage: "en",
			}, nil
		}
		if r.Question == "who moves my wheelchair" {
			return assistantv1.Tried{
				Reason: assistantv1.ReasonUnknown, Sure: .81, Threshold: .69, Without: .81, Title: "Moving", Section: "Deadline", Language: "en", Instead: assistantv1.ReasonAnswered,
				Offered:  []assistantv1.Offered{{ChunkID: "starter/hjaelp#hvem", Title: "Hjælpemidler"}, {ChunkID: movingChunk().ID, Title: "Flytning", Section: "Frist"}},
				InDanish: "hjælpemidler kørestol",
			}, nil
		}
		if r.Question != "hvem flytter mit klaver" {
			return assistantv1.Tried{Reason: assistantv1.ReasonAnswered, Sure: .81, Threshold: .69, Without: .81, Title: "Flytning", Section: "Frist"}, nil
		}
		return assistantv1.Tried{
			Reason: assistantv1.ReasonUnproven, Sure: .31, Threshold: .69, Without: .74, Title: "Flytning", Section: "Frist", Like: .88,
			Unanswered: "hvem flytter klaveret", UnansweredChunkID: movingChunk().ID, UnansweredTitle: "Flytning", UnansweredSection: "Frist",
		}, nil
	})
	script(t, p, s, assistantv1.ProposeSubject, func(r assistantv1.ProposeRequest) (assistantv1.Proposed, error) {
		as.mu.Lock()
		defer as.mu.Unlock()
		switch {
		case as.model == "" || r.ChunkID == "":
			return assistantv1.Proposed{Model: as.model}, nil
		case as.model == "busy":
			return assistantv1.Proposed{}, errs.E(errs.Unavailable, "Sprogmodellen har travlt. Prøv igen om lidt.", nil)
		}
		return assistantv1.Proposed{Model: as.model, Phrases: []string{"hvem skal vide at jeg bor et nyt sted", "er det farligt at flytte"}}, nil
	})
	script(t, p, s, assistantv1.GapsSubject, func(r assistantv1.GapsRequest) (assistantv1.GapsReply, error) {
		if r.Days == 7 {
			return assistantv1.GapsReply{}, nil
		}
		return assistantv1.GapsReply{Rare: 17, Gaps: []assistantv1.Gap{
			{ID: "1", Terms: []string{"skrald", "flytte"}, Questions: 23, Unknown: 20, Unhelpful: 3, Authority: "Kommunen", Nearest: "Flytning: Frist", ChunkID: movingChunk().ID, LastAt: time.Now()},
			{ID: "2", Terms: []string{"feriepenge"}, Questions: 9, Unknown: 9, LastAt: time.Now()},
			{ID: "3", Questions: 4, Unhelpful: 4, Authority: "Udbetaling Danmark", Nearest: "Boligstøtte: Husleje", ChunkID: "starter/bolig#husleje", LastAt: time.Now()},
		}}, nil
	})
	script(t, p, s, assistantv1.TrendsSubject, func(r assistantv1.TrendsRequest) (assistantv1.TrendsReply, error) {
		var rep assistantv1.TrendsReply
		for i := range r.Days {
			d := assistantv1.Day{Date: time.Now().AddDate(0, 0, i+1-r.Days).Format(time.DateOnly), Reasons: map[string]int{}}
			if i%7 < 5 { // weekends are quiet
				d.Asked, d.Answered, d.Helpful, d.Unhelpful, d.HandedOn, d.LIX = 40+i, 30+i, 9, i%4, 3, 27+float64(i%5)
				d.Reasons = map[string]int{"answered": d.Answered, "unknown": 6, "own_case": 4}
			}
			rep.Days = append(rep.Days, d)
		}
		return rep, nil
	})
	script(t, p, s, assistantv1.PeersSubject, func(assistantv1.PeersRequest) (assistantv1.PeersReply, error) {
		as.mu.Lock()
		defer as.mu.Unlock()
		return assistantv1.PeersReply{Peers: as.peers}, nil
	})
	script(t, p, s, assistantv1.SavePeerSubject, func(r assistantv1.Peer) (assistantv1.Peer, error) {
		as.mu.Lock()
		defer as.mu.Unlock()
		if r.URL == "https://nowhere.example.dk" {
			return r, errs.E(errs.Invalid, "Der er ingen assistent på den adresse.", nil)
		}
		as.peers = nil
		if r.URL != "" {
			as.peers = []assistantv1.Peer{r}
		}
		return r, nil
	})
}

// chunk is the micro-article with how citizens ask for it; the caller holds mu.
func (as *assistant) chunk() knowledgev1.Chunk {
	c := movingChunk()
	c.Asked, c.EditorAsked = []string{"hvornår melder man flytning"}, slices.Clone(as.phrases)
	c.Unanswered, c.EditorUnanswered = []string{"hvem flytter klaveret"}, slices.Clone(as.nots)
	return c
}

// setAsked takes out what looks like a CPR number.
func (as *assistant) setAsked(r knowledgev1.AskedRequest) (knowledgev1.Chunk, error) {
	as.mu.Lock()
	defer as.mu.Unlock()
	if as.unsaved != nil {
		return knowledgev1.Chunk{}, as.unsaved
	}
	if r.ID != movingChunk().ID {
		return knowledgev1.Chunk{}, errs.E(errs.NotFound, "", nil)
	}
	as.phrases, as.phrasesBy = nil, r.Actor
	for _, p := range r.Asked {
		as.phrases = append(as.phrases, strings.ReplaceAll(p, "070761-4285", "[cpr-nummer]"))
	}
	if r.Unanswered != nil {
		as.nots = slices.Clone(r.Unanswered)
	}
	return as.chunk(), nil
}

// rubbish is a search that finds the chunk at the seventh place, or first when an editor wrote that citizens ask for it so.
func (as *assistant) rubbish(r knowledgev1.SearchRequest) knowledgev1.SearchReply {
	as.mu.Lock()
	defer as.mu.Unlock()
	this := knowledgev1.Hit{Chunk: movingChunk(), Score: .1, Why: []knowledgev1.Why{{Ranking: "words", Rank: 7, Score: 1.5, Terms: []string{"flytning"}}}}
	var rep knowledgev1.SearchReply
	for i := range 6 {
		rep.Hits = append(rep.Hits, knowledgev1.Hit{Chunk: knowledgev1.Chunk{ID: fmt.Sprintf("starter/affald#%d", i), Title: "Affald", Section: fmt.Sprintf("Spand %d", i+1), Language: "da"}, Score: .4})
	}
	at := len(rep.Hits)
	if slices.Contains(as.phrases, r.Query) {
		at, this.Why[0].Rank = 0, 1
	}
	rep.Hits = slices.Insert(rep.Hits, at, this)
	return rep
}

// demoSources are sources of every kind of state.
func demoSources() []knowledgev1.Source {
	now := time.Now().UTC()
	failures := []knowledgev1.Failure{{Item: "https://www.borger.dk/gammel", Reason: "Siden findes ikke mere."}}
	run := knowledgev1.Run{
		ID: "r1", Source: "borger", State: knowledgev1.RunDone, StartedAt: now.Add(-3 * time.Hour), EndedAt: now.Add(-170 * time.Minute), Total: 120, Seen: 120,
		Added: 3, Changed: 5, Unchanged: 110, Removed: 1, Failed: 1, Failures: failures, Changes: []knowledgev1.Change{{ChunkID: "borger/1", Title: "Flytning", What: "changed"}},
	}
	bad := knowledgev1.Run{ID: "r2", Source: "web", State: knowledgev1.RunFailed, StartedAt: now.Add(-time.Hour), EndedAt: now.Add(-50 * time.Minute), Problem: "Webstedet svarer ikke."}
	return []knowledgev1.Source{
		{ID: "starter", Kind: knowledgev1.KindStarter, Title: "Demoviden", Demo: true, Chunks: 642},
		{ID: "borger", Kind: knowledgev1.KindBorger, Title: "borger.dk", Every: 24 * time.Hour, Chunks: 1200, LastRun: &run, NextRunAt: now.Add(20 * time.Hour), Municipalities: []string{"0101", "0751"}},
		{ID: "web", Kind: knowledgev1.KindSitemap, Title: "Aarhus Kommune", Paused: true, Every: time.Hour, LastRun: &bad},
	}
}

// moves sets how far a source's fetch is, and tells.
func (as *assistant) moves(t *testing.T, p *place, seen int, state string) {
	t.Helper()
	as.mu.Lock()
	r := *as.sources[1].LastRun
	r.ID, r.State, r.Seen, r.Total = "r3", state, seen, 400
	as.sources[1].LastRun = &r
	as.mu.Unlock()
	p.bus.NC.Publish(knowledgev1.Changed{SourceID: "borger"}.Subject(), mustJSON(knowledgev1.Changed{SourceID: "borger", What: "run", Run: &r}))
}

// lines is a file of articles, two of them wrong.
func lines(n int) string {
	s := "{\"id\": 1\n\n"
	for i := range n {
		s += fmt.Sprintf(`{"id":"a%d","url":"https://example.dk/%d","title":"Titel %d","text":"Tekst om flytning."}`+"\n", i, i, i)
	}
	return s + "[]\n"
}
