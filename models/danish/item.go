package danish

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// item is something that the matchers recognised in the words [from, to).
type item struct {
	from, to int
	text     string // how it is written; empty leaves the words as they were
	fact     Fact   // what it states; an empty kind states nothing
}

// itemAt reads what starts at word i. The matchers stand in order of how much they need to be sure.
func itemAt(ws []word, i int) (item, bool) {
	for _, match := range matchers {
		it, ok := match(ws, i)
		if ok {
			return it, true
		}
	}
	return item{}, false
}

var matchers = []func(ws []word, i int) (item, bool){
	addressItem, runItem, dateItem, clockItem, yearItem, ordinalItem, numberItem, timeWordItem, nameItem,
}

// follows reports that word i has one of the cores and that no punctuation parts it from the word before.
func follows(ws []word, i int, cores ...string) bool {
	return i > 0 && i < len(ws) && ws[i-1].post == "" && slices.Contains(cores, ws[i].core)
}

func coreAt(ws []word, i int) string {
	if i < 0 || i >= len(ws) {
		return ""
	}
	return ws[i].core
}

// unitAt gives the unit that word i names, when it belongs to the number that ends before it.
func unitAt(ws []word, i int) string {
	if i <= 0 || i >= len(ws) || ws[i-1].post != "" || ws[i].pre != "" {
		return ""
	}
	return units[ws[i].core]
}

// numberItem reads a cardinal number with its unit.
func numberItem(ws []word, i int) (item, bool) {
	n, ok := numberAt(ws, i)
	if !ok || n.ordinal {
		return item{}, false
	}
	if n.bare && (coreAt(ws, n.next) == "tak" || !plainPrevious(ws, i)) {
		return item{}, false
	}
	it := item{from: i, to: n.next}
	unit := unitAt(ws, n.next)
	switch {
	case unit == "kr" || unit == "øre" || unit == "euro":
		it = amountItem(ws, it, n, unit)
	case unit != "":
		it.to++
		it.fact = Fact{Kind: Measure, Value: n.canonical() + " " + unit}
		it.text = n.String() + " " + unitText(unit, ws[n.next].raw)
		if n.article && unit != "%" || n.bare && unit != "%" {
			it.text = ""
		}
	default:
		it.fact = Fact{Kind: Number, Value: n.canonical()}
		it.text = plainNumber(ws, i, n)
	}
	if coreAt(ws, i-1) == "minus" && it.fact.Value != "" {
		it.fact.Value = "-" + it.fact.Value
	}
	if n.article && it.fact.Kind == Number {
		if it.text == "" {
			return item{}, false // an article states no number
		}
	}
	if n.written() && n.next == i+1 || strings.HasPrefix(ws[i].core, "halvande") && n.next == i+1 {
		it.text = "" // already written; keep the writer's form
	}
	return it, true
}

// plainPrevious reports that the word before i does not make a vague amount of a bare "tusind": "et par tusind".
func plainPrevious(ws []word, i int) bool {
	switch coreAt(ws, i-1) {
	case "par", "halv", "halvt", "nogle", "flere", "mange", "adskillige", "hundrede", "tusind", "tusinde":
		return false
	}
	return true
}

// unitText writes the percent sign; other units stay as they were said.
func unitText(unit, raw string) string {
	if unit == "%" {
		_, post := cutPost(raw)
		return "%" + post
	}
	return raw
}

func cutPost(raw string) (core, post string) {
	w := newWord(0, raw)
	return strings.TrimSuffix(strings.TrimPrefix(raw, w.pre), w.post), w.post
}

