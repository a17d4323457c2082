package booking

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/meeting/internal/store"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/seal"
	platformstore "samtale.dk/samtale/services/platform/store"
	"samtale.dk/samtale/services/platform/store/storetest"
)

// keys are the conversations' keys.
type keys struct {
	mu   sync.Mutex
	made map[string][]byte
}

func (k *keys) Key(_ context.Context, conversation string, _ bool) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.made[conversation] == nil {
		k.made[conversation] = seal.NewKey()
	}
	return k.made[conversation], nil
}

var noon = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

// each runs f on every database that is at hand. The clock starts at noon and is moved by the test.
func each(t *testing.T, f func(t *testing.T, b *Book, now *time.Time)) {
	storetest.Run(t, store.Migrations(), func(t *testing.T, db *platformstore.DB) {
		now := noon
		f(t, &Book{
			Store: store.New(db, "test"), Keys: &keys{made: map[string][]byte{}}, Now: func() time.Time { return now },
			Areas: func(context.Context) ([]consentv1.Area, error) {
				return []consentv1.Area{{ID: "borgerservice", AllowTranscript: true, AllowAINote: true}, {ID: "stille"}}, nil
			},
		}, &now)
	})
}

var mette = meetingv1.Actor{ID: "mette", Role: "caseworker", Areas: []string{"borgerservice"}}

func request() meetingv1.BookRequest {
	return meetingv1.BookRequest{
		Title: "Opfølgning", StartsAt: noon.Add(48 * time.Hour), Minutes: 30, ServiceArea: "borgerservice", CaseNumber: "2026-17",
		Choices: meetingv1.Choices{Transcript: true},
		Participants: []meetingv1.Participant{
			{Role: meetingv1.RoleCaseworker, Name: "Mette Lund", User: "mette"},
			{Role: meetingv1.RoleCitizen, Name: "Bente Holm", Email: "bente@example.dk", Phone: "12 34 56 78"},
		},
		Actor: mette,
	}
}

