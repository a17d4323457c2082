package invite

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// calendar writes the entry as iCalendar (RFC 5545), to be requested or cancelled by iTIP (RFC 5546).
func calendar(w words, l Letter) string {
	method, status := "REQUEST", "STATUS:CONFIRMED"
	switch l.Kind {
	case Cancellation:
		method, status = "CANCEL", "STATUS:CANCELLED"
	case Dropped:
		method, status = "CANCEL", "" // without a status it is for this attendee alone: RFC 5546, 3.2.5
	}
	start := l.Meeting.StartsAt.UTC()
	lines := []string{
		"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Samtale//" + strings.ToUpper(w.code), "METHOD:" + method,
		"BEGIN:VEVENT", "UID:" + l.Meeting.ID + "@samtale", fmt.Sprintf("SEQUENCE:%d", l.Sequence),
		"DTSTAMP:" + stamp(l.Now), "DTSTART:" + stamp(start), "DTEND:" + stamp(start.Add(time.Duration(l.Meeting.Minutes)*time.Minute)),
		"SUMMARY:" + escape(l.Meeting.Title), "ORGANIZER;CN=" + parameter(l.From.Name) + ":mailto:" + l.From.Email,
	}
	if status != "" {
		lines = append(lines, status)
	}
	if l.To.Email != "" {
		lines = append(lines, "ATTENDEE;CN="+parameter(l.To.Name)+";RSVP=TRUE:mailto:"+l.To.Email)
	}
	if l.Link != "" {
		lines = append(lines, "LOCATION:"+escape(l.Link), "URL:"+l.Link,
			"BEGIN:VALARM", "ACTION:DISPLAY", "TRIGGER:-PT15M", "DESCRIPTION:"+escape(l.Meeting.Title), "END:VALARM")
	}
	if l.Code != "" {
		lines = append(lines, "DESCRIPTION:"+escape(fill(w.calendarDial, "what", dialIn(w, l))))
	}
	lines = append(lines, "END:VEVENT", "END:VCALENDAR")
	var b strings.Builder
	for _, line := range lines {
		fold(&b, line)
	}
	return b.String()
}

func stamp(t time.Time) string { return t.UTC().Format("20060102T150405Z") }

// escape writes a TEXT value (RFC 5545, 3.3.11).
func escape(s string) string {
	return strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\r\n", `\n`, "\n", `\n`, "\r", "").Replace(s)
}

// parameter writes a parameter's value: quoted, and without what cannot stand in quotes.
func parameter(s string) string {
	return `"` + strings.Map(func(r rune) rune {
		if r == '"' || r < ' ' {
			return -1
		}
		return r
	}, s) + `"`
}

// fold breaks lines of more than 75 bytes between characters (RFC 5545, 3.1).
func fold(b *strings.Builder, line string) {
	limit := 75
	for len(line) > limit {
		cut := limit
		for !utf8.RuneStart(line[cut]) {
			cut--
		}
		b.WriteString(line[:cut] + "\r\n ")
		line, limit = line[cut:], 74
	}
	b.WriteString(line + "\r\n")
}
