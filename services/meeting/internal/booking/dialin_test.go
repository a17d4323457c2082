package booking

import (
	"errors"
	"testing"
	"time"

	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/platform/errs"
)

// A code is for one seat as long as its link is, and stays the same through changes.
func TestCodes(t *testing.T) {
	each(t, func(t *testing.T, b *Book, now *time.Time) {
		ctx := t.Context()
		r := request()
		r.Choices.DialIn = true
		if _, err := b.New(ctx, r); !errors.Is(err, errs.Invalid) {
			t.Errorf("without a number: %v", err)
		}
		b.DialIn, b.CodeKey = "+45 70 00 00 00", []byte("key")
		strict := r
		strict.Identity = meetingv1.LevelSubstantial
		if _, err := b.New(ctx, strict); !errors.Is(err, errs.Invalid) {
			t.Errorf("a meeting that asks for a login: %v", err)
		}
		rec, err := b.New(ctx, r)
		if err != nil {
			t.Fatal(err)
		}
		host, citizen := rec.Participants[0].ID, rec.Participants[1].ID
		code := rec.Seats[citizen].Code
		if len(code) != 9 || rec.Seats[host].Code != "" || rec.DialNumber != "+45 70 00 00 00" {
			t.Fatalf("codes: %+v of %s", rec.Seats, rec.DialNumber)
		}
		open := func(want error) {
			t.Helper()
			got, id, err := b.OpenByCode(ctx, code)
			if !errors.Is(err, want) || err == nil && (got.ID != rec.ID || id != citizen) {
				t.Errorf("%v %s, want %v", err, id, want)
			}
		}
		open(nil)
		for _, wrong := range []string{"", "1", code[:8], code + "1", "000000000", "1' OR '1'"} {
			if _, _, err := b.OpenByCode(ctx, wrong); wrong != code && !errors.Is(err, errs.NotFound) {
				t.Errorf("%q: %v", wrong, err)
			}
		}
		r.ID, r.Participants, r.Title = rec.ID, rec.Participants, "Noget andet"
		if rec, err = b.Change(ctx, r); err != nil || rec.Seats[citizen].Code != code {
			t.Errorf("changed: %v %q", err, rec.Seats[citizen].Code)
		}
		open(nil)
		*now = noon.Add(48*time.Hour + 30*time.Minute + 13*time.Hour)
		open(errs.NotFound)
		*now = noon
		r.Choices.DialIn = false
		if rec, err = b.Change(ctx, r); err != nil || rec.Seats[citizen].Code != "" || rec.DialNumber != "" {
			t.Errorf("turned off: %v %+v", err, rec.Seats)
		}
		open(errs.NotFound)
	})
}

// The telephones of a seat are forgotten after a while, but not those in use.
func TestRemember(t *testing.T) {
	var s Seat
	s.Remember("first", Line{Tail: "11"})
	s.Device = "first"
	for i := range 3 * maxLines {
		s.Remember(string(rune('a'+i)), Line{})
	}
	if len(s.Lines) > maxLines || s.Lines["first"].Tail != "11" {
		t.Errorf("%d lines: %+v", len(s.Lines), s.Lines)
	}
}
