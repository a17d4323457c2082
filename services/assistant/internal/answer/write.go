package answer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"samtale.dk/samtale/models/danish"
	"samtale.dk/samtale/models/evidence"
	"samtale.dk/samtale/models/llm"
	"samtale.dk/samtale/services/assistant/internal/answer/extract"
	"samtale.dk/samtale/services/assistant/internal/answer/question"
	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/knowledgev1"
)

// maxSentences bounds an answer: what is longer is not read.
const maxSentences = 4

// page is the chunks that an answer may quote.
type page struct {
	chunks map[string]knowledgev1.Chunk
	source evidence.Articles
}

func newPage() page { return page{map[string]knowledgev1.Chunk{}, evidence.Articles{}} }

// add takes a chunk in, unless its text is not the one that its hash was made of.
func (p page) add(c knowledgev1.Chunk) bool {
	if c.SHA256 != evidence.ContentHash(c.Text) {
		return false
	}
	p.chunks[c.ID], p.source[c.ID] = c, c.Text
	return true
}

// prove gives the sentence with its evidence, if the verifier supports it.
func (p page) prove(text string, spans []evidence.Span) (assistantv1.Sentence, bool) {
	if evidence.Verify(evidence.Claim{Text: text, Spans: spans}, p.source).Level != evidence.Supported {
		return assistantv1.Sentence{}, false
	}
	s := assistantv1.Sentence{Text: text}
	for _, at := range spans {
		c := p.chunks[at.Source]
		s.Evidence = append(s.Evidence, assistantv1.Evidence{
			Quote: c.Text[at.Start:at.End], URL: c.URL, Title: c.Title, Section: c.Section, Start: at.Start, End: at.End, SHA256: at.Hash, ChunkID: c.ID,
		})
	}
	return s, true
}

func span(c knowledgev1.Chunk, u extract.Unit) evidence.Span {
	return evidence.Span{Source: c.ID, Start: u.Start, End: u.End, Hash: c.SHA256}
}

// write drafts the answer, by the model when there is one, and proves it.
func (a *asking) write(ctx context.Context, f *finding) error {
	drafts := f.own()
	if a.p.cfg.Model != llm.None && a.result.Language == question.Danish {
		if err := a.byModel(ctx, f, drafts); err != nil {
			return err
		}
		drafts = a.withdraw(ctx, f, drafts)
	}
	if len(a.result.Sentences) == 0 {
		a.wordForWord(drafts)
	}
	if len(a.result.Sentences) == 0 {
		a.refuse(assistantv1.ReasonUnproven)
		return nil
	}
	a.result.Answered, a.result.Reason = true, assistantv1.ReasonAnswered
	a.result.Turn.Topic = f.drafts[0].Hit.Title
	a.describe(f)
	if f.drafts[0].Hit.Language == question.Danish && a.result.Language == question.English {
		a.result.Notice = strings.TrimSpace(a.result.Notice + " The official text is in Danish only.")
	}
	return nil
}

// withdraw drops what rests on a text that went while the model wrote: what is deleted, changed or expired answers no more, not even
// where it was being told. It gives the drafts that still stand.
func (a *asking) withdraw(ctx context.Context, f *finding, drafts []extract.Draft) []extract.Draft {
	gone := map[string]bool{}
	went := func(id, hash string) bool {
		v, known := gone[id]
		if !known {
			c, err := a.p.cfg.Knowledge.Chunk(ctx, id)
			v = err != nil || c.SHA256 != hash || !holds(c, f.at)
			gone[id] = v
		}
		return v
	}
	r := &a.result
	r.Sentences = slices.DeleteFunc(r.Sentences, func(s assistantv1.Sentence) bool {
		return slices.ContainsFunc(s.Evidence, func(e assistantv1.Evidence) bool { return went(e.ChunkID, e.SHA256) })
	})
	if len(r.Sentences) == 0 {
		r.Links, r.DraftedBy = nil, DraftedByExtract
	}
	return slices.DeleteFunc(slices.Clone(drafts), func(d extract.Draft) bool { return went(d.Hit.ID, d.Hit.SHA256) })
}

