package danish

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Stem reduces a word to its stem by the Danish Snowball algorithm (snowballstem.org/algorithms/danish/stemmer.html).
func Stem(w string) string {
	w = strings.ToLower(w)
	r1 := regionOne(w)
	w = stemEnding(w, r1)
	w = stemPair(w, r1)
	w = stemSuffix(w, r1)
	return undouble(w, r1)
}

// regionOne is the byte index after the first consonant that follows a vowel, with at least three letters before it.
func regionOne(w string) int {
	seen, letters := false, 0
	for i, r := range w {
		letters++
		vowel := strings.ContainsRune("aeiouyæåø", r)
		if seen && !vowel {
			end := i + utf8.RuneLen(r)
			for letters < 3 && end < len(w) {
				_, n := utf8.DecodeRuneInString(w[end:])
				end += n
				letters++
			}
			return end
		}
		seen = seen || vowel
	}
	return len(w)
}

// endings are removed in the first step, longest first.
var endings = func() []string {
	list := strings.Fields(`erendes erende hedens ethed erede heden heder endes ernes erens erets ered ende erne eren erer heds enes eres
		eret hed ene ere ens ers ets en er es et e`)
	slices.SortStableFunc(list, func(a, b string) int { return len(b) - len(a) })
	return list
}()

func stemEnding(w string, r1 int) string {
	for _, e := range endings {
		if strings.HasSuffix(w, e) && len(w)-len(e) >= r1 {
			return w[:len(w)-len(e)]
		}
	}
	if strings.HasSuffix(w, "s") && len(w)-1 >= r1 && len(w) > 1 {
		before, _ := utf8.DecodeLastRuneInString(w[:len(w)-1])
		if strings.ContainsRune("abcdfghjklmnoprtvyzå", before) {
			return w[:len(w)-1]
		}
	}
	return w
}

func stemPair(w string, r1 int) string {
	for _, p := range []string{"gd", "dt", "gt", "kt"} {
		if strings.HasSuffix(w, p) && len(w)-2 >= r1 {
			return w[:len(w)-1]
		}
	}
	return w
}

func stemSuffix(w string, r1 int) string {
	if strings.HasSuffix(w, "igst") {
		w = w[:len(w)-2]
	}
	if strings.HasSuffix(w, "løst") && len(w)-len("løst") >= r1 {
		return w[:len(w)-1]
	}
	for _, e := range []string{"elig", "els", "lig", "ig"} {
		if strings.HasSuffix(w, e) && len(w)-len(e) >= r1 {
			return stemPair(w[:len(w)-len(e)], r1)
		}
	}
	return w
}

func undouble(w string, r1 int) string {
	last, n := utf8.DecodeLastRuneInString(w)
	if n == 0 || len(w)-n < r1 || strings.ContainsRune("aeiouyæåø", last) {
		return w
	}
	before, _ := utf8.DecodeLastRuneInString(w[:len(w)-n])
	if before == last {
		return w[:len(w)-n]
	}
	return w
}
