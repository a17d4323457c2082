package booking

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/meeting/internal/store"
	"samtale.dk/samtale/services/platform/errs"
)

// The list is read to its end a page at a time, and searched through all of it, however far ahead a meeting is.
func TestListInPages(t *testing.T) {
	each(t, func(t *testing.T, b *Book, _ *time.Time) {
		const many = 450 // more than two batches of the database
		var want []string
		var rows []store.Meeting // written at once: a disk may need long for each
		for i := range many {
			r := request()
			r.ID = fmt.Sprintf("m%03d", many-i) // ids say nothing of the order
			r.StartsAt, r.Title, r.CaseNumber = noon.Add(time.Duration(i/3)*time.Hour), fmt.Sprintf("Møde %d", i), ""
			if i == many-1 {
				r.Title, r.CaseNumber = "Genoptræning af knæ", "2026-9981"
			}
			rec := Record{Meeting: meetingv1.Meeting{ID: r.ID, State: meetingv1.Booked}, Seats: map[string]Seat{}}
			if err := b.fill(t.Context(), &rec, r); err != nil {
				t.Fatal(err)
			}
			row, err := b.seal(t.Context(), rec, 1)
			if err != nil {
				t.Fatal(err)
			}
			rows = append(rows, row)
			want = append(want, fmt.Sprintf("%d-%s", rec.StartsAt.Unix(), rec.ID))
		}
		err := b.Store.InTx(t.Context(), func(tx *store.Tx) error {
			for _, row := range rows {
				if _, err := tx.Add(t.Context(), row); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(want)
		q := Query{Areas: mette.Areas, From: noon, To: noon.AddDate(1, 0, 0), Limit: 70}
		var got []string
		for {
			page, next, err := b.List(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, rec := range page {
				got = append(got, fmt.Sprintf("%d-%s", rec.StartsAt.Unix(), rec.ID))
			}
			if next == "" {
				break
			}
			if len(page) != 70 {
				t.Fatalf("a page of %d", len(page))
			}
			q.After = next
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %d meetings, want %d, or in another order", len(got), len(want))
		}
		q.After, q.Limit = "", many
		if page, next, err := b.List(t.Context(), q); err != nil || len(page) != many || next != "" {
			t.Errorf("all in one: %d, next %q, %v", len(page), next, err)
		}
		for find, n := range map[string]int{"GENOPTRÆNING": 1, "9981": 1, "knæ 2026": 1, "knæ bente 9981": 1, "knæ 2027": 0, "bente": 70, " ": 70} {
			q.Find, q.Limit = find, 70
			if page, _, err := b.List(t.Context(), q); err != nil || len(page) != n {
				t.Errorf("%q finds %d, want %d, %v", find, len(page), n, err)
			}
		}
		for _, bad := range []string{"x", "1", "x-y"} {
			q.After = bad
			if _, _, err := b.List(t.Context(), q); !errors.Is(err, errs.Invalid) {
				t.Errorf("after %q: %v", bad, err)
			}
		}
	})
}

// Who leads counts as there while connected; one who only has the page open, for a while.
func TestWhoLeads(t *testing.T) {
	each(t, func(t *testing.T, b *Book, now *time.Time) {
		in := func(state string, away bool, ago time.Duration, live string) Record {
			rec := Record{Meeting: meetingv1.Meeting{State: live, StartsAt: *now, Minutes: 30}}
			rec.Participants = []meetingv1.Participant{{Role: meetingv1.RoleCaseworker, State: state, Away: away, Since: now.Add(-ago)}, {Role: meetingv1.RoleCitizen, State: meetingv1.InRoom}}
			return rec
		}
		early, over := in(meetingv1.Invited, false, 0, meetingv1.Booked), in(meetingv1.Left, false, 0, meetingv1.Ended)
		early.StartsAt = now.Add(time.Hour)
		for name, c := range map[string]struct {
			rec  Record
			want bool
		}{
			"invited":            {in(meetingv1.Invited, false, 0, meetingv1.Booked), true},
			"early":              {early, false},
			"over":               {over, false},
			"page open":          {in(meetingv1.InRoom, false, time.Minute, meetingv1.Booked), false},
			"page open for long": {in(meetingv1.InRoom, false, time.Hour, meetingv1.Booked), true},
			"leads for long":     {in(meetingv1.InRoom, false, time.Hour, meetingv1.Live), false},
			"in the side room":   {in(meetingv1.InSide, false, time.Hour, meetingv1.Live), false},
			"away":               {in(meetingv1.InRoom, true, time.Hour, meetingv1.Live), true},
			"left":               {in(meetingv1.Left, false, 0, meetingv1.Live), true},
		} {
			if got := b.Leaderless(c.rec); got != c.want {
				t.Errorf("%s: leaderless %v", name, got)
			}
		}
	})
}
