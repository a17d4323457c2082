package danish

import (
	"fmt"
	"slices"
	"strings"
)

// Kind is a kind of identifier. The personal ones are masked.
type Kind string

// The kinds that [Find] knows.
const (
	KindNone    Kind = ""
	KindCPR     Kind = "cpr"
	KindPhone   Kind = "phone"
	KindEmail   Kind = "email"
	KindCard    Kind = "card"
	KindAccount Kind = "account"
	KindCVR     Kind = "cvr" // a company's number: recognised so that it is not taken for a telephone number
)

// Personal reports whether values of the kind are masked.
func (k Kind) Personal() bool { return k != KindNone && k != KindCVR }

// A Match is one identifier found in the tokens.
type Match struct {
	Kind       Kind
	Clear      string // in written form: "041192-2211", "22 33 44 55", "bente@eksempel.dk"
	Tokens     []int
	Confidence float64 // 0 to 1, how sure the kind is
}

// Find returns the identifiers in the tokens, spoken or written, ordered by their first token.
//
// The gate for a civil registration number is its date (days +60 are replacement numbers); modulus 11 only raises the
// confidence, because numbers without it have been issued since 2007.
func Find(tokens []Token) []Match {
	var out []Match
	said := speakers(tokens)
	cue := newCues(said)
	for _, ws := range said {
		for _, h := range findHits(ws, cue) {
			m := Match{Kind: h.kind, Clear: h.clear, Confidence: h.confidence}
			for _, w := range ws[h.from:h.to] {
				m.Tokens = append(m.Tokens, w.tok)
			}
			out = append(out, m)
		}
	}
	slices.SortFunc(out, func(a, b Match) int { return a.Tokens[0] - b.Tokens[0] })
	return out
}

// hit is an identifier in the words [from, to) of one speaker.
type hit struct {
	kind       Kind
	from, to   int
	clear      string
	written    string // as a person writes it
	confidence float64
}

// cues are the places, as token indexes, where anybody spoke of a civil registration number or its last four digits.
type cues struct{ cpr, lastFour []int }

// cueReach is how many tokens after a cue it still explains the digits: a question, an excuse and the search for the
// yellow card fit in.
const cueReach = 60

func newCues(said [][]word) cues {
	var c cues
	for _, ws := range said {
		for j := range ws {
			if labels[labelAt(ws, j)] == KindCPR {
				c.cpr = append(c.cpr, ws[j].tok)
			}
			if coreAt(ws, j-1) == "sidste" && (ws[j].core == "fire" || ws[j].core == "4") {
				c.lastFour = append(c.lastFour, ws[j].tok)
			}
		}
	}
	return c
}

// with adds the cues of more from index on, moved by shift, and forgets those out of reach.
func (c cues) with(more cues, index, shift int) cues {
	merge := func(old, add []int) []int {
		out := slices.Clone(old)
		for _, p := range add {
			if p >= index {
				out = append(out, p+shift)
			}
		}
		if len(out) > maxCues {
			out = out[len(out)-maxCues:]
		}
		return out
	}
	return cues{cpr: merge(c.cpr, more.cpr), lastFour: merge(c.lastFour, more.lastFour)}
}

// maxCues is how many cues are remembered; the last ones are the nearest.
const maxCues = 4

// from makes the places relative to an index.
func (c cues) from(index int) cues {
	move := func(places []int) []int {
		out := slices.Clone(places)
		for i := range out {
			out[i] -= index
		}
		return out
	}
	return cues{cpr: move(c.cpr), lastFour: move(c.lastFour)}
}

func near(places []int, tok int) bool {
	return slices.ContainsFunc(places, func(p int) bool { return p < tok && tok-p <= cueReach })
}

// findHits finds the identifiers of one speaker.
func findHits(ws []word, cue cues) []hit {
	var out []hit
	for i := 0; i < len(ws); {
		h, ok := hitAt(ws, i, cue)
		if ok {
			out = append(out, h)
			i = h.to
			continue
		}
		i = afterMiss(ws, i)
	}
	return out
}

// afterMiss gives where to look on after word i began no identifier: past all of a case number, else past its first
// digits.
func afterMiss(ws []word, i int) int {
	r, ok := runAt(ws, i)
	switch {
	case !ok:
		return i + 1
	case identifies(labelBefore(ws, i)) || r.counting():
		return r.to()
	}
	return r.atoms[0].to
}

func hitAt(ws []word, i int, cue cues) (hit, bool) {
	if h, ok := emailAt(ws, i); ok {
		return h, true
	}
	if h, ok := ibanAt(ws, i); ok {
		return h, true
	}
	if h, ok := dateCPR(ws, i, cue); ok {
		return h, true
	}
	r, ok := runAt(ws, i)
	if !ok {
		return hit{}, false
	}
	if h, ok := classify(ws, r); ok && h.from == i {
		return h, true
	}
	return cuedCPR(ws, r, cue)
}

