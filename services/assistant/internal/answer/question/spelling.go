package question

import (
	"strings"
	"unicode"
)

// Spelt writes the small words of a Danish question, which say what is asked, as the dictionary does: those by which Danes ask are
// misspelt and said in dialect oftener than others, and what misspelt questions have in common is nothing that they are about. Words that
// articles are about are left to the index, which knows them. English stays as it is.
func Spelt(text string) string {
	if Language(text) != Danish {
		return text
	}
	return SpeltDanish(text)
}

// SpeltDanish does so with a text that is known to be in Danish.
func SpeltDanish(text string) string {
	ws := strings.Fields(text)
	low := make([]string, len(ws))
	for i, w := range ws {
		low[i] = strings.ToLower(strings.TrimFunc(w, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }))
	}
	for i, w := range low {
		right := spelt(w)
		if r, ok := said[w]; ok {
			right = r
		}
		before, after := "", ""
		if i > 0 {
			before = low[i-1]
		}
		if i+1 < len(low) {
			after = low[i+1]
		}
		switch {
		case (w == "a" || w == "æ") && (auxiliary[spelt(before)] || auxiliary[spelt(after)]):
			right = "jeg"
		case w == "nå" && (person[after] || after == "a" || after == "æ"):
			right = "når"
		case w == "ti" && (before == "lang" || before == "god"):
			right = "tid"
		}
		if right != w && w != "" {
			at := strings.Index(strings.ToLower(ws[i]), w)
			if at < 0 || at+len(w) > len(ws[i]) { // a letter that has another length in lower case
				continue
			}
			ws[i] = ws[i][:at] + right + ws[i][at+len(w):]
		}
	}
	return strings.Join(ws, " ")
}

// spelt corrects the words by which Danes ask, as people write them.
func spelt(w string) string {
	if right, ok := asks[w]; ok {
		return right
	}
	return w
}

// asks are the words that tell what is asked.
var asks = corrections(`hvornår: vornår hvornå vornå hvorn hvonår vonår hvonor hvornor hvornaar hvornr hvorår
	hvordan: vordan hvodan vodan hvorden hvordn hvordand hvordant hvo'n hvon
	hvorfor: vorfor hvofor vofor hvorfår
	hvor: vor hvo vo hvår våer
	hvem: hvæm
	hvad: hva va hvadd
	hvis: vis hvi
	hvilken: vilken hvilke'n
	hvilke: vilke
	koster: kåster koste kost kostr koser kosta kostar kostor kostre
	længe: lenge laenge
	meget: meed med't meg't megt
	få: faa
	får: faar
	jeg: jae jaj jej jai
	skal: ska
	kan: ka
	må: maa`)

// said are others, by ear and in dialects.
var said = corrections(`hvornår: hwornår vonnår vånår
	have: ha
	hvordan: hwordan hwans hvans hvoddan vordden
	hvorfor: hworfor
	hvor: hwor hwo
	hvem: vem hwem
	hvad: hwa hwad hvaf
	hvilket: vilket hvilke't
	hvor meget: hvormeget vormeget
	hvor mange: hvormange vormange
	hvor lang: hvorlang vorlang
	hvor længe: hvorlænge vorlænge
	hvor stor: hvorstor
	hvad for: hvafor
	koster: kostter
	gælder: gæller jælder jæller
	meget: møj møje møjet møget møed
	jeg: jæ jæg ja'
	ikke: ikk ik ikki itt ekke ikk' ente
	også: osse ossa åsse
	noget: nåd nåed noed nogt någet
	nogen: nån nåen
	mig: mej mæ
	dig: dej
	sig: sej
	til: te
	og: å
	være: vær'
	været: vært
	bliver: blir bli'r blier
	tager: ta'r tar
	giver: gir gi'r
	siger: sier si'r
	havde: hade hadde
	lige: li'
	skulle: sku
	ville: vil'
	kunne: ku
	ansøge: ansøje
	ansøger: ansøjer
	søge: søje
	søger: søjer
	melde: melle mælde
	anmelde: anmelle anmælde
	betale: betal betaje
	hjælp: jælp hjælb jælb
	penge: peng pænge
	i dag: idag
	i morgen: imorgen imårn imorn
	i stedet: istedet isted
	i år: iår
	med det samme: meddetsamme`)

// auxiliary are the verbs beside which "a" and "æ" mean the one who speaks.
var auxiliary = set("kan skal må har er vil bor får skulle kunne ville gør tror ved har fik blev havde søger mangler")

func corrections(lines string) map[string]string {
	out := map[string]string{}
	for line := range strings.SplitSeq(lines, "\n") {
		right, wrong, _ := strings.Cut(strings.TrimSpace(line), ": ")
		for w := range strings.FieldsSeq(wrong) {
			out[w] = right
		}
	}
	return out
}
