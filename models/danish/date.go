package danish

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// date is a calendar date of which parts may be unknown (0).
type date struct{ year, month, day int }

// valid reports a date that exists in some year, or in its own.
func (d date) valid() bool {
	if d.month < 0 || d.month > 12 || d.day < 0 || d.day > 31 {
		return false
	}
	if d.month == 0 || d.day == 0 {
		return true
	}
	year := d.year
	if year < 100 {
		year = 2000 // a leap year: without a century the 29 February may exist
	}
	t := time.Date(year, time.Month(d.month), d.day, 0, 0, 0, 0, time.UTC)
	return t.Day() == d.day
}

// canonical is ISO 8601 with "--" for a missing year: 2025-11-03, --11-03, 2025-11, --11, ---15, 2025.
func (d date) canonical() string {
	var b strings.Builder
	switch {
	case d.year >= 100:
		b.WriteString(strconv.Itoa(d.year))
	case d.year > 0:
		fmt.Fprintf(&b, "xx%02d", d.year%100)
	default:
		b.WriteByte('-')
	}
	if d.month > 0 || d.day > 0 {
		b.WriteByte('-')
		if d.month > 0 {
			fmt.Fprintf(&b, "%02d", d.month)
		}
	}
	if d.day > 0 {
		fmt.Fprintf(&b, "-%02d", d.day)
	}
	return b.String()
}

func (d date) String() string {
	var parts []string
	if d.day > 0 {
		parts = append(parts, strconv.Itoa(d.day)+".")
	}
	if d.month > 0 {
		parts = append(parts, months[d.month-1])
	}
	if d.year > 0 {
		parts = append(parts, yearText(d.year))
	}
	return strings.Join(parts, " ")
}

// yearText writes a year; one of two digits stays so, because its century was not said. 100 stands for "00".
func yearText(y int) string {
	if y <= 100 {
		return fmt.Sprintf("%02d", y%100)
	}
	return strconv.Itoa(y)
}

// dateItem reads a date: "tredje november tyve femogtyve", "den tredje i ellevte", "3/11-2025", "november".
func dateItem(ws []word, i int) (item, bool) {
	if it, ok := numericDate(ws, i); ok {
		return it, true
	}
	d, next, written, ok := dayAndMonth(ws, i)
	if !ok {
		d.month = monthOf(ws[i].core)
		if d.month == 0 {
			return item{}, false
		}
		d.day, next, written = 0, i+1, true
	}
	if ws[next-1].post == "" {
		y, after, w := yearAfter(ws, next, d.day > 0)
		if after > next {
			d.year, next = y, after
			written = written && w
		}
	}
	if !d.valid() {
		return item{}, false
	}
	it := item{from: i, to: next, fact: Fact{Kind: Date, Value: d.canonical()}}
	if !written {
		it.text = d.String() + ws[next-1].post
	}
	return it, true
}

// dayAndMonth reads an ordinal and the month after it, by name or as "i ellevte".
func dayAndMonth(ws []word, i int) (d date, next int, written, ok bool) {
	n, isNumber := numberAt(ws, i)
	if !isNumber || n.value < 1 || n.value > 31 || n.frac != "" {
		return d, 0, false, false
	}
	end := ws[n.next-1].post
	if n.written() && end != "" && end != "." || !n.written() && (!n.ordinal || end != "") {
		return d, 0, false, false
	}
	d.day = int(n.value)
	if m := monthOf(coreAt(ws, n.next)); m > 0 && ws[n.next].pre == "" {
		d.month = m
		return d, n.next + 1, n.written(), true
	}
	if n.written() || coreAt(ws, n.next) != "i" {
		return d, 0, false, false
	}
	m, isNumber := numberAt(ws, n.next+1)
	if !isNumber || !m.ordinal || m.value < 1 || m.value > 12 || ws[n.next].post != "" {
		return d, 0, false, false
	}
	if !dateLike(ws, i, n, m) {
		return d, 0, false, false
	}
	d.month = int(m.value)
	return d, m.next, false, true
}

// dateLike tells "den anden i tredje" from "den anden i tredje række".
func dateLike(ws []word, i int, day, month number) bool {
	switch coreAt(ws, month.next) {
	case "omgang", "række", "sal", "halvleg", "gang", "del", "kvartal", "uge", "klasse", "runde", "led", "hus", "instans":
		return false
	}
	before := coreAt(ws, i-1)
	if before == "den" || before == "d" || before == "til" || before == "fra" || before == "senest" || day.value > 3 {
		return true
	}
	for _, w := range weekdays {
		if before == w {
			return true
		}
	}
	_, after, _ := yearAfter(ws, month.next, true)
	return after > month.next
}

