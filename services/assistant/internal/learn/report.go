package learn

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/store"
)

// Days that a report covers.
const (
	defaultDays = 30
	maxDays     = 366
)

func days(n int) (int, error) {
	switch {
	case n == 0:
		return defaultDays, nil
	case n < 0 || n > maxDays:
		return 0, errs.E(errs.Invalid, "Vælg mellem 1 og 366 dage.", nil)
	}
	return n, nil
}

func (l *Ledger) since(n int) string { return l.day(l.cfg.Now().AddDate(0, 0, 1-n)) }

// missed is a question that was not answered, or badly.
type missed struct {
	id, asker, chunk, title, authority string
	helpful                            int
	at                                 int64
	words                              []string // those that are kept
}

// Gaps groups them: by the nearest article, or else by the commonest word that they share.
func (l *Ledger) Gaps(ctx context.Context, req assistantv1.GapsRequest) (assistantv1.GapsReply, error) {
	n, err := days(req.Days)
	if err != nil {
		return assistantv1.GapsReply{}, err
	}
	all, err := l.missed(ctx, l.since(n))
	if err != nil {
		return assistantv1.GapsReply{}, err
	}
	uses := map[string]int{}
	for _, m := range all {
		for _, w := range m.words {
			uses[w]++
		}
	}
	groups := map[string][]missed{}
	for _, m := range all {
		key := m.chunk
		if key == "" && len(m.words) > 0 {
			key = "word:" + slices.MaxFunc(m.words, func(a, b string) int { return cmp.Or(uses[a]-uses[b], cmp.Compare(b, a)) })
		}
		if key == "" {
			key = "alone:" + m.id
		}
		groups[key] = append(groups[key], m)
	}
	out := assistantv1.GapsReply{Gaps: []assistantv1.Gap{}}
	for key, group := range groups {
		if askers(group) < 2 {
			out.Rare += len(group)
			continue
		}
		out.Gaps = append(out.Gaps, l.gap(key, group))
	}
	slices.SortFunc(out.Gaps, func(a, b assistantv1.Gap) int { return cmp.Or(b.Questions-a.Questions, cmp.Compare(a.ID, b.ID)) })
	return out, nil
}

func askers(group []missed) int {
	seen := map[string]bool{}
	for _, m := range group {
		seen[m.asker] = true
	}
	return len(seen)
}

// termsShown bounds the words of a gap.
const termsShown = 8

func (l *Ledger) gap(key string, group []missed) assistantv1.Gap {
	g := assistantv1.Gap{ID: l.hash("gap", key), Terms: []string{}, Questions: len(group)}
	by := map[string]map[string]bool{}
	for _, m := range group {
		if m.helpful < 0 {
			g.Unhelpful++
		} else {
			g.Unknown++
		}
		if at := store.Time(m.at); at.After(g.LastAt) {
			g.LastAt = at
		}
		g.ChunkID, g.Nearest, g.Authority = m.chunk, m.title, m.authority
		for _, w := range m.words {
			if by[w] == nil {
				by[w] = map[string]bool{}
			}
			by[w][m.asker] = true
		}
	}
	for w, who := range by {
		if len(who) >= Shared { // in this group, not only in all
			g.Terms = append(g.Terms, w)
		}
	}
	slices.SortFunc(g.Terms, func(a, b string) int { return cmp.Or(len(by[b])-len(by[a]), cmp.Compare(a, b)) })
	g.Terms = g.Terms[:min(termsShown, len(g.Terms))]
	return g
}

func (l *Ledger) missed(ctx context.Context, since string) ([]missed, error) {
	rows, err := l.cfg.DB.Read().Query(ctx, `SELECT l.id, l.asker, l.helpful, l.at, l.chunk_id, l.title, l.authority, COALESCE(k.word, '')
		FROM answer_log l LEFT JOIN answer_term t ON t.answer_id = l.id LEFT JOIN known_term k ON k.hash = t.hash
		WHERE l.day >= ? AND (l.helpful < 0 OR l.helpful = 0 AND l.reason IN (?, ?)) ORDER BY l.at, l.id`,
		since, assistantv1.ReasonUnknown, assistantv1.ReasonUnproven)
	if err != nil {
		return nil, store.Wrap(err)
	}
	defer rows.Close()
	var out []missed
	for rows.Next() {
		var m missed
		var word string
		if err := rows.Scan(&m.id, &m.asker, &m.helpful, &m.at, &m.chunk, &m.title, &m.authority, &word); err != nil {
			return nil, store.Wrap(err)
		}
		if len(out) == 0 || out[len(out)-1].id != m.id {
			out = append(out, m)
		}
		if word != "" {
			out[len(out)-1].words = append(out[len(out)-1].words, word)
		}
	}
	return out, store.Wrap(rows.Err())
}

// Trends gives each day's account; days without a question are there too.
func (l *Ledger) Trends(ctx context.Context, req assistantv1.TrendsRequest) (assistantv1.TrendsReply, error) {
	n, err := days(req.Days)
	if err != nil {
		return assistantv1.TrendsReply{}, err
	}
	rep := assistantv1.TrendsReply{Days: make([]assistantv1.Day, n)}
	index := map[string]*assistantv1.Day{}
	first := l.cfg.Now().In(l.zone).AddDate(0, 0, 1-n)
	for i := range rep.Days {
		d := &rep.Days[i]
		d.Date, d.Reasons = first.AddDate(0, 0, i).Format(time.DateOnly), map[string]int{}
		index[d.Date] = d
	}
	return rep, l.count(ctx, l.since(n), index)
}

func (l *Ledger) count(ctx context.Context, since string, index map[string]*assistantv1.Day) error {
	rows, err := l.cfg.DB.Read().Query(ctx, `SELECT day, reason, helpful, COUNT(*), SUM(lix) FROM answer_log WHERE day >= ? GROUP BY day, reason, helpful`, since)
	if err != nil {
		return store.Wrap(err)
	}
	defer rows.Close()
	lix := map[string]float64{}
	for rows.Next() {
		var day, reason string
		var helpful, n int
		var sum float64
		if err := rows.Scan(&day, &reason, &helpful, &n, &sum); err != nil {
			return store.Wrap(err)
		}
		d := index[day]
		if d == nil {
			continue
		}
		d.Asked += n
		d.Reasons[reason] += n
		if reason == assistantv1.ReasonAnswered {
			d.Answered += n
			lix[day] += sum
		}
		switch {
		case helpful > 0:
			d.Helpful += n
		case helpful < 0:
			d.Unhelpful += n
		}
	}
	if err := rows.Err(); err != nil {
		return store.Wrap(err)
	}
	for day, sum := range lix {
		index[day].LIX = math.Round(10*sum/float64(index[day].Answered)) / 10
	}
	return l.handovers(ctx, since, index)
}

func (l *Ledger) handovers(ctx context.Context, since string, index map[string]*assistantv1.Day) error {
	rows, err := l.cfg.DB.Read().Query(ctx, `SELECT day, COUNT(*) FROM answer_handover WHERE day >= ? GROUP BY day`, since)
	if err != nil {
		return store.Wrap(err)
	}
	defer rows.Close()
	for rows.Next() {
		var day string
		var n int
		if err := rows.Scan(&day, &n); err != nil {
			return store.Wrap(err)
		}
		if d := index[day]; d != nil {
			d.HandedOn = n
		}
	}
	return store.Wrap(rows.Err())
}
