package danish

import (
	"slices"
	"strings"
)

// Typed gives the words of a line that somebody typed, with the personal data in it replaced by placeholders. Unlike [Masker] it
// leaves all else as it was written. Of what stands before the line only a personal number matters that the line finishes.
func Typed(before, line string) []Span {
	from := len(Tokens(before))
	tokens := Tokens(before + " " + line)
	starts, inside := map[int]Span{}, map[int]bool{}
	for _, m := range Find(tokens) {
		here := slices.DeleteFunc(slices.Clone(m.Tokens), func(i int) bool { return i < from })
		cut := len(here) < len(m.Tokens)
		if !m.Kind.Personal() || len(here) == 0 || cut && m.Kind != KindCPR {
			continue
		}
		text := Placeholder(m.Kind) + closing(tokens[here[len(here)-1]].Text)
		starts[here[0]] = Span{Text: text, Kind: m.Kind, Clear: m.Clear}
		for _, i := range here {
			inside[i] = true
		}
	}
	var out []Span
	for i := from; i < len(tokens); i++ {
		if s, ok := starts[i]; ok {
			out = append(out, s)
		} else if !inside[i] {
			out = append(out, Span{Text: tokens[i].Text})
		}
	}
	return out
}

// Hide is a line that somebody typed with the personal data in it replaced by placeholders.
func Hide(line string) string {
	spans := Typed("", line)
	words := make([]string, len(spans))
	for i, s := range spans {
		words[i] = s.Text
	}
	return strings.Join(words, " ")
}

// closing is the punctuation that ends a word.
func closing(word string) string { return word[len(strings.TrimRight(word, ".,;:!?)»”\"")):] }
