// Package question reads what a citizen asks: it cleans the text, masks personal data, and tells language, small talk, questions
// about the asker's own case, what kind of fact is asked for and about which day, and what a short follow-up goes on about. It
// uses word lists and no model, so that the same question is always read the same way.
//
// Everything is pure and safe for concurrent use.
package question

import (
	"errors"
	"html"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"samtale.dk/samtale/models/danish"
	"samtale.dk/samtale/services/contract/assistantv1"
)

// Errors of Clean.
var (
	ErrEmpty   = errors.New("nothing was asked")
	ErrTooLong = errors.New("the question is too long")
)

// maxRaw is how much text is looked at at all, in bytes: markup and invisible characters may make a short question long, but not
// without end.
const maxRaw = 8 << 10

// Clean makes a question of what was sent: no markup, nothing that is invisible or turns the writing round, one space between
// words. Letters, digits and punctuation stay as they are.
func Clean(raw string) (string, error) {
	if len(raw) > maxRaw {
		return "", ErrTooLong
	}
	s := norm.NFC.String(strings.ToValidUTF8(raw, " "))
	s = strings.Map(visible, withoutTags(html.UnescapeString(s)))
	s = strings.Join(strings.Fields(s), " ")
	if !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
		return "", ErrEmpty
	}
	if utf8.RuneCountInString(s) > assistantv1.MaxQuestion {
		return "", ErrTooLong
	}
	return s, nil
}

// visible drops what nobody sees: zero-width and direction marks, tag characters and variation selectors, with which
// instructions are hidden in harmless text. Control characters become spaces.
func visible(r rune) rune {
	switch {
	case unicode.IsControl(r), unicode.IsSpace(r), r == '\u2028', r == '\u2029':
		return ' '
	case unicode.Is(unicode.Cf, r), r >= 0xE0000 && r <= 0xE0FFF, r >= 0xFE00 && r <= 0xFE0F, r == '\u034F', r == '\u115F',
		r == '\u1160', r == '\u3164', r == '\uFFA0', unicode.Is(unicode.Co, r), r == utf8.RuneError:
		return -1
	}
	return r
}

// withoutTags drops what stands in angle brackets, and the whole content of scripts and styles. A bracket with a space or a digit
// after it is a sign ("under < 18").
func withoutTags(s string) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(s, "<")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		next, _ := utf8.DecodeRuneInString(rest)
		if !unicode.IsLetter(next) && next != '/' && next != '!' && next != '?' {
			b.WriteByte('<')
			s = rest
			continue
		}
		tag, after, closed := strings.Cut(rest, ">")
		if !closed {
			return b.String()
		}
		b.WriteByte(' ')
		s = after
		for _, name := range []string{"script", "style"} {
			if strings.HasPrefix(strings.ToLower(tag), name) {
				_, s, _ = strings.Cut(s, "</"+name)
				_, s, _ = strings.Cut(s, ">")
			}
		}
	}
}

// Focus divides a text into what asks and what is told around it. What is told only to be masked is dropped. Without a part that asks, all
// of it does.
func Focus(text string) (asks, told string) {
	var asking, telling []string
	for _, s := range parts(text) {
		masked := strings.ContainsRune(s, '•')
		switch {
		case strings.HasSuffix(s, "?") || danish.Question(s):
			asking = append(asking, withoutMasked(s))
		case !masked:
			telling = append(telling, s)
		}
	}
	if len(asking) == 0 {
		return withoutMasked(text), ""
	}
	return strings.Join(asking, " "), strings.Join(telling, " ")
}

// parts divides a text at the marks that end sentences.
func parts(text string) []string {
	var out []string
	start := 0
	ws := strings.Fields(text)
	for i, w := range ws {
		if strings.HasSuffix(w, "?") || strings.HasSuffix(w, "!") || strings.HasSuffix(w, ".") && len(w) > 3 && i+1 < len(ws) {
			out = append(out, strings.Join(ws[start:i+1], " "))
			start = i + 1
		}
	}
	if start < len(ws) {
		out = append(out, strings.Join(ws[start:], " "))
	}
	var short []string
	for _, p := range out {
		if len(strings.Fields(p)) <= maxSentence {
			short = append(short, p)
			continue
		}
		short = append(short, strings.Split(p, ", ")...)
	}
	return short
}

// maxSentence is how many words a question has that tells no story: a longer one is divided at its commas too.
const maxSentence = 30

func withoutMasked(text string) string {
	var out []string
	for w := range strings.FieldsSeq(text) {
		if !strings.ContainsRune(w, '•') {
			out = append(out, w)
		}
	}
	return strings.Join(out, " ")
}

// words are the words in lower case, without punctuation around them.
func words(text string) []string {
	var out []string
	for _, f := range strings.Fields(strings.ToLower(text)) {
		w := strings.TrimFunc(f, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		if w != "" {
			out = append(out, spelt(w))
		}
	}
	return out
}

func set(list string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(list) {
		out[w] = true
	}
	return out
}

// has reports one of the phrases (divided by "|") as whole words in a row.
func has(ws []string, phrases string) bool {
	all := joined(ws)
	for p := range strings.SplitSeq(phrases, "|") {
		if p = strings.TrimSpace(p); p != "" && strings.Contains(all, " "+p+" ") {
			return true
		}
	}
	return false
}

// joined is words in one text, as phrases are found in it.
func joined(ws []string) string { return " " + strings.Join(ws, " ") + " " }

// phrases are those of a list, divided by bars, as they stand in what [joined] gives.
func phrases(list string) []string {
	var out []string
	for p := range strings.SplitSeq(list, "|") {
		out = append(out, " "+strings.TrimSpace(p)+" ")
	}
	return out
}
