// Package extract answers a question with sentences of a micro-article, word for word: it divides the text, weighs each sentence by
// what is asked, and takes the few that answer it. It needs no model. How well the best of them fit is a number, by which the
// caller decides whether to answer at all.
//
// Everything is pure and safe for concurrent use.
package extract

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"samtale.dk/samtale/models/danish"
	"samtale.dk/samtale/models/embed/sparse"
	"samtale.dk/samtale/services/contract/knowledgev1"
)

// Unit is a sentence or list item of a text: bytes [Start, End) of it.
type Unit struct {
	Start, End int
	Text       string
	Item       bool // of a list
	Number     int  // of an item of a numbered list; 0: none
	Lead       int  // for an item, index of the unit that introduces the list; -1: none
	Paragraph  int

	english bool
	words   []word
	joined  string // the words, each with a zero behind it
	low     string // the text in lower case
	facts   []danish.Fact
	unfit   bool // to be quoted: a question, a fragment, or a text that speaks to machines
}

// word is a word of a unit.
type word struct{ low, stem string }

// Divide gives the units of a micro-article's text.
func Divide(text string, english bool) []Unit {
	var out []Unit
	start, paragraph, lead := 0, 0, -1
	for line := range strings.Lines(text) {
		body := strings.TrimRight(line, "\r\n ")
		marker, number := knowledgev1.ListItem(body)
		switch {
		case strings.TrimSpace(body) == "":
			paragraph++
		case marker > 0:
			u := Unit{Item: true, Number: number, Lead: lead, Paragraph: paragraph, english: english}
			out = append(out, newUnit(text, start+marker, start+len(body), u))
		default:
			for _, s := range sentences(body) {
				out = append(out, newUnit(text, start+s[0], start+s[1], Unit{Lead: -1, Paragraph: paragraph, english: english}))
			}
			lead = len(out) - 1
		}
		start += len(line)
	}
	return out
}

// newUnit reads a sentence with the facts in it.
func newUnit(text string, start, end int, u Unit) Unit {
	u, tokens := readWords(text, start, end, u)
	u.facts = danish.Facts(tokens)
	u.unfit = len(u.words) < 2 || strings.HasSuffix(u.Text, "?") || Instructs(u.Text)
	return u
}

func readWords(text string, start, end int, u Unit) (Unit, []danish.Token) {
	for start < end && text[start] == ' ' {
		start++
	}
	u.Start, u.End, u.Text = start, end, text[start:end]
	u.low = strings.ToLower(u.Text)
	tokens := danish.Tokens(u.Text)
	u.words = make([]word, 0, len(tokens))
	var joined strings.Builder
	joined.Grow(len(u.Text) + 1)
	for _, t := range tokens {
		for part := range strings.FieldsFuncSeq(strings.ToLower(t.Text), func(r rune) bool { return r == '/' || r == '–' || r == '(' }) {
			if w := known.word(part, u.english); w.low != "" {
				u.words = append(u.words, w)
				joined.WriteString(w.low)
				joined.WriteByte(0)
			}
		}
	}
	u.joined = joined.String()
	return u, tokens
}

// vocabulary remembers how words are read: texts and phrases share most of theirs, and reading a word is dear.
type vocabulary struct {
	mu    sync.RWMutex
	words map[spelling]word
}

type spelling struct {
	text    string
	english bool
}

var known = vocabulary{words: map[spelling]word{}}

// maxVocabulary bounds what strangers' questions may bring into it: some 100 bytes each.
const maxVocabulary = 1 << 16

// word reads a word in lower case with what stands around it; low is empty if there is none.
func (v *vocabulary) word(text string, english bool) word {
	v.mu.RLock()
	w, ok := v.words[spelling{text, english}]
	v.mu.RUnlock()
	if ok {
		return w
	}
	low := strings.TrimFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '%' })
	if low != "" {
		low = strings.Clone(unify.Replace(low)) // not a part of a whole text, which would stay with it
		w = word{low, sparse.Stem(low, english)}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.words) >= maxVocabulary {
		clear(v.words)
	}
	v.words[spelling{strings.Clone(text), english}] = w
	return w
}

var unify = strings.NewReplacer("-", "", "aa", "å", "é", "e")

// sentences gives the ranges of a line's sentences.
func sentences(line string) [][2]int {
	var out [][2]int
	start := 0
	for i := 0; i < len(line); i++ {
		if !strings.ContainsRune(".?!", rune(line[i])) {
			continue
		}
		end := i + 1
		for end < len(line) && strings.ContainsRune(`"»«)”'`, firstRune(line[end:])) {
			end += utf8.RuneLen(firstRune(line[end:]))
		}
		if end < len(line) && line[end] != ' ' {
			continue
		}
		if end < len(line) && !ends(line[start:i+1], strings.TrimLeft(line[end:], " ")) {
			continue
		}
		out = append(out, [2]int{start, end})
		for end < len(line) && line[end] == ' ' {
			end++
		}
		start, i = end, end-1
	}
	if strings.TrimSpace(line[start:]) != "" {
		out = append(out, [2]int{start, len(line)})
	}
	return out
}

func firstRune(s string) rune {
	r, _ := utf8.DecodeRuneInString(s)
	return r
}

// ends reports that the mark at the end of before ends a sentence when rest follows.
func ends(before, rest string) bool {
	if !strings.HasSuffix(before, ".") {
		return true
	}
	next := firstRune(rest)
	if unicode.IsLower(next) {
		return false
	}
	w := strings.ToLower(before[strings.LastIndexAny(before, " (")+1:])
	switch w {
	case "f.eks.", "fx.", "ca.", "nr.", "kl.", "bl.a.", "evt.", "dvs.", "stk.", "jf.", "tlf.", "d.", "pr.", "min.", "maks.", "mr.", "dr.", "st.", "e.g.", "i.e.", "h.c.", "inkl.", "ekskl.":
		return false
	case "kr.", "pct.", "mio.", "mia.", "osv.", "mv.", "m.m.", "mm.", "etc.":
		return !unicode.IsDigit(next)
	}
	digits := strings.TrimSuffix(w, ".")
	if len(digits) <= 2 && digits != "" && strings.Trim(digits, "0123456789") == "" { // "den 1. Maj", "§ 4. Stk."
		prev := strings.Fields(before)
		if len(prev) > 1 {
			switch strings.ToLower(prev[len(prev)-2]) {
			case "den", "d.", "fra", "hver", "til", "pr.", "af", "og":
				return false
			}
		}
	}
	return true
}

// has reports a word of the unit with the stem, alone or in a compound.
func (u *Unit) has(stem string) bool {
	for i := range u.words {
		if u.words[i].stem == stem {
			return true
		}
	}
	return isLong(stem) && strings.Contains(u.joined, stem)
}

// isLong reports a stem that is long enough to be looked for in compounds.
func isLong(stem string) bool { return utf8.RuneCountInString(stem) >= 5 }

// stands reports the stem, or when that is long a compound with it.
func (w *word) stands(stem string, long bool) bool {
	return w.stem == stem || long && strings.Contains(w.low, stem)
}

// says reports one of the words, as it stands.
func (u *Unit) says(words map[string]bool) bool {
	for _, w := range u.words {
		if words[w.low] {
			return true
		}
	}
	return false
}
