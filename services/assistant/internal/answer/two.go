package answer

import (
	"context"
	"slices"
	"strings"

	"samtale.dk/samtale/models/llm"
	"samtale.dk/samtale/services/assistant/internal/answer/question"
	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/knowledgev1"
)

// both answers two questions of one text. A second one that says itself what it is about is answered as if it had been asked alone; any
// other, and one that has no proven answer, is told back, so that it is not lost.
func (a *asking) both(ctx context.Context, first, second string) error {
	if err := a.search(ctx, first); err != nil {
		return err
	}
	if a.result.Answered && question.Alone(second) {
		b, err := a.alone(ctx, second)
		if err != nil {
			return err
		}
		if b.Answered && b.Municipality == a.result.Municipality && a.also(second, b) {
			return nil
		}
	}
	told := both{
		"Jeg svarer på ét spørgsmål ad gangen. Spørg bagefter: »" + second + "«", "I answer one question at a time. Ask afterwards: “" + second + "”",
	}.in(a.result.Language)
	a.result.Notice = strings.TrimSpace(told + " " + a.result.Notice)
	return nil
}

// alone is what a question comes to, word for word: nobody sees it being made, so no model is waited for a second time.
func (a *asking) alone(ctx context.Context, text string) (assistantv1.Answer, error) {
	req := a.req
	req.Municipality = a.result.Municipality
	p := *a.p
	p.cfg.Model = llm.None
	b := &asking{p: &p, req: req, tell: func(assistantv1.Event) {}, today: a.today, lists: a.lists}
	b.result.Question, b.result.Language, b.result.Municipality, b.result.DraftedBy = text, a.result.Language, req.Municipality, DraftedByExtract
	err := b.search(ctx, text)
	return b.result.Answer, err
}

// also adds the answer to a second question; false: it says nothing more.
func (a *asking) also(text string, b assistantv1.Answer) bool {
	r := &a.result
	more := slices.DeleteFunc(b.Sentences, func(s assistantv1.Sentence) bool {
		return slices.ContainsFunc(r.Sentences, func(o assistantv1.Sentence) bool { return o.Text == s.Text })
	})
	if len(more) == 0 {
		return false
	}
	more[0].Question = text
	for _, s := range more {
		a.say(s)
	}
	for _, l := range b.Links {
		if !slices.ContainsFunc(r.Links, func(o knowledgev1.Link) bool { return o.URL == l.URL }) {
			r.Links = append(slices.Clip(r.Links), l)
		}
	}
	if b.Authority != "" && b.Authority != r.Authority {
		r.Authority = strings.TrimPrefix(r.Authority+both{" og ", " and "}.in(r.Language)+b.Authority, both{" og ", " and "}.in(r.Language))
		r.Why = strings.TrimSpace(r.Why + " " + b.Why)
	}
	r.AsOf, r.Demo = min(r.AsOf, b.AsOf), r.Demo || b.Demo
	if !strings.Contains(r.Notice, b.Notice) {
		r.Notice = strings.TrimSpace(r.Notice + " " + b.Notice)
	}
	r.LIX = readability(r.Sentences)
	return true
}
