package danish

import "strings"

// units maps the words for what is counted to one name each. The names appear in [Fact] values.
var units = map[string]string{
	"kr": "kr", "krone": "kr", "kroner": "kr", "kroners": "kr", "dkk": "kr", "øre": "øre",
	"procent": "%", "pct": "%", "%": "%", "procents": "%", "procentpoint": "procentpoint",
	"sekund": "sekund", "sekunder": "sekund", "minut": "minut", "minutter": "minut", "minutters": "minut",
	"time": "time", "timer": "time", "timers": "time", "dag": "dag", "dage": "dag", "dages": "dag",
	"døgn": "døgn", "uge": "uge", "uger": "uge", "ugers": "uge", "hverdag": "hverdag", "hverdage": "hverdag",
	"arbejdsdag": "arbejdsdag", "arbejdsdage": "arbejdsdag", "måned": "måned", "måneder": "måned", "måneders": "måned",
	"år": "år", "års": "år", "euro": "euro",
	"meter": "m", "m": "m", "kilometer": "km", "km": "km", "kvadratmeter": "m²", "m2": "m²", "m²": "m²",
	"centimeter": "cm", "cm": "cm", "kilo": "kg", "kg": "kg", "gram": "g", "liter": "l", "grader": "grad",
}

// labels are words after which digits are an identifier, with the kind that they announce. KindNone is an identifier
// that is not personal data.
var labels = map[string]Kind{
	"cpr": KindCPR, "cpr-nummer": KindCPR, "cprnummer": KindCPR, "cpr-nummeret": KindCPR, "cprnummeret": KindCPR,
	"cpr-nr": KindCPR, "cprnr": KindCPR, "personnummer": KindCPR, "personnummeret": KindCPR,
	"cvr": KindCVR, "cvr-nummer": KindCVR, "cvrnummer": KindCVR, "cvr-nummeret": KindCVR, "cvrnummeret": KindCVR, "cvr-nr": KindCVR,
	"telefonnummer": KindPhone, "telefonnummeret": KindPhone, "telefon": KindPhone, "tlf": KindPhone, "mobil": KindPhone,
	"mobilnummer": KindPhone, "mobilen": KindPhone, "mobiltelefon": KindPhone,
	"konto": KindAccount, "kontonummer": KindAccount, "kontonummeret": KindAccount, "kontoen": KindAccount,
	"reg": KindAccount, "regnr": KindAccount, "reg-nr": KindAccount, "regnummer": KindAccount,
	"registreringsnummer": KindAccount, "registreringsnummeret": KindAccount, "nemkonto": KindAccount, "iban": KindAccount,
	"kortnummer": KindCard, "kortnummeret": KindCard, "dankort": KindCard, "visakort": KindCard, "kreditkort": KindCard,
	"betalingskort": KindCard, "mastercard": KindCard,
	"nummer": KindNone, "nummeret": KindNone, "nr": KindNone, "sagsnummer": KindNone, "sagsnummeret": KindNone,
	"sagsnr": KindNone, "sag": KindNone, "sagen": KindNone, "journalnummer": KindNone, "journalnummeret": KindNone,
	"journalnr": KindNone, "kundenummer": KindNone, "kundenummeret": KindNone, "ordrenummer": KindNone,
	"referencenummer": KindNone, "reference": KindNone, "kvitteringsnummer": KindNone, "postnummer": KindNone,
	"postnummeret": KindNone, "løbenummer": KindNone, "policenummer": KindNone, "matrikelnummer": KindNone,
	"fakturanummer": KindNone, "kode": KindNone, "koden": KindNone, "pinkode": KindNone, "pinkoden": KindNone, "ean": KindNone,
	"ean-nummer": KindNone, "bilagsnummer": KindNone, "ring": KindNone, "ringe": KindNone, "ringer": KindNone,
}

// identifies reports a label that names another identifier than a person's, so that digits after it are never masked.
func identifies(label string) bool {
	switch label {
	case "", "nummer", "nummeret", "nr", "ring", "ringe", "ringer":
		return false
	}
	k, ok := labels[label]
	return ok && k == KindNone
}

// labelBefore finds the label that the digits at word i belong to: at most five words back, with only words such as
// "er" and "det" between.
func labelBefore(ws []word, i int) string {
	for j := i - 1; j >= 0 && j >= i-5; j-- {
		if l := labelAt(ws, j); l != "" {
			return l
		}
		if strings.ContainsAny(ws[j].post, ".?!") && ws[j].core != "nr" || !linking(ws[j].core) {
			return ""
		}
	}
	return ""
}

// labelAt reads a label that ends with word j, also one that the recogniser divided: "sags nummer", "c p r".
func labelAt(ws []word, j int) string {
	whole := ws[j].core
	if j > 0 && (whole == "nummer" || whole == "nummeret" || whole == "nr") {
		if l := labelAt(ws, j-1); l != "" {
			return l
		}
		if _, ok := labels[ws[j-1].core+whole]; ok {
			return ws[j-1].core + whole
		}
	}
	if j > 1 && len(whole) == 1 {
		whole = ws[j-2].core + ws[j-1].core + whole
	}
	if _, ok := labels[whole]; ok {
		return whole
	}
	return ""
}

func linking(core string) bool {
	switch core {
	case "er", "det", "den", "på", "hedder", "lyder", "mit", "min", "har", "som", "jo", "nok", "så", "ja", "og", "nummer", "nr", "sådan", "her":
		return true
	}
	return filler(core)
}

// counted are words before a number that make small ones digits: "uge 12", "side 4". House numbers follow streets.
func counted(core string) bool {
	switch core {
	case "nummer", "nr", "uge", "side", "paragraf", "§", "artikel", "kapitel", "lejlighed", "version", "tast", "tryk", "punkt", "stk",
		"stykke", "bilag", "trin", "linje", "lokale", "skranke", "kø", "dør", "værelse", "minus":
		return true
	}
	return street(core)
}

func street(core string) bool {
	for _, end := range []string{"gade", "gaden", "vej", "vejen", "allé", "alle", "stræde", "boulevard", "plads", "vænge", "vænget", "parken"} {
		if strings.HasSuffix(core, end) && len(core) > len(end)+2 {
			return true
		}
	}
	return false
}

// yearBefore are words after which two spoken numbers may be a year: "i tyve femogtyve".
func yearBefore(core string) bool {
	switch core {
	case "i", "år", "året", "siden", "fra", "til", "inden", "før", "efter", "sommeren", "foråret", "efteråret", "vinteren",
		"ultimo", "primo", "medio", "omkring", "for", "mellem", "og", "indtil", "kvartal", "halvår":
		return true
	}
	return false
}

var months = []string{"januar", "februar", "marts", "april", "maj", "juni", "juli", "august", "september", "oktober", "november", "december"}

// monthOf gives the number of a month's name, 0 for any other word.
func monthOf(core string) int { return monthNames[core] }

var monthNames = func() map[string]int {
	out := map[string]int{"jan": 1, "feb": 2, "okt": 10, "nov": 11, "dec": 12}
	for i, m := range months {
		out[m], out[m+"s"] = i+1, i+1
	}
	delete(out, "martss")
	return out
}()

var weekdays = []string{"mandag", "tirsdag", "onsdag", "torsdag", "fredag", "lørdag", "søndag"}
