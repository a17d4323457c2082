package danish

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// speak writes text as it is said: numbers, dates, times, amounts, telephone numbers and addresses become words,
// abbreviations are expanded. [Normalise] reads the words back.
func speak(text string) string {
	ws := oneSpeaker(text)
	var out []string
	for i := 0; i < len(ws); {
		words, next := speakAt(ws, i)
		pre, post := ws[i].pre, ws[next-1].post
		if isAbbreviated(ws[next-1]) {
			post = strings.TrimPrefix(post, ".")
		}
		out = append(out, pre+words+post)
		i = next
	}
	return strings.Join(out, " ")
}

func oneSpeaker(text string) []word {
	all := speakers(Tokens(text))
	if len(all) == 0 {
		return nil
	}
	return all[0]
}

func isAbbreviated(w word) bool {
	_, ok := expansions[strings.ToLower(w.core+".")]
	return ok && strings.HasPrefix(w.post, ".")
}

// speakAt says what stands at word i and gives the index after it.
func speakAt(ws []word, i int) (words string, next int) {
	if strings.Contains(ws[i].core, "@") {
		return speakAddress(ws[i].core), i + 1
	}
	if it, ok := dateItem(ws, i); ok && hasDigit(ws[it.from:it.to]) {
		return speakDate(parseCanonicalDate(it.fact.Value)), it.to
	}
	if it, ok := clockItem(ws, i); ok && hasDigit(ws[it.from:it.to]) && it.fact.Kind == Clock {
		return speakClock(ws[it.from:it.to], it.fact.Value), it.to
	}
	if r, ok := runAt(ws, i); ok && r.from() == i {
		if words, ok := speakRun(ws, r); ok {
			return words, r.to()
		}
	}
	if ws[i].digits != "" {
		return speakNumeral(ws, i)
	}
	switch ws[i].core {
	case "%":
		return "procent", i + 1
	case "§":
		return "paragraf", i + 1
	}
	if full, ok := expansions[ws[i].core+"."]; ok && strings.HasPrefix(ws[i].post, ".") {
		return full, i + 1
	}
	return strings.TrimSuffix(strings.TrimPrefix(ws[i].raw, ws[i].pre), ws[i].post), i + 1
}

// speakNumeral says a written number with its decimals, "3." before a noun as an ordinal, and long ones digit by digit.
func speakNumeral(ws []word, i int) (string, int) {
	w := ws[i]
	n, ok := writtenAt(ws[:i+1], i)
	if !ok || len(w.digits) > 1 && w.digits[0] == '0' && w.frac == "" {
		return speakDigits(w.digits), i + 1
	}
	if w.post == "." && i+1 < len(ws) && w.frac == "" && n.value <= 99 && startsLower(ws[i+1].raw) {
		ws[i].post = ""
		return ordinalWord(n.value), i + 1
	}
	words := cardinal(n.value)
	unit := unitAt(ws, i+1)
	if n.frac == "" && n.value == 1 && unit == "kr" {
		return "en krone", i + 2
	}
	if n.frac == "" {
		return words, i + 1
	}
	if unit == "kr" && len(n.frac) == 2 {
		rest := ""
		if n.frac != "00" {
			rest = " og " + cardinal(int64(atoi(n.frac))) + " øre"
		}
		ws[i+1].post = strings.TrimPrefix(ws[i+1].post, ".")
		return words + " kroner" + rest, i + 2
	}
	return words + " komma " + spaced(n.frac, 1), i + 1
}

func startsLower(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.IsLower(r)
}

// speakDate says a date: "tredje november tyve femogtyve".
func speakDate(d date) string {
	var parts []string
	if d.day > 0 {
		parts = append(parts, ordinalWord(int64(d.day)))
	}
	if d.month > 0 {
		parts = append(parts, months[d.month-1])
	}
	switch {
	case d.year == 0:
	case d.year <= 100:
		parts = append(parts, speakPair(d.year%100))
	default:
		parts = append(parts, speakYear(d.year))
	}
	return strings.Join(parts, " ")
}

// speakYear says a year as Danes do: "nitten femoghalvfems", "to tusind", "tyve femogtyve".
func speakYear(y int) string {
	switch {
	case y%100 == 0 && y%1000 == 0:
		return cardinal(int64(y))
	case y%100 == 0:
		return cardinal(int64(y/100)) + " hundrede"
	case y >= 1100 && y < 2100:
		return cardinal(int64(y/100)) + " " + speakPair(y%100)
	}
	return cardinal(int64(y))
}

// speakClock says a time: "klokken fjorten nul fem".
func speakClock(ws []word, value string) string {
	hour, minute := atoi(value[:2]), atoi(value[3:])
	words := cardinal(int64(hour))
	if hour == 1 {
		words = "et"
	}
	if strings.ContainsAny(ws[len(ws)-1].core, ".:") {
		if minute < 10 {
			words += " nul"
		}
		words += " " + cardinal(int64(minute))
	}
	if ws[0].core == "kl" || ws[0].core == "klokken" {
		words = "klokken " + words
	}
	return words
}

