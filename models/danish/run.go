package danish

import (
	"strconv"
	"strings"
)

// atom is a part of a number that is read aloud digit by digit, in pairs, or written in groups.
type atom struct {
	from, to int // words
	digits   string
	spoken   bool
	branch   bool // written as a bank account: four digits, a dash, ten digits
}

// run is a sequence of atoms with nothing but hesitation between them.
type run struct {
	atoms []atom
	plus  bool // "+" or "plus" before the first digit
}

func (r run) from() int { return r.atoms[0].from }
func (r run) to() int   { return r.atoms[len(r.atoms)-1].to }

func (r run) digits() string {
	var b strings.Builder
	for _, a := range r.atoms {
		b.WriteString(a.digits)
	}
	return b.String()
}

// slice gives the atoms [from, to) as a run of their own.
func (r run) slice(from, to int) run {
	return run{atoms: r.atoms[from:to], plus: r.plus && from == 0}
}

// runAt reads the longest run that starts at word i.
func runAt(ws []word, i int) (run, bool) {
	var r run
	if coreAt(ws, i) == "plus" {
		a, ok := atomAt(ws, i+1)
		if !ok {
			return run{}, false
		}
		a.from = i
		r.plus, r.atoms = true, append(r.atoms, a)
		i = a.to
	} else {
		a, ok := atomAt(ws, i)
		if !ok {
			return run{}, false
		}
		r.plus = strings.HasPrefix(ws[i].core, "+")
		r.atoms = append(r.atoms, a)
		i = a.to
	}
	for {
		next := skip(ws, i)
		a, ok := atomAt(ws, next)
		if !ok {
			a, ok = lastFour(ws, next, r.digits())
		}
		if !ok {
			return r, true
		}
		r.atoms = append(r.atoms, a)
		i = a.to
	}
}

// maxSkip is how many words of hesitation may stand between two parts of one number.
const maxSkip = 4

// skip passes over what people say between the digits of one number.
func skip(ws []word, i int) int {
	for n := 0; n < maxSkip && i < len(ws); n++ {
		switch {
		case filler(ws[i].core), onlySigns(ws[i]):
			i++
		case coreAt(ws, i) == "og" && (coreAt(ws, i+1) == "så" || filler(coreAt(ws, i+1))):
			i += 2
		default:
			switch ws[i].core {
			case "streg", "bindestreg", "mellemrum", "så", "derefter", "ja", "okay", "jo":
				i++
			default:
				return i
			}
		}
	}
	return i
}

// onlySigns reports a token of punctuation alone, such as a dash between two groups.
func onlySigns(w word) bool {
	return !strings.ContainsFunc(w.raw, isCoreRune)
}

// atomAt reads the digits at word i. A number with a unit, decimals or a thousand is an amount, not a part of a run.
func atomAt(ws []word, i int) (atom, bool) {
	if i >= len(ws) {
		return atom{}, false
	}
	if a, ok := groupedAtom(ws, i); ok {
		return a, true
	}
	n, ok := numberAt(ws, i)
	if !ok || n.ordinal || n.frac != "" || n.grouped || n.bare || unitAt(ws, n.next) != "" {
		return atom{}, false
	}
	if n.written() {
		// "3. november" is a date and "14 dage" an amount.
		if monthOf(coreAt(ws, i+1)) > 0 {
			return atom{}, false
		}
		return atom{from: i, to: i + 1, digits: n.raw}, true
	}
	if n.value > 999 {
		return atom{}, false
	}
	digits := n.String()
	return atom{from: i, to: n.next, digits: digits, spoken: true}, true
}

// lastFour reads the end of a civil registration number said as one number, "toogtyve hundrede og elleve".
func lastFour(ws []word, i int, before string) (atom, bool) {
	n, ok := numberAt(ws, i)
	if !ok || n.written() || n.ordinal || n.frac != "" || n.value < 1000 || n.value > 9999 || unitAt(ws, n.next) != "" ||
		len(before) != 6 || !cprDate(before) {
		return atom{}, false
	}
	return atom{from: i, to: n.next, digits: strconv.FormatInt(n.value, 10), spoken: true}, true
}

// groupedAtom reads figures with dashes, dots or a plus that are no date, time or amount: 041192-2211, 22.33.44.55,
// +4522334455. Numerals too long for a quantity belong here too.
func groupedAtom(ws []word, i int) (atom, bool) {
	s := ws[i].core
	if ws[i].digits != "" {
		if len(s) <= maxWritten {
			return atom{}, false
		}
		return atom{from: i, to: i + 1, digits: ws[i].digits}, true
	}
	if strings.HasPrefix(s, "+") && allDigits(s[1:]) {
		return atom{from: i, to: i + 1, digits: s[1:]}, true
	}
	parts := strings.FieldsFunc(s, func(r rune) bool { return r == '-' || r == '.' || r == '/' || r == '–' })
	if len(parts) < 2 {
		return atom{}, false
	}
	total := 0
	for _, p := range parts {
		if !allDigits(p) {
			return atom{}, false
		}
		total += len(p)
	}
	if _, isDate := parseNumericDate(s); isDate || total < 8 || yearRange(parts) {
		return atom{}, false
	}
	branch := len(parts) == 2 && len(parts[0]) == 4 && len(parts[1]) == 10
	return atom{from: i, to: i + 1, digits: strings.Join(parts, ""), branch: branch}, true
}

// yearRange reports 1995-2005.
func yearRange(parts []string) bool {
	return len(parts) == 2 && isYear(parts[0]) && isYear(parts[1])
}

func isYear(s string) bool {
	return len(s) == 4 && (s[:2] == "19" || s[:2] == "20")
}

// counting reports one, two, three …: a person counts, and reads no number aloud.
func (r run) counting() bool {
	if len(r.atoms) < 3 {
		return false
	}
	for i, a := range r.atoms {
		if i > 0 && atoi(a.digits) != atoi(r.atoms[i-1].digits)+1 {
			return false
		}
	}
	return true
}

func atoi(s string) int {
	v := 0
	for i := range len(s) {
		v = v*10 + int(s[i]-'0')
	}
	return v
}

// runItem writes telephone numbers, civil registration numbers and other identifiers that were read aloud.
func runItem(ws []word, i int) (item, bool) {
	r, ok := runAt(ws, i)
	if !ok {
		return item{}, false
	}
	if h, ok := classify(ws, r); ok && h.from == i {
		it := item{from: i, to: h.to, text: h.written + ws[h.to-1].post, fact: Fact{Kind: Digits, Value: onlyDigits(h.clear)}}
		if h.to == i+1 && !r.atoms[0].spoken {
			it.text = ""
		}
		return it, true
	}
	if allWritten(r) || !r.joins(labelBefore(ws, i)) {
		return item{}, false
	}
	d := r.digits()
	return item{from: i, to: r.to(), text: d + ws[r.to()-1].post, fact: Fact{Kind: Digits, Value: d}}, true
}

// joins reports that the run is one number although no kind of identifier fits: after a label, as a row of single digits,
// or as the emergency number.
func (r run) joins(label string) bool {
	d := r.digits()
	switch {
	case d == "112" && len(r.atoms) == 3:
		return true
	case label != "" && len(r.atoms) > 1 && (len(d) > 2 || !strings.HasPrefix(label, "ring")):
		return true
	}
	return len(d) >= 4 && len(d) == len(r.atoms) && !r.counting()
}

func allWritten(r run) bool {
	for _, a := range r.atoms {
		if a.spoken {
			return false
		}
	}
	return true
}
