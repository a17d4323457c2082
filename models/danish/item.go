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
		it.text = n.String() + " " + unitText(unit, ws[n.next])
		if (n.article || n.bare) && unit != "%" {
			it.text = ""
		}
	default:
		it.fact = Fact{Kind: Number, Value: n.canonical()}
		it.text = plainNumber(ws, i, n)
	}
	if coreAt(ws, i-1) == "minus" && it.fact.Value != "" {
		it.fact.Value = "-" + it.fact.Value
	}
	if n.article && it.fact.Kind == Number && it.text == "" {
		return item{}, false // an article states no number
	}
	if n.next == i+1 && (n.written() || strings.HasPrefix(ws[i].core, "halvande")) {
		it.text = "" // keep the writer's form, and "halvanden time"
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
func unitText(unit string, w word) string {
	if unit == "%" {
		return "%" + w.post
	}
	return w.raw
}

// amountItem reads kroner with the øre after them, øre or euro. The word after the number names the currency.
func amountItem(ws []word, it item, n number, currency string) item {
	it.to = n.next + 1
	if currency == "kr" {
		n, it.to = cents(ws, n)
	}
	it.fact = Fact{Kind: Amount, Value: n.canonical() + " " + currency}
	switch last := ws[it.to-1]; {
	case n.article && it.to == n.next+1: // "en krone"
	case currency == "kr":
		it.text = n.String() + " kr." + strings.TrimPrefix(last.post, ".")
	default:
		it.text = n.String() + " " + last.raw
	}
	return it
}

// cents reads the øre after kroner: "og halvtreds øre", "og halvtreds". It gives the amount and the index after it.
func cents(ws []word, n number) (number, int) {
	end := n.next + 1
	if n.frac != "" || ws[n.next].post != "" {
		return n, end
	}
	k := end
	if coreAt(ws, k) == "og" {
		k++
	}
	c, ok := digitsAt(ws, k)
	unit := unitAt(ws, c.next)
	switch {
	case !ok || c.article:
		return n, end
	case unit == "øre":
		end = c.next + 1
	case k > end && c.value >= 25 && unit == "":
		end = c.next
	default:
		return n, end
	}
	n.frac = fmt.Sprintf("%02d", c.value)
	return n, end
}

// plainNumber writes a number without a unit, or gives "" where the words should stay: up to twelve, except after
// words such as "side", and a bare "hundrede".
func plainNumber(ws []word, i int, n number) string {
	label := counted(coreAt(ws, i-1)) && ws[i-1].post == ""
	small := n.value <= 12 && n.frac == "" && !ranged(ws, n)
	if !label && (n.bare || small || n.article && !follows(ws, n.next, "til")) {
		return ""
	}
	if label && street(coreAt(ws, i-1)) && coreAt(ws, n.next) == "gange" {
		return ""
	}
	post := ws[n.next-1].post
	if towns[coreAt(ws, n.next)] && n.value >= 1000 && n.value <= 9999 || coreAt(ws, i-1) == "postnummer" {
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
