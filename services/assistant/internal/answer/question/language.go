package question

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Languages.
const (
	Danish  = "da"
	English = "en"
	Other   = "other"
)

// Language tells the language by its small words and letters. What shows none is Danish: "pas pris", "MitID ny telefon".
func Language(text string) string {
	if !latin(text) {
		return Other
	}
	da, en, other := 0, 0, others(text)
	for _, w := range words(text) {
		if danishWords[w] {
			da += 2
		}
		if containsAny(w, "æøå") {
			da++
		}
		if englishWords[w] {
			en += 2
		}
	}
	most := 0
	for _, n := range other {
		most = max(most, n)
	}
	switch {
	case most > da && most > en && most >= 2:
		return Other
	case en > da:
		return English
	}
	return Danish
}

// latin reports a text that is mostly in Latin letters.
func latin(text string) bool {
	letters, latin := 0, 0
	for _, r := range text {
		if unicode.IsLetter(r) {
			letters++
			if unicode.Is(unicode.Latin, r) {
				latin++
			}
		}
	}
	return latin*2 >= letters
}

// others says how much a text looks like each of the other languages.
func others(text string) map[string]int {
	out := map[string]int{}
	for _, w := range words(text) {
		for _, lang := range languagesOf.word[w] {
			out[lang] += 2
		}
		var seen []string
		for _, r := range w {
			if r < utf8.RuneSelf {
				continue
			}
			for _, lang := range languagesOf.letter[r] {
				if !slices.Contains(seen, lang) {
					seen = append(seen, lang)
					out[lang]++
				}
			}
		}
	}
	return out
}

// languagesOf is otherWords the other way round: in which languages a word and a letter stand.
var languagesOf = byMark()

type languages struct {
	word   map[string][]string
	letter map[rune][]string
}

func byMark() languages {
	out := languages{map[string][]string{}, map[rune][]string{}}
	for lang, m := range otherWords {
		for w := range m.words {
			out.word[w] = append(out.word[w], lang)
		}
		for _, r := range m.letters {
			out.letter[r] = append(out.letter[r], lang)
		}
	}
	return out
}

// Tongue is the likeliest language of a text that is neither Danish nor English, by its ISO 639 code; empty: not known, or two are as
// likely.
func Tongue(text string) string {
	switch {
	case latin(text):
		most, tongue := 0, ""
		for lang, n := range others(text) {
			if n > most {
				most, tongue = n, lang
			} else if n == most {
				tongue = ""
			}
		}
		return tongue
	case strings.ContainsAny(text, "іїєґІЇЄҐ"):
		return "uk"
	case strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Cyrillic, r) }):
		return "ru"
	case strings.ContainsAny(text, "پچژگک"):
		return "fa"
	case strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Arabic, r) }):
		return "ar"
	}
	return ""
}

func containsAny(w, letters string) bool {
	for _, r := range w {
		for _, l := range letters {
			if r == l {
				return true
			}
		}
	}
	return false
}

// danishWords stand in nearly every Danish question. Words that English has too ("for", "have", "at") count for neither.
var danishWords = set(`og jeg det en den til er som på de med han af ikke der var mig sig men et vi min havde hun nu da fra du ud sin dem os
	op hans hvor eller hvad skal selv her alle vil blev kunne ind når være dog noget ville deres efter ned skulle denne dette mit også
	under dig anden hende alt meget sit disse hvis din nogle hos blive mange bliver hvordan hvornår hvorfor hvem hvilken hvilket hvilke
	kan får få gør må jeres vores ens man sker søger søge koster betyder findes gælder flytter ka ku sku hvornå hvodan å ska går tager
	godt lige bare hej goddag tak mine dine barn børn penge kommune kommunen borgerservice pris hvo i`)

// englishWords stand in English questions: small words, and some that say what the question is about.
var englishWords = union(englishSmall, set(`old new child children money name move moving married wife husband rent housing work job health card lost licence license tax
	benefit doctor school passport`))

var englishSmall = set(`the is are was were do does did how what when where who why which my your our their can could should would will
	i'm i've it's don't of to from with and or if not have has been this that these those there need want get apply much many long
	pay paid i am an it as we you he she they please about after before into any help doesn't can't where's what's someone anybody because tell me`)

// englishShared are small words that Danish has too: they tell no language, and no subject either.
var englishShared = set(`a at in on for be by so then still let keep go take use`)

func union(sets ...map[string]bool) map[string]bool {
	out := map[string]bool{}
	for _, s := range sets {
		for w := range s {
			out[w] = true
		}
	}
	return out
}

type marks struct {
	words   map[string]bool
	letters string
}

// otherWords mark languages that citizens write in, by their ISO 639 codes. Words that are Danish or English as well are left out.
var otherWords = map[string]marks{
	"de": {set("ich wie viel kostet eine einen der die das ist nicht und für mein meine wann wo kann können bitte auf dem mit bekomme brauche muss wohnen beantrage beantragen umziehen"), "ßü"},
	"sv": {set("jag och inte är hur när vad för mitt mina får göra måste kostar ett från om till behöver ansöker söker"), ""},
	"fr": {set("je est les des une pour mon ma mes comment combien quand où puis avoir faire le la dans avec suis peut quel quelle"), "çêèàù"},
	"es": {set("cómo como cuánto cuándo dónde puedo mi mis los las una para con que qué es necesito hacer tengo quiero por el está solicitar"), "ñ¿¡áíóú"},
	"it": {set("come quanto quando dove posso mio mia gli una per con che sono della devo fare"), ""},
	"pl": {set("jak ile kiedy gdzie czy mogę moje mój jest się nie dla w na mam chcę potrzebuję dostać"), "ąćęłńśźż"},
	"tr": {set("nasıl ne kadar zaman nerede için ve bir bu benim mı mi nedir istiyorum gerekiyor alabilirim yapmam"), "ığş"},
	"ro": {set("cum cât când unde pot meu mea este și pentru cu sunt am trebuie vreau"), "ăâîșț"},
	"so": {set("sidee goorma halkee waa aniga waxaan ayaa iyo maxaa"), ""},
	"nl": {set("ik hoe hoeveel wanneer waar het een mijn voor niet zijn kan ben wil moet aanvragen"), ""},
	"fi": {set("miten milloin missä kuinka paljon voinko minun on ja ei haluan tarvitsen"), ""},
	"lt": {set("kaip kada kur kiek galiu mano yra ir ne noriu reikia"), "ėįųū"},
	"pt": {set("como quanto quando onde posso meu minha para com não é eu preciso fazer"), "ãõ"},
}
