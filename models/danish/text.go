package danish

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// LIX is the Danish readability index: words per sentence, plus the percentage of words of more than six letters.
// Abbreviations count as what they stand for. 35 to 44 is medium, 55 and more very hard.
func LIX(text string) float64 {
	words, long, sentences := 0, 0, 0
	open := false
	for f := range fields(text) {
		if full, ok := expansions[strings.ToLower(f)]; ok {
			for w := range fields(full) {
				words++
				long += boolInt(utf8.RuneCountInString(w) > 6)
			}
			open = true
			continue
		}
		n := 0
		for _, r := range f {
			if unicode.IsLetter(r) || unicode.IsDigit(r) {
				n++
			}
		}
		if n > 0 {
			words++
			long += boolInt(n > 6)
			open = true
		}
		if open && endsSentence(strings.TrimRight(f, `"»«)”`)) && !abbreviation(f) {
			sentences++
			open = false
		}
	}
	if open {
		sentences++
	}
	if words == 0 {
		return 0
	}
	return float64(words)/float64(sentences) + 100*float64(long)/float64(words)
}

// Fold writes text in one form for comparison: lower case, numbers as digits, one spelling where several are in use, no
// punctuation. Two recognisers, or a recogniser and a reference, are compared on folded text.
func Fold(text string) string {
	tokens := Tokens(norm.NFC.String(text))
	var out []string
	for _, ws := range speakers(tokens) {
		for i := 0; i < len(ws); {
			if it, ok := itemAt(ws, i); ok && it.fact.Kind != "" && it.fact.Kind != Weekday {
				out = append(out, it.fact.Value)
				i = it.to
				continue
			}
			n, ok := numberAt(ws, i)
			if ok {
				out = append(out, n.canonical())
				i = n.next
				continue
			}
			if s := foldWord(ws[i].core); s != "" && !filler(ws[i].core) {
				out = append(out, s)
			}
			i++
		}
	}
	return strings.Join(out, " ")
}

// foldWord unifies spellings.
func foldWord(core string) string {
	core = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '%', r == '@', r == maskRune:
			return r
		case r == 'é' || r == 'è':
			return 'e'
		}
		return -1
	}, core)
	if same, ok := spellings[core]; ok {
		return same
	}
	return strings.NewReplacer("aa", "å", "é", "e", "á", "a", "ü", "y").Replace(core)
}

// spellings are words that are written in two ways.
var spellings = map[string]string{
	"okay": "ok", "ja": "ja", "jah": "ja", "kroner": "kr", "procent": "%", "klokken": "kl", "nummer": "nr", "emailadresse": "mailadresse",
	"email": "mail", "jobcentret": "jobcenteret", "centret": "centeret", "hej": "hej", "hejsa": "hej", "tredve": "30",
}

// Words lists the words of a text folded, without stop words and numbers: what the text is about.
func Words(text string) []string {
	var out []string
	for _, ws := range speakers(Tokens(norm.NFC.String(text))) {
		for _, w := range ws {
			s := foldWord(w.core)
			if s == "" || w.digits != "" || stopWords[s] || filler(s) {
				continue
			}
			out = append(out, s)
		}
	}
	return out
}

// Stop reports a word that carries little meaning on its own.
func Stop(w string) bool { return stopWords[strings.ToLower(w)] }

var stopWords = func() map[string]bool {
	out := map[string]bool{}
	for w := range fields(`og i jeg det at en den til er som på de med han af for ikke der var mig sig men et har om vi min havde
		ham hun nu over da fra du ud sin dem os op man hans hvor eller hvad skal selv her alle vil blev kunne ind når være dog
		noget ville jo deres efter ned skulle denne end dette mit også under have dig anden hende mine alt meget sit sine vor
		mod disse hvis din nogle hos blive mange ad bliver hendes været jer sådan så kan må dit dine jeres ja nej nå okay ok jamen
		lige bare altså godt tak hej goddag farvel øh ham hvem hvilken hvilket hvilke hvornår hvordan hvorfor igen ved jer får fik
		kommer gør går tage tager sige siger sagde derfor fordi mens siden uden hverken aldrig ingen intet mellem før inden`) {
		out[w] = true
	}
	return out
}()