// amountItem reads kroner, with the øre after them.
func amountItem(ws []word, it item, n number, unit string) (out item) {
	end := n.next // the word that names the currency
	it.to = end + 1
	if unit == "øre" || unit == "euro" {
		it.fact = Fact{Kind: Amount, Value: n.canonical() + " " + unit}
		it.text = n.String() + " " + ws[end].raw
		if n.article {
			it.text = ""
		}
		return it
	}
	if n.frac == "" && ws[end].post == "" {
		k := end + 1
		if coreAt(ws, k) == "og" {
			k++
		}
		cents, ok := digitsAt(ws, k)
		if ok && !cents.article && (unitAt(ws, cents.next) == "øre" || k == end+2 && cents.value >= 25 && unitAt(ws, cents.next) == "") {
			n.frac = fmt.Sprintf("%02d", cents.value)
			it.to = cents.next
			if unitAt(ws, cents.next) == "øre" {
				it.to++
			}
		}
	}
	it.fact = Fact{Kind: Amount, Value: n.canonical() + " kr"}
	_, post := cutPost(ws[it.to-1].raw)
	it.text = n.String() + " kr." + strings.TrimPrefix(post, ".")
	if n.article && it.to == end+1 {
		it.text = ""
	}
	return it
}

// plainNumber writes a number without a unit, or gives "" where the words should stay: up to twelve, except after
// words such as "side", and a bare "hundrede".
func plainNumber(ws []word, i int, n number) string {
	label := counted(coreAt(ws, i-1)) && ws[i-1].post == ""
	if n.bare && !label || n.value <= 12 && n.frac == "" && !label && !ranged(ws, n) || n.article && !label && !follows(ws, n.next, "til") {
		return ""
	}
	if label && street(coreAt(ws, i-1)) && coreAt(ws, n.next) == "gange" {
		return ""
	}
	post := ws[n.next-1].post
	if town(coreAt(ws, n.next)) && n.value >= 1000 && n.value <= 9999 || coreAt(ws, i-1) == "postnummer" {
		return strconv.FormatInt(n.value, 10) + post
	}
	return n.String() + post
}

// ranged reports the first number of a range with a unit, "tre til fem uger", or of which the second is written in figures.
func ranged(ws []word, n number) bool {
	if !follows(ws, n.next, "til", "eller", "og") {
		return false
	}
	m, ok := numberAt(ws, n.next+1)
	return ok && !m.ordinal && !m.article && m.value < 1000 && (unitAt(ws, m.next) != "" || m.value > 12 && ws[n.next].core == "til")
}

// String writes the number: 12.300, 2,5.
func (n number) String() string {
	s := group(n.value)
	if n.frac != "" {
		s += "," + n.frac
	}
	return s
}

// canonical gives the number without separators and with a decimal point, without needless zeros.
func (n number) canonical() string {
	s := strconv.FormatInt(n.value, 10)
	if f := strings.TrimRight(n.frac, "0"); f != "" {
		s += "." + f
	}
	return s
}

// sharedMonth reads the first day of "den tredje til den syvende november", whose month comes with the second.
func sharedMonth(ws []word, i int, n number) (date, bool) {
	if coreAt(ws, i-1) != "den" || !follows(ws, n.next, "til", "og", "eller") {
		return date{}, false
	}
	next := n.next + 1
	if coreAt(ws, next) == "den" {
		next++
	}
	if next >= len(ws) {
		return date{}, false
	}
	d, _, _, ok := dayAndMonth(ws, next)
	d.day = int(n.value)
	return d, ok && d.valid()
}

// ordinalItem reads an ordinal number that is no date.
func ordinalItem(ws []word, i int) (item, bool) {
	n, ok := numberAt(ws, i)
	if !ok || !n.ordinal {
		return item{}, false
	}
	it := item{from: i, to: n.next, fact: Fact{Kind: Ordinal, Value: strconv.FormatInt(n.value, 10)}}
	if d, ok := sharedMonth(ws, i, n); ok {
		it.fact, it.text = Fact{Kind: Date, Value: d.canonical()}, date{day: d.day}.String()
		return it, true
	}
	place := coreAt(ws, n.next)
	if n.value > 12 || place == "sal" || place == "klasse" || place == "kvartal" {
		it.text = group(n.value) + "." + strings.TrimPrefix(ws[n.next-1].post, ".")
	}
	if coreAt(ws, i) == "anden" || coreAt(ws, i) == "andet" {
		if it.text == "" {
			return item{}, false // "other" far more often than "second"
		}
	}
	return it, true
}