// speakRun says identifiers in pairs; a plain number is left to speakNumeral.
func speakRun(ws []word, r run) (string, bool) {
	h, ok := classify(ws, r)
	d := r.digits()
	switch {
	case ok && (h.from != r.from() || h.to != r.to()):
		return "", false
	case ok && strings.HasPrefix(h.written, "+45"):
		return "plus femogfyrre " + speakDigits(onlyDigits(h.written)[2:]), true
	case ok:
		return speakDigits(d), true
	case len(r.atoms) == 1 && labelBefore(ws, r.from()) != "" && len(d) >= 5 && allWritten(r):
		return speakDigits(d), true
	}
	return "", false
}

// speakDigits says digits in pairs, as telephone and civil registration numbers are read.
func speakDigits(d string) string {
	var parts []string
	for len(d) >= 2 {
		parts = append(parts, speakPair(atoi(d[:2])))
		d = d[2:]
	}
	if d != "" {
		parts = append(parts, cardinal(int64(atoi(d))))
	}
	return strings.Join(parts, " ")
}

// speakPair says two digits: 5 is "nul fem".
func speakPair(v int) string {
	if v < 10 {
		return "nul " + cardinal(int64(v))
	}
	return cardinal(int64(v))
}

// spaced says each group of n digits as its own number.
func spaced(d string, n int) string {
	var parts []string
	for i := 0; i < len(d); i += n {
		parts = append(parts, cardinal(int64(atoi(d[i:min(i+n, len(d))]))))
	}
	return strings.Join(parts, " ")
}

// speakAddress says an e-mail address: "bente punktum holm snabel a eksempel punktum dk".
func speakAddress(s string) string {
	var b strings.Builder
	digits := ""
	flush := func() {
		if digits != "" {
			b.WriteString(" " + speakDigits(digits) + " ")
			digits = ""
		}
	}
	for _, r := range s {
		if r >= '0' && r <= '9' {
			digits += string(r)
			continue
		}
		flush()
		switch r {
		case '@':
			b.WriteString(" snabel a ")
		case '.':
			b.WriteString(" punktum ")
		case '-':
			b.WriteString(" bindestreg ")
		case '_':
			b.WriteString(" understreg ")
		default:
			b.WriteRune(r)
		}
	}
	flush()
	return strings.Join(strings.Fields(b.String()), " ")
}

var (
	ones = []string{
		"nul", "en", "to", "tre", "fire", "fem", "seks", "syv", "otte", "ni", "ti", "elleve", "tolv", "tretten", "fjorten",
		"femten", "seksten", "sytten", "atten", "nitten",
	}
	tens      = []string{"", "", "tyve", "tredive", "fyrre", "halvtreds", "tres", "halvfjerds", "firs", "halvfems"}
	onesth    = []string{"nulte", "første", "anden", "tredje", "fjerde", "femte", "sjette", "syvende", "ottende", "niende", "tiende", "ellevte", "tolvte", "trettende", "fjortende", "femtende", "sekstende", "syttende", "attende", "nittende"}
	tensth    = []string{"", "", "tyvende", "tredivte", "fyrretyvende", "halvtredsindstyvende", "tresindstyvende", "halvfjerdsindstyvende", "firsindstyvende", "halvfemsindstyvende"}
	bigScales = []struct {
		value     int64
		one, many string
	}{{1e9, "milliard", "milliarder"}, {1e6, "million", "millioner"}}
)

// cardinal says a whole number: 12300 is "tolv tusind tre hundrede".
func cardinal(v int64) string {
	if v < 0 {
		return "minus " + cardinal(-v)
	}
	if v >= 1e12 {
		return spaced(strconv.FormatInt(v, 10), 1)
	}
	var parts []string
	for _, s := range bigScales {
		n := v / s.value
		v %= s.value
		switch {
		case n == 1:
			parts = append(parts, "en", s.one)
		case n > 1:
			parts = append(parts, hundreds(n), s.many)
		}
	}
	if n := v / 1000; n > 0 {
		count := hundreds(n)
		if n == 1 {
			count = "et"
		}
		parts = append(parts, count, "tusind")
		v %= 1000
	}
	if v > 0 || len(parts) == 0 {
		if len(parts) > 0 && v < 100 {
			parts = append(parts, "og")
		}
		parts = append(parts, hundreds(v))
	}
	return strings.Join(parts, " ")
}

// hundreds says 0 to 999.
func hundreds(v int64) string {
	if v < 100 {
		return below(v)
	}
	count := ones[v/100]
	if v/100 == 1 {
		count = "et"
	}
	if v%100 == 0 {
		return count + " hundrede"
	}
	return count + " hundrede og " + below(v%100)
}

func below(v int64) string {
	switch {
	case v < 20:
		return ones[v]
	case v%10 == 0:
		return tens[v/10]
	}
	return ones[v%10] + "og" + tens[v/10]
}

func ordinalWord(v int64) string {
	switch {
	case v < 20:
		return onesth[v]
	case v < 100 && v%10 == 0:
		return tensth[v/10]
	case v < 100:
		return ones[v%10] + "og" + tensth[v/10]
	}
	return cardinal(v)
}
