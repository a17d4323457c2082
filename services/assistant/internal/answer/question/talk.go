package question

import (
	"slices"
	"strings"
)

// Small talk that has fixed answers.
const (
	Greeting  = "greeting"
	Thanks    = "thanks"
	Goodbye   = "goodbye"
	WhoAreYou = "who"
	CanYou    = "can"     // what can you do?
	Person    = "person"  // may I talk with a person?
	Anger     = "anger"   // the asker is angry, and names no matter
	Unclear   = "unclear" // "explain it", "what?": nothing to go on
)

// SmallTalk tells what kind of small talk a text is; "" when it asks something. The greeting before a question is none.
func SmallTalk(text string) string {
	ws := words(text)
	rest := slices.DeleteFunc(slices.Clone(ws), func(w string) bool { return courtesy[w] })
	switch {
	case has(ws, `er du en robot|er du et menneske|er du en person|hvem er du|hvad er du|er du ai|er du en ai|er du kunstig intelligens|
		hvad hedder du|taler jeg med en robot|taler jeg med et menneske|er det en robot|er du virkelig|hvem taler jeg med|er du en maskine|
		are you a robot|are you human|are you a human|who are you|what are you|are you an ai|are you real|are you a bot|hvem har lavet dig`):
		return WhoAreYou
	case len(ws) <= 8 && has(ws, `hvad kan du|hvad kan du hjælpe med|hvad kan jeg spørge om|hvordan virker du|hvad ved du|what can you do|
		how do you work|hvad kan jeg bruge dig til|hvad kan du hjælpe mig med|what can i ask`):
		return CanYou
	case has(ws, `tale med et menneske|tale med en rigtig|snakke med et menneske|snakke med en rigtig|snakke med en person|tale med en person|
		tale med en medarbejder|tale med en sagsbehandler|snakke med en sagsbehandler|talk to a person|talk to a human|speak to a person|
		speak to a human|speak with a human|speak with a person|real person|rigtigt menneske|rigtig person|ringe til nogen|snakke med nogen|tale med nogen`) && len(rest) <= 9:
		return Person
	case angry(ws):
		return Anger
	case has(ws, "tak|thanks|takker|thank") && !slices.ContainsFunc(rest, func(w string) bool { return !praise[w] }) && has(rest, "sød|rar|flink|hjælpsom|dygtig|hjalp|hjulpet|helped|kind|nice|helpful"):
		return Thanks
	case len(rest) > 0 && len(rest) <= 4 && !slices.ContainsFunc(rest, func(w string) bool { return !vague[w] }):
		return Unclear
	case len(rest) > 0 || len(ws) == 0:
		return ""
	case has(ws, "tak|thanks|thank|mange tak|takker"):
		return Thanks
	case has(ws, "farvel|bye|goodbye|hej hej|vi ses"):
		return Goodbye
	}
	return Greeting
}

// praise stands beside thanks.
var praise = set(`er sød rar flink hjælpsom dygtig hjalp hjulpet har mig en et jeg meget virkelig rigtig altså that was helped me very are kind nice helpful it were you've me've a`)

// angry reports anger that is about nothing but this service. Anger beside a matter is no reason not to answer.
func angry(ws []string) bool {
	if !slices.ContainsFunc(ws, func(w string) bool { return curses[w] }) && !has(ws, "til grin|så træt af|ingen hjælp|elendig service|useless|waste of time") {
		return false
	}
	return !slices.ContainsFunc(Subject(strings.Join(ws, " ")), func(w string) bool { return !curses[w] && !temper[w] })
}

var (
	curses = set(`fandme fanden kraftedeme satans lort lorte lortet pis piss pisse idioter idiot idiotisk røvhuller elendig elendigt elendige ubrugelig ubrugelige ubrugeligt dårlige
		dårligste latterligt skandale vanvittigt stupid idiots shit bullshit fuck fucking crap damn rubbish ridiculous`)
	temper = set(`svar svarer ringet ringer gange telefonen tager træt grin hører tid spild vente venter ventet service timer time systemet system maskine robot virker fatter forstår
		tosser bureaukrati helvede for holdt sure sur vred rasende nok ingenting aldrig ingen gider hjælper igennem to tre fire fem seks syv otte ni ti hundrede flere answer waste useless tired angry nobody never works`)
)

