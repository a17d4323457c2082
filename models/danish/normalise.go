package danish

import "strings"

// Normalise writes spoken Danish as people write it: numbers, ordinals, dates, clock times, amounts, percentages,
// telephone numbers, civil registration numbers, e-mail and web addresses.
//
// Numbers up to twelve stay words unless a unit, date, time or label such as "side" stands with them, so "en ansøgning"
// and "to gange" are left alone. Written tokens are left as they are. Every token is in exactly one span.
func Normalise(tokens []Token) []Span {
	var out []Span
	for _, ws := range speakers(tokens) {
		out = append(out, normaliseWords(tokens, ws, nil)...)
	}
	sortSpans(out)
	return out
}

// normaliseWords writes the words of one speaker, with the hits masked.
func normaliseWords(tokens []Token, ws []word, hits []hit) []Span {
	var out []Span
	for i := 0; i < len(ws); {
		if len(hits) > 0 && hits[0].from <= i {
			out = append(out, maskSpan(tokens, ws, hits[0]))
			i = hits[0].to
			hits = hits[1:]
			continue
		}
		limit := len(ws)
		if len(hits) > 0 {
			limit = hits[0].from
		}
		it, ok := itemAt(ws[:limit], i)
		if !ok || it.text == "" {
			to := i + 1
			if ok {
				to = it.to
			}
			for ; i < to; i++ {
				out = append(out, newSpan(tokens, plainWord(ws[i]), []int{ws[i].tok}))
			}
			continue
		}
		s := newSpan(tokens, ws[it.from].pre+it.text, indexes(ws[it.from:it.to]))
		out = append(out, s)
		i = it.to
	}
	return out
}

// plainWord writes the few words that have a fixed spelling; all others stay.
func plainWord(w word) string {
	if fixed, ok := abbreviations[w.core]; ok && w.raw == w.core {
		return fixed
	}
	return w.raw
}

// abbreviations are always written in capitals.
var abbreviations = map[string]string{
	"cpr": "CPR", "cvr": "CVR", "su": "SU", "eu": "EU", "cpr-nummer": "CPR-nummer", "cprnummer": "CPR-nummer",
	"cpr-nummeret": "CPR-nummeret", "cvr-nummer": "CVR-nummer", "cvrnummer": "CVR-nummer",
}

// maskRune stands for one hidden character.
const maskRune = '•'

// Placeholder is what people see instead of a masked value.
func Placeholder(k Kind) string {
	hide := func(s string) string { return strings.ReplaceAll(s, "x", string(maskRune)) }
	switch k {
	case KindCPR:
		return hide("xxxxxx-xxxx")
	case KindPhone:
		return hide("xx xx xx xx")
	case KindEmail:
		return hide("xxx@xxx")
	case KindCard:
		return hide("xxxx xxxx xxxx xxxx")
	case KindAccount:
		return hide("xxxx xxxxxxxxxx")
	}
	return ""
}

// mask writes the tokens like [Normalise] with the personal data in them replaced by placeholders. The clear values are
// in the spans' Clear, for the caller to encrypt; they are nowhere else.
func mask(tokens []Token, cue cues) []Span {
	var out []Span
	for _, ws := range speakers(tokens) {
		var personal []hit
		for _, h := range findHits(ws, cue) {
			if h.kind.Personal() {
				personal = append(personal, h)
			}
		}
		out = append(out, normaliseWords(tokens, ws, personal)...)
	}
	sortSpans(out)
	return out
}

func maskSpan(tokens []Token, ws []word, h hit) Span {
	text := ws[h.from].pre + Placeholder(h.kind) + ws[h.to-1].post
	s := newSpan(tokens, text, indexes(ws[h.from:h.to]))
	s.Kind, s.Clear = h.kind, h.clear
	return s
}
