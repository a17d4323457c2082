package danish

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Sentence is a run of spans of one speaker. Its spans carry the capitals; only Text has the full stop or question mark,
// because a sentence at the end of a stream may go on.
type Sentence struct {
	Text       string
	Spans      []Span
	Tokens     []int // all source tokens of the spans, ascending
	Start, End int64
	Speaker    string
}

// Pauses in samples at 16 kHz. People pause 200 to 300 ms inside a sentence, where they breathe; 700 ms nearly always end
// a thought.
const (
	longPause  = 16 * 700
	shortPause = 16 * 300
)

// maxSentence is the number of spans after which a conjunction with a new subject ends the sentence.
const maxSentence = 22

// Sentences divides spans into sentences by punctuation where the engine gave some, and by turns, pauses and the words
// that begin a sentence where it gave none. It writes capitals and names and ends each sentence.
func Sentences(spans []Span) []Sentence {
	var out []Sentence
	for i := 0; i < len(spans); {
		j := i + 1
		for j < len(spans) && !breaks(spans[i:j], spans[j], spans[j:]) {
			j++
		}
		out = append(out, newSentence(spans[i:j]))
		i = j
	}
	return out
}

// breaks decides whether a sentence ends between the spans so far and the next one.
func breaks(sofar []Span, next Span, rest []Span) bool {
	last := sofar[len(sofar)-1]
	if last.Speaker != next.Speaker {
		return true
	}
	if endsSentence(last.Text) && (!abbreviation(last.Text) || startsUpper(next.Text) && mayEnd(last.Text)) {
		return true
	}
	if strings.HasSuffix(last.Text, ",") {
		return false
	}
	if len(sofar) > 1 && (asks(rest) || calls(rest)) && !unfinished(last.Text) {
		return true
	}
	pause := next.Start - last.End
	low := strings.ToLower(next.Text)
	timed := next.End > 0
	if timed && pause >= longPause {
		return !unfinished(last.Text)
	}
	if timed && pause >= shortPause && opener(low, rest) && !unfinished(last.Text) {
		return true
	}
	return len(sofar) >= maxSentence && opener(low, rest) && !unfinished(last.Text)
}

// asks reports a direct question by its word order: "hvad betaler du", but not "hvad du betaler".
func asks(spans []Span) bool {
	if len(spans) < 3 {
		return false
	}
	core := func(i int) string { return newWord(0, spans[i].Text).core }
	return questionWord(core(0)) && !subject(core(1)) && subject(core(2)) && core(1) != "der" && core(1) != "som"
}

// calls reports "jeg ringer om" and "jeg ringer fordi", which begin a sentence even without a pause before them.
func calls(spans []Span) bool {
	return len(spans) > 2 && matches(spans, []string{"jeg", "ringer"}) && (matches(spans[2:], []string{"om"}) || matches(spans[2:], []string{"fordi"}))
}

// unfinished are words that no sentence ends with.
func unfinished(text string) bool {
	switch strings.ToLower(text) {
	case "og", "eller", "men", "at", "som", "en", "et", "min", "mit", "mine", "din", "dit", "dine", "de", "hos", "hvis", "når", "fordi", "kl.":
		return true
	}
	return false
}

func endsSentence(s string) bool {
	return strings.HasSuffix(s, ".") || strings.HasSuffix(s, "?") || strings.HasSuffix(s, "!") || strings.HasSuffix(s, "…")
}

// abbreviation reports a final dot that ends a shortened word or an ordinal, not a sentence.
func abbreviation(s string) bool {
	low := lastWord(s)
	if _, ok := expansions[low]; ok {
		return true
	}
	day := strings.TrimSuffix(low, ".")
	return allDigits(day) && len(day) <= 2
}

// mayEnd reports an abbreviation that can stand last in a sentence, when a capital follows.
func mayEnd(s string) bool {
	low := lastWord(s)
	return low == "kr." || low == "mv." || low == "m.v." || low == "osv." || allDigits(strings.TrimSuffix(low, "."))
}

// lastWord is the last word of a span in lower case: a span may be "300 kr.".
func lastWord(s string) string {
	return strings.ToLower(s[strings.LastIndexByte(s, ' ')+1:])
}

// expansions are abbreviations and what they stand for, for reading aloud and for counting sentences.
var expansions = map[string]string{
	"kr.": "kroner", "kl.": "klokken", "nr.": "nummer", "ca.": "cirka", "f.eks.": "for eksempel", "bl.a.": "blandt andet",
	"dvs.": "det vil sige", "evt.": "eventuelt", "mv.": "med videre", "m.v.": "med videre", "osv.": "og så videre", "inkl.": "inklusive",
	"ekskl.": "eksklusive", "tlf.": "telefon", "mio.": "millioner", "mia.": "milliarder", "pga.": "på grund af", "jf.": "jævnfør",
	"stk.": "stykke", "pct.": "procent", "hr.": "herr", "fr.": "fru", "dr.": "doktor", "vedr.": "vedrørende", "mht.": "med hensyn til",
	"m.m.": "med mere", "afd.": "afdeling", "jr.": "junior", "tv.": "til venstre", "th.": "til højre", "d.": "den", "feks.": "for eksempel",
	"maks.": "maksimalt", "min.": "minutter", "kap.": "kapitel", "o.l.": "og lignende", "reg.": "registrerings",
}

