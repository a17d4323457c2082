package hours

import "time"

// holiday names the Danish public holiday of a day; "" when it is none. Great Prayer Day is none since 2024. Constitution
// Day, Christmas Eve and New Year's Eve are none by law either: an area that is closed then says so itself.
func holiday(y int, m time.Month, d int) string {
	switch {
	case m == time.January && d == 1:
		return "Nytårsdag"
	case m == time.December && d == 25:
		return "Juledag"
	case m == time.December && d == 26:
		return "2. juledag"
	}
	// Days since Easter Sunday, counted in UTC, where every day has 24 hours.
	since := int(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Sub(easter(y)).Hours() / 24)
	switch since {
	case -3:
		return "Skærtorsdag"
	case -2:
		return "Langfredag"
	case 0:
		return "Påskedag"
	case 1:
		return "2. påskedag"
	case 39:
		return "Kristi himmelfartsdag"
	case 49:
		return "Pinsedag"
	case 50:
		return "2. pinsedag"
	}
	return ""
}

// easter is Easter Sunday of a Gregorian year (the anonymous computus, Meeus, Astronomical Algorithms, chapter 8).
func easter(y int) time.Time {
	a, b, c := y%19, y/100, y%100
	d, e := b/4, b%4
	f := (b + 8) / 25
	g := (b - f + 1) / 3
	h := (19*a + b - d - g + 15) % 30
	i, k := c/4, c%4
	l := (32 + 2*e + 2*i - h - k) % 7
	m := (a + 11*h + 22*l) / 451
	n := h + l - 7*m + 114
	return time.Date(y, time.Month(n/31), n%31+1, 0, 0, 0, 0, time.UTC)
}
