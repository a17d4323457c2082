package vectortest

import (
	"math"
	"strings"
	"testing"

	"samtale.dk/samtale/models/vector"
)

// A Question is asked of the starter knowledge; any of the points in Want answers it.
type Question struct {
	Text         string
	Municipality string
	Want         []string
}

// Today is the day on which the questions are asked.
const Today = "2026-11-22"

// Questions are those of citizens: in their own words, misspelt, with words divided or joined, spoken, and some in English.
func Questions() []Question {
	var out []Question
	for line := range strings.Lines(questions) {
		text, want, ok := strings.Cut(strings.TrimSpace(line), " = ")
		if !ok {
			continue
		}
		q := Question{Text: text, Want: strings.Fields(want)}
		if place, rest, ok := strings.Cut(text, ": "); ok && len(place) == 4 {
			q.Municipality, q.Text = place, rest
		}
		out = append(out, q)
	}
	return out
}

const questions = `
hvor mange dage har jeg til at give besked om at jeg har fået ny adresse = da-flytning-i-danmark#frist
kan man få en bøde når man glemmer at skifte adresse = da-flytning-i-danmark#for-sen-anmeldelse
jeg har fortrudt flytter alligevel ikke = da-flytning-i-danmark#fortryd
skal jeg have ny læge når jeg flytter til en anden by = da-flytning-i-danmark#sundhedskort
jeg rejser til spanien i 8 måneder skal jeg melde noget = da-flytning-udland#hvornaar da-flytning-udland#saadan da-flytning-udland#uanmeldt
kan jeg stadig stemme når jeg bor i tyskland = da-flytning-udland#valg
hemmelig adresse min eks forfølger mig = da-adressebeskyttelse#saerlig da-adressebeskyttelse#saadan da-adressebeskyttelse#hvad-er-det
jeg vil ikke have sælgere der ringer = da-adressebeskyttelse#andre-beskyttelser
hjælp til at betale min husleje hvordan søger jeg = da-boligstoette-ansoeg#saadan da-boligstoette-ansoeg#hvem
bolig støtte studerende kollegie = da-boligstoette-ansoeg#unge-studerende
min kæreste flytter ind mister jeg boligsikring = da-boligstoette-aendringer#ny-i-boligen
jeg har fået mere i løn skal jeg sige det til boligstøtten = da-boligstoette-aendringer#indkomst da-boligstoette-aendringer#oplysningspligt
hvorfor skal jeg betale boligstøtte tilbage = da-boligstoette-aendringer#tilbagebetaling da-boligstoette-aendringer#efterregulering
vi er tre der bor sammen i lejligheden kan vi alle få tilskud = da-boligstoette-ansoeg#delebolig
pensjonist hjælp til husleje = da-boligydelse#hvem da-boligydelse#saadan
min mor på plejehjem hvad med boligydelsen = da-boligydelse#plejehjem
hvornår kan jeg gå på pension = da-folkepension-ansoeg#alder
hvor meget får man i folke pension om måneden = da-folkepension-tillaeg#grundbeloeb da-folkepension-tillaeg#pensionstillaeg
hvad sker der med min pension hvis jeg flytter sammen med min nye kæreste = da-folkepension-tillaeg#samlevende
hvor meget må jeg have i banken og stadig få ældrecheck = da-folkepension-tillaeg#aeldrecheck da-folkepension-tillaeg#formue-oplysning
tilskud til briller og tænder som pensionist = da-folkepension-tillaeg#helbredstillaeg
må jeg tjene penge ved siden af min folkepension = da-folkepension-arbejde#arbejdsindkomst da-folkepension-arbejde#hvad-taeller
arne pension hvem kan få det = da-tidlig-senior-pension#tidlig-hvem da-tidlig-senior-pension#tidlig-aar
forskelen på senior pension og førtidspention = da-tidlig-senior-pension#forskel
jeg er for syg til at arbejde resten af livet = da-foertidspension#hvem da-foertidspension#saadan
hvor mange uger kan faren holde fri med baby = da-barselsorlov#uger da-barselsorlov#oeremaerket
kan jeg give min kone mine barselsuger = da-barselsorlov#overdrage
hvornår skal jeg fortælle min chef at jeg er gravid = da-barselsorlov#varsling-mor
vi har fået tvilinger får vi ekstra barsel = da-barselsorlov#tvillinger
hvor meget er barselspenge = da-barselsdagpenge#beloeb
barsel su penge studerende = da-barselsdagpenge#studerende da-su#barsel
hvornår kommer børnechecken = da-boerne-ungeydelse#udbetaling
børnepenge fraskilt deler vi dem = da-boerne-ungeydelse#deling
børnecheck hvor mange penge = da-boerne-ungeydelse#beloeb
min søn pjækker fra skole mister jeg ungeydelsen = da-boerne-ungeydelse#fravaer
alene mor ekstra penge = da-boernetilskud#hvem da-boernetilskud#ordinaert da-boernetilskud#saadan
glemt at svare på om jeg er enlig = da-boernetilskud#enligerklaering
min eks betaler ikke børnepengene = da-boernebidrag#forskud
hvor meget skal faren betale om måneden for sit barn = da-boernebidrag#normalbidrag da-boernebidrag#hvem-betaler
jeg har tabt min telefon med mit id = da-mitid-spaerret#spaer-nu da-mitid-faa#flere-enheder
jeg kan ikke huske koden til nemid = da-mitid-spaerret#glemt-kode
mitid uden smartfon = da-mitid-boern-fritaget#uden-smartphone da-mitid-faa#kodeviser
hvor gammel skal man være for at få mit id = da-mitid-boern-fritaget#alder da-mitid-faa#hvem
min mor kan ikke finde ud af e-boks = da-digital-post-fritaget#hvem da-digital-post-fritaget#dement da-digital-post#laeseadgang
kan min datter læse min post = da-digital-post#laeseadgang
gælder et brev i e-boks selvom jeg ikke har åbnet det = da-digital-post#modtaget
ordne ting for min far på nettet = da-digital-fuldmagt#giv da-digital-fuldmagt#hvad da-digital-fuldmagt#bed da-digital-fuldmagt#omraader
jeg ligger syg hvem betaler min løn = da-sygedagpenge-loenmodtager#arbejdsgiver da-sygedagpenge-loenmodtager#hvem da-sygedagpenge-loenmodtager#sygemelding
hvor lang tid kan man være sygemeldt = da-sygedagpenge-loenmodtager#varighed
må jeg tage på ferie når jeg er sygemeldt = da-sygedagpenge-loenmodtager#udland
alvorligt sygt barn fri fra arbejde = da-sygedagpenge-opfoelgning#barn-syg
hvor lang tid har jeg til at brokke mig over en afgørelse = da-klage-afgoerelse#frist
jeg vil se hvad der står om mig i min sag = da-aktindsigt#hvem da-aktindsigt#saadan da-aktindsigt#egne-data
jeg er blevet fyret hvad gør jeg = da-ledig#hvornaar da-ledig#begge da-ledig#hjaelp
jeg sagde selv mit job op kan jeg få dagpenge = da-dagpenge#selvforskyldt
hvor mange år kan man være på a kasse penge = da-dagpenge#periode
bistandshjælp hvor meget = da-kontanthjaelp#satser
kan man få kontanthjælp hvis man ejer noget = da-kontanthjaelp#formue
jeg har ikke råd til medicin og tandlæge kan kommunen hjælpe = da-kontanthjaelp#enkeltudgifter
0751: hvor koster en vuggestueplads = da-daginstitution#pris@0751 da-daginstitution#pris
hvordan får jeg vores barn på venteliste til vuggestue = da-daginstitution#opskrivning
rabat når man har to børn i børnehave = da-pasning-tilskud#soeskende
billigere bornehave lav lon = da-pasning-tilskud#oekonomisk-friplads
kan vi vente et år med at sende ham i 0. klasse = da-skolestart#udsaet
skifte til en anden folkeskole = da-skolestart#bytte da-skolestart#frit-valg
min mand er lige gået bort hvad skal jeg gøre = da-doedsfald#foerst da-doedsfald#anmeld
tilskud til bedemanden = da-begravelseshjaelp#hvem da-begravelseshjaelp#beloeb da-begravelseshjaelp#saadan
arver min kæreste mig vi er ikke gift = da-arv#samlever
min far skyldte penge da han døde skal vi betale = da-arv#gaeld
kan jeg blive siddende i huset når min kone er død = da-skifte#uskiftet
bankkonto tilhørende afdøde = da-skifte#konto
vi vil gerne skilles begge to = da-skilsmisse#enige
hvad koster det at blive skilt = da-skilsmisse#gebyr
hvem skal børnene bo hos når vi går fra hinanden = da-foraeldremyndighed#delt-bopael da-foraeldremyndighed#uenige da-foraeldremyndighed#hvem-har
jeg må ikke se mine børn deres mor nægter = da-foraeldremyndighed#akut
tage min mands efter navn = da-navneaendring#ved-bryllup
pris for at skifte fornavn = da-navneaendring#gebyr
hvornår skal babyen have et navn = da-navngivning#frist
0101: gifte os på københavns rådhus = da-vielse#borgerlig-vielse@0101 da-vielse#borgerlig-vielse
min kæreste er fra thailand kan vi blive gift i danmark = da-vielse-udland#hvem-proever da-vielse-udland#dokumenter da-vielse-udland#lovligt-ophold
mit skattekort er forkert = da-skattekort#ret da-skattekort#aendringer
konfirmand fritidsjob skal han betale skat = da-skattekort#frikort-unge
penge tilbage i skat hvornår = da-aarsopgoerelse#penge-tilbage da-aarsopgoerelse#hvornaar
fradrag for at køre på arbejde = da-befordringsfradrag#hvem da-befordringsfradrag#beregn da-befordringsfradrag#satser
hvor meget må jeg tjene mens jeg får su = da-su-fribeloeb#satser da-su-fribeloeb#hvad-er
hvad får man i su når man bor hjemme = da-su#bolig da-su#satser
jeg kan ikke betale mit studielån = da-su-laan-udland#henstand
invalide skilt til bilen = da-handicapparkering#hvem da-handicapparkering#soeg
må min far holde på p-pladsen uden at betale med sit handicapskilt = da-handicapparkering#betaling da-handicapparkering#regler
toiletforhøjer til min mor = da-hjaelpemidler#hvem da-hjaelpemidler#eksempler da-hjaelpemidler#soeg
skal jeg lære dansk koster det noget = da-danskuddannelse#pris
how do I get a cpr number when I am new in denmark = da-ny-i-danmark#hvem da-ny-i-danmark#cpr-nummer da-ny-i-danmark#papirer da-flytning-hjem#eu
how long do I have to register my new address after moving to denmark = da-ny-i-danmark#frist da-flytning-i-danmark#frist da-flytning-hjem#frist
can I get help paying my rent = da-boligstoette-ansoeg#hvem da-boligstoette-ansoeg#saadan
how much is child benefit = da-boerne-ungeydelse#beloeb
I lost my phone how do I block mitid = da-mitid-spaerret#spaer-nu
we want to get married at the town hall = da-vielse#borgerlig-vielse
`

