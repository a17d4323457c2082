package sparse

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"samtale.dk/samtale/models/danish"
)

// words cuts text into words and numbers, in lower case and one spelling. "a-kasse" and "e-boks" are one word; "børne-" of
// "børne- og ungeydelse" keeps its hyphen, for what it leaves out.
func words(text string) []string {
	text = strings.ToLower(norm.NFC.String(text))
	var out []string
	for start := 0; start < len(text); {
		r, n := utf8.DecodeRuneInString(text[start:])
		if !inWord(r) {
			start += n
			continue
		}
		end := start + n
		letters := 1
		for end < len(text) {
			r, n = utf8.DecodeRuneInString(text[end:])
			if r == '-' && letters <= 2 && !unicode.IsDigit(rune(text[start])) { // a-kasse
				next, _ := utf8.DecodeRuneInString(text[end+n:])
				if unicode.IsLetter(next) {
					end += n
					continue
				}
			}
			if !inWord(r) {
				break
			}
			end += n
			letters++
		}
		w := unify(text[start:end])
		if end < len(text) && text[end] == '-' && letters > 2 {
			next, _ := utf8.DecodeRuneInString(text[end+1:])
			if !inWord(next) {
				w += "-"
			}
		}
		out = append(out, w)
		start = end
	}
	return out
}

func inWord(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mn, r)
}

var spellings = strings.NewReplacer("-", "", "aa", "å", "é", "e", "è", "e", "ü", "y", "ä", "æ", "ö", "ø")

func unify(w string) string { return spellings.Replace(w) }

// stop reports a word that says nothing about the subject.
func stop(w string, english bool) bool {
	if english {
		return englishStop[w]
	}
	return (danish.Stop(w) || chatter[w]) && !asking[w]
}

// stem reduces a word. Irregular forms come first: the algorithm knows endings only.
func stem(w string, english bool) string {
	if english {
		return englishStem(w)
	}
	if base, ok := irregular[w]; ok {
		w = base
	}
	return contract(danish.Stem(w))
}

// contract drops the vowel that inflection drops: cykel, cykler; fødsel, fødsler; middel, midler.
func contract(st string) string {
	root, ok := strings.CutSuffix(st, "el")
	if n := len(root); ok && n >= 3 && !strings.ContainsRune(" aeiouyæøå", rune(root[n-1])) {
		if root[n-1] == root[n-2] {
			root = root[:n-1]
		}
		return root + "l"
	}
	return st
}

// isEnglish tells the language of a question by its small words.
func isEnglish(ws []string) bool {
	en, da := 0, 0
	for _, w := range ws {
		english, own := englishStop[w], danish.Stop(w) || chatter[w]
		switch {
		case english && !own:
			en++
		case own && !english:
			da++
		}
	}
	return en > da
}

// englishStem removes the commonest endings. It is for matching English to English, so it need not give real words.
func englishStem(w string) string {
	for _, c := range []struct{ end, by string }{
		{"ations", "at"},
		{"ation", "at"},
		{"ments", ""},
		{"ment", ""},
		{"ings", ""},
		{"ing", ""},
		{"ies", "i"},
		{"ied", "i"},
		{"ed", ""},
		{"es", ""},
		{"s", ""},
		{"y", "i"},
		{"e", ""},
	} {
		root, ok := strings.CutSuffix(w, c.end)
		if !ok || len(root) < 3 || strings.HasSuffix(w, "ss") {
			continue
		}
		if n := len(root); n > 3 && root[n-1] == root[n-2] && c.by == "" { // travelling, permitted
			root = root[:n-1]
		}
		return root + c.by
	}
	return w
}

// numeric reports a word that begins with a digit.
func numeric(w string) bool { return w != "" && w[0] >= '0' && w[0] <= '9' }

// grams lists the 4-grams of a word with its ends marked. Short words are one gram.
func grams(w string) []string {
	rs := []rune("_" + w + "_")
	if len(rs) <= gramSize {
		return []string{string(rs)}
	}
	out := make([]string, 0, len(rs)-gramSize+1)
	for i := range len(rs) - gramSize + 1 {
		out = append(out, string(rs[i:i+gramSize]))
	}
	return out
}

// gramSize was the best of 3, 4 and 5 on Danish questions, by a little.
const gramSize = 4

func fieldsOf(s string) map[string]bool {
	out := map[string]bool{}
	for w := range strings.FieldsSeq(s) {
		out[unify(w)] = true
	}
	return out
}

// asking are words by which headings say what they answer: they are no stop words here.
var asking = fieldsOf(`hvem hvornår hvordan sådan`)

// common are words that people use in every question and authorities seldom write, so they look rare: they count less.
var common = fieldsOf(`gå går gik gået gør gjort gjorde kom komme kommer kommet tag tage tager taget holde holder holdt stå stod sidde sidder
	siddende ligge lå leve lever liv livet rest resten hold prøve prøver vil ville kunne tid tiden gang gange hver dag dage uge uger måned
	måneden måneder år året ny nye nyt nu gammel gamle god godt bedre stor store lang langt længere to tre fire fem én eneste ting sag sagen
	selvom hvis når begge sammen alene anden andet fortalt fortælle fortæller sagt siger sende sendt bruge bruger brug penge pengene kroner
	betale betaler betalt skrive skriver hjælp hjælpe mor far mand kone søn datter kæreste barn børn dreng pige mine vores ham hende
	jeg du min din hvem hvornår hvordan sådan ud ind op ned hjem hjemme først sidst sidste næste tidligere lige begynde starte slut stopper
	danmark danske dansk dansker kommune kommunen borger borgere person personer vente ventet glemt glemte forkert rigtig
	id mit problem problemer vigtigt nødt kontakte ringe ringer snakke tale mail email mener venner ven nabo`)

