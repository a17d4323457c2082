package phone

import (
	"testing"
	"time"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/phone/dialer"
)

func TestSIPREC(t *testing.T) {
	for _, c := range []struct{ name, params, boundary string }{
		{"UDP", "", "plain"},
		{"TCP, quoted boundary", ";transport=tcp", "=_a b:c?"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := start(t, "SAMTALE_EXTENSIONS=1234=anna")
			d := w.dialer(dialer.Config{})
			r, err := d.Record(t.Context(), dialer.RecordOptions{
				To: w.uri("recorder") + c.params, Boundary: c.boundary,
				Speakers: []dialer.Speaker{{AOR: "sip:1234@pbx.example", Name: "Anna"}, {AOR: "sip:+4512345678@pbx.example", Name: "Bo & Co"}},
			})
			if err != nil {
				t.Fatal(err)
			}
			id := r.ConversationID
			r.Play(0, tone(440, time.Second))
			w.until("the desk shows both legs", func() bool {
				l, err := ask[callv1.ListReply](w, callv1.ListSubject, callv1.ListRequest{})
				return err == nil && len(l.Calls) == 1 && l.Calls[0].Caseworker == "anna" && len(l.Calls[0].Legs) == 2 && l.Calls[0].Party.Name == "Bo & Co"
			})
			w.until("the caseworker is heard", func() bool { return w.loud(callv1.RoleCaseworker) > 1 })
			if s := w.loud(callv1.RoleCitizen); s != 0 {
				t.Errorf("the citizen's leg has %.1f s of the caseworker's voice", s)
			}
			if err := r.Pause(t.Context(), true); err != nil {
				t.Fatal(err)
			}
			w.inState(id, callv1.StateHeld)
			r.Play(1, tone(500, time.Second))
			if err := r.Pause(t.Context(), false); err != nil {
				t.Fatal(err)
			}
			w.until("the citizen is heard", func() bool { return w.loud(callv1.RoleCitizen) > 0.5 })
			if err := r.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := r.HangUp(t.Context()); err != nil {
				t.Fatal(err)
			}
			e := w.endOf(id)
			if e.Channel != callv1.ChannelSIPREC || !e.Transcribed || len(e.Legs) != 2 {
				t.Fatalf("ended: %+v", e)
			}
			// Both channels lie on the same clock.
			if diff := e.Legs[0].Samples - e.Legs[1].Samples; diff < -1600 || diff > 1600 {
				t.Errorf("legs differ by %d samples", diff)
			}
			for _, l := range e.Legs {
				if n := int64(len(w.leg(l.ID).pcm)); n != l.Samples {
					t.Errorf("%s: worker has %d samples, the event says %d", l.Role, n, l.Samples)
				}
			}
		})
	}
}

// loudIn is how many seconds of a conversation's legs are loud.
func (w *world) loudIn(conversation string) float64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0.0
	for _, l := range w.legs {
		if l.attach.ConversationID == conversation {
			n += loudSeconds(l.pcm)
		}
	}
	return n
}

// loud is how many seconds of a role's leg are loud.
func (w *world) loud(role string) float64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.legs {
		if l.attach.Role == role {
			return loudSeconds(l.pcm)
		}
	}
	return 0
}