// classify decides what a run is by its digits and the label before it.
func classify(ws []word, r run) (hit, bool) {
	label := labelBefore(ws, r.from())
	kind := labels[label]
	if identifies(label) || r.counting() {
		return hit{}, false
	}
	if h, ok := accountRun(r, kind); ok {
		return h, true
	}
	d := r.digits()
	if len(d) >= 13 && len(d) <= 19 && (luhn(d) && !r.years() || kind == KindCard) {
		return r.hit(KindCard, inFours(d), 0.95), true
	}
	if kind == KindCVR && len(d) == 8 {
		return r.hit(KindCVR, d, 0.7+0.25*float64(boolInt(cvrSum(d)))), true
	}
	if h, ok := wholeCPR(r, kind); ok {
		return h, true
	}
	if h, ok := phoneRun(ws, r, kind); ok {
		return h, true
	}
	return partCPR(r, kind)
}

// hit makes a hit of the whole run.
func (r run) hit(kind Kind, written string, confidence float64) hit {
	return hit{kind: kind, from: r.from(), to: r.to(), clear: written, written: written, confidence: confidence}
}

// years reports groups that are all years, "2023 2024 2025".
func (r run) years() bool {
	for _, a := range r.atoms {
		if !isYear(a.digits) {
			return false
		}
	}
	return true
}

// wholeCPR reads ten digits whose first six are a date.
func wholeCPR(r run, kind Kind) (hit, bool) {
	d := r.digits()
	if len(d) != 10 || r.plus || !cprDate(d) {
		return hit{}, false
	}
	return r.hit(KindCPR, d[:6]+"-"+d[6:], cprConfidence(d, kind)), true
}

// partCPR finds a civil registration number inside a longer run: digits repeated after a slip, or two numbers in one
// breath. Without a label only one that modulus 11 confirms counts.
func partCPR(r run, kind Kind) (hit, bool) {
	if len(r.digits()) <= 10 {
		return hit{}, false
	}
	for from := range r.atoms {
		for to := from + 1; to <= len(r.atoms); to++ {
			part := r.slice(from, to)
			d := part.digits()
			if len(d) != 10 || !cprDate(d) || part.plus || kind != KindCPR && !cprSum(d) {
				continue
			}
			if kind == KindCPR { // what else was said there belongs to the same number
				return r.hit(KindCPR, r.digits(), 0.7), true
			}
			if from == 0 {
				return part.hit(KindCPR, d[:6]+"-"+d[6:], cprConfidence(d, kind)), true
			}
		}
	}
	if kind == KindCPR {
		return r.hit(KindCPR, r.digits(), 0.6), true
	}
	return hit{}, false
}

// cuedCPR masks parts of a civil registration number when somebody spoke of one: six digits that are a date, the last
// four, or a number read with slips.
func cuedCPR(ws []word, r run, cue cues) (hit, bool) {
	d, tok := r.digits(), ws[r.from()].tok
	if identifies(labelBefore(ws, r.from())) || r.counting() || r.plus {
		return hit{}, false
	}
	lastFour := near(cue.lastFour, tok) && len(d) == 4
	asked := near(cue.cpr, tok) && len(d) >= 6 && cprDate(d)
	writtenYear := r.years() && !r.atoms[0].spoken
	if !asked && (!lastFour || writtenYear) {
		return hit{}, false
	}
	return r.hit(KindCPR, d, 0.6), true
}

// dateCPR reads a birthday said as a date and four digits after it: "fjerde november tooghalvfems, toogtyve elleve".
func dateCPR(ws []word, i int, cue cues) (hit, bool) {
	it, ok := dateItem(ws, i)
	if !ok || it.fact.Kind != Date {
		return hit{}, false
	}
	d := parseCanonicalDate(it.fact.Value)
	if d.day == 0 || d.month == 0 || d.year == 0 {
		return hit{}, false
	}
	r, ok := runAt(ws, skipLink(ws, it.to))
	if !ok || len(r.digits()) != 4 || r.years() && !near(cue.cpr, ws[i].tok) {
		return hit{}, false
	}
	number := fmt.Sprintf("%02d%02d%02d-%s", d.day, d.month, d.year%100, r.digits())
	return hit{kind: KindCPR, from: i, to: r.to(), clear: number, written: number, confidence: 0.8}, true
}

// skipLink passes over "og de sidste fire er".
func skipLink(ws []word, i int) int {
	for n := 0; n < 6 && i < len(ws); n++ {
		switch ws[i].core {
		case "og", "de", "så", "sidste", "fire", "cifre", "er", "det", "streg", "bindestreg":
			if ws[i].core == "fire" && coreAt(ws, i-1) != "sidste" {
				return i
			}
			i++
		default:
			if !filler(ws[i].core) && !onlySigns(ws[i]) {
				return i
			}
			i++
		}
	}
	return i
}

