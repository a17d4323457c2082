package extract

// Unanswered is the phrase of the drafts that is most like the question among those that their texts do not answer: which draft has it,
// and how like it is, at most 1. Without any, draft is -1.
func (q Query) Unanswered(drafts []Draft) (phrase string, draft int, like float64) {
	var with []*Draft
	for i := range drafts {
		if d := &drafts[i]; d.text != nil && len(d.text.unsaid.list) > 0 {
			with = append(with, d)
		}
	}
	if len(with) == 0 {
		return "", -1, 0
	}
	words := q.lexicon(with[0].text.unsaid.of, rarity(with, func(d *Draft) []int32 { return d.text.unsaid.stems }))
	draft = -1
	for i, d := range drafts {
		if d.text == nil {
			continue
		}
		head := q.marks(d.text.head.has)
		for k, m := range q.meets(&d.text.unsaid) {
			if x := q.compare(&d.text.unsaid.list[k], m, head, words, nil).like(); x > like {
				phrase, draft, like = d.text.unsaid.list[k].text, i, x
			}
		}
	}
	return phrase, draft, like
}
