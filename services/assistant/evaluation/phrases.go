package evaluation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"samtale.dk/samtale/services/assistant/internal/answer/extract"
	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/knowledgev1"
)

// The phrases of all articles are cut into parts. Those of a part are asked of knowledge that has those of the other parts only; so many
// parts are enough to learn from.
const (
	parts      = 8
	partsAsked = 2
)

// partOf is in which part a phrase is, however it ends.
func partOf(phrase string) uint32 {
	return hash(strings.ToLower(strings.TrimRight(phrase, " .?!"))) % parts
}

// phrases asks phrases as questions: what a record answers must be answered, what it does not must not.
func phrases(ctx context.Context, cfg Config, none extract.Weights, records []knowledgev1.Record) ([]Outcome, error) {
	var out [partsAsked][]Outcome
	var failed [partsAsked]error
	var wg sync.WaitGroup
	for part := range uint32(partsAsked) {
		wg.Go(func() { out[part], failed[part] = askPart(ctx, cfg, none, records, part) })
	}
	wg.Wait()
	return slices.Concat(out[:]...), errors.Join(failed[:]...)
}

func askPart(ctx context.Context, cfg Config, none extract.Weights, records []knowledgev1.Record, part uint32) ([]Outcome, error) {
	in := func(p string) bool { return partOf(p) == part }
	others := slices.Clone(records)
	for i, r := range records {
		others[i].Asked = slices.DeleteFunc(slices.Clone(r.Asked), in)
		others[i].Unanswered = slices.DeleteFunc(slices.Clone(r.Unanswered), in)
	}
	none.Frames = framesOf(others) // which must not have seen them either
	cfg.Weights = &none
	know, err := New(ctx, others, cfg.Now)
	if err != nil {
		return nil, err
	}
	p, err := cfg.pipeline(know)
	if err != nil {
		return nil, err
	}
	var out []Outcome
	for _, q := range asQuestions(records, in) {
		o, err := ask(ctx, p, q)
		if err != nil {
			return nil, fmt.Errorf("phrase of %s: %w", q.ID, err)
		}
		out = append(out, o)
	}
	return out, nil
}

// asQuestions makes questions of some of the phrases. What another record answers counts as answered.
func asQuestions(records []knowledgev1.Record, some func(phrase string) bool) []Question {
	answers := map[string][]string{}
	for _, r := range records {
		for _, p := range r.Asked {
			answers[p] = append(answers[p], r.ID)
		}
	}
	var out []Question
	for _, r := range records {
		for no, list := range [][]string{r.Asked, r.Unanswered} {
			for _, p := range list {
				q := Question{ID: r.ID, Class: Answerable, Question: p, Municipality: r.Municipality, At: r.ValidTo}
				q.Expect = Expect{Reason: assistantv1.ReasonAnswered, Chunks: answers[p]}
				if no == 1 {
					q.Class, q.Expect = NearMiss, Expect{Reason: assistantv1.ReasonUnproven}
				}
				if some(p) && (no == 0 || len(answers[p]) == 0) {
					out = append(out, q)
				}
			}
		}
	}
	return out
}