// courtesy are words that alone ask nothing.
var courtesy = set(`hej hejsa hey hi hello halløj goddag godmorgen godaften godeftermiddag dav davs mojn tak thanks thank you mange tusind so much
	for hjælpen farvel bye goodbye ses vi ok okay fint super det var godt dejligt perfekt fantastisk good morning dear kære ja nej yes no
	please venligst du der alle sammen lige så meget cheers takker hjælp help`)

// vague are words that ask without saying about what.
var vague = set(`forklar forklare det den mig hvad hvorfor hvordan hvornår hvor hvem explain it what why how when where this that mere mener du
	i do mean sig igen noget andet uddyb nærmere bare please test prøve hm hmm øh more tell me about spørgsmål et har jeg en`)

// OwnCase reports a question about the asker's own case: what has been decided, paid or received for this one person. No article
// can answer it. "Hvornår kan jeg få folkepension?" is none: the rules answer it.
func OwnCase(text string) bool {
	ws := words(text)
	if has(ws, "aktindsigt|lov at se|lov til at se|lov at læse|ret til at se|få indsigt|see my file|see my records|access to my file|access to my records") && !has(ws, "min ansøgning|min anmodning") {
		return false // how to get to see a case is a rule
	}
	if has(ws, ownPhrases) {
		return true
	}
	if ownForm(ws) {
		return true
	}
	own := slices.ContainsFunc(ws, func(w string) bool { return possessive[w] })
	thing := slices.ContainsFunc(ws, func(w string) bool { return caseThings[w] })
	lost := has(ws, "stjålet|taget fra|blevet taget|mistet|tabt|gået i stykker|ødelagt|løbet ud")
	return own && thing && !lost && has(withoutPeople(ws), statusPhrases)
}

// withoutPeople drops what has become of people: "jeg er blevet gift" says nothing about a case.
func withoutPeople(ws []string) []string {
	var out []string
	for i, w := range ws {
		if w == "blevet" && i > 1 && slices.ContainsFunc(ws[max(0, i-3):i], func(w string) bool { return people[w] }) {
			continue
		}
		out = append(out, w)
	}
	return out
}

var people = set("jeg vi han hun de du man barnet kone mand")

// ownForm reports the ways to ask for what only a case knows: "er min … blevet", "hvorfor er mine …", "står jeg …", "hvor meget … har
// jeg tilbage", "… jeg i morgen".
func ownForm(ws []string) bool {
	if len(ws) < 3 {
		return false
	}
	first, second := ws[0], ws[1]
	done := slices.ContainsFunc(ws[2:], func(w string) bool { return outcomes[w] })
	switch {
	case asked[first] && possessive[second] && done, first == "hvorfor" && possessive[ws[2]] && !has(ws, "hvis|når"), first == "why" && possessive[ws[2]]:
		return true
	case first == "står" && second == "jeg", first == "hvem" && has(ws, "mig") && has(ws, "har") && done:
		return true
	case has(ws, "hvad er min|hvad er mit|hvor meget er min|hvor stor er min") && slices.ContainsFunc(ws, func(w string) bool { return balances[w] }):
		return true
	case has(ws, "har jeg") && has(ws, "tilbage|stående|brugt|opsparet|til gode|tilgode") && !has(ws, "hvis|når"):
		return true
	case has(ws, "i morgen|i næste uge|i denne uge|denne gang|i dag") && has(ws, "får jeg udbetalt|bliver jeg|sat ind|får jeg penge|går min|kommer min"):
		return true
	case has(ws, "hvornår er min tid|hvornår er mit møde|hvornår er min aftale|hvornår er min samtale|when is my appointment"):
		return true
	case has(ws, "kan i tjekke|kan du tjekke|kan i undersøge|kan du undersøge|vil du tjekke|can you check|could you check|nummer op|fået plads i"), has(ws, "do i have to pay back") && !has(ws, "when"):
		return true
	}
	return false
}

