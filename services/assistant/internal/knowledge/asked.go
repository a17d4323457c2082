package knowledge

import (
	"context"
	"slices"
	"strings"

	"samtale.dk/samtale/models/danish"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/store"
)

// Asked makes phrases that a text answers safe to keep: one line each without markup, what nobody sees and people's data, and none
// twice. Too many of them, or one that is no phrase but a text, is refused.
func Asked(phrases []string) ([]string, error) { return tidy(phrases, "asked") }

// Unanswered is the same for phrases near a text that it does not answer.
func Unanswered(phrases []string) ([]string, error) { return tidy(phrases, "unanswered") }

func tidy(phrases []string, field string) ([]string, error) {
	if len(phrases) > knowledgev1.MaxAsked {
		return nil, invalid("Der er over %d formuleringer (%s). Vælg dem, der er mest forskellige.", knowledgev1.MaxAsked, field)
	}
	var out []string
	seen := map[string]bool{}
	for _, p := range phrases {
		if len(p) > knowledgev1.MaxAskedText {
			return nil, invalid("En formulering (%s) er for lang (over %d tegn). Skriv den som et spørgsmål.", field, knowledgev1.MaxAskedText)
		}
		if strings.Contains(p, "<") {
			text, _, err := Text(p, "")
			if err != nil {
				return nil, err
			}
			p = text
		}
		p = danish.Hide(CleanLine(p))
		if key := strings.ToLower(strings.TrimRight(p, " .?!")); key != "" && !seen[key] {
			seen[key] = true
			out = append(out, p)
		}
	}
	return out, nil
}

// SetAsked sets the phrases that editors add to a chunk. With the answer, searches find it by those that it answers, and what the
// others are like is not answered by it.
func (l *Library) SetAsked(ctx context.Context, req knowledgev1.AskedRequest) (knowledgev1.Chunk, error) {
	asked, err := Asked(req.Asked)
	if err != nil {
		return knowledgev1.Chunk{}, err
	}
	unanswered, err := Unanswered(req.Unanswered)
	if err != nil {
		return knowledgev1.Chunk{}, err
	}
	if len(req.Actor) > maxHeading || CleanLine(req.Actor) != req.Actor {
		return knowledgev1.Chunk{}, invalid("Feltet actor er ikke gyldigt.")
	}
	c, err := l.Chunk(ctx, req.ID)
	if err != nil {
		return c, err
	}
	if req.Unanswered == nil {
		unanswered = c.EditorUnanswered
	}
	if slices.Equal(c.EditorAsked, asked) && slices.Equal(c.EditorUnanswered, unanswered) {
		return c, nil
	}
	err = l.db.InTx(ctx, func(tx *store.Tx) error {
		res, err := tx.Exec(ctx, `UPDATE knowledge_chunk SET rev = rev + 1, dirty = ? WHERE id = ? AND removed_at = 0`, dirty, c.ID)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errs.E(errs.NotFound, "Artiklen findes ikke længere.", err)
		}
		_, err = tx.Exec(ctx, `INSERT INTO knowledge_asked (chunk_id, asked, unanswered, saved_at, saved_by) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (chunk_id) DO UPDATE SET asked = excluded.asked, unanswered = excluded.unanswered, saved_at = excluded.saved_at,
			saved_by = excluded.saved_by`,
			c.ID, list(asked), list(unanswered), store.Micros(l.now()), req.Actor)
		return err
	})
	if err != nil {
		return knowledgev1.Chunk{}, err
	}
	c.EditorAsked, c.EditorUnanswered = asked, unanswered
	l.publish(knowledgev1.Changed{SourceID: c.Source, What: "asked"})
	l.sync(ctx)
	return c, nil
}

// overBus is Search for others: how people ask stays here.
func (l *Library) overBus(ctx context.Context, req knowledgev1.SearchRequest) (knowledgev1.SearchReply, error) {
	rep, err := l.Search(ctx, req)
	for i := range rep.Hits {
		h := &rep.Hits[i]
		h.Asked, h.EditorAsked, h.Unanswered, h.EditorUnanswered = nil, nil, nil, nil
	}
	return rep, err
}
