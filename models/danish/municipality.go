package danish

import (
	"slices"
	"strings"
)

// A Municipality is one of the 98 Danish municipalities.
type Municipality struct {
	Code string // four digits
	Name string // without "Kommune"
}

// Municipalities lists the municipalities by name.
func Municipalities() []Municipality { return slices.Clone(municipalities) }

// MunicipalityName is the name of a code, and whether there is such a municipality.
func MunicipalityName(code string) (string, bool) {
	i := slices.IndexFunc(municipalities, func(m Municipality) bool { return m.Code == code })
	if i < 0 {
		return "", false
	}
	return municipalities[i].Name, true
}

// MunicipalityIn finds a municipality that a text names with a word that places something ("i Odense", "Odense Kommune").
// A name alone is none: people are called Greve and Holbæk.
func MunicipalityIn(text string) (Municipality, bool) {
	var low []string
	for f := range fields(text) {
		low = append(low, strings.Trim(strings.ToLower(f), ".,;:?!»«\"()"))
	}
	for i, w := range low {
		m, ok := municipalityNames[w]
		if !ok && strings.HasSuffix(w, "s") {
			m, ok = municipalityNames[strings.TrimSuffix(w, "s")]
		}
		if !ok {
			continue
		}
		before, after := "", ""
		if i > 0 {
			before = low[i-1]
		}
		if i+1 < len(low) {
			after = low[i+1]
		}
		switch before {
		case "i", "på", "til", "fra", "ved", "in", "kommunen", "nær", "omkring":
			return m, true
		}
		if strings.HasPrefix(after, "kommune") || after == "rådhus" || after == "borgerservice" || after == "municipality" {
			return m, true
		}
	}
	return Municipality{}, false
}

var municipalities = func() []Municipality {
	var out []Municipality
	for f := range fields(`0101:København 0147:Frederiksberg 0151:Ballerup 0153:Brøndby 0155:Dragør 0157:Gentofte 0159:Gladsaxe 0161:Glostrup
		0163:Herlev 0165:Albertslund 0167:Hvidovre 0169:Høje-Taastrup 0173:Lyngby-Taarbæk 0175:Rødovre 0183:Ishøj 0185:Tårnby 0187:Vallensbæk
		0190:Furesø 0201:Allerød 0210:Fredensborg 0217:Helsingør 0219:Hillerød 0223:Hørsholm 0230:Rudersdal 0240:Egedal 0250:Frederikssund
		0253:Greve 0259:Køge 0260:Halsnæs 0265:Roskilde 0269:Solrød 0270:Gribskov 0306:Odsherred 0316:Holbæk 0320:Faxe 0326:Kalundborg
		0329:Ringsted 0330:Slagelse 0336:Stevns 0340:Sorø 0350:Lejre 0360:Lolland 0370:Næstved 0376:Guldborgsund 0390:Vordingborg 0400:Bornholm
		0410:Middelfart 0420:Assens 0430:Faaborg-Midtfyn 0440:Kerteminde 0450:Nyborg 0461:Odense 0479:Svendborg 0480:Nordfyn 0482:Langeland
		0492:Ærø 0510:Haderslev 0530:Billund 0540:Sønderborg 0550:Tønder 0561:Esbjerg 0563:Fanø 0573:Varde 0575:Vejen 0580:Aabenraa
		0607:Fredericia 0615:Horsens 0621:Kolding 0630:Vejle 0657:Herning 0661:Holstebro 0665:Lemvig 0671:Struer 0706:Syddjurs 0707:Norddjurs
		0710:Favrskov 0727:Odder 0730:Randers 0740:Silkeborg 0741:Samsø 0746:Skanderborg 0751:Aarhus 0756:Ikast-Brande 0760:Ringkøbing-Skjern
		0766:Hedensted 0773:Morsø 0779:Skive 0787:Thisted 0791:Viborg 0810:Brønderslev 0813:Frederikshavn 0820:Vesthimmerland 0825:Læsø
		0840:Rebild 0846:Mariagerfjord 0849:Jammerbugt 0851:Aalborg 0860:Hjørring`) {
		code, name, _ := strings.Cut(f, ":")
		out = append(out, Municipality{code, name})
	}
	slices.SortFunc(out, func(a, b Municipality) int { return strings.Compare(a.Name, b.Name) })
	return out
}()

// municipalityNames holds the names as people write them, in lower case.
var municipalityNames = func() map[string]Municipality {
	out := map[string]Municipality{}
	for _, m := range municipalities {
		out[strings.ToLower(m.Name)] = m
	}
	for f := range fields("århus:aarhus ålborg:aalborg åbenrå:aabenraa kbh:københavn copenhagen:københavn kobenhavn:københavn taastrup:høje-taastrup lyngby:lyngby-taarbæk ikast:ikast-brande ringkøbing:ringkøbing-skjern faaborg:faaborg-midtfyn fåborg:faaborg-midtfyn") {
		written, name, _ := strings.Cut(f, ":")
		out[written] = out[name]
	}
	return out
}()