// yearAfter reads the year after a month. Two digits are a year only where they hardly can be anything else.
func yearAfter(ws []word, i int, withDay bool) (year, next int, written bool) {
	y, next, written := yearAt(ws, i)
	if next > i {
		return y, next, written
	}
	if !withDay {
		return 0, i, false
	}
	if coreAt(ws, i) == "nul" && ws[i].post == "" {
		n, ok := digitsAt(ws, i+1)
		if ok && n.value < 10 && unitAt(ws, n.next) == "" {
			return int(n.value) + boolInt(n.value == 0)*100, n.next, false
		}
	}
	n, ok := numberAt(ws, i)
	if !ok || n.ordinal || n.frac != "" || n.value < 20 || n.value > 99 || unitAt(ws, n.next) != "" || n.written() {
		return 0, i, false
	}
	return int(n.value), n.next, false
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// yearAt reads a year of four digits in any form that says its century.
func yearAt(ws []word, i int) (year, next int, written bool) {
	n, ok := numberAt(ws, i)
	if !ok || n.ordinal || n.frac != "" || n.grouped || unitAt(ws, n.next) != "" && unitAt(ws, n.next) != "år" {
		return 0, i, false
	}
	switch {
	case n.value >= 1900 && n.value < 2100 && !n.bare:
		return int(n.value), n.next, n.written()
	case n.century && n.value >= 1700 && n.value < 2000:
		return int(n.value), n.next, false
	case n.written() || n.value != 20 && n.value != 19 || ws[n.next-1].post != "":
		return 0, i, false
	}
	tail, ok := digitsAt(ws, n.next)
	if ok && tail.value == 0 {
		ones, is := digitsAt(ws, tail.next)
		tail, ok = ones, is && ones.value < 10 && ws[n.next].post == ""
	} else if tail.value < 10 {
		ok = false
	}
	if !ok || unitAt(ws, tail.next) != "" && unitAt(ws, tail.next) != "år" {
		return 0, i, false
	}
	return int(n.value*100 + tail.value), tail.next, false
}

// yearItem reads a year that stands alone: "i tyve femogtyve", "nitten hundrede og femoghalvfems".
func yearItem(ws []word, i int) (item, bool) {
	y, next, written := yearAt(ws, i)
	if next == i {
		return item{}, false
	}
	n, _ := numberAt(ws, i)
	if !n.century && !yearBefore(coreAt(ws, i-1)) {
		return item{}, false
	}
	it := item{from: i, to: next, fact: Fact{Kind: Number, Value: strconv.Itoa(y)}}
	if !written {
		it.text = strconv.Itoa(y) + ws[next-1].post
	}
	return it, true
}

// numericDate reads a date in figures: 3/11, 3/11-2025, 03.11.2025, 03-11-2025, 2025-11-03.
func numericDate(ws []word, i int) (item, bool) {
	d, ok := parseNumericDate(ws[i].core)
	if !ok {
		return item{}, false
	}
	return item{from: i, to: i + 1, fact: Fact{Kind: Date, Value: d.canonical()}}, true
}

func parseNumericDate(s string) (date, bool) {
	parts := strings.FieldsFunc(s, func(r rune) bool { return r == '/' || r == '-' || r == '.' })
	if len(parts) < 2 || len(parts) > 3 || len(parts) == 2 && !strings.Contains(s, "/") {
		return date{}, false
	}
	var v [3]int
	for k, p := range parts {
		if !allDigits(p) || len(p) > 4 || len(p) == 3 {
			return date{}, false
		}
		v[k], _ = strconv.Atoi(p)
	}
	d := date{day: v[0], month: v[1], year: v[2]}
	if len(parts[0]) == 4 {
		d = date{year: v[0], month: v[1], day: v[2]}
	}
	if len(parts) == 3 && d.year == 0 {
		d.year = 100
	}
	ok := d.day > 0 && d.month > 0 && d.valid() && len(strings.Join(parts, ""))+len(parts)-1 == len(s)
	return d, ok
}

// timeWordItem states weekdays, which stay words but must not be swapped.
func timeWordItem(ws []word, i int) (item, bool) {
	for k, d := range weekdays {
		if ws[i].core == d || ws[i].core == d+"en" || ws[i].core == d+"s" {
			return item{from: i, to: i + 1, fact: Fact{Kind: Weekday, Value: strconv.Itoa(k + 1)}}, true
		}
	}
	return item{}, false
}
