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

// MunicipalityIn finds a municipality that a text names, or a town in it, with a word that places something ("i Odense", "Odense Kommune",
// "9320 Hjallerup"). A name alone is none: people are called Greve and Holbæk.
func MunicipalityIn(text string) (Municipality, bool) {
	var written, low []string
	for f := range fields(text) {
		written = append(written, strings.Trim(f, ".,;:?!»«\"()"))
		low = append(low, strings.ToLower(written[len(written)-1]))
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
		if wordToo(w) && !strings.HasPrefix(after, "kommune") && (written[i] == w || after != "" && after[0] >= '0' && after[0] <= '9') {
			continue // a road with its number, or any
		}
		switch before {
		case "i", "på", "til", "fra", "ved", "in", "kommunen", "nær", "omkring":
			return m, true
		}
		if len(before) == 4 && strings.Trim(before, "0123456789") == "" { // a postal code
			return m, true
		}
		if strings.HasPrefix(after, "kommune") || after == "rådhus" || after == "borgerservice" || after == "municipality" {
			return m, true
		}
	}
	return Municipality{}, false
}

// wordToo reports a municipality's name that is a word as well ("hul i vejen", "en skive brød").
func wordToo(name string) bool { return name == "vejen" || name == "skive" }

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

// townsIn are towns that lie each in one municipality; a name that several towns have, or that is a word as well, is not among them.
const townsIn = `valby:københavn vanløse:københavn brønshøj:københavn nørrebro:københavn østerbro:københavn christianshavn:københavn sydhavnen:københavn
	hellerup:gentofte charlottenlund:gentofte ordrup:gentofte vangede:gentofte jægersborg:gentofte bagsværd:gladsaxe virum:lyngby-taarbæk taarbæk:lyngby-taarbæk holte:rudersdal
	birkerød:rudersdal vedbæk:rudersdal nærum:rudersdal farum:furesø værløse:furesø ølstykke:egedal stenløse:egedal smørum:egedal humlebæk:fredensborg kokkedal:fredensborg nivå:fredensborg
	espergærde:helsingør hornbæk:helsingør snekkersten:helsingør helsinge:gribskov gilleleje:gribskov græsted:gribskov tisvildeleje:gribskov frederiksværk:halsnæs hundested:halsnæs
	jægerspris:frederikssund skibby:frederikssund slangerup:frederikssund lillerød:allerød blovstrød:allerød kastrup:tårnby hedehusene:høje-taastrup fløng:høje-taastrup karlslunde:greve
	hundige:greve havdrup:solrød herfølge:køge bjæverskov:køge jyllinge:roskilde himmelev:roskilde hvalsø:lejre tølløse:holbæk jyderup:holbæk asnæs:odsherred hørve:odsherred rørvig:odsherred
	høng:kalundborg gørlev:kalundborg svebølle:kalundborg korsør:slagelse skælskør:slagelse dianalund:sorø stenlille:sorø fuglebjerg:næstved karrebæksminde:næstved glumsø:næstved haslev:faxe
	rønnede:faxe karise:faxe hårlev:stevns rødvig:stevns stege:vordingborg præstø:vordingborg møn:vordingborg sakskøbing:guldborgsund gedser:guldborgsund nysted:guldborgsund
	stubbekøbing:guldborgsund falster:guldborgsund nakskov:lolland maribo:lolland rødby:lolland rødbyhavn:lolland rønne:bornholm nexø:bornholm gudhjem:bornholm svaneke:bornholm aakirkeby:bornholm
	strib:middelfart glamsbjerg:assens haarby:assens vissenbjerg:assens aarup:assens tommerup:assens ryslinge:faaborg-midtfyn munkebo:kerteminde langeskov:kerteminde ullerslev:nyborg
	bogense:nordfyn otterup:nordfyn søndersø:nordfyn nordfyns:nordfyn thurø:svendborg gudme:svendborg rudkøbing:langeland ærøskøbing:ærø marstal:ærø vojens:haderslev nordborg:sønderborg
	augustenborg:sønderborg gråsten:sønderborg broager:sønderborg als:sønderborg padborg:aabenraa rødekro:aabenraa tinglev:aabenraa løgumkloster:tønder toftlund:tønder bredebro:tønder
	ribe:esbjerg bramming:esbjerg oksbøl:varde ølgod:varde blåvand:varde brørup:vejen holsted:vejen grindsted:billund vamdrup:kolding lunderskov:kolding christiansfeld:kolding egtved:vejle
	jelling:vejle børkop:vejle brejning:vejle taulov:fredericia erritsø:fredericia juelsminde:hedensted tørring:hedensted uldum:hedensted brædstrup:horsens gedved:horsens galten:skanderborg
	hørning:skanderborg låsby:skanderborg brabrand:aarhus risskov:aarhus højbjerg:aarhus åbyhøj:aarhus lystrup:aarhus skødstrup:aarhus hasselager:aarhus hadsten:favrskov hinnerup:favrskov
	hammel:favrskov ulstrup:favrskov langå:randers assentoft:randers grenaa:norddjurs grenå:norddjurs auning:norddjurs allingåbro:norddjurs ebeltoft:syddjurs rønde:syddjurs hornslet:syddjurs
	kolind:syddjurs ryomgård:syddjurs kjellerup:silkeborg gjern:silkeborg bjerringbro:viborg karup:viborg stoholm:viborg glyngøre:skive vinderup:holstebro ulfborg:holstebro thyborøn:lemvig
	harboøre:lemvig aulum:herning vildbjerg:herning skjern:ringkøbing-skjern videbæk:ringkøbing-skjern hurup:thisted hanstholm:thisted aabybro:jammerbugt åbybro:jammerbugt brovst:jammerbugt
	fjerritslev:jammerbugt pandrup:jammerbugt aars:vesthimmerland farsø:vesthimmerland løgstør:vesthimmerland aalestrup:vesthimmerland støvring:rebild skørping:rebild terndrup:rebild
	hobro:mariagerfjord hadsund:mariagerfjord mariager:mariagerfjord nørresundby:aalborg nibe:aalborg storvorde:aalborg klarup:aalborg vejgaard:aalborg vodskov:aalborg hjallerup:brønderslev
	dronninglund:brønderslev klokkerholm:brønderslev skagen:frederikshavn sæby:frederikshavn ålbæk:frederikshavn hirtshals:hjørring sindal:hjørring løkken:hjørring`

// municipalityNames holds the names as people write them, and of towns in them, in lower case.
var municipalityNames = func() map[string]Municipality {
	out := map[string]Municipality{}
	for _, m := range municipalities {
		out[strings.ToLower(m.Name)] = m
	}
	for f := range fields("århus:aarhus ålborg:aalborg åbenrå:aabenraa kbh:københavn copenhagen:københavn kobenhavn:københavn taastrup:høje-taastrup lyngby:lyngby-taarbæk ikast:ikast-brande ringkøbing:ringkøbing-skjern faaborg:faaborg-midtfyn fåborg:faaborg-midtfyn " + townsIn) {
		written, name, _ := strings.Cut(f, ":")
		out[written] = out[name]
	}
	return out
}()
