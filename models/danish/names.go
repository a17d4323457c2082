package danish

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// properNouns maps names to their spelling. Months and weekdays are lower-case in Danish and not here; neither are words
// that are as often something else ("skat", "rose").
var properNouns = nouns(`
	Danmark Grønland Færøerne Sverige Norge Tyskland Finland Island Polen England Frankrig Spanien Italien Tyrkiet Ukraine Syrien
	Rumænien Litauen Europa USA EU Norden Sjælland Fyn Jylland Bornholm Lolland Falster Amager Langeland
	København Aarhus Århus Odense Aalborg Ålborg Esbjerg Randers Kolding Horsens Vejle Roskilde Herning Silkeborg Hørsholm
	Helsingør Næstved Viborg Fredericia Køge Holstebro Taastrup Slagelse Hillerød Sønderborg Svendborg Hjørring
	Holbæk Frederikshavn Nørresundby Haderslev Ringsted Skive Ølstykke Farum Nykøbing Kalundborg Frederikssund Birkerød
	Aabenraa Nyborg Ikast Grenaa Varde Thisted Vordingborg Korsør Rønne Brønderslev Frederiksberg Gentofte Gladsaxe
	Ballerup Hvidovre Rødovre Brøndby Glostrup Greve Lyngby Tårnby Dragør Vejen Billund Tønder Ringkøbing Skjern Lemvig Struer
	Assens Middelfart Nordfyn Kerteminde Faaborg Samsø Ærø Læsø Fanø Skanderborg Odder Hedensted Norddjurs Syddjurs Favrskov
	MitID NemID NemKonto Nemkonto NemLog-in Digitaliseringsstyrelsen Skattestyrelsen Skatteforvaltningen Gældsstyrelsen
	Ankestyrelsen Datatilsynet Statsforvaltningen Familieretshuset Borgerservice Jobcenteret Jobcentret Folketinget
	Sundhedsstyrelsen Styrelsen ATP PostNord Netto Føtex Mastercard Dankort Facebook Google Microsoft
	Bente Hanne Kirsten Lene Mette Anne Anna Susanne Lone Marianne Charlotte Pia Tina Helle Camilla Louise Maria Inge Karen
	Birthe Jette Dorthe Rikke Trine Katrine Ida Emma Sofie Freja Fatima Aisha Yasmin Lars Peter Jens Michael Henrik Thomas
	Søren Jan Christian Martin Niels Anders Morten Jesper Hans Jørgen Mads Per Ole Rasmus Klaus Mikkel Kim Erik Poul Frederik
	Oliver Noah Emil Mohammed Ahmed Ali Omar Hassan Jakob Jacob Kasper Nikolaj Simon Gitte Ulla Ulrik Bjarne Torben
	Jensen Nielsen Hansen Pedersen Andersen Christensen Larsen Sørensen Rasmussen Petersen Jørgensen Madsen Kristensen Olsen
	Thomsen Christiansen Poulsen Johansen Knudsen Mortensen Møller Jacobsen Jakobsen Mikkelsen Frederiksen Laursen
	Lauridsen Henriksen Eriksen Kristiansen Simonsen Clausen Svendsen Andreasen Iversen Jeppesen
`)

// ambiguousNames are proper nouns that are also ordinary words: they need another name beside them, or a form of their
// own, before they are written with a capital.
var ambiguousNames = map[string]bool{
	"per": true, "ole": true, "hans": true, "skive": true, "netto": true, "odder": true, "kim": true, "jan": true, "vejen": true, "greve": true, "møller": true, "inge": true,
	"styrelsen": true, "borgerservice": true,
}

// fixedNames have a spelling that capital letters alone do not give.
var fixedNames = map[string]string{
	"mitid": "MitID", "nemid": "NemID", "nemkonto": "NemKonto", "nemkontoen": "NemKontoen", "mit-id": "MitID",
	"nemlogin": "NemLog-in", "eboks": "e-Boks", "e-boks": "e-Boks", "usa": "USA", "eu": "EU", "atp": "ATP", "su": "SU", "cpr": "CPR",
	"cvr": "CVR", "postnord": "PostNord", "bbr": "BBR",
}

// phrases are names of several words, which are ordinary words on their own.
var phrases = []struct{ spoken, written string }{
	{"udbetaling danmark", "Udbetaling Danmark"},
	{"digital post", "Digital Post"},
	{"hos skat", "hos SKAT"},
	{"fra skat", "fra SKAT"},
	{"kontakte skat", "kontakte SKAT"},
	{"ringe til skat", "ringe til SKAT"},
	{"røde kors", "Røde Kors"},
	{"den europæiske union", "Den Europæiske Union"},
	{"ældre sagen", "Ældre Sagen"},
	{"digital fuldmagt", "Digital Fuldmagt"},
}

// joined are names that recognisers divide.
var joined = map[[2]string]string{
	{"mit", "id"}: "MitID", {"nem", "id"}: "NemID", {"nem", "konto"}: "NemKonto", {"e", "boks"}: "e-Boks", {"nem", "kontoen"}: "NemKontoen",
}

// nameItem writes a divided name as one.
func nameItem(ws []word, i int) (item, bool) {
	name, ok := joined[[2]string{ws[i].core, coreAt(ws, i+1)}]
	if !ok || ws[i].post != "" {
		return item{}, false
	}
	return item{from: i, to: i + 2, text: name + ws[i+1].post}, true
}

func nouns(list string) map[string]string {
	out := map[string]string{}
	for n := range fields(list) {
		out[strings.ToLower(n)] = n
	}
	return out
}

// towns are places whose names follow a postal code.
var towns = func() map[string]bool {
	out := map[string]bool{}
	for n := range fields(`københavn aarhus århus odense aalborg ålborg esbjerg randers kolding horsens vejle roskilde herning
		silkeborg hørsholm helsingør næstved viborg fredericia køge holstebro taastrup slagelse hillerød sønderborg svendborg
		hjørring holbæk frederikshavn nørresundby haderslev ringsted skive ølstykke farum nykøbing kalundborg frederikssund
		birkerød aabenraa nyborg ikast grenaa varde thisted vordingborg korsør rønne brønderslev frederiksberg gentofte
		ballerup hvidovre rødovre brøndby glostrup lyngby tønder ringkøbing skjern lemvig struer assens middelfart
		kerteminde faaborg skanderborg odder hedensted`) {
		out[n] = true
	}
	return out
}()

// ProperNoun gives the spelling of a name, and whether the word is one. Genitives keep their s.
func ProperNoun(w string) (string, bool) {
	low := strings.ToLower(w)
	if n, ok := fixedNames[low]; ok {
		return n, true
	}
	if n, ok := properNouns[low]; ok && !ambiguousNames[low] {
		return n, true
	}
	if base, ok := strings.CutSuffix(low, "s"); ok && len(base) > 3 {
		if n, ok := properNouns[base]; ok && !ambiguousNames[base] {
			return n + "s", true
		}
	}
	return w, false
}

// capital makes the first letter a capital.
func capital(s string) string {
	for i, r := range s {
		if unicode.IsLetter(r) {
			return s[:i] + string(unicode.ToUpper(r)) + s[i+utf8.RuneLen(r):]
		}
		if unicode.IsDigit(r) || r == maskRune {
			return s
		}
	}
	return s
}
