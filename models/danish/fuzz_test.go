package danish

import (
	"slices"
	"testing"
)

// Whatever the words are, nothing panics, every token is in exactly one span, and a stream gives every token once.
func FuzzWords(f *testing.F) {
	for _, s := range []string{
		"nul fire elleve tooghalvfems toogtyve elleve", "den tredje i ellevte klokken halv ni 12,50 kr.", "bente punktum holm snabel a eksempel punktum dk",
		"+45 22 33 44 55 -, ... 1.2.3 99999999999999999999", "en komma fem millioner og en halv", "d k 50 0040 0440 1162 43", "• § % @ a@ @b", "to og og og tyve",
		"kl. kl. 25.99 31.2.2025 30/2", "punktum punktum snabel a a snabel", "minus plus nul nul nul", "é\u0301 ÆØÅ \xff\xfe",
	} {
		f.Add(s, uint8(3))
	}
	f.Fuzz(func(t *testing.T, text string, step uint8) {
		tokens := Tokens(text)
		for i := range tokens {
			tokens[i].Start, tokens[i].End = int64(i*3000), int64(i*3000+2000)
			if step > 128 && i%3 == 0 {
				tokens[i].Speaker = "b"
			}
		}
		once(t, len(tokens), Normalise(tokens))
		once(t, len(tokens), masked(tokens))
		Sentences(masked(tokens))
		speak(text)
		Fold(text)
		LIX(text)
		var m Masker
		var out []Span
		for part := range slices.Chunk(tokens, int(step%7)+1) {
			m.Tail(part)
			out = append(out, m.Commit(part...)...)
			if step%2 == 0 {
				out = append(out, m.EndUtterance("")...)
			}
		}
		once(t, len(tokens), append(out, m.Close()...))
	})
}

func once(t *testing.T, n int, spans []Span) {
	t.Helper()
	seen := make([]int, n)
	for _, s := range spans {
		for _, i := range s.Tokens {
			seen[i]++
		}
	}
	for i, c := range seen {
		if c != 1 {
			t.Errorf("token %d is in %d spans", i, c)
		}
	}
}
