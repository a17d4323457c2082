package hearing

import "samtale.dk/samtale/services/contract/transcriptv1"

// timeline is the ledger of what is not committed yet: contiguous ranges.
type timeline struct {
	from   int64
	ranges []transcriptv1.Range
}

// end is the first position without a state.
func (t *timeline) end() int64 {
	if n := len(t.ranges); n > 0 {
		return t.ranges[n-1].End
	}
	return t.from
}

// add gives [end, to) a state.
func (t *timeline) add(to int64, s transcriptv1.State, reason string) {
	from := t.end()
	if to <= from {
		return
	}
	if n := len(t.ranges); n > 0 && t.ranges[n-1].State == s && t.ranges[n-1].Reason == reason {
		t.ranges[n-1].End = to
		return
	}
	t.ranges = append(t.ranges, transcriptv1.Range{Start: from, End: to, State: s, Reason: reason})
}

// cut takes [from, to) out; to is at most end.
func (t *timeline) cut(to int64) []transcriptv1.Range {
	var out []transcriptv1.Range
	for len(t.ranges) > 0 && t.ranges[0].Start < to {
		r := t.ranges[0]
		if r.End > to {
			t.ranges[0].Start = to
			r.End = to
		} else {
			t.ranges = t.ranges[1:]
		}
		out = append(out, r)
	}
	t.from = to
	return out
}

// giveUp calls everything from position at to the end lost that was to be
// transcribed.
func (t *timeline) giveUp(at, end int64, reason string) {
	whole := timeline{from: t.from}
	for _, r := range t.ranges {
		switch {
		case r.State != transcriptv1.Transcribed || r.End <= at:
			whole.add(r.End, r.State, r.Reason)
		default:
			whole.add(max(at, r.Start), transcriptv1.Transcribed, "")
			whole.add(r.End, transcriptv1.Lost, reason)
		}
	}
	whole.add(end, transcriptv1.Lost, reason)
	*t = whole
}
