package extract

import (
	"slices"
	"strings"
)

// A facet is a side of a matter, as questions ask about it, headings name it and sentences tell it: each by parts of words in lower case.
// "Hvor lang tid tager det?", "hvor lang tid har jeg?" and "hvor længe gælder det?" ask for the same kind of fact and for three different
// facts.
type facet struct{ asked, headed, said []string }

// sides is how many facets there are.
const sides = 18

var facets = divideFacets([sides][3]string{
	{`koster|kostede|pris|gebyr|betal|gratis|giver man for|af med|takst|cost|fee|price`, ``, `koster|gebyr|gratis|pris|betal|takst|cost|fee|free`},
	{`hvor meget|hvor mange penge|sats|beløb|får man i|får jeg i|hvor stor|beregn|normalbidrag|how much|allowance`, ``, `kr.|procent|sats|beløb|dkk|percent`},
	{`grænse|må jeg tjene|må man tjene|tjene|formue|opsparing|må have|fribeløb|indkomst|areal|hvor stor må|hvor stort må`, `grænse|tjene|formue|fribeløb|indkomst|indtægt|areal|størrelse`, `højst|grænse|under|mere end|overstig|m²|at most`},
	{`hvordan|hvad gør jeg|hvor søger|sådan|ansøg|søg|bestil|meld|how do|how can|how to`, ``, `søg|log |bestil|ring |mitid|skriv|meld|kontakt|borger.dk|apply|send`},
	{`frist|senest|inden|hvor lang tid har|hvornår skal|hvor sent|hvor tidligt|hvor tit|hvornår|deadline|when to`, ``, `senest|inden|frist|før|tidligst|within|before|at the latest`},
	{
		`hvor lang tid tager|tager det|hvor længe går|ventetid|hvor hurtigt|hvor længe skal|undervejs|vente|sagstid|behandlingstid|svartid|levering|how long does|waiting`,
		`tid tager|ventetid|vente|hurtigt|behandlingstid|svartid|svares|levering|waiting|how long`, `tager|vent|behandl|svar|normalt|typisk|omkring|cirka|klar|takes|usually`,
	},
	{`gælder|gyldig|holder|udløb|hvor længe|varighed|periode|fornye|valid|expire|how long`, ``, `gælder|gyldig|højst|op til|varer|udløb|periode|valid`},
	{`hvornår kommer|hvornår får|udbetal|hvilken dag|lander|penge på kontoen|kommer pengene|penge tilbage|when do i get|payment`, ``, `udbetal|bankdag|konto|kommer|sættes|paid|payment`},
	{`kan jeg få|kan man få|hvem|har jeg ret|ret til|berettiget|betingelse|krav|kan få|can i get|who`, ``, `kan få|ret til|hvis du|krav|skal have|mindst|you can|entitled`},
	{`klage|uenig|utilfreds|anke|appeal|complain`, `klag|afslag|afvis|uenig|appeal|complain|refus`, `klag|appeal|complain`},
	{`mistet|tabt|stjålet|væk|forsvundet|smidt|spær|lost|stolen`, ``, `mist|spær|stjål|væk|politi|lost|block`},
	{`udland|rejse|flytter til|ferie|norden|eu-|tyskland|norge|sverige|abroad|travel`, ``, `udland|eu|norden|land|abroad|countr`},
	{`barn|børn|datter|søn|baby|teenager|unge|forældre|søskende|child|kid`, ``, `barn|børn|unge|forældre|child`},
	{`ændr|skift|fortryd|stop|opsig|ophør|lave om|flytter|change`, `ændr|skift|fortryd|stop|opsig|ophør|ophæv|tilbagekald|flytter|change`, `ændr|skift|fortryd|stop|opsig|ophør|ophæv|kald|change`},
	{`medbring|have med|tage med|papir|dokument|legitimation|bring`, ``, `medbring|pas|legitimation|papir|attest|dokument|bring`},
	{`arbejde|job|løn|chef|work`, ``, `arbejd|job|løn|work`},
	{`hvor kan|hvor skal|hvor henne|ringe til|hvor går|kontakt|rådhuset|where`, ``, `borgerservice|rådhus|kontakt|ring |hos |where|office`},
	{`bøde|straf|glem|for sent|konsekvens|udeblive|fine|late`, ``, `bøde|straf|mister|sent|fine`},
})

// divideFacets divides parts at bars. Headings name a side as questions do where nothing else is said.
func divideFacets(table [sides][3]string) (out [sides]facet) {
	for i, row := range table {
		if row[1] == "" {
			row[1] = row[0]
		}
		out[i] = facet{strings.Split(row[0], "|"), strings.Split(row[1], "|"), strings.Split(row[2], "|")}
	}
	return out
}

// facet says whether a heading is about a side of the matter that the question asks about (both 0 or 1), or about others only (.5 when
// the question names no side); and about which sides that are not asked about.
func (q Query) facet(heading string) (same, other float64, off [sides]bool) {
	heading = strings.ToLower(heading)
	asks := false
	for i, f := range facets {
		asked, named := q.sides[i], names(heading, f.headed)
		asks = asks || asked
		switch {
		case asked && named:
			same = 1
		case named:
			off[i], other = true, .5
		}
	}
	if same == 1 {
		return 1, 0, off
	}
	if asks {
		other *= 2
	}
	return 0, other, off
}

// told is the part of the sides that the question asks about that a sentence, in lower case, is about.
func (q Query) told(sentence string) float64 {
	asks, told := 0.0, 0.0
	for i, f := range facets {
		if q.sides[i] {
			asks++
			if names(sentence, f.said) {
				told++
			}
		}
	}
	return told / max(asks, 1)
}

// asking is a part of words that asks about a side.
type asking struct {
	part string
	side int
}

// askings are those of all sides, by how they begin: every phrase is looked through for them.
var askings = func() map[string][]asking {
	out := map[string][]asking{}
	for i, f := range facets {
		for _, p := range f.asked {
			out[p[:begins]] = append(out[p[:begins]], asking{p, i})
		}
	}
	return out
}()

const begins = 3 // bytes: none is shorter

// asksAbout are the sides that a question, in lower case, asks about.
func asksAbout(text string) (out [sides]bool) {
	for at := range max(0, len(text)-begins+1) {
		for _, a := range askings[text[at:at+begins]] {
			out[a.side] = out[a.side] || strings.HasPrefix(text[at:], a.part)
		}
	}
	return out
}

func names(text string, parts []string) bool {
	return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(text, p) })
}
