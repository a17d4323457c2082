// Package hours tells when a service area is open: its weekly hours, its own closed days and the Danish public holidays, in
// Europe/Copenhagen with daylight saving. Pure and safe for concurrent use.
package hours

import (
	"fmt"
	"slices"
	"strconv"
	"time"
	_ "time/tzdata" // images without a time zone database know Copenhagen too

	"samtale.dk/samtale/services/contract/consentv1"
)

// Calendar is one area's opening times.
type Calendar struct {
	zone   *time.Location
	days   [8][]span // by ISO weekday, 1 is Monday; sorted
	closed map[string]string
	always bool // no hours are set: open round the clock, on holidays as well
}

// span is one opening time in minutes of the day.
type span struct{ from, to int }

// New reads an area's opening times. Their form was checked by who loaded the area; hours that cannot be read are an error.
func New(a consentv1.Area) (Calendar, error) {
	zone, err := time.LoadLocation("Europe/Copenhagen")
	if err != nil {
		return Calendar{}, fmt.Errorf("opening times: %w", err)
	}
	c := Calendar{zone: zone, closed: map[string]string{}, always: len(a.Hours) == 0}
	for _, h := range a.Hours {
		from, to := minutes(h.From), minutes(h.To)
		if h.Day < 1 || h.Day > 7 || from < 0 || to <= from {
			return Calendar{}, fmt.Errorf("area %s: opening time %+v cannot be read", a.ID, h)
		}
		c.days[h.Day] = append(c.days[h.Day], span{from, to})
	}
	for _, d := range c.days {
		slices.SortFunc(d, func(a, b span) int { return a.from - b.from })
	}
	for _, d := range a.Closed {
		c.closed[d.Date] = d.Why
	}
	return c, nil
}

// minutes reads "09:30"; -1 when it is no time.
func minutes(s string) int {
	if len(s) != 5 || s[2] != ':' {
		return -1
	}
	h, herr := strconv.Atoi(s[:2])
	m, merr := strconv.Atoi(s[3:])
	if herr != nil || merr != nil || h < 0 || h > 24 || m < 0 || m > 59 {
		return -1
	}
	return h*60 + m
}

// WhyClosed says why a whole day is closed: the area's own reason or the holiday; "" when it is not.
func (c Calendar) WhyClosed(t time.Time) string {
	t = t.In(c.zone)
	if why := c.closed[t.Format(time.DateOnly)]; why != "" {
		return why
	}
	if c.always {
		return ""
	}
	return holiday(t.Year(), t.Month(), t.Day())
}

// Open reports whether the area is open at t.
func (c Calendar) Open(t time.Time) bool {
	for _, w := range c.windows(t) {
		if !t.Before(w.from) && t.Before(w.to) {
			return true
		}
	}
	return false
}

// window is one opening time of one day.
type window struct{ from, to time.Time }

// windows are the opening times of the day of t. The clock's hours are what counts: a day on which the clocks are moved has
// an hour more or less if the area is open then.
func (c Calendar) windows(t time.Time) []window {
	t = t.In(c.zone)
	if c.WhyClosed(t) != "" {
		return nil
	}
	y, m, d := t.Date()
	at := func(min int) time.Time { return time.Date(y, m, d, min/60, min%60, 0, 0, c.zone) }
	if c.always {
		return []window{{at(0), at(24 * 60)}}
	}
	var out []window
	for _, s := range c.days[weekday(t)] {
		out = append(out, window{at(s.from), at(s.to)})
	}
	return out
}

// weekday in ISO 8601: Monday is 1, Sunday 7.
func weekday(t time.Time) int {
	if d := int(t.Weekday()); d > 0 {
		return d
	}
	return 7
}

// horizon bounds the search for an open day: an area that is closed for longer than a year has no next opening.
const horizon = 400

// Next is when the area opens next, from t on; t itself while it is open, the zero time when it never does.
func (c Calendar) Next(t time.Time) time.Time {
	for w := range c.from(t) {
		if w.from.Before(t) {
			return t
		}
		return w.from.UTC()
	}
	return time.Time{}
}

// Add is t plus d of opening time. An area that never opens is treated as open, so that nothing waits for ever.
func (c Calendar) Add(t time.Time, d time.Duration) time.Time {
	left := d
	for w := range c.from(t) {
		from := w.from
		if from.Before(t) {
			from = t
		}
		if room := w.to.Sub(from); left <= room {
			return from.Add(left).UTC()
		} else {
			left -= room
		}
	}
	return t.Add(d).UTC()
}

// from yields the opening times that are not over at t, in order.
func (c Calendar) from(t time.Time) func(yield func(window) bool) {
	return func(yield func(window) bool) {
		day := t.In(c.zone)
		for range horizon {
			for _, w := range c.windows(day) {
				if w.to.After(t) && !yield(w) {
					return
				}
			}
			y, m, d := day.Date()
			day = time.Date(y, m, d+1, 12, 0, 0, 0, c.zone)
		}
	}
}
