package bus

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// Who reports is asked; who does not, while others do, is not. How late all are together does not matter.
func TestCrew(t *testing.T) {
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	c := newCrew(func() time.Time { return now })
	report := func(r Report) {
		data, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		c.take(&nats.Msg{Data: data})
	}
	picks := func(but ...string) map[string]bool {
		out := map[string]bool{}
		for range 200 { // of two, one is left out with a chance of 2^-199
			if m := c.pick(but); m != "" {
				out[m] = true
			}
		}
		return out
	}
	want := func(what string, got map[string]bool, members ...string) {
		t.Helper()
		if len(got) != len(members) {
			t.Errorf("%s: %v", what, got)
			return
		}
		for _, m := range members {
			if !got[m] {
				t.Errorf("%s: %v", what, got)
			}
		}
	}
	want("nobody is known", picks())
	c.take(&nats.Msg{Data: []byte("{")})
	c.take(&nats.Msg{Data: []byte("{}")})
	want("garbage is nobody", picks())
	report(Report{Node: "a"})
	report(Report{Node: "b"})
	want("both", picks(), "a", "b")
	want("but one that was asked", picks("a"), "b")
	want("both were asked", picks("a", "b"))
	now = now.Add(time.Minute)
	want("all late together", picks(), "a", "b")
	report(Report{Node: "a"})
	want("one is behind", picks(), "a")
	want("one is behind, the other was asked", picks("a"))
	report(Report{Node: "b"})
	want("it is back", picks("a"), "b")
	report(Report{Node: "b", Leaving: true})
	want("one leaves", picks(), "a")
	c.drop("a")
	want("nobody is left", picks())
}

func TestAt(t *testing.T) {
	if got := At("m1", "meeting.v1.setup.save"); got != "meeting.v1.at.m1.setup.save" {
		t.Errorf("got %s", got)
	}
	if got := Reports("meeting"); got != "meeting.v1.nodes" {
		t.Errorf("got %s", got)
	}
}
