package booking

import (
	"slices"
	"sync"
	"testing"
	"time"

	"samtale.dk/samtale/services/contract/meetingv1"
)

// A conversation goes on as one meeting, however often and by however many at once it is asked for.
func TestConversationGoesOnAsOneMeeting(t *testing.T) {
	each(t, func(t *testing.T, b *Book, _ *time.Time) {
		ask := func(change func(*meetingv1.BookRequest)) Record {
			t.Helper()
			r := request()
			r.Follows, r.StartsAt = "call-1", time.Time{}
			change(&r)
			rec, err := b.New(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			return rec
		}
		same := func(*meetingv1.BookRequest) {}
		first := ask(same)
		var wg sync.WaitGroup
		ids := make([]string, 8)
		for i := range ids {
			wg.Go(func() {
				r := request()
				r.Follows, r.StartsAt = "call-2", time.Time{}
				rec, err := b.New(t.Context(), r)
				if err != nil {
					t.Error(err)
				}
				ids[i] = rec.ID
			})
		}
		wg.Wait()
		if slices.ContainsFunc(ids, func(id string) bool { return id != ids[0] }) || ids[0] == first.ID {
			t.Errorf("asked at once: %v, for another conversation %s", ids, first.ID)
		}
		again := ask(same)
		if again.ID != first.ID || again.Sequence != 0 || again.Path(again.Participants[1].ID) != first.Path(first.Participants[1].ID) {
			t.Errorf("asked again: %s with sequence %d, was %s", again.ID, again.Sequence, first.ID)
		}
		// A message to another address is one more message of the same meeting.
		told := ask(func(r *meetingv1.BookRequest) { r.Participants[1].Phone, r.Participants[1].Email = "87654321", "" })
		if p := told.Participants[1]; told.ID != first.ID || told.Sequence != 1 || p.Phone != "87654321" || p.Email != "bente@example.dk" {
			t.Errorf("told elsewhere: %d, %+v", told.Sequence, p)
		}
		// A colleague who took the call over gets a seat of their own, once.
		for range 2 {
			r := ask(func(r *meetingv1.BookRequest) {
				r.Actor.ID = "ole"
				r.Participants[0] = meetingv1.Participant{Role: meetingv1.RoleCaseworker, Name: "Ole Vagt", User: "ole"}
			})
			if n := len(r.Participants); r.ID != first.ID || n != 3 || r.Participants[2].User != "ole" || r.Seats[r.Participants[2].ID].Secret == "" {
				t.Errorf("a colleague's: %s with %d participants", r.ID, n)
			}
		}
		for name, change := range map[string]func(*meetingv1.BookRequest){
			"later":        func(r *meetingv1.BookRequest) { r.StartsAt = noon.Add(24 * time.Hour) },
			"another area": func(r *meetingv1.BookRequest) { r.ServiceArea, r.Choices = "stille", meetingv1.Choices{} },
			"another call": func(r *meetingv1.BookRequest) { r.Follows = "call-3" },
			"after none":   func(r *meetingv1.BookRequest) { r.Follows = "" },
		} {
			if r := ask(change); r.ID == first.ID {
				t.Errorf("%s is the same meeting", name)
			}
		}
		if _, err := b.Cancel(t.Context(), first.ID, ""); err != nil {
			t.Fatal(err)
		}
		next := ask(same)
		if next.ID == first.ID || ask(same).ID != next.ID {
			t.Error("a meeting that was cancelled is gone on with, or asked for twice it is two")
		}
		if err := b.Erase(t.Context(), next.ID); err != nil {
			t.Fatal(err)
		}
		if ask(same).ID == next.ID {
			t.Error("an erased meeting is gone on with")
		}
	})
}