// opener reports a word that begins a sentence when a pause stands before it.
func opener(low string, rest []Span) bool {
	switch low {
	case "jeg", "vi", "du", "men", "så", "det", "der", "hvad", "hvornår", "hvordan", "hvorfor", "hvem", "hvor", "hvilken", "hvilket", "hvilke",
		"ja", "nej", "tak", "okay", "jo", "goddag", "hej", "farvel", "nå", "altså", "kan", "skal", "har", "er", "vil", "må", "får", "nu",
		"han", "hun", "de", "dit", "din", "min", "mit", "hvis", "først", "derefter", "bagefter", "desværre", "selvfølgelig":
		return true
	case "og":
		if len(rest) < 2 {
			return false
		}
		switch strings.ToLower(rest[1].Text) {
		case "jeg", "vi", "du", "så", "det", "der", "han", "hun", "hvad", "hvornår", "hvor", "hvordan", "kan", "skal":
			return true
		}
	}
	return false
}

func startsUpper(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.IsUpper(r)
}

// newSentence writes the spans as one sentence.
func newSentence(spans []Span) Sentence {
	s := Sentence{Spans: capitalise(spans), Speaker: spans[0].Speaker, Start: spans[0].Start, End: spans[len(spans)-1].End}
	for _, sp := range spans {
		s.Tokens = append(s.Tokens, sp.Tokens...)
	}
	s.Text = Text(s.Spans)
	switch {
	case endsSentence(s.Text):
	case question(spans):
		s.Text = strings.TrimRight(s.Text, ",;:–-") + "?"
	default:
		s.Text = strings.TrimRight(s.Text, ",;:–-") + "."
	}
	return s
}

// Question reports whether the text asks, by its question mark or by its first words.
func Question(text string) bool {
	var spans []Span
	for f := range fields(text) {
		spans = append(spans, Span{Text: f})
	}
	return len(spans) > 0 && (strings.HasSuffix(strings.TrimRight(text, `»«"”`), "?") || question(spans))
}

// question reports a sentence that begins with a question word, or with a verb and its subject.
func question(spans []Span) bool {
	words := make([]string, 0, 4)
	for _, s := range spans {
		w := strings.ToLower(strings.Trim(s.Text, ".,"))
		switch w {
		case "og", "men", "ja", "nej", "okay", "jo", "altså", "øh", "nå", "hej", "goddag", "undskyld", "jamen", "tak", "fint", "godt":
			if len(words) == 0 {
				continue
			}
		}
		words = append(words, w)
		if len(words) == 3 {
			break
		}
	}
	if len(words) < 2 {
		return len(words) == 1 && questionWord(words[0])
	}
	return questionWord(words[0]) || questionVerb(words[0]) && subject(words[1])
}

func questionWord(w string) bool {
	switch w {
	case "hvad", "hvornår", "hvordan", "hvorfor", "hvem", "hvor", "hvilken", "hvilket", "hvilke":
		return true
	}
	return false
}

// questionVerb reports a finite verb: nearly all end in r in the present. Before a subject it asks.
func questionVerb(w string) bool {
	switch w {
	case "kan", "skal", "vil", "må", "ved", "findes", "kunne", "skulle", "ville", "havde", "bør", "gør", "var", "fik":
		return true
	case "der", "her", "for", "hver", "eller", "over", "efter", "under", "år", "når", "før", "især", "mer", "nær", "par", "mor", "far":
		return false
	}
	return strings.HasSuffix(w, "r") && len(w) > 1
}

func subject(w string) bool {
	switch w {
	case "du", "jeg", "vi", "man", "i", "det", "der", "han", "hun", "de", "den", "din", "dit", "dine", "min", "mit", "mine":
		return true
	}
	return false
}

// capitalise writes the first word and the names with capitals.
func capitalise(spans []Span) []Span {
	out := make([]Span, len(spans))
	copy(out, spans)
	for i := 0; i < len(out); i++ {
		if out[i].Kind != KindNone || strings.Contains(out[i].Text, "@") {
			continue
		}
		if n := phraseAt(out, i); n > 0 {
			i += n - 1
			continue
		}
		w := newWord(0, out[i].Text)
		name, ok := ProperNoun(w.core)
		if !ok && ambiguousNames[w.core] && besideName(out, i) {
			name, ok = properNouns[w.core], true
		}
		if street(w.core) && i+1 < len(out) && hasDigit([]word{newWord(0, out[i+1].Text)}) {
			name, ok = capital(w.core), true
		}
		if ok && w.core == strings.Trim(out[i].Text, w.pre+w.post) {
			out[i].Text = w.pre + name + w.post
		}
	}
	if out[0].Kind == KindNone && !strings.HasPrefix(out[0].Text, "e-Boks") {
		out[0].Text = capital(out[0].Text)
	}
	return out
}

func hasDigit(ws []word) bool {
	for _, w := range ws {
		if strings.ContainsAny(w.core, "0123456789") {
			return true
		}
	}
	return false
}

// besideName reports a name next to span i.
func besideName(spans []Span, i int) bool {
	for _, j := range []int{i - 1, i + 1} {
		if j < 0 || j >= len(spans) {
			continue
		}
		if _, ok := ProperNoun(newWord(0, spans[j].Text).core); ok && !towns[newWord(0, spans[j].Text).core] {
			return true
		}
	}
	return false
}

// phraseAt writes a name of several words at span i and gives its length in spans.
func phraseAt(spans []Span, i int) int {
	for _, p := range phrases {
		spoken := strings.Fields(p.spoken)
		if i+len(spoken) > len(spans) || !matches(spans[i:], spoken) {
			continue
		}
		written := strings.Fields(p.written)
		for k := range spoken {
			w := newWord(0, spans[i+k].Text)
			spans[i+k].Text = w.pre + written[k] + w.post
		}
		return len(spoken)
	}
	return 0
}

func matches(spans []Span, words []string) bool {
	for k, w := range words {
		if !strings.EqualFold(newWord(0, spans[k].Text).core, w) || spans[k].Kind != KindNone {
			return false
		}
	}
	return true
}