// phoneRun reads eight digits grouped as people group telephone numbers, with or without the country code. After a label
// they may begin with any digit.
func phoneRun(ws []word, r run, kind Kind) (hit, bool) {
	d := r.digits()
	code := ""
	switch {
	case len(d) == 10 && strings.HasPrefix(d, "45") && (r.plus || !cprDate(d)):
		code, d = "+45 ", d[2:]
	case len(d) == 12 && strings.HasPrefix(d, "0045"):
		code, d = "+45 ", d[4:]
	}
	if len(d) != 8 || kind != KindPhone && (d[0] < '2' || !phoneGroups(r) || r.years()) {
		return hit{}, false
	}
	if code == "" && yearBefore(coreAt(ws, r.from()-1)) && spokenYears(r) {
		return hit{}, false
	}
	text := code + d[:2] + " " + d[2:4] + " " + d[4:6] + " " + d[6:]
	return r.hit(KindPhone, text, 0.9), true
}

// phoneGroups refuses groups of uneven size such as "1 2345678".
func phoneGroups(r run) bool {
	for _, a := range r.atoms {
		if len(a.digits) > 4 && len(a.digits) < 8 {
			return false
		}
	}
	return true
}

// spokenYears reports two years said in pairs, "tyve fireogtyve tyve femogtyve".
func spokenYears(r run) bool {
	d := r.digits()
	return len(r.atoms) == 4 && isYear(d[:4]) && isYear(d[4:])
}

// accountRun reads a bank account: four digits of the branch and up to ten of the account.
func accountRun(r run, kind Kind) (hit, bool) {
	d := r.digits()
	if kind == KindAccount && len(d) >= 4 && len(d) <= 14 {
		return r.hit(KindAccount, accountText(d), 0.9), true
	}
	split := len(r.atoms) == 2 && len(r.atoms[0].digits) == 4 && len(r.atoms[1].digits) == 10
	if split || len(r.atoms) == 1 && r.atoms[0].branch {
		return r.hit(KindAccount, accountText(d), 0.8), true
	}
	return hit{}, false
}

func accountText(d string) string {
	if len(d) <= 10 {
		return d
	}
	return d[:4] + " " + d[4:]
}

// ibanAt reads a Danish IBAN: DK and 16 digits.
func ibanAt(ws []word, i int) (hit, bool) {
	next, head := i, ""
	core := ws[i].core
	switch {
	case strings.HasPrefix(core, "dk") && allDigits(core[2:]):
		next, head = i+1, core[2:]
	case core == "dk":
		next = i + 1
	case core == "d" && coreAt(ws, i+1) == "k":
		next = i + 2
	default:
		return hit{}, false
	}
	d := head
	if r, ok := runAt(ws, next); ok && len(d) < 16 {
		d += r.digits()
		next = r.to()
	}
	if len(d) != 16 {
		return hit{}, false
	}
	written := "DK" + d[:2] + " " + inFours(d[2:])
	return hit{kind: KindAccount, from: i, to: next, clear: written, written: written, confidence: 0.95}, true
}

func inFours(d string) string {
	var b strings.Builder
	for i := range len(d) {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteByte(d[i])
	}
	return b.String()
}

// cprDate is the gate: the first six digits are a day and month that exist. Days 61 to 91 belong to replacement numbers.
func cprDate(d string) bool {
	day, month, year := atoi(d[:2]), atoi(d[2:4]), atoi(d[4:6])
	if day > 60 {
		day -= 60
	}
	if day < 1 || month < 1 {
		return false
	}
	full := year
	if len(d) >= 7 {
		full += century(year, d[6])
	}
	return date{day: day, month: month, year: max(full, 1)}.valid()
}

// century gives the century of a birth year by the seventh digit, as the register assigns it.
func century(year int, seventh byte) int {
	switch {
	case seventh <= '3':
		return 1900
	case seventh == '4' || seventh == '9':
		if year <= 36 {
			return 2000
		}
		return 1900
	case year <= 57:
		return 2000
	}
	return 1800
}

func cprConfidence(d string, kind Kind) float64 {
	c := 0.8
	if cprSum(d) {
		c += 0.1
	}
	if kind == KindCPR {
		c += 0.09
	}
	return c
}

// cprSum is modulus 11 of a civil registration number.
func cprSum(d string) bool { return weighted(d, "4327654321") }

// cvrSum is modulus 11 of a company's number.
func cvrSum(d string) bool { return d[0] != '0' && weighted(d, "27654321") }

func weighted(d, weights string) bool {
	sum := 0
	for i := range len(weights) {
		sum += int(d[i]-'0') * int(weights[i]-'0')
	}
	return sum%11 == 0
}

// luhn is the check digit of payment cards.
func luhn(d string) bool {
	sum := 0
	for i := range len(d) {
		v := int(d[len(d)-1-i] - '0')
		if i%2 == 1 {
			v *= 2
			if v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	return sum%10 == 0 && strings.Trim(d, "0") != ""
}
