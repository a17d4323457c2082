package answer

import (
	"context"

	"samtale.dk/samtale/models/danish"
	"samtale.dk/samtale/services/assistant/internal/answer/extract"
	"samtale.dk/samtale/services/assistant/internal/answer/question"
	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/errs"
)

// Try says how sure the answer to a question would be, and how sure it would be if no phrase were known that is not answered. An editor
// sees by it which phrase keeps the assistant quiet, and what articles in Danish are offered to who asks in English. Crisis rules and
// small talk are left out: they ask for no article.
func (p *Pipeline) Try(ctx context.Context, req assistantv1.TryRequest) (assistantv1.Tried, error) {
	text, err := question.Clean(req.Question)
	if err != nil {
		return assistantv1.Tried{}, errs.E(errs.Invalid, "Skriv et spørgsmål, der ikke er for langt.", err)
	}
	text = danish.Hide(text)
	a := p.trying(req, text)
	f, err := a.finding(ctx, req.Language)
	if err != nil {
		return assistantv1.Tried{}, err
	}
	out := assistantv1.Tried{Reason: f.reason, Sure: f.sure, Threshold: p.cfg.Weights.Threshold, Without: f.sure}
	a.offered(ctx, f, &out)
	if len(f.drafts) == 0 {
		return out, nil
	}
	best := f.drafts[0].Hit
	out.ChunkID, out.Title, out.Section, out.Language = best.ID, best.Title, best.Section, best.Language
	phrase, draft, like := f.query.Unanswered(f.drafts)
	if draft < 0 {
		return out, nil
	}
	has := f.drafts[draft].Hit
	out.Unanswered, out.Like, out.UnansweredChunkID, out.UnansweredTitle, out.UnansweredSection = phrase, like, has.ID, has.Title, has.Section
	out.UnansweredLanguage = has.Language
	bare := &Pipeline{cfg: p.cfg, zone: p.zone, reader: extract.NewReader(*p.cfg.Weights)} // a reader of its own: it remembers phrases
	bare.cfg.Knowledge = silent{p.cfg.Knowledge}
	f, err = bare.trying(req, text).finding(ctx, req.Language)
	if err != nil {
		return assistantv1.Tried{}, err
	}
	out.Without = f.sure
	return out, nil
}

// trying is a question that stands alone.
func (p *Pipeline) trying(req assistantv1.TryRequest, text string) *asking {
	a := &asking{
		p: p, tell: func(assistantv1.Event) {}, today: p.cfg.Now().In(p.zone),
		req: assistantv1.AskRequest{Question: req.Question, Municipality: req.Municipality, At: req.At, Audience: assistantv1.AudienceCaseworker},
	}
	a.result.Question = text
	return a
}

// finding is what is found as for a citizen, or only among the articles of one language: a few words may not show their own ("MitID").
func (a *asking) finding(ctx context.Context, language string) (*finding, error) {
	readings := a.readings(a.result.Question)
	if language != "" {
		readings = readings[:1]
		readings[0].language = language
	}
	return a.likeliest(ctx, readings)
}

// offered says which articles in Danish a citizen gets to read instead of what was found.
func (a *asking) offered(ctx context.Context, f *finding, out *assistantv1.Tried) {
	a.offerDanish(ctx, f)
	if len(a.offers) == 0 {
		return
	}
	out.Instead, out.Reason, out.InDanish = out.Reason, f.reason, f.glossed().Query()
	for _, c := range a.offers {
		out.Offered = append(out.Offered, assistantv1.Offered{ChunkID: c.ID, Title: c.Title, Section: c.Section})
	}
}

// silent is the knowledge without phrases that are not answered.
type silent struct{ Knowledge }

// Search implements Knowledge.
func (s silent) Search(ctx context.Context, req knowledgev1.SearchRequest) (knowledgev1.SearchReply, error) {
	rep, err := s.Knowledge.Search(ctx, req)
	for i := range rep.Hits {
		rep.Hits[i].Unanswered, rep.Hits[i].EditorUnanswered = nil, nil
	}
	return rep, err
}
