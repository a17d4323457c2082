package danish

import (
	"fmt"
	"strconv"
	"strings"
)

// clock is a time of day as it was said: "halv ni" is 8.30 whether morning or evening.
type clock struct {
	hour, minute int
	exact        bool // the minutes were said
}

func (c clock) String() string {
	if !c.exact {
		return strconv.Itoa(c.hour)
	}
	return fmt.Sprintf("%d.%02d", c.hour, c.minute)
}

func (c clock) canonical() string { return fmt.Sprintf("%02d:%02d", c.hour, c.minute) }

// add moves the time by minutes and keeps to the hours that people say: before "et" comes "tolv".
func (c clock) add(minutes int) clock {
	t := c.hour*60 + c.minute + minutes
	if t < 60 && c.hour > 0 && minutes < 0 {
		t += 12 * 60
	}
	t = (t + 24*60) % (24 * 60)
	return clock{hour: t / 60, minute: t % 60, exact: true}
}

// clockItem reads a time of day: "klokken fjorten tredive", "halv ni", "kvart over to", "kl. 14.30".
func clockItem(ws []word, i int) (item, bool) {
	start := i
	labelled := ws[i].core == "klokken" || ws[i].core == "kl"
	if labelled {
		i++
		if i >= len(ws) || ws[i-1].post != "" && ws[i-1].post != "." {
			return item{}, false
		}
	}
	after := labelled || afterClock(ws, i)
	c, next, ok := clockAt(ws, i, after)
	if !ok {
		return item{}, false
	}
	it := item{from: start, to: next, fact: Fact{Kind: Clock, Value: c.canonical()}}
	if next == i+1 && (ws[i].digits != "" || strings.ContainsAny(ws[i].core, "0123456789")) {
		return it, true // written already
	}
	it.text = c.String() + ws[next-1].post
	if labelled || !after {
		it.text = "kl. " + it.text
	}
	return it, true
}

// afterClock reports "til" or "og" after a time, "klokken ti til tolv", or "klokken er".
func afterClock(ws []word, i int) bool {
	if before := coreAt(ws, i-1); (before == "er" || before == "var" || before == "bliver") && coreAt(ws, i-2) == "klokken" {
		return true
	}
	if i < 2 || ws[i-1].core != "til" && ws[i-1].core != "og" || ws[i-1].post != "" || ws[i-2].post != "" {
		return false
	}
	for k := i - 2; k >= 0 && k >= i-5; k-- {
		if ws[k].core != "klokken" && ws[k].core != "kl" {
			continue
		}
		_, next, ok := clockAt(ws, k+1, true)
		return ok && next == i-1
	}
	return false
}

// clockAt reads the time at word i. Hours alone count only after "klokken".
func clockAt(ws []word, i int, labelled bool) (clock, int, bool) {
	if c, ok := writtenClock(coreAt(ws, i), labelled); ok {
		return c, i + 1, true
	}
	if c, next, ok := relativeClock(ws, i, labelled); ok {
		return c, next, true
	}
	if !labelled {
		return clock{}, 0, false
	}
	h, ok := hourAt(ws, i, 24)
	if !ok {
		return clock{}, 0, false
	}
	c := clock{hour: int(h.value)}
	if ws[h.next-1].post != "" {
		return c, h.next, true
	}
	m, next, ok := minutesAt(ws, h.next)
	if ok {
		c.minute, c.exact = m, true
		return c, next, true
	}
	return c, h.next, true
}

// hourAt reads an hour, also as "nul otte".
func hourAt(ws []word, i, limit int) (number, bool) {
	n, ok := digitsAt(ws, i)
	if ok && n.value == 0 && ws[i].post == "" {
		_, _, minutes := minutesAt(ws, n.next)
		if ones, is := digitsAt(ws, n.next); is && ones.value < 10 && !minutes {
			n = ones
		}
	}
	if !ok && i < len(ws) && ws[i].digits != "" {
		n, ok = writtenAt(ws, i)
	}
	return n, ok && n.value <= int64(limit) && n.frac == "" && !n.grouped
}

// minutesAt reads minutes after the hour: "tredive", "nul fem", "nul nul".
func minutesAt(ws []word, i int) (minutes, next int, ok bool) {
	if coreAt(ws, i) == "nul" {
		n, is := digitsAt(ws, i+1)
		if is && n.value < 10 && ws[i].post == "" {
			return int(n.value), n.next, true
		}
		return 0, 0, false
	}
	n, is := digitsAt(ws, i)
	if !is || n.value < 10 || n.value > 59 || unitAt(ws, n.next) != "" {
		return 0, 0, false
	}
	return int(n.value), n.next, true
}

// relativeClock reads "halv ni", "kvart over to", "fem minutter i tre", "ti over halv fire".
func relativeClock(ws []word, i int, labelled bool) (clock, int, bool) {
	if coreAt(ws, i) == "halv" && ws[i].post == "" {
		h, ok := hourAt(ws, i+1, 12)
		if !ok || h.value == 0 || h.written() && !labelled {
			return clock{}, 0, false
		}
		return clock{hour: int(h.value)}.add(-30), h.next, true
	}
	offset, j := 0, i
	sure := labelled
	if coreAt(ws, i) == "kvart" {
		offset, j, sure = 15, i+1, true
	} else {
		n, ok := digitsAt(ws, i)
		if !ok || n.value < 1 || n.value > 29 {
			return clock{}, 0, false
		}
		offset, j = int(n.value), n.next
		if core := coreAt(ws, j); core == "minutter" || core == "minut" {
			j++
			sure = true
		}
	}
	side := coreAt(ws, j)
	if side != "over" && side != "i" || ws[j-1].post != "" || ws[j].post != "" {
		return clock{}, 0, false
	}
	if side == "i" {
		offset = -offset
	}
	if coreAt(ws, j+1) == "halv" {
		c, next, ok := relativeClock(ws, j+1, true)
		return c.add(offset), next, ok
	}
	h, ok := hourAt(ws, j+1, 24)
	if !ok || !sure || h.value == 0 || unitAt(ws, h.next) != "" {
		return clock{}, 0, false
	}
	return clock{hour: int(h.value)}.add(offset), h.next, true
}

// writtenClock reads 14.30 and 14:30.
func writtenClock(s string, labelled bool) (clock, bool) {
	sep := ":"
	if !strings.Contains(s, sep) {
		if !labelled {
			return clock{}, false
		}
		sep = "."
	}
	h, m, ok := strings.Cut(s, sep)
	if !ok || !allDigits(h) || !allDigits(m) || len(h) > 2 || len(m) != 2 {
		return clock{}, false
	}
	hour, _ := strconv.Atoi(h)
	minute, _ := strconv.Atoi(m)
	return clock{hour: hour, minute: minute, exact: true}, hour <= 24 && minute < 60
}