// Score is how well an index answers.
type Score struct {
	Asked          int
	At1, At5, At10 float64 // share of questions whose answer is among the first hits
	NDCG           float64 // at 10, as if only the best answer counted
}

// Evaluate asks the questions whose answers the index has, and logs those that it does not find among ten.
func Evaluate(t testing.TB, ix vector.Index, has map[string]bool) Score {
	t.Helper()
	var s Score
	for _, q := range Questions() {
		known := false
		for _, id := range q.Want {
			known = known || has[id]
		}
		if !known {
			t.Logf("nothing answers %q", q.Text)
			continue
		}
		s.Asked++
		r, err := ix.Search(t.Context(), vector.Query{Text: q.Text, Municipality: q.Municipality, On: Today})
		if err != nil {
			t.Fatal(err)
		}
		place := q.place(r)
		if place < 0 {
			t.Logf("not found: %q, but %q", q.Text, IDs(r)[:min(3, len(r.Hits))])
			continue
		}
		s.NDCG += 1 / math.Log2(float64(place)+2)
		for limit, sum := range map[int]*float64{1: &s.At1, 5: &s.At5, 10: &s.At10} {
			if place < limit {
				*sum++
			}
		}
	}
	for _, sum := range []*float64{&s.At1, &s.At5, &s.At10, &s.NDCG} {
		*sum /= float64(max(s.Asked, 1))
	}
	return s
}

// place of the first hit that answers, or -1.
func (q Question) place(r vector.Result) int {
	for i, h := range r.Hits {
		for _, id := range q.Want {
			if h.ID == id {
				return i
			}
		}
	}
	return -1
}
