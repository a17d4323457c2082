// Package evidencetest plants faults in true sentences, to test that a verifier refuses them. It knows nothing of how the
// verifier works.
package evidencetest

import (
	"slices"
	"strings"
)

// A Fault is a sentence that is no longer true.
type Fault struct {
	Kind string // number, month, weekday, word, negation, denial removed, name, amount, date
	Text string
}

// Plant changes a sentence in every way that it knows, one change at a time. Each result says something else than the
// sentence; whether a source happens to say that too, the caller must know.
func Plant(text string) []Fault {
	var out []Fault
	add := func(kind string, words []string) {
		if s := strings.Join(words, " "); s != text {
			out = append(out, Fault{kind, s})
		}
	}
	words := strings.Fields(text)
	for i, w := range words {
		for _, other := range digits(w) {
			add("number", replaced(words, i, other))
		}
		core := strings.Trim(w, ".,»«?:!")
		for _, swap := range swaps {
			at := slices.Index(swap.words, strings.ToLower(core))
			for k, other := range swap.words {
				if at >= 0 && k != at {
					add(swap.kind, replaced(words, i, strings.Replace(w, core, likeCase(core, other), 1)))
				}
			}
		}
		if slices.Contains([]string{"ikke", "aldrig", "ingen"}, strings.ToLower(core)) {
			add("denial removed", append(slices.Clone(words[:i]), words[i+1:]...))
		}
	}
	if !denies(words) {
		for i := 2; i < min(len(words), 4); i++ {
			add("negation", slices.Insert(slices.Clone(words), i, "ikke"))
		}
	}
	open := strings.TrimRight(text, ".?«")
	for _, who := range []string{"Borgeren ", "Sagsbehandleren "} {
		if rest, ok := strings.CutPrefix(text, who); ok {
			out = append(out, Fault{"name", "Aksel Vestergård " + rest})
		}
	}
	return append(out, Fault{"name", open + " hos Bodil Skov."}, Fault{"amount", open + " på 999 kr."}, Fault{"date", open + " den 29. marts 1987."})
}

// swaps are words of which one does not mean the other.
var swaps = []struct {
	kind  string
	words []string
}{
	{"month", []string{"januar", "april", "juni", "juli", "november", "december"}},
	{"weekday", []string{"mandag", "onsdag", "torsdag", "fredag"}},
	{"number", []string{"to", "tre", "fire", "fem", "seks", "syv", "ni", "tolv"}},
	{"word", []string{"borgeren", "sagsbehandleren"}},
	{"word", []string{"skal", "kan", "må"}},
	{"word", []string{"før", "efter"}},
	{"word", []string{"inden", "efter"}},
	{"word", []string{"senest", "tidligst"}},
	{"word", []string{"afslag", "tilsagn"}},
	{"word", []string{"stiger", "falder"}},
	{"word", []string{"bevilget", "afslået"}},
	{"word", []string{"godkendt", "afvist"}},
	{"word", []string{"uger", "måneder", "dage", "timer"}},
	{"word", []string{"kr", "euro"}},
	{"word", []string{"alle", "nogle", "ingen"}},
	{"word", []string{"aldrig", "altid"}},
	{"word", []string{"uden", "med"}},
	{"word", []string{"morgen", "overmorgen"}},
	{"word", []string{"indtægten", "udgiften"}},
	{"name", []string{"odense", "aarhus"}},
	{"name", []string{"karen", "bente"}},
	{"name", []string{"jensen", "holm"}},
	{"name", []string{"tyskland", "polen", "spanien"}},
	{"name", []string{"danmark", "norge"}},
}

// likeCase writes a word with a capital if the other has one.
func likeCase(model, w string) string {
	if model != "" && strings.ToUpper(model[:1]) == model[:1] && strings.ToLower(model[:1]) != model[:1] {
		return strings.ToUpper(w[:1]) + w[1:]
	}
	return w
}

// digits changes each digit of a word to others.
func digits(w string) []string {
	var out []string
	for k := range len(w) {
		if w[k] < '0' || w[k] > '9' {
			continue
		}
		for _, d := range []byte{'1', '4', '8'} {
			if d != w[k] {
				out = append(out, w[:k]+string(d)+w[k+1:])
			}
		}
	}
	return out
}

func replaced(words []string, i int, w string) []string {
	c := slices.Clone(words)
	c[i] = w
	return c
}

func denies(words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool {
		return slices.Contains([]string{"ikke", "aldrig", "ingen", "hverken", "uden"}, strings.ToLower(strings.Trim(w, ".,»«?")))
	})
}
