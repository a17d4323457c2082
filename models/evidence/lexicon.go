package evidence

import "strings"

func set(words string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(words) {
		out[w] = true
	}
	return out
}

// frames are the words with which a note reports that something was said. They state nothing that could be checked in
// what was said; who said it is checked by role.
var frames = set(`borger borgeren borgerens sagsbehandler sagsbehandleren sagsbehandlerens oplyser oplyste oplyst oplyses spørger spurgte
	spørges siger sagde fortæller fortalte svarer svarede angiver nævner nævnte beder henvender henvendt henvendte henvendelse
	henvendelsen vedrører vedrørende drejer handler aftalt aftales aftale aftalen bekræfter bekræftede forklarer forklarede ønsker
	lover tilbyder vurderer vejleder vejledte vejledt deltager gør opmærksom der samtale samtalen adspurgt her deres sig sin sit sine hans hendes vedkommende
	det kommunen`)

// negators turn a clause round. "nej" answers, and is no negator of what follows.
var negators = set("ikke aldrig ingen intet uden hverken ej næppe ingenting ikk")

// hedges make a statement depend on something, or doubtful.
var hedges = set("hvis medmindre måske muligvis formentlig formodentlig vist sandsynligvis nok vistnok tror mener cirka omkring næsten kun først bare evt eventuelt forudsat regner håber")

// softHedges are too common in speech to weaken a sentence on their own.
var softHedges = set("nok bare vist først mener kun")

// modals say whether something must, may or can be done.
var modals = set("skal kan må bør vil skulle kunne måtte burde ville")

// modalStem maps the past form to the present.
var modalStem = map[string]string{"skulle": "skal", "kunne": "kan", "måtte": "må", "burde": "bør", "ville": "vil"}

// quantities are words that say how much or how many, which numbers do not catch.
var quantities = set(`alle alt nogle noget nogen ingen få færre flest mange meget flere mere mindre begge halv halve halvdelen hele hel dobbelt
	dobbelte mindst højst højest maksimalt minimum maksimum over under enkelte enkelt hver hvert altid aldrig ofte sjældent straks
	tusind hundrede millioner halvanden samtlige intet par`)

// times are words of time that must not be exchanged. "i" goes before the first four.
var times = set("dag morgen går overmorgen forgårs næste sidste forrige kommende aften formiddag eftermiddag nat senest tidligst straks")

// antonyms are pairs of stems or words that turn a sentence into its opposite.
var antonyms = [][2]string{
	{"afslag", "bevilling"},
	{"afslag", "tilsagn"},
	{"afslået", "bevilget"},
	{"afslået", "godkendt"},
	{"afvist", "godkendt"},
	{"afvist", "bevilget"},
	{"afslår", "bevilger"},
	{"afvist", "imødekommet"},
	{"afslået", "imødekommet"},
	{"afvises", "godkendes"},
	{"før", "efter"},
	{"inden", "efter"},
	{"op", "ned"},
	{"mere", "mindre"},
	{"flere", "færre"},
	{"øget", "reduceret"},
	{"øges", "reduceres"},
	{"stiger", "falder"},
	{"steget", "faldet"},
	{"sat op", "sat ned"},
	{"forhøjet", "nedsat"},
	{"forhøjes", "nedsættes"},
	{"hævet", "sænket"},
	{"hæves", "sænkes"},
	{"start", "slut"},
	{"begynder", "slutter"},
	{"starter", "stopper"},
	{"starter", "slutter"},
	{"begynder", "ophører"},
	{"ind", "ud"},
	{"åben", "lukket"},
	{"åbner", "lukker"},
	{"åbent", "lukket"},
	{"for", "imod"},
	{"altid", "aldrig"},
	{"med", "uden"},
	{"alle", "ingen"},
	{"tidligere", "senere"},
	{"højere", "lavere"},
	{"højst", "mindst"},
	{"over", "under"},
	{"første", "sidste"},
	{"senest", "tidligst"},
	{"gift", "skilt"},
	{"gift", "ugift"},
	{"samlevende", "enlig"},
	{"enlig", "gift"},
	{"født", "død"},
	{"flytter ind", "flytter ud"},
	{"indflytning", "fraflytning"},
	{"tilflytning", "fraflytning"},
	{"tilmeldt", "afmeldt"},
	{"tilmelder", "afmelder"},
	{"tilmelde", "afmelde"},
	{"medhold", "afslag"},
	{"accepterer", "afviser"},
	{"accepteret", "afvist"},
	{"ret", "pligt"},
	{"indtægt", "udgift"},
	{"indtægter", "udgifter"},
	{"skylder", "tilgode"},
	{"betalt", "ubetalt"},
	{"enig", "uenig"},
	{"tilfreds", "utilfreds"},
	{"gyldig", "ugyldig"},
	{"lovlig", "ulovlig"},
	{"muligt", "umuligt"},
	{"rask", "syg"},
	{"ledig", "beskæftiget"},
	{"lejer", "ejer"},
	{"lejebolig", "ejerbolig"},
	{"udlejer", "lejer"},
	{"mor", "far"},
	{"søn", "datter"},
	{"bror", "søster"},
	{"mand", "kone"},
	{"modtaget", "sendt"},
	{"modtager", "sender"},
	{"sende", "modtage"},
	{"fået", "sendt"},
	{"tidligst", "senest"},
	{"deltid", "fuldtid"},
	{"brutto", "netto"},
	{"midlertidig", "permanent"},
	{"midlertidigt", "permanent"},
	{"frivillig", "tvungen"},
	{"foreløbig", "endelig"},
	{"foreløbigt", "endeligt"},
	{"hurtigt", "langsomt"},
	{"nemt", "svært"},
	{"billigere", "dyrere"},
	{"tillæg", "fradrag"},
	{"køber", "sælger"},
	{"købt", "solgt"},
	{"låner", "låntager"},
	{"fra", "til"},
	{"ja", "nej"},
	{"fortsætter", "stopper"},
	{"opsagt", "ansat"},
	{"aktiv", "passiv"},
	{"åbnet", "lukket"},
	{"vundet", "tabt"},
	{"bedre", "værre"},
	{"bedre", "dårligere"},
	{"kortere", "længere"},
}

// opposite lists the opposites of a word. Pairs such as fra and til often stand side by side; they count only where the
// source has one and not the other.
func opposite(w string) []string {
	var out []string
	for _, p := range antonyms {
		switch w {
		case p[0]:
			out = append(out, p[1])
		case p[1]:
			out = append(out, p[0])
		}
	}
	return out
}
