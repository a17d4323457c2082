package answer

import (
	"cmp"
	"context"
	"slices"

	"samtale.dk/samtale/services/assistant/internal/answer/question"
	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/knowledgev1"
)

// What a Danish article needs to be offered to who asks in English.
const (
	glossKnown = .6 // of the words of the question must be known: the rest may say that it is about something else
	glossMet   = .5 // of its matters must be in the article; coverage says less, as a matter is searched for by several words
)

// inDanish finds articles in Danish that may be about what is asked in English and no English article has. They are offered to read,
// and nothing is said from them.
func (a *asking) inDanish(ctx context.Context, f *finding, g question.InDanish) ([]knowledgev1.Chunk, error) {
	r := f.reading
	r.text, r.told, r.language = g.Query(), "", question.Danish
	rep, err := a.look(ctx, r)
	if err != nil {
		return nil, err
	}
	var out []knowledgev1.Chunk
	for _, h := range rep.Hits {
		head := heading(h.Chunk)
		if holds(h.Chunk, f.at) && g.In(head) > 0 && g.In(head+" . "+h.Text) >= glossMet {
			out = append(out, h.Chunk)
		}
	}
	return entitled(out, g), nil
}

// entitled are the articles that have the matter in their titles, those with most of it first. Without any, each stands with the
// section that has it.
func entitled(chunks []knowledgev1.Chunk, g question.InDanish) []knowledgev1.Chunk {
	var out []knowledgev1.Chunk
	for _, c := range chunks {
		if g.In(c.Title) > 0 {
			c.Section = "" // which one answers is not known
			out = append(out, c)
		}
	}
	if len(out) == 0 {
		return chunks
	}
	slices.SortStableFunc(out, func(x, y knowledgev1.Chunk) int { return cmp.Compare(g.In(y.Title), g.In(x.Title)) })
	return out
}

// danishOnly is said when articles in Danish are offered to who asks in English.
var danishOnly = both{
	"Det ved jeg ikke. Disse officielle sider handler måske om det. De er på dansk. En medarbejder kan også hjælpe dig.",
	"I do not know. I find no answer to it in English. These official pages may be about it. They are in Danish. A person can help you too.",
}

// offerDanish offers what inDanish finds beside the ways to a person, where what was found instead is about something else. Without it
// the finding stays as it is.
func (a *asking) offerDanish(ctx context.Context, f *finding) {
	if question.Language(a.result.Question) != question.English || question.Opening(f.text) || question.Worldly(f.text) || question.Abroad(f.text) != "" {
		return
	}
	g := f.glossed()
	if g.Empty() || g.Known < glossKnown || f.names(g) {
		return
	}
	found, err := a.inDanish(ctx, f, g)
	if err != nil {
		a.p.cfg.Log.Warn("no articles in Danish offered", "answer", a.req.ID, "err", err)
		return
	}
	if a.offers = readable(found); len(a.offers) > 0 {
		f.reason = assistantv1.ReasonUnknown
	}
}

// glossed is what the question is about in the words of Danish articles.
func (f *finding) glossed() question.InDanish { return question.Glossed(f.told + " " + f.text) }

// names reports that what was found has the matter that is asked about in a heading, or an answer in its first sentence, or that the
// question is one that its section is known to answer: so few articles are in English that the one that is most like a question is
// easily about something else.
func (f *finding) names(g question.InDanish) bool {
	switch f.reason {
	case assistantv1.ReasonUnknown:
		return false
	case assistantv1.ReasonAnswered:
		d := f.drafts[0]
		return d.Verbatim() || g.Names(heading(d.Hit.Chunk)+" . "+d.Units[0].Text)
	case assistantv1.ReasonUnproven:
		return slices.ContainsFunc(related(f.drafts), func(c knowledgev1.Chunk) bool { return g.Names(heading(c)) })
	}
	return true
}
