package danish

import "strings"

// Hide is a line that somebody typed with the personal data in it replaced by placeholders. Unlike [Masker] it leaves all
// else as it was written.
func Hide(line string) string {
	tokens := Tokens(line)
	words := make([]string, len(tokens))
	for i, t := range tokens {
		words[i] = t.Text
	}
	for _, m := range Find(tokens) {
		if !m.Kind.Personal() {
			continue
		}
		for _, i := range m.Tokens {
			words[i] = ""
		}
		first, last := m.Tokens[0], m.Tokens[len(m.Tokens)-1]
		words[first] = Placeholder(m.Kind) + closing(tokens[last].Text)
	}
	return strings.Join(strings.Fields(strings.Join(words, " ")), " ")
}

// closing is the punctuation that ends a word.
func closing(word string) string { return word[len(strings.TrimRight(word, ".,;:!?)»”\"")):] }
