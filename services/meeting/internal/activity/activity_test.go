package activity

import (
	"context"
	"encoding/xml"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
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
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/bus/bustest"
	"samtale.dk/samtale/services/platform/errs"
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
		r.Title, r.StartsAt = "Fortroligt", noon.Add(72*time.Hour)
		r.Participants[2] = meetingv1.Participant{Role: meetingv1.RoleCompanion, Name: "Ole", Email: "ole@example.dk"}
		if rec, err = a.Book.Change(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		notify(t, a, rec, meeting.Change)
		notify(t, a, rec, meeting.Change)
		got, letters := sent(t, a, rec.ID)
		want := []string{"a dropped", "a invitation", "b change", "b invitation", "o invitation"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		for _, l := range letters { // what the meeting has become is not theirs to know
			if l.Kind == "dropped" && (!strings.Contains(l.Body, "mødet \"Opfølgning\" torsdag den 3. december 2026") || strings.Contains(l.Subject+l.Body+l.SMS+l.ICS+l.MeMo, "/moede/")) {
				t.Errorf("who is not to come any more reads: %+v", l)
			}
		}
		r.Participants[2].ID = rec.Participants[2].ID
		r.Minutes = 45
		if rec, err = a.Book.Change(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		notify(t, a, rec, meeting.Change)
		got, _ = sent(t, a, rec.ID)
		want = []string{"a dropped", "a invitation", "b change", "b change", "b invitation", "o change", "o invitation"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

// post is a mail server: it counts the letters that it has taken, and takes none for those in refuses.
type post struct {
	invite.Kept
	refuses map[string]error
	taken   []string
}

func (p *post) Send(_ context.Context, _ string, l invite.Letter, _ invite.Mail) error {
	if err := p.refuses[l.To.Name]; err != nil {
		return err
	}
	p.taken = append(p.taken, l.To.Name+" "+l.Kind)
	return nil
}

// A letter that the mail server could not take is sent again for a while; nobody gets one twice over it, and an address that will never
// work holds nothing up.
func TestALetterIsSentAgainAndOnlyOnce(t *testing.T) {
	each(t, func(t *testing.T, a *Activities, now *time.Time) {
		away := errs.E(errs.Unavailable, "Mailserveren tog ikke imod.", nil)
		way := &post{refuses: map[string]error{"Ana": away}}
		a.Way = way
		rec, err := a.Book.New(t.Context(), request())
		if err != nil {
			t.Fatal(err)
		}
		try := func(kind string) error {
			_, err := a.Notify(t.Context(), meeting.NotifyInput{MeetingID: rec.ID, Kind: kind, Sequence: rec.Sequence})
			return err
		}
		for range 2 {
			if err := try(meeting.Invitation); !errors.Is(err, errs.Unavailable) {
				t.Fatalf("a letter is left: %v", err)
			}
			*now = now.Add(time.Minute)
		}
		if _, all := sent(t, a, rec.ID); len(all) != 2 || all[0].Problem+all[1].Problem != away.Text {
			t.Errorf("the desk sees %+v", all)
		}
		way.refuses = nil
		if err := try(meeting.Invitation); err != nil {
			t.Fatal(err)
		}
		way.refuses = map[string]error{"Bente": errs.E(errs.Invalid, "", nil), "Ana": away}
		if err := try(meeting.Reminder); !errors.Is(err, errs.Unavailable) {
			t.Fatalf("a letter is left: %v", err)
		}
		*now = now.Add(insist)
		if err := try(meeting.Reminder); err != nil {
			t.Fatalf("a mail server that is away for long holds the meeting up: %v", err)
		}
		if diff := cmp.Diff([]string{"Bente invitation", "Ana invitation"}, way.taken); diff != "" {
			t.Error(diff)
		}
		_, all := sent(t, a, rec.ID)
		for _, s := range all {
			if (s.Kind == meeting.Reminder) != (s.Problem != "") {
				t.Errorf("%s: %q", s.Kind, s.Problem)
			}
		}
	})
}

// A booking that a legal hold keeps is forgotten when the hold is lifted: the workflow does not end over it.
func TestAHeldBookingIsAskedAboutAgain(t *testing.T) {
	each(t, func(t *testing.T, a *Activities, _ *time.Time) {
		a.Bus = bustest.New(t)
		svc, err := a.Bus.Service("consent", "test")
		if err != nil {
			t.Fatal(err)
		}
		var held atomic.Bool
		held.Store(true)
		err = bus.Handle(a.Bus, svc, consentv1.EraseSubject, 1, func(context.Context, consentv1.EraseRequest) (consentv1.EraseReply, error) {
			if held.Load() {
				return consentv1.EraseReply{}, errs.E(errs.Conflict, "", nil)
			}
			return consentv1.EraseReply{ErasedAt: noon}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		rec, err := a.Book.New(t.Context(), request())
		if err != nil {
			t.Fatal(err)
		}
		_, err = a.Forget(t.Context(), meeting.ForgetInput{MeetingID: rec.ID})
		var again *errs.Error
		if !errors.As(err, &again) || again.Kind != errs.Unavailable || again.RetryAfter != meeting.HoldCheck {
			t.Fatalf("held: %v", err)
		}
		held.Store(false)
		if _, err := a.Forget(t.Context(), meeting.ForgetInput{MeetingID: rec.ID}); err != nil {
			t.Fatal(err)
		}
		if _, row, err := a.Book.Get(t.Context(), rec.ID); !errors.Is(err, errs.NotFound) || row.ErasedAt.IsZero() {
			t.Errorf("still there: %v", err)
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