var (
	asked    = set("er blev bliver har kom kommer is was has have did are")
	outcomes = set(`blevet sendt svaret godkendt gået kommet færdig klar modtaget behandlet registreret afgjort afvist betalt udbetalt indberettet anmeldt oprettet igennem
		afsted stoppet sat approved sent received processed ready rejected done`)
	balances = set("restskat saldo gæld status sag overskydende skattegæld restgæld ventelistenummer nummer sagsnummer")
)

const ownPhrases = `min sag|mit sagsnummer|min sagsbehandler|mine sager|mit journalnummer|i min journal|har i modtaget|har du modtaget|har i fået|
	har i mit|har i min|har i mine|hvor langt er i|hvor langt er min|hvor langt er du|status på min|status på mit|status på mine|hvornår hører jeg|hvornår får jeg svar på min|
	hvornår får jeg svar på mit|hvornår får jeg et svar på|hvornår får jeg min afgørelse|hvorfor har jeg fået|hvorfor har jeg ikke fået|hvorfor fik jeg|hvorfor får jeg ikke|
	hvorfor fik jeg ikke|har jeg fået|fik jeg|hvad står der om mig|hvad har i registreret|hvor mange penge har jeg stående|hvad skylder jeg|
	hvor meget skylder jeg|skylder jeg noget|er jeg registreret|er jeg tilmeldt|er jeg godkendt|er min ansøgning|er mit ansøgning|blev min|
	er mine penge|hvor er mine penge|hvor bliver mine penge|hvornår kommer mine penge|hvad får jeg udbetalt|hvor meget får jeg udbetalt|kan du se min|kan du se mit|kan du se om|
	kan i se min|kan i se mit|kan i se om|kan i se hvor|kan du finde min|kan du slå mig op|slå mig op|slå mit cpr|slå mit cpr-nummer|hvornår behandler i|i har skrevet til mig|i har afvist|
	i har trukket|i har stoppet|i har sendt mig|jeg har fået afslag på min|jeg har fået et afslag|jeg har fået et brev|jeg har fået brev|jeg har modtaget et brev|brevet jeg fik|brev fra jer|
	jeg har stadig ikke fået|jeg har ikke fået min|jeg har ikke fået mit|jeg har ikke fået mine|jeg mangler stadig|jeg venter stadig|hvad blev der af min|
	my case|my caseworker|my case worker|my file|my application status|status of my|have you received my|did you receive my|why was i|
	why was my|why did i get|why did you|why have i not|why haven't i|where is my|has my|is my application|when will my application|when will i hear|how much do i owe|do i owe|look me up|
	what did you decide|have you decided|can you see my|did you get my|you rejected my|you sent me|i got a letter|i received a letter|my payment this month|have you processed my`

var possessive = set("min mit mine vores my our")

// caseThings are what a case consists of.
var caseThings = set(`ansøgning ansøgningen ansøgninger klage klagen afgørelse afgørelsen afslag afslaget anmodning anmodningen udbetaling
	udbetalingen brev brevet dokumenter bilag papirer opgørelse opgørelsen skattesag byggesag aktindsigt boligstøtte boligsikring boligydelse pension
	folkepension førtidspension dagpenge sygedagpenge kontanthjælp barselsdagpenge børnepenge børnetilskud su pas kørekort penge ydelse
	application complaint decision refusal payment documents letter pension passport money benefit flytning anmeldelse årsopgørelse restskat
	børneydelse børneungeydelse friplads hjemmehjælp varmetillæg tillæg bolig skilsmisse navneændring`)

const statusPhrases = `er færdig|er blevet|er behandlet|blevet behandlet|bliver behandlet|er afgjort|er godkendt|er modtaget|er kommet frem|er gået igennem|nået frem|kommet igennem|er kommet|
	i orden|afvist|blev afvist|blevet afvist|blevet afslået|blev afslået|blevet stoppet|blev stoppet|blevet sat ned|blevet nedsat|blevet mindre|blevet lavere|er stoppet|er faldet|trukket|
	ikke kommet|stadig ikke|endnu ikke|ikke fået|i denne måned|den her måned|denne måned|i sidste måned|sidste måned|hvor er|hvor bliver|hvor langt|forsvundet|
	been processed|been approved|been rejected|been received|rejected|late|missing|this month|last month|still not|not arrived|not received|gone through|ready yet|done yet|klar endnu|færdig endnu|klar til afhentning`
