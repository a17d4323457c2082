package audit

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/services/contract/consentv1"
)

// Which looks are told, as people look again, look elsewhere, and writing fails.
func TestWrite(t *testing.T) {
	l, start := New("journal"), time.Unix(0, 0).Add(100*window)
	mette := Look{Actor: "mette", Role: "caseworker", Action: "read", Purpose: "Sagsbehandling"}
	jens := mette
	jens.Actor = "jens"
	failed := errors.New("disk full")
	for _, step := range []struct {
		name string
		at   time.Duration
		look Look
		of   []string
		err  error
		want []string
	}{
		{name: "first", look: mette, of: []string{"a"}, want: []string{"a"}},
		{name: "again", at: window - 1, look: mette, of: []string{"a"}},
		{name: "one more", at: window - 1, look: mette, of: []string{"a", "b"}, want: []string{"b"}},
		{name: "somebody else", look: jens, of: []string{"a"}, err: failed, want: []string{"a"}},
		{name: "what was not written is told again", look: jens, of: []string{"a"}, want: []string{"a"}},
		{name: "later", at: window, look: mette, of: []string{"a", "b"}, want: []string{"a", "b"}},
	} {
		var got []string
		err := l.Write(start.Add(step.at), step.look, step.of, func(entries []consentv1.Audit) error {
			for _, e := range entries {
				if e.Actor != step.look.Actor || e.Purpose != step.look.Purpose || e.Source != "journal" || !e.Time.Equal(start.Add(step.at)) {
					t.Errorf("%s: %+v", step.name, e)
				}
				got = append(got, e.ConversationID)
			}
			return step.err
		})
		if !errors.Is(err, step.err) {
			t.Errorf("%s: %v", step.name, err)
		}
		if diff := cmp.Diff(step.want, got); diff != "" {
			t.Errorf("%s: %s", step.name, diff)
		}
	}
	again := New("journal").Entry(start.Add(time.Second), mette, "a") // after a restart
	if first := l.Entry(start, mette, "a"); first.ID != again.ID {
		t.Errorf("%s, after a restart %s", first.ID, again.ID)
	}
	morning := time.Date(2026, 11, 23, 7, 0, 0, 0, time.UTC)
	daily, first := Daily("chat"), Daily("chat").Entry(morning, mette, "a")
	if later := daily.Entry(morning.Add(9*time.Hour), mette, "a"); later.ID != first.ID {
		t.Error("one day, two looks")
	}
	if tomorrow := daily.Entry(morning.Add(day), mette, "a"); tomorrow.ID == first.ID {
		t.Error("two days, one look")
	}
	if other := l.Entry(start, jens, "a"); other.ID == again.ID {
		t.Error("two people, one look")
	}
}
