package notes

import (
	"slices"
	"strings"
	"unicode"

	"samtale.dk/samtale/models/danish"
	"samtale.dk/samtale/models/evidence"
)

// said is one sentence of the transcript, with what deciding its place in the note needs.
type said struct {
	leg   string
	role  string
	text  string // as written, with capitals and a full stop
	words []string
	low   []string // the words in lower case without punctuation
	start int64    // samples from the start of the conversation
	asks  bool
	facts []danish.Fact

	used    bool // in the draft already
	replies bool // comes after a question, and says enough to stand alone
}

func (s *said) span() evidence.Span { return evidence.Span{Source: s.leg, Words: s.words} }

// sentences divides the legs into sentences and puts them in the order in which they were begun.
func (t Transcript) sentences() []*said {
	var out []*said
	for _, l := range t.Legs {
		for _, part := range l.parts() {
			out = append(out, newSaid(l, part))
		}
	}
	slices.SortStableFunc(out, func(a, b *said) int { return int(a.start - b.start) })
	return out
}

// parts divides a leg's words at its sentence marks, or by the rules of danish.Sentences where it has none.
func (l Leg) parts() []danish.Sentence {
	marked := slices.ContainsFunc(l.Words, func(w Word) bool { return w.Sentence })
	var tokens []danish.Token
	for _, w := range l.Words {
		tokens = append(tokens, danish.Token{Text: w.Text, Start: w.Start, End: w.End, Confidence: w.Confidence, Speaker: l.ID})
	}
	var out []danish.Sentence
	for from := 0; from < len(l.Words); {
		to := len(l.Words)
		if marked {
			to = from + 1
			for to < len(l.Words) && !l.Words[to].Sentence {
				to++
			}
		}
		spans := danish.Normalise(tokens[from:to])
		for i := range spans {
			for k := range spans[i].Tokens {
				spans[i].Tokens[k] += from
			}
		}
		out = append(out, danish.Sentences(spans)...)
		from = to
	}
	return out
}

func newSaid(l Leg, part danish.Sentence) *said {
	s := &said{leg: l.ID, role: l.Role, text: part.Text, start: l.Offset + part.Start, asks: danish.Question(part.Text)}
	for _, i := range part.Tokens {
		s.words = append(s.words, l.Words[i].ID)
	}
	tokens := danish.Tokens(part.Text)
	for _, tk := range tokens {
		s.low = append(s.low, strings.ToLower(strings.TrimFunc(tk.Text, notLetter)))
	}
	s.facts = danish.Facts(tokens)
	return s
}

func notLetter(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '•' && r != '%'
}

// has reports one of the phrases in the sentence, as whole words in a row.
func (s *said) has(phrases ...string) bool {
	all := " " + strings.Join(s.low, " ") + " "
	return slices.ContainsFunc(phrases, func(p string) bool { return strings.Contains(all, " "+p+" ") })
}

// begins reports that a word of the sentence begins with one of the stems, so "lønseddel" finds "lønsedlen" by "lønsed".
func (s *said) begins(stems ...string) bool {
	return slices.ContainsFunc(s.low, func(w string) bool {
		return slices.ContainsFunc(stems, func(st string) bool { return strings.HasPrefix(w, st) })
	})
}

// content counts the words that carry meaning, numbers included.
func (s *said) content() int {
	n := 0
	for _, w := range s.low {
		if w != "" && !danish.Stop(w) && !smallTalk[w] {
			n++
		}
	}
	return n
}

var smallTalk = func() map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(`tak selv velkommen goddag hej hejhej hejsa farvel dav godmorgen øjeblik lige fint super dejligt perfekt okay ok
		jamen selvfølgelig klart jep jo præcis netop godt venter vent undskyld beklager høre mand kan hav god dag weekend taler ringer snakkes helt`) {
		out[w] = true
	}
	return out
}()
