package danish

import (
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"
)

// word is a token prepared for matching: its core in lower case, without the punctuation around it.
type word struct {
	tok       int    // index of the source token
	raw       string // as given
	core      string // lower case
	pre, post string // punctuation before and after
	morphs    []morph
	digits    string // a written numeral without its separators, or ""
	frac      string // decimals of a written numeral
	grouped   bool   // the numeral has thousands separators, so it is an amount, never a number to dial
}

func fields(s string) iter.Seq[string] { return strings.FieldsSeq(s) }

// speakers returns the words of each speaker, in the order in which the speakers appear.
func speakers(tokens []Token) [][]word {
	var out [][]word
	at := map[string]int{}
	for i, t := range tokens {
		if strings.TrimSpace(t.Text) == "" {
			continue
		}
		k, ok := at[t.Speaker]
		if !ok {
			k = len(out)
			at[t.Speaker] = k
			out = append(out, nil)
		}
		out[k] = append(out[k], newWord(i, t.Text))
	}
	return out
}

func newWord(tok int, text string) word {
	w := word{tok: tok, raw: strings.TrimSpace(text)}
	core := w.raw
	start := strings.IndexFunc(core, isCoreRune)
	if start < 0 {
		w.core = core
		return w
	}
	w.pre, core = core[:start], core[start:]
	last := strings.LastIndexFunc(core, isCoreRune)
	_, width := utf8.DecodeRuneInString(core[last:])
	core, w.post = core[:last+width], core[last+width:]
	w.core = strings.ToLower(core)
	w.numeral()
	if w.digits == "" {
		w.morphs = segment(w.core)
	}
	return w
}

func isCoreRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '%' || r == '@' || r == '§' || r == '+' || r == maskRune
}

// numeral reads a written numeral: 12300, 12.300, 12.300,50. Anything else with digits (dates, clock times, identifiers)
// is left to the matchers that know its form.
func (w *word) numeral() {
	whole, frac, hasFrac := strings.Cut(w.core, ",")
	if hasFrac && !allDigits(frac) {
		return
	}
	if allDigits(whole) {
		w.digits, w.frac = whole, frac
		return
	}
	parts := strings.Split(whole, ".")
	for i, p := range parts {
		if !allDigits(p) || i > 0 && len(p) != 3 || len(p) > 3 {
			return
		}
	}
	w.digits, w.frac, w.grouped = strings.Join(parts, ""), frac, true
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// onlyDigits drops everything that is no digit.
func onlyDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// filler reports a sound of hesitation, which may stand inside a number read aloud.
func filler(core string) bool {
	switch core {
	case "øh", "øhm", "øhh", "øøh", "øhmm", "æh", "æhm", "eh", "ehm", "hm", "hmm", "mm", "mmm", "mh", "nå", "altså":
		return true
	}
	return false
}
