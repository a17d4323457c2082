package question

import (
	"unicode"
)

// Languages.
const (
	Danish  = "da"
	English = "en"
	Other   = "other"
)

// Language tells the language by its small words and letters. What shows none is Danish: "pas pris", "MitID ny telefon".
func Language(text string) string {
	letters, latin := 0, 0
	for _, r := range text {
		if unicode.IsLetter(r) {
			letters++
			if unicode.Is(unicode.Latin, r) {
				latin++
			}
		}
	}
	if letters > 0 && latin*2 < letters {
		return Other
	}
	da, en, other := 0, 0, map[string]int{}
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
		for lang, m := range otherWords {
			if m.words[w] {
				other[lang] += 2
			}
			if containsAny(w, m.letters) {
				other[lang]++
			}
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

// otherWords mark languages that citizens write in. Words that are Danish or English as well are left out.
var otherWords = map[string]marks{
	"german":     {set("ich wie viel kostet eine einen der die das ist nicht und für mein meine wann wo kann können bitte auf dem mit bekomme brauche muss wohnen beantrage beantragen umziehen"), "ßü"},
	"swedish":    {set("jag och inte är hur när vad för mitt mina får göra måste kostar ett från om till behöver ansöker söker"), ""},
	"french":     {set("je est les des une pour mon ma mes comment combien quand où puis avoir faire le la dans avec suis peut quel quelle"), "çêèàù"},
	"spanish":    {set("cómo como cuánto cuándo dónde puedo mi mis los las una para con que qué es necesito hacer tengo quiero por el está solicitar"), "ñ¿¡áíóú"},
	"italian":    {set("come quanto quando dove posso mio mia gli una per con che sono della devo fare"), ""},
	"polish":     {set("jak ile kiedy gdzie czy mogę moje mój jest się nie dla w na mam chcę potrzebuję dostać"), "ąćęłńśźż"},
	"turkish":    {set("nasıl ne kadar zaman nerede için ve bir bu benim mı mi nedir istiyorum gerekiyor alabilirim yapmam"), "ığş"},
	"romanian":   {set("cum cât când unde pot meu mea este și pentru cu sunt am trebuie vreau"), "ăâîșț"},
	"somali":     {set("sidee goorma halkee waa aniga waxaan ayaa iyo maxaa"), ""},
	"dutch":      {set("ik hoe hoeveel wanneer waar het een mijn voor niet zijn kan ben wil moet aanvragen"), ""},
	"finnish":    {set("miten milloin missä kuinka paljon voinko minun on ja ei haluan tarvitsen"), ""},
	"lithuanian": {set("kaip kada kur kiek galiu mano yra ir ne noriu reikia"), "ėįųū"},
	"portuguese": {set("como quanto quando onde posso meu minha para com não é eu preciso fazer"), "ãõ"},
}
