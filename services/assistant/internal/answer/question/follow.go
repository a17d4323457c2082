package question

import (
	"slices"
	"strings"

	"samtale.dk/samtale/models/danish"
)

// Turn is an earlier question of a conversation, as it was understood.
type Turn struct {
	Read  string
	Topic string // title of what answered it; empty: nothing did
}

// maxTurns is how many turns back a follow-up may reach.
const maxTurns = 5

// Topic gives what a follow-up goes on about: the words of the last turn that had a subject, and the kind of fact that it goes on
// asking for when it names none itself ("hvad så med et barn?"). It is empty when the text has no sign of going on, or there is
// nothing to go on about.
func Topic(text string, turns []Turn) (topic string, kind Kind) {
	if !goesOn(text) {
		return "", ""
	}
	for i := len(turns) - 1; i >= max(0, len(turns)-maxTurns); i-- {
		own := Subject(turns[i].Read)
		if len(own) == 0 {
			continue
		}
		if asks := KindOf(turns[i].Read); again(text) && asks != Open {
			return strings.Join(words(turns[i].Read), " "), asks
		}
		return strings.Join(own, " "), ""
	}
	return "", ""
}

// again reports a follow-up that asks the same of something else.
func again(text string) bool {
	ws := words(text)
	k := KindOf(text)
	return k == Open || k == What && has(ws, "hvad med|hva med|hvad så med|hvad så hvis|hvad hvis|what about|what if")
}

// OnlyPlaces reports a text that asks nothing and names nothing, once the place in it is taken away ("og i", "hvad med", "jeg bor i").
func OnlyPlaces(text string) bool {
	ws := words(text)
	if len(ws) > 5 || len(ws) > 0 && !again(text) {
		return false
	}
	return !slices.ContainsFunc(Subject(text), func(w string) bool { return !living[w] })
}

var living = set("kommune kommunen municipality bor boede flytter by byen live living")

// Two divides a text of two questions of different kinds ("hvad koster et pas, og hvor lang tid tager det?"). Without a second one it is
// empty: one answer serves questions of the same kind, and what asks nothing by itself.
func Two(text string) (first, second string) {
	low := strings.ToLower(text)
	for _, joint := range []string{", og ", " og ", "? ", " and "} {
		for at := 0; ; {
			i := strings.Index(low[at:], joint)
			if i < 0 {
				break
			}
			at += i + len(joint)
			if at > len(text) { // letters that have another length in lower case
				return text, ""
			}
			first, second = strings.TrimRight(text[:at-len(joint)], " ,?"), strings.TrimSpace(text[at:])
			ws := words(second)
			a, b := KindOf(first), KindOf(second)
			if len(ws) >= 3 && interrogative[ws[0]] && len(Subject(first)) > 0 && a != Open && b != Open && a != b && facts[a] && facts[b] {
				return first + "?", second
			}
		}
	}
	return text, ""
}

var (
	interrogative = set("hvad hvor hvornår hvordan hvem hvilke hvilken hvilket what when where how who which")
	facts         = map[Kind]bool{Amount: true, When: true, Hours: true, Duration: true, Deadline: true, Size: true, Age: true, Count: true, Where: true, How: true, Who: true}
)

// Alone reports a question that says itself what it is about.
func Alone(text string) bool {
	return len(Subject(text)) > 0 && !slices.ContainsFunc(words(text), func(w string) bool { return pointers[w] })
}

// goesOn reports a text that points back: by its first words, by a pronoun, or because it names no subject of its own.
func goesOn(text string) bool {
	ws := words(text)
	if len(ws) == 0 {
		return false
	}
	own := Subject(text)
	if len(own) == 0 {
		return true
	}
	begins := has(ws[:min(len(ws), 3)], "og|men|så|hvad med|hva med|og hvad|and|what about|how about|but|also|også|hvad hvis|what if|hvis|eller|altså|end")
	points := slices.ContainsFunc(ws, func(w string) bool { return pointers[w] })
	return (len(own) <= 4 && begins || len(own) <= 3 && points) || len(own) <= 2 && len(ws) <= 6
}

// pointers stand for something named before.
var pointers = set("det den dem de der dér denne dette disse it that this they them those these there here så hertil derfra dertil heraf sådan så begge hende ham")

// Subject lists the words that say what a question is about: no small words, no words that only say which fact is asked for.
func Subject(text string) []string {
	var out []string
	for _, w := range words(text) {
		if len(w) > 1 && !danish.Stop(w) && !generic[w] && !englishSmall[w] && !englishShared[w] && !pointers[w] && !courtesy[w] && !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return out
}

// Generic reports a word that says which fact is asked for, not about what.
func Generic(w string) bool { return generic[w] || courtesy[w] }

var generic = set(`koster kostede koste pris prisen priser gebyr gebyret betale betaler penge kroner kr tid længe lang langt længere hurtigt hurtig frist fristen
	deadline dag dage uger uge måneder måned år dato hvornår søge søger søgt ansøge ansøger finde finder bruge bruger brug gøre gøres gør sker ske betyder betyde gælder gælde
	kræves kræver krav kravene regler reglerne regel reglen lov loven muligt mulig mulighed sted steder henvende henvender ringe ringer kontakte kontakter hjælp hjælpe hjælper
	skrive skriver sende sender vide ved høre lære læse meget mange mere mindre mest gammel gamle alder ny nyt nye første næste gang hele helt rigtigt rigtig egentlig egentligt præcis cirka
	lidt stor stort store lille små beløb beløbet sats satsen procent fx eksempel måde måden måder ting noget nogen nogle tit ofte samme anden andet andre begge både
	hurtigst lettest nemt nemmest bedst bedste bedre god godt gode tro tror mener spørgsmål spørge spørger spurgt svar svare forstår forstå forklare forklar fortælle fortæl vil gerne lige
	brug behov nødvendigt nødvendig skulle burde bør også kun altid normalt cost costs price fee deadline day days week weeks month months year years rules apply find use happen happens
	kommer komme går gå tage tager få får give giver se ser stå står sætte sat lave laver lavet begynde starte start slutter følge ud ind hjemme lade lader bede beder personlig personligt
	ku ka sku ska må måske nogensinde stadig stadigvæk endnu allerede selv egen eget egne fordi imens øh øhm hva hvad hvo hvo'n sån sådan altså jo da så bar bare ik ikk vel sgu mon ellers først måtte
	overhovedet afsted igennem sammen videre dertil tilbage bagefter før efter inden oven ovenpå indtil faktisk type typer slags form generelt typisk tilfælde situation information oplysninger fakta
	eventuelt evt henhold ift vedrørende angående omkring folk mennesker person personer borger borgere danmark danske dansk dk denmark danish situationen`)
