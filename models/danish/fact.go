package danish

import (
	"strconv"
	"strings"
)

// FactKind is the kind of something checkable in a text.
type FactKind string

// The kinds of facts. Values are canonical, so that "tolv tusind kroner" and "12.000 kr." are equal.
const (
	Number  FactKind = "number"  // 12300, 2.5, -5; years too
	Ordinal FactKind = "ordinal" // 3
	Amount  FactKind = "amount"  // 12300.5 kr
	Measure FactKind = "measure" // 2 uge, 25 %
	Date    FactKind = "date"    // 2025-11-03, --11-03, 2025-11, --11
	Weekday FactKind = "weekday" // 1 is Monday
	Clock   FactKind = "clock"   // 14:30
	Digits  FactKind = "digits"  // an identifier, digits only
	Address FactKind = "address" // e-mail or web
)

// A Fact is a number, date, amount or the like that a text states, in canonical form.
type Fact struct {
	Kind   FactKind
	Value  string
	Tokens []int // the tokens that state it
}

// Facts lists what the tokens state, spoken or written, in the order of the tokens.
func Facts(tokens []Token) []Fact {
	var out []Fact
	for _, ws := range speakers(tokens) {
		for i := 0; i < len(ws); {
			it, ok := itemAt(ws, i)
			if !ok {
				i++
				continue
			}
			if it.fact.Kind != "" {
				it.fact.Tokens = indexes(ws[it.from:it.to])
				out = append(out, it.fact)
			}
			i = it.to
		}
	}
	return out
}

func indexes(ws []word) []int {
	out := make([]int, len(ws))
	for i, w := range ws {
		out[i] = w.tok
	}
	return out
}

// Supports reports whether a source that states f proves a claim of other: equal, or a date of which the claim leaves
// parts out.
func (f Fact) Supports(other Fact) bool {
	if f.Kind == other.Kind && f.Value == other.Value {
		return true
	}
	switch {
	case f.Kind == Date && other.Kind == Date:
		return parseCanonicalDate(f.Value).covers(parseCanonicalDate(other.Value))
	case f.Kind == Date && other.Kind == Number: // "november 2025" proves "i 2025"
		return strconv.Itoa(parseCanonicalDate(f.Value).year) == other.Value
	case isPlain(f.Kind) && isPlain(other.Kind):
		return f.Value == other.Value
	}
	return false
}

func isPlain(k FactKind) bool { return k == Number || k == Digits }

// covers reports that every part that claim names is the same in d.
func (d date) covers(claim date) bool {
	year := claim.year == 0 || claim.year == d.year || claim.year <= 100 && d.year > 0 && claim.year%100 == d.year%100
	return year && (claim.month == 0 || claim.month == d.month) && (claim.day == 0 || claim.day == d.day)
}

func parseCanonicalDate(s string) date {
	var d date
	if rest, ok := strings.CutPrefix(s, "-"); ok {
		s = rest
	} else {
		head, rest, _ := strings.Cut(s, "-")
		if two, ok := strings.CutPrefix(head, "xx"); ok {
			d.year = atoi(two)
			if d.year == 0 {
				d.year = 100
			}
		} else {
			d.year = atoi(head)
		}
		s = "-" + rest
	}
	parts := strings.Split(strings.TrimPrefix(s, "-"), "-")
	if len(parts) > 0 && allDigits(parts[0]) {
		d.month = atoi(parts[0])
	}
	if len(parts) > 1 && allDigits(parts[1]) {
		d.day = atoi(parts[1])
	}
	return d
}
