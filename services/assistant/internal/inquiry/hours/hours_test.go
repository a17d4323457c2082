package hours

import (
	"testing"
	"time"

	"samtale.dk/samtale/services/contract/consentv1"
)

// weekdays is open 9 to 15 on Mondays to Fridays, with a lunch break on Thursdays.
var weekdays = consentv1.Area{
	ID: "a",
	Hours: []consentv1.Hours{
		{Day: 1, From: "09:00", To: "15:00"},
		{Day: 2, From: "09:00", To: "15:00"},
		{Day: 3, From: "09:00", To: "15:00"},
		{Day: 4, From: "13:00", To: "15:00"},
		{Day: 4, From: "09:00", To: "12:00"},
		{Day: 5, From: "09:00", To: "15:00"},
	},
	Closed: []consentv1.Closed{{Date: "2026-12-24", Why: "Juleaften"}},
}

func calendar(t *testing.T, a consentv1.Area) Calendar {
	t.Helper()
	c, err := New(a)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// local reads a time of the clocks in Copenhagen.
func local(t *testing.T, s string) time.Time {
	t.Helper()
	v, err := time.ParseInLocation("2006-01-02 15:04", s, calendar(t, weekdays).zone)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestHolidays(t *testing.T) {
	// Easter Sundays and movable feasts as almanacs have them.
	for day, want := range map[string]string{
		"2024-03-31": "Påskedag", "2025-04-20": "Påskedag", "2026-04-05": "Påskedag", "2027-03-28": "Påskedag", "2038-04-25": "Påskedag",
		"2026-04-02": "Skærtorsdag", "2026-04-03": "Langfredag", "2026-04-06": "2. påskedag", "2026-05-14": "Kristi himmelfartsdag",
		"2026-05-24": "Pinsedag", "2026-05-25": "2. pinsedag", "2026-12-25": "Juledag", "2026-12-26": "2. juledag", "2027-01-01": "Nytårsdag",
		"2026-05-01": "", "2026-06-05": "", "2026-12-24": "Juleaften", "2026-04-07": "", "2024-04-26": "",
	} {
		if got := calendar(t, weekdays).WhyClosed(local(t, day+" 10:00")); got != want {
			t.Errorf("%s: got %q, want %q", day, got, want)
		}
	}
}

func TestOpen(t *testing.T) {
	for at, want := range map[string]bool{
		"2026-11-23 09:00": true, "2026-11-23 08:59": false, "2026-11-23 14:59": true, "2026-11-23 15:00": false,
		"2026-11-26 12:30": false, "2026-11-26 13:00": true, "2026-11-22 10:00": false, "2026-12-24 10:00": false, "2026-05-14 10:00": false,
	} {
		if got := calendar(t, weekdays).Open(local(t, at)); got != want {
			t.Errorf("%s: got %v", at, got)
		}
	}
	if !calendar(t, consentv1.Area{}).Open(local(t, "2026-12-25 03:00")) {
		t.Error("an area without hours is closed on a holiday")
	}
}

func TestNext(t *testing.T) {
	for at, want := range map[string]string{
		"2026-11-23 10:00": "2026-11-23 10:00",
		"2026-11-20 15:00": "2026-11-23 09:00", // over the weekend
		"2026-04-01 16:00": "2026-04-07 09:00", // over Easter
		"2026-12-23 15:30": "2026-12-28 09:00", // own closed day, holidays, weekend
		"2026-03-27 16:00": "2026-03-30 09:00", // the clocks went forward in between
	} {
		if got := calendar(t, weekdays).Next(local(t, at)); !got.Equal(local(t, want)) {
			t.Errorf("%s: got %v, want %s", at, got, want)
		}
	}
	never := consentv1.Area{Hours: []consentv1.Hours{{Day: 1, From: "09:00", To: "15:00"}}}
	for d := local(t, "2026-01-01 12:00"); d.Year() < 2029; d = d.AddDate(0, 0, 1) {
		never.Closed = append(never.Closed, consentv1.Closed{Date: d.Format(time.DateOnly), Why: "Lukket"})
	}
	if got := calendar(t, never).Next(local(t, "2026-11-23 10:00")); !got.IsZero() {
		t.Errorf("an area that never opens opens at %v", got)
	}
}

func TestAdd(t *testing.T) {
	for name, tt := range map[string]struct {
		at   string
		d    time.Duration
		want string
	}{
		"within the day":      {"2026-11-23 10:00", 30 * time.Minute, "2026-11-23 10:30"},
		"until closing":       {"2026-11-23 14:30", 30 * time.Minute, "2026-11-23 15:00"},
		"to the next day":     {"2026-11-23 14:50", 30 * time.Minute, "2026-11-24 09:20"},
		"over a break":        {"2026-11-26 11:30", time.Hour, "2026-11-26 13:30"},
		"asked while closed":  {"2026-11-21 20:00", 10 * time.Minute, "2026-11-23 09:10"},
		"over the clock move": {"2026-10-23 14:50", 20 * time.Minute, "2026-10-26 09:10"},
		"several days":        {"2026-11-23 09:00", 13 * time.Hour, "2026-11-25 10:00"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := calendar(t, weekdays).Add(local(t, tt.at), tt.d); !got.Equal(local(t, tt.want)) {
				t.Errorf("got %v, want %s", got, tt.want)
			}
		})
	}
	always := calendar(t, consentv1.Area{})
	if got, want := always.Add(local(t, "2026-10-24 22:00"), 10*time.Hour), local(t, "2026-10-25 07:00"); !got.Equal(want) {
		t.Errorf("the night with 25 hours: got %v, want %v", got, want)
	}
}

func TestUnreadable(t *testing.T) {
	for _, h := range []consentv1.Hours{{Day: 0, From: "09:00", To: "10:00"}, {Day: 1, From: "9:00", To: "10:00"}, {Day: 1, From: "10:00", To: "09:00"}} {
		if _, err := New(consentv1.Area{Hours: []consentv1.Hours{h}}); err == nil {
			t.Errorf("%+v was read", h)
		}
	}
}