// chatter are words of questions that say nothing about their subject and are no stop words of models/danish.
var chatter = fieldsOf(`gerne synes tror mon egentlig måske stadig allerede også altid næsten rigtig rigtigt ret bruge gøre får få fået
	give giver gav finder finde find fundet spørge spørgsmål spørger vide hører høre måtte burde bør kunnet skulle skullet villet
	tænker tænke betyder betyde forklar fortæl hjælpe hurtigt nemt nemmest længe lang tit nok kun helt heller ellers hvem hvorhen hvormed
	dit jer vores deres hinanden nogen nogle samme sig selv ens via pga fx eks feks osv mv evt dvs ift iht herunder samt både enten
	hvert hver andet andre mere mest mindre flere fleste lidt lille stor stort store igennem gennem mellem omkring
	ligger står sat sætte ser se set lave laver lavet tror vist vises sker ske sket muligt mulig bliver blevet være været er
	noget hvad hvilke når så dér her der hjemme måde måden
	jamen hallo hejsa goddag goddaw jow nå nåh øh øhm hm hør hørt hørte tænkte tænkt sagde lissom ligesom simpelthen egentligt nemlig forresten
	dernede derhenne derovre henne herhenne mon sgu ikk ik sku ska ka ku te æ å møj nøj hwa hwor hvadfor jae jaj
	di dæ mæ sæ hæ ve ta gi gir ma war wa blyw blyver blywer`)

var englishStop = fieldsOf(`a an and are as at be been being but by can could do does did doing for from had has have having he her here hers
	him his how i if in into is it its me my mine no not of off on or our ours out over own same she should so some such than that the
	their theirs them then there these they this those through to too under until up very was we were what when where which while who
	whom why will with would you your yours am about after again all also any because before between both each just more most much must
	need needs now only other please want wants get gets got give gives go goes going make makes many may might shall take takes tell
	know find like us t s m re ve ll d isn aren don doesn didn won wasn weren hasn haven hadn couldn wouldn shouldn im ive dont cant`)

// irregular forms of words that citizens use, by a form that the algorithm stems like the rest of the word's forms.
var irregular = func() map[string]string {
	out := map[string]string{}
	for line := range strings.SplitSeq(`barn: børn børnene børns barnet barnets børnenes børne
		mand: mænd mændene
		bog: bøger bøgerne
		død: dø dør døde døden dødsfald afdøde afdød afdødes
		søge: søgt søgte
		flytte: flyttet flyttede flytter
		vælge: valgt valgte
		købe: købt købte
		sælge: solgt solgte sælger
		betale: betalt betalte
		miste: mistet mistede mister
		blive: bliver blev
		skrive: skrevet skrev
		få: fik fået
		fødsel: født føde føder fødes
		mor: mødre moderen moren
		far: fædre faderen faren
		bror: brødre broren
		nat: nætter
		hånd: hænder
		ung: unge ungt
		gammel: gamle gammelt ældre
		syg: syge sygt sygdom
		ledig: ledige ledighed arbejdsløs arbejdsløse
		hvordan: sådan
		uge: uger ugen ugerne ugers
		år: året årene års årets åren
		køre: kørsel kørslen kører kørt
		eje: ejer ejede ejendom
		to: begge
		voksen: voksne voksnes voksent
		egen: egne eget
		åben: åbne åbent
		datter: døtre døtrene
		søster: søstre søstrene
		nummer: numre numrene
		tand: tænder tænderne
		bestille: bestilt bestilte
		ansøge: ansøgt ansøgte
		begynde: begyndt begyndte
		rejse: rejst rejste
		indrejse: indrejst
		udrejse: udrejst
		læse: læst læste
		låne: lånt lånte
		leje: lejet lejede
		arve: arvet arvede
		klage: klaget klagede
		stjæle: stjålet stjålne stjal
		afgøre: afgjort afgjorde
		melde: meldt meldte
		anmelde: anmeldt anmeldte
		afmelde: afmeldt
		tilmelde: tilmeldt
		udbetale: udbetalt udbetalte
		indbetale: indbetalt
		tilbagebetale: tilbagebetalt
		opsige: opsagt opsagde
		skille: skilt skilte
		dele: delt delte
		fortryde: fortrudt fortrød
		overføre: overført
		udsætte: udsat udsatte
		udstede: udstedt
		underskrive: underskrevet underskrev
		godkende: godkendt godkendte
		optjene: optjent
		tjene: tjent tjente
		nedsætte: nedsat
		afslå: afslået
		høre: hørt hørte
		glemme: glemt glemte
		hjælpe: hjulpet hjalp
		ringe: ringet ringede
		arbejde: arbejdet arbejdede
		skat: skatten skatter skattens`, "\n") {
		base, forms, _ := strings.Cut(strings.TrimSpace(line), ":")
		for f := range strings.FieldsSeq(forms) {
			out[unify(f)] = base
		}
	}
	return out
}()

// Stem gives the text of the term of a word, in Danish or English.
func Stem(w string, english bool) string { return stem(unify(strings.ToLower(w)), english) }
