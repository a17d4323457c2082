package answer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"samtale.dk/samtale/models/danish"
	"samtale.dk/samtale/models/evidence"
	"samtale.dk/samtale/services/assistant/internal/answer/extract"
	"samtale.dk/samtale/services/assistant/internal/answer/question"
	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/knowledgev1"
)

// What a suggestion must be worth. A caseworker who gets noise looks at none of them.
const (
	maxSuggestions   = 3
	maxSuggested     = 2 // sentences of one
	windowWords      = 28
	windowStep       = 14
	maxWindows       = 24 // of the newest words
	suggestThreshold = .62
	hitsSuggested    = 12
	suggestRead      = 3 // of them
	suggestSubjects  = 2 // words of the subject that the article must have
)

// Suggest finds what could help with what was just said. Speech is long and about many things, so it is read in short windows; a
// suggestion must be about what one of them says.
func (p *Pipeline) Suggest(ctx context.Context, req assistantv1.SuggestRequest) (assistantv1.SuggestReply, error) {
	rep := assistantv1.SuggestReply{Suggestions: []assistantv1.Suggestion{}}
	if len(req.Text) > 64<<10 {
		req.Text = strings.ToValidUTF8(req.Text[len(req.Text)-64<<10:], "")
	}
	var found []suggestion
	for i, text := range windows(req.Text) {
		s, err := p.suggestion(ctx, text, req.Municipality)
		if err != nil {
			return rep, err
		}
		if s.score > 0 {
			s.score -= .005 * float64(i) // newer words first
			found = append(found, s)
		}
	}
	slices.SortStableFunc(found, func(a, b suggestion) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		return 0
	})
	seen := map[string]bool{}
	for _, s := range found {
		if c := s.draft.Hit.Chunk; len(rep.Suggestions) < maxSuggestions && !seen[c.ID] && !seen[c.ArticleID] {
			if out, ok := p.proven(s.draft); ok {
				seen[c.ID], seen[c.ArticleID] = true, true
				rep.Suggestions = append(rep.Suggestions, out)
			}
		}
	}
	return rep, nil
}

// windows cuts a transcript into stretches of some words, the newest first. Lines are turns and are kept together where they are short.
func windows(text string) []string {
	var out []string
	lines := strings.Split(text, "\n")
	for i := len(lines) - 1; i >= 0 && len(out) < maxWindows; i-- {
		ws := strings.Fields(lines[i])
		for to := len(ws); to > 0 && len(out) < maxWindows; to -= windowStep {
			from := max(0, to-windowWords)
			if w := strings.Join(ws[from:to], " "); len(question.Subject(w)) >= suggestSubjects {
				out = append(out, w)
			}
			if from == 0 {
				break
			}
		}
	}
	return out
}

type suggestion struct {
	draft extract.Draft
	score float64
}

// suggestion is the best that fits a window; score 0: nothing does.
func (p *Pipeline) suggestion(ctx context.Context, text, municipality string) (suggestion, error) {
	today := p.cfg.Now().In(p.zone).Format("2006-01-02")
	if m, ok := danish.MunicipalityIn(text); ok {
		municipality = m.Code
	}
	rep, err := p.cfg.Knowledge.Search(ctx, knowledgev1.SearchRequest{Query: text, K: hitsSuggested, Municipality: municipality, Language: question.Danish, At: today, Explain: true})
	if err != nil {
		return suggestion{}, err
	}
	var best suggestion
	q := extract.Read(text, "", question.KindOf(text), rep.Terms)
	hits := slices.DeleteFunc(rep.Hits, func(h knowledgev1.Hit) bool { return !holds(h.Chunk, today) })
	drafts := p.reader.Drafts(q, hits)
	for i, d := range drafts[:min(suggestRead, len(drafts))] {
		score := d.About(q, drafts) - .03*float64(i)
		if len(d.Units) > 0 && d.Typed && score >= suggestThreshold && score > best.score && d.Subjects(q) >= suggestSubjects {
			best = suggestion{d, score}
		}
	}
	return best, nil
}

// proven makes the suggestion of a draft.
func (p *Pipeline) proven(d extract.Draft) (assistantv1.Suggestion, bool) {
	c := d.Hit.Chunk
	out := assistantv1.Suggestion{
		Title: heading(c), Authority: c.Authority, Links: c.Links, AsOf: c.FetchedAt.In(p.zone).Format("2006-01-02"), Demo: c.Demo,
	}
	pg := newPage()
	if !pg.add(c) {
		return out, false
	}
	id := sha256.New()
	fmt.Fprintf(id, "%s %s", c.ID, c.SHA256)
	numbers := lists{}
	for _, u := range d.Units[:min(maxSuggested, len(d.Units))] {
		if s, ok := pg.prove(u.Text, []evidence.Span{span(c, u)}); ok {
			s.List = numbers.of(c, u)
			s.ID = fmt.Sprintf("s%d", len(out.Sentences)+1)
			out.Sentences = append(out.Sentences, s)
			fmt.Fprintf(id, " %d-%d", u.Start, u.End)
		}
	}
	out.ID = hex.EncodeToString(id.Sum(nil)[:12])
	return out, len(out.Sentences) > 0
}

func heading(c knowledgev1.Chunk) string {
	if c.Section == "" {
		return c.Title
	}
	return c.Title + ": " + c.Section
}