// own gives the draft that answers, with what its family says for the asker's municipality beside it.
func (f *finding) own() []extract.Draft {
	top := f.drafts[0]
	out := []extract.Draft{top}
	for _, d := range f.drafts[1:] {
		if d.Kin(top) && len(d.Units) > 0 && (d.Hit.Municipality != "" || !top.Better(d)) {
			return append(out, d)
		}
	}
	for _, d := range f.drafts[1:] {
		if d.Close(top) && !d.Kin(top) {
			return append(out, d)
		}
	}
	return out
}

// maxBeside bounds what stands beside the answer: the local difference, or another section that fits as well.
const maxBeside = 3

// wordForWord takes the sentences of the drafts as they stand.
func (a *asking) wordForWord(drafts []extract.Draft) {
	pg := newPage()
	for i, d := range drafts {
		if !pg.add(d.Hit.Chunk) {
			continue
		}
		units := d.Units
		if i > 0 { // the answer stands already
			units = d.Best(maxBeside)
		}
		for _, u := range units {
			if s, ok := pg.prove(u.Text, []evidence.Span{span(d.Hit.Chunk, u)}); ok {
				s.List, s.Number = a.lists.of(d.Hit.Chunk, u), u.Number
				a.say(s)
			}
		}
	}
}

// lists number the lists of an answer.
type lists map[listAt]int

// listAt tells a list by its text and the unit before it.
type listAt struct {
	chunk string
	lead  int
}

// of is the number of the list that a unit stands in; 0: in none.
func (l lists) of(c knowledgev1.Chunk, u extract.Unit) int {
	if !u.Item {
		return 0
	}
	at := listAt{c.ID, u.Lead}
	if l[at] == 0 {
		l[at] = len(l) + 1
	}
	return l[at]
}

// say adds a proven sentence and tells it.
func (a *asking) say(s assistantv1.Sentence) {
	s.ID = fmt.Sprintf("s%d", len(a.result.Sentences)+1)
	a.result.Sentences = append(a.result.Sentences, s)
	a.send(assistantv1.Event{Kind: assistantv1.EventSentence, Sentence: &s})
}

// describe says where the answer comes from and who is responsible. It is as old as the oldest text that it quotes.
func (a *asking) describe(f *finding) {
	r, c := &a.result, f.drafts[0].Hit.Chunk
	r.Authority, r.Area = c.Authority, c.Area
	r.Why = why(c, r.Municipality, r.Language)
	if len(r.Links) == 0 {
		r.Links = c.Links
	}
	quoted := map[string]bool{}
	for _, s := range r.Sentences {
		for _, e := range s.Evidence {
			quoted[e.ChunkID] = true
		}
	}
	fetched := c.FetchedAt
	for _, d := range f.drafts {
		if !quoted[d.Hit.ID] {
			continue
		}
		r.Demo = r.Demo || d.Hit.Demo
		if d.Hit.FetchedAt.Before(fetched) {
			fetched = d.Hit.FetchedAt
		}
	}
	r.AsOf = fetched.In(a.p.zone).Format("2006-01-02")
	r.LIX = readability(r.Sentences)
}

// readability is the LIX of sentences.
func readability(sentences []assistantv1.Sentence) float64 {
	var text []string
	for _, s := range sentences {
		text = append(text, ended(s.Text))
	}
	return danish.LIX(strings.Join(text, " "))
}

// ended writes a sentence with a mark at its end: list items have none.
func ended(s string) string {
	if strings.HasSuffix(s, ".") || strings.HasSuffix(s, "!") || strings.HasSuffix(s, "?") {
		return s
	}
	return s + "."
}

// notice says in the asker's language why there is no draft by the model.
func notice(err error) string {
	switch {
	case errors.Is(err, llm.ErrUnavailable):
		return "Sprogmodellen kunne ikke nås. Svaret er taget ordret fra kilden."
	case errors.Is(err, llm.ErrBusy):
		return "Sprogmodellen har travlt. Svaret er taget ordret fra kilden."
	case errors.Is(err, llm.ErrIncomplete):
		return "Sprogmodellen gik i stå. Svaret er taget ordret fra kilden."
	}
	return "Sprogmodellen svarede ikke rigtigt. Svaret er taget ordret fra kilden."
}