func TestBookingIsKeptSealedAndOnce(t *testing.T) {
	each(t, func(t *testing.T, b *Book, _ *time.Time) {
		r := request()
		r.ID = "01937f5c-7e2a-7a31-9d4e-5b8f2c6a1d03"
		first, err := b.New(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		again, err := b.New(t.Context(), r)
		if err != nil || again.Participants[1].ID != first.Participants[1].ID {
			t.Errorf("the same request is another meeting: %v", err)
		}
		r.Actor.ID = "ole"
		if _, err := b.New(t.Context(), r); !errors.Is(err, errs.Conflict) {
			t.Errorf("another's id: %v", err)
		}
		row, err := b.Store.Read().Meeting(t.Context(), r.ID)
		if err != nil || strings.Contains(string(row.Sealed), "Bente") || strings.Contains(string(row.Sealed), "Opf") {
			t.Errorf("stored in clear, or not: %v", err)
		}
		out, err := b.Store.Pending(t.Context(), store.LaneBus, 10)
		if err != nil || len(out) != 1 || strings.Contains(string(out[0].Body), "Bente") {
			t.Errorf("events: %v %s", err, out)
		}
		wakes, err := b.Store.Pending(t.Context(), store.LaneWork, 10)
		if err != nil || len(wakes) != 1 || wakes[0].Target != "meeting-"+r.ID {
			t.Errorf("workflow: %v %v", err, wakes)
		}
	})
}

func TestBadBookingsAreRefusedInWords(t *testing.T) {
	each(t, func(t *testing.T, b *Book, _ *time.Time) {
		for name, change := range map[string]func(*meetingv1.BookRequest){
			"no title":        func(r *meetingv1.BookRequest) { r.Title = " " },
			"too long":        func(r *meetingv1.BookRequest) { r.Minutes = 600 },
			"past":            func(r *meetingv1.BookRequest) { r.StartsAt = noon.Add(-2 * time.Hour) },
			"far":             func(r *meetingv1.BookRequest) { r.StartsAt = noon.AddDate(3, 0, 0) },
			"unknown area":    func(r *meetingv1.BookRequest) { r.ServiceArea = "zoo" },
			"nobody":          func(r *meetingv1.BookRequest) { r.Participants = nil },
			"a crowd":         func(r *meetingv1.BookRequest) { r.Participants = make([]meetingv1.Participant, 26) },
			"role":            func(r *meetingv1.BookRequest) { r.Participants[1].Role = "king" },
			"mail":            func(r *meetingv1.BookRequest) { r.Participants[1].Email = "bente" },
			"mail and a name": func(r *meetingv1.BookRequest) { r.Participants[1].Email = "Bente <bente@example.dk>" },
			"mail and a line of a calendar": func(r *meetingv1.BookRequest) {
				r.Participants[1].Email = "bente@example.dk (\r\nATTENDEE:mailto:eva@example.dk)"
			},
			"phone":                       func(r *meetingv1.BookRequest) { r.Participants[1].Phone = "ring" },
			"level":                       func(r *meetingv1.BookRequest) { r.Identity = "very" },
			"note alone":                  func(r *meetingv1.BookRequest) { r.Choices = meetingv1.Choices{AINote: true} },
			"an area that writes nothing": func(r *meetingv1.BookRequest) { r.ServiceArea = "stille" },
			"recording":                   func(r *meetingv1.BookRequest) { r.Choices.Recording = true },
			"very long title":             func(r *meetingv1.BookRequest) { r.Title = strings.Repeat("x", 201) },
		} {
			r := request()
			change(&r)
			if _, err := b.New(t.Context(), r); !errors.Is(err, errs.Invalid) || errs.Text(err) == "" {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestChangeKeepsLinksOfThoseWhoStay(t *testing.T) {
	each(t, func(t *testing.T, b *Book, _ *time.Time) {
		rec, err := b.New(t.Context(), request())
		if err != nil {
			t.Fatal(err)
		}
		bente := rec.Participants[1]
		r := request()
		r.ID, r.StartsAt = rec.ID, noon.Add(72*time.Hour)
		r.Participants = []meetingv1.Participant{rec.Participants[0], bente, {Role: meetingv1.RoleInterpreter, Name: "Omar"}}
		next, err := b.Change(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if next.Path(bente.ID) != rec.Path(bente.ID) || len(next.Participants) != 3 || next.Sequence != 1 {
			t.Errorf("changed to %+v", next)
		}
		r.Participants = r.Participants[:1]
		if _, err := b.Change(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if _, _, err := b.Open(t.Context(), rec.ID, rec.Seats[bente.ID].Secret); !errors.Is(err, errs.NotFound) {
			t.Errorf("the link of one who was taken out: %v", err)
		}
	})
}

func TestLinksOpenOnlyTheirOwnSeatAndOnlyInTime(t *testing.T) {
	each(t, func(t *testing.T, b *Book, now *time.Time) {
		rec, err := b.New(t.Context(), request())
		if err != nil {
			t.Fatal(err)
		}
		bente := rec.Participants[1].ID
		open := func(meeting, secret string) (string, error) {
			_, id, err := b.Open(t.Context(), meeting, secret)
			return id, err
		}
		if id, err := open(rec.ID, rec.Seats[bente].Secret); err != nil || id != bente {
			t.Errorf("own link: %s %v", id, err)
		}
		for name, secret := range map[string]string{"none": "", "wrong": rec.Seats[bente].Secret[1:] + "A"} {
			if _, err := open(rec.ID, secret); !errors.Is(err, errs.NotFound) {
				t.Errorf("%s secret: %v", name, err)
			}
		}
		for _, id := range []string{"", "a.b", "01937f5c-7e2a-7a31-9d4e-5b8f2c6a1d99"} {
			if _, err := open(id, rec.Seats[bente].Secret); !errors.Is(err, errs.NotFound) {
				t.Errorf("meeting %q: %v", id, err)
			}
		}
		*now = rec.StartsAt.Add(13 * time.Hour)
		if _, err := open(rec.ID, rec.Seats[bente].Secret); !errors.Is(err, errs.NotFound) {
			t.Errorf("the day after: %v", err)
		}
		*now = noon
		if _, err := b.Cancel(t.Context(), rec.ID, " Vi er syge. "); err != nil {
			t.Fatal(err)
		}
		if _, err := open(rec.ID, rec.Seats[bente].Secret); !errors.Is(err, errs.NotFound) || errs.Text(err) != "Mødet er aflyst." {
			t.Errorf("cancelled: %v", err)
		}
	})
}

func TestTwoChangesAtOnceAreBothMade(t *testing.T) {
	each(t, func(t *testing.T, b *Book, _ *time.Time) {
		rec, err := b.New(t.Context(), request())
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				_, err := b.Update(t.Context(), rec.ID, "moderated", "", func(r *Record) error {
					r.CaseNumber += string(rune('a' + i))
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		got, _, err := b.Get(t.Context(), rec.ID)
		if err != nil || len(got.CaseNumber) != len("2026-17")+4 {
			t.Errorf("case number %q, %v", got.CaseNumber, err)
		}
	})
}

func TestErasedMeetingIsGone(t *testing.T) {
	each(t, func(t *testing.T, b *Book, _ *time.Time) {
		rec, err := b.New(t.Context(), request())
		if err != nil {
			t.Fatal(err)
		}
		s := meetingv1.Sent{ID: "s1", MeetingID: rec.ID, Subject: "Invitation", At: noon}
		if err := b.KeepSent(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		if sent, err := b.Sent(t.Context(), rec.ID); err != nil || len(sent) != 1 || sent[0].Subject != "Invitation" {
			t.Errorf("sent %v, %v", sent, err)
		}
		if err := b.Erase(t.Context(), rec.ID); err != nil {
			t.Fatal(err)
		}
		if _, _, err := b.Get(t.Context(), rec.ID); !errors.Is(err, errs.NotFound) {
			t.Errorf("erased meeting: %v", err)
		}
		list, _, err := b.List(t.Context(), Query{Areas: mette.Areas, From: noon, To: noon.AddDate(0, 1, 0), Limit: 10})
		if sent, _ := b.Sent(t.Context(), rec.ID); err != nil || len(list) != 0 || len(sent) != 0 {
			t.Errorf("listed %d, sent %d, %v", len(list), len(sent), err)
		}
		_, err = b.Update(t.Context(), rec.ID, "moderated", "", func(*Record) error { return nil })
		if !errors.Is(err, errs.NotFound) {
			t.Errorf("changed after the erasure: %v", err)
		}
	})
}

func TestSeatKeysFitOneSeatOnOneDevice(t *testing.T) {
	master := []byte("master")
	ref := meetingv1.SeatRef{MeetingID: "m", ParticipantID: "p", Key: Key(master, "m", "p", "d")}
	if device, ok := CheckKey(master, ref); !ok || device != "d" {
		t.Errorf("own key: %q %v", device, ok)
	}
	for name, r := range map[string]meetingv1.SeatRef{
		"other meeting": {MeetingID: "n", ParticipantID: "p", Key: ref.Key}, "other person": {MeetingID: "m", ParticipantID: "q", Key: ref.Key},
		"other device": {MeetingID: "m", ParticipantID: "p", Key: "e" + ref.Key[1:]}, "none": {MeetingID: "m", ParticipantID: "p"},
	} {
		if _, ok := CheckKey(master, r); ok {
			t.Errorf("%s is let in", name)
		}
	}
}
