package knowledge

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Clean makes text safe to show, compare and quote: spaces of all kinds become a plain one, and what nobody sees is dropped (zero
// width, direction marks, controls, Unicode tags and variation selectors: they smuggle instructions past a reader). Lines stay
// lines; paragraphs are divided by one empty line.
func Clean(s string) string {
	s = norm.NFC.String(strings.ToValidUTF8(s, "\uFFFD"))
	s = strings.Map(visible, strings.ReplaceAll(s, "\r\n", "\n"))
	var b strings.Builder
	b.Grow(len(s))
	empty := 0
	for line := range strings.SplitSeq(s, "\n") {
		line = strings.Join(strings.Fields(line), " ")
		if line == "" {
			empty++
			continue
		}
		if b.Len() > 0 {
			b.WriteString("\n\n"[:min(empty, 1)+1])
		}
		b.WriteString(line)
		empty = 0
	}
	// Joining may have brought a letter and its accent together.
	return norm.NFC.String(b.String())
}

// CleanLine is Clean for headings and names: one line.
func CleanLine(s string) string { return strings.Join(strings.Fields(Clean(s)), " ") }

func visible(r rune) rune {
	switch {
	case r == '\n' || r == '\u2028' || r == '\u2029' || r == '\r' || r == '\u0085':
		return '\n'
	case r == '\t' || unicode.Is(unicode.Zs, r):
		return ' '
	case !unicode.IsGraphic(r) || unicode.Is(unicode.Variation_Selector, r) || blank(r):
		return -1 // controls, formats, private use, unassigned
	}
	return r
}

// blank are letters and signs without a picture.
func blank(r rune) bool {
	switch r {
	case '\u034F', '\u115F', '\u1160', '\u17B4', '\u17B5', '\u2800', '\u3164', '\uFFA0':
		return true
	}
	return false
}
