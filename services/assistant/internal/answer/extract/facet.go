package extract

import "strings"

// facets are the sides of a matter that questions ask about and headings name, each by parts of words in lower case. "Hvor lang tid tager
// det?", "hvor lang tid har jeg?" and "hvor længe gælder det?" ask for the same kind of fact and for three different facts.
var facets = []string{
	`koster|kostede|pris|gebyr|betal|gratis|giver man for|af med|takst|cost|fee|price`,
	`hvor meget|hvor mange penge|sats|beløb|får man i|får jeg i|hvor stor|beregn|normalbidrag|how much|allowance`,
	`grænse|må jeg tjene|må man tjene|tjene|formue|opsparing|må have|fribeløb|indkomst|areal`,
	`hvordan|hvad gør jeg|hvor søger|sådan|ansøg|søg|bestil|meld|how do|how can|how to`,
	`frist|senest|inden|hvor lang tid har|hvornår skal|hvor sent|hvor tidligt|hvor tit|hvornår|deadline|when to`,
	`hvor lang tid tager|tager det|hvor længe går|ventetid|hvor hurtigt|hvor længe skal|undervejs|vente|sagstid|behandlingstid|svartid|levering|how long does|waiting`,
	`gælder|gyldig|holder|udløb|hvor længe|varighed|periode|fornye|valid|expire|how long`,
	`hvornår kommer|hvornår får|udbetal|hvilken dag|lander|penge på kontoen|kommer pengene|penge tilbage|when do i get|payment`,
	`kan jeg få|kan man få|hvem|har jeg ret|ret til|berettiget|betingelse|krav|kan få|can i get|who`,
	`klage|uenig|utilfreds|anke|appeal|complain`,
	`mistet|tabt|stjålet|væk|forsvundet|smidt|spær|lost|stolen`,
	`udland|rejse|flytter til|ferie|norden|eu-|tyskland|norge|sverige|abroad|travel`,
	`barn|børn|datter|søn|baby|teenager|unge|forældre|søskende|child|kid`,
	`ændr|skift|fortryd|stop|opsig|ophør|lave om|flytter|change`,
	`medbring|have med|tage med|papir|dokument|legitimation|bring`,
	`arbejde|job|løn|chef|work`,
	`hvor kan|hvor skal|hvor henne|ringe til|hvor går|kontakt|rådhuset|where`,
	`bøde|straf|glem|for sent|konsekvens|udeblive|fine|late`,
}

// facet says whether a heading is about a side of the matter that the question asks about (both 0 or 1), or about others only (.5 when
// the question names no side).
func (q Query) facet(heading string) (same, other float64) {
	heading = strings.ToLower(heading)
	asks := false
	for _, f := range facets {
		asked, headed := names(q.text, f), names(heading, f)
		switch {
		case asked && headed:
			return 1, 0
		case asked:
			asks = true
		case headed:
			other = .5
		}
	}
	if asks {
		other *= 2
	}
	return 0, other
}

func names(text, parts string) bool {
	for p := range strings.SplitSeq(parts, "|") {
		if strings.Contains(text, p) {
			return true
		}
	}
	return false
}
