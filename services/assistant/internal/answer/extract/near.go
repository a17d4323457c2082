package extract

// Unanswered is the phrase of the drafts that is most like the question among those that their texts do not answer: which draft has it,
// and how like it is, at most 1. Without any, draft is -1.
func (q Query) Unanswered(drafts []Draft) (phrase string, draft int, like float64) {
	with := having(drafts, (*divided).not)
	if len(with) == 0 {
		return "", -1, 0
	}
	words := q.lexicon(with, (*divided).not)
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
