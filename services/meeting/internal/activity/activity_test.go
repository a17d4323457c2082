package activity

import (
	"context"
	"encoding/xml"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/meeting/internal/booking"
	"samtale.dk/samtale/services/meeting/internal/invite"
	"samtale.dk/samtale/services/meeting/internal/recording"
	"samtale.dk/samtale/services/meeting/internal/store"
	"samtale.dk/samtale/services/platform/seal"
	platformstore "samtale.dk/samtale/services/platform/store"
	"samtale.dk/samtale/services/platform/store/storetest"
	"samtale.dk/samtale/workflows/meeting"
)

// key is every conversation's.
type key []byte

func (k key) Key(context.Context, string, bool) ([]byte, error) { return k, nil }

var noon = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

// each runs f on every database that is at hand. The clock starts at noon and is moved by the test.
func each(t *testing.T, f func(t *testing.T, a *Activities, now *time.Time)) {
	storetest.Run(t, store.Migrations(), func(t *testing.T, db *platformstore.DB) {
		now := noon
		clock := func() time.Time { return now }
		book := &booking.Book{
			Store: store.New(db, "test"), Keys: key(seal.NewKey()), Now: clock,
			Areas: func(context.Context) ([]consentv1.Area, error) {
				return []consentv1.Area{{ID: "a", AllowTranscript: true}}, nil
			},
		}
		f(t, &Activities{
			Book: book, Archive: &recording.Archive{Store: book.Store}, Way: invite.Kept{}, From: invite.Sender{Name: "Test", CVR: "12345678"}, Public: "https://moede.example.dk",
			Log: slog.New(slog.DiscardHandler), Now: clock,
		}, &now)
	})
}

func request() meetingv1.BookRequest {
	return meetingv1.BookRequest{
		Title: "Opfølgning", StartsAt: noon.Add(48 * time.Hour), ServiceArea: "a", Actor: meetingv1.Actor{ID: "mette"},
		Participants: []meetingv1.Participant{
			{Role: meetingv1.RoleCaseworker, User: "mette"},
			{Role: meetingv1.RoleCitizen, Name: "Bente", Email: "bente@example.dk"},
			{Role: meetingv1.RoleInterpreter, Name: "Ana", Email: "ana@example.dk"},
		},
	}
}

func notify(t *testing.T, a *Activities, rec booking.Record, kind string) {
	t.Helper()
	if _, err := a.Notify(t.Context(), meeting.NotifyInput{MeetingID: rec.ID, Kind: kind, Sequence: rec.Sequence}); err != nil {
		t.Fatal(err)
	}
}

// sent is what was sent, as "name kind".
func sent(t *testing.T, a *Activities, id string) (list []string, all []meetingv1.Sent) {
	t.Helper()
	all, err := a.Book.Sent(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		list = append(list, s.To[:1]+" "+s.Kind)
	}
	slices.Sort(list)
	return list, all
}

// Who is new in a meeting that is changed is invited; who is not to come any more is told so; each once, however often it is tried.
func TestChangeIsToldToEachAsItConcernsThem(t *testing.T) {
	each(t, func(t *testing.T, a *Activities, _ *time.Time) {
		rec, err := a.Book.New(t.Context(), request())
		if err != nil {
			t.Fatal(err)
		}
		notify(t, a, rec, meeting.Invitation)
		r := request()
		r.ID = rec.ID
		for i := range r.Participants {
			r.Participants[i].ID = rec.Participants[i].ID
		}
		r.Participants[2] = meetingv1.Participant{Role: meetingv1.RoleCompanion, Name: "Ole", Email: "ole@example.dk"}
		if rec, err = a.Book.Change(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		notify(t, a, rec, meeting.Change)
		notify(t, a, rec, meeting.Change)
		got, _ := sent(t, a, rec.ID)
		want := []string{"a cancellation", "a invitation", "b change", "b invitation", "o invitation"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		r.Participants[2].ID = rec.Participants[2].ID
		r.Minutes = 45
		if rec, err = a.Book.Change(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		notify(t, a, rec, meeting.Change)
		got, _ = sent(t, a, rec.ID)
		want = []string{"a cancellation", "a invitation", "b change", "b change", "b invitation", "o change", "o invitation"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

// A cancellation says why, on every way; each message for Digital Post has a number of its own, and there is a text for NemSMS.
func TestCancellationSaysWhy(t *testing.T) {
	each(t, func(t *testing.T, a *Activities, _ *time.Time) {
		rec, err := a.Book.New(t.Context(), request())
		if err != nil {
			t.Fatal(err)
		}
		notify(t, a, rec, meeting.Invitation)
		if rec, err = a.Book.Cancel(t.Context(), rec.ID, " Mette er syg. "); err != nil {
			t.Fatal(err)
		}
		notify(t, a, rec, meeting.Cancellation)
		_, all := sent(t, a, rec.ID)
		numbers := map[string]bool{}
		for _, s := range all {
			var m struct {
				UUID string `xml:"MessageHeader>messageUUID"`
			}
			if err := xml.Unmarshal([]byte(s.MeMo), &m); err != nil {
				t.Fatal(err)
			}
			numbers[m.UUID] = true
			if s.Kind == meeting.Cancellation && (!strings.Contains(s.Body, "Mette er syg.") || !strings.Contains(s.SMS, "aflyst")) {
				t.Errorf("a cancellation says %q and %q", s.Body, s.SMS)
			}
		}
		if len(all) != 4 || len(numbers) != 4 {
			t.Errorf("%d messages have the numbers %v", len(all), numbers)
		}
	})
}

// Whoever waits in the lobby has not missed the meeting: it is not given up, and they get no letter that says so.
func TestWhoWaitsHasNotMissedTheMeeting(t *testing.T) {
	each(t, func(t *testing.T, a *Activities, now *time.Time) {
		rec, err := a.Book.New(t.Context(), request())
		if err != nil {
			t.Fatal(err)
		}
		state := func(to string) {
			_, err := a.Book.Update(t.Context(), rec.ID, "knocked", "", func(r *booking.Record) error {
				r.Participants[1].State = to
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		settle := func() meeting.PlanResult {
			p, err := a.Settle(t.Context(), meeting.SettleInput{MeetingID: rec.ID})
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		state(meetingv1.InLobby)
		*now = rec.StartsAt.Add(booking.NoShowAfter)
		if p := settle(); p.State != meetingv1.Booked || !p.SettleAt.After(*now) {
			t.Errorf("while the citizen waits it is %s, looked at again %v", p.State, p.SettleAt)
		}
		state(meetingv1.Left)
		if p := settle(); p.State != meetingv1.Ended {
			t.Errorf("after the citizen has waited in vain it is %s", p.State)
		}
	})
}

func TestNobodyCame(t *testing.T) {
	each(t, func(t *testing.T, a *Activities, now *time.Time) {
		rec, err := a.Book.New(t.Context(), request())
		if err != nil {
			t.Fatal(err)
		}
		*now = rec.StartsAt.Add(booking.NoShowAfter)
		p, err := a.Settle(t.Context(), meeting.SettleInput{MeetingID: rec.ID})
		if err != nil || p.State != meetingv1.NoShow {
			t.Errorf("it is %s, %v", p.State, err)
		}
	})
}
