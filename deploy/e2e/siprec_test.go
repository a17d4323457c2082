package e2e

import (
	"fmt"
	"testing"

	"samtale.dk/samtale/media/resample"
	"samtale.dk/samtale/services/phone/dialer"
)

// TestSIPREC records a desk-phone call as a session border controller does: two streams
// and metadata, on the SIP port. It shows at the desk of the extension's caseworker and
// ends like any other conversation.
func TestSIPREC(t *testing.T) {
	citizenSays := wide(t, "Goddag. Jeg ringer om min boligstøtte. Jeg har sendt min lønseddel i går.")
	caseworkerSays := wide(t, "Tak. Jeg sender dig et brev i morgen.")
	s := start(t, "SAMTALE_EXTENSIONS=1234=mette")
	d, err := dialer.New(dialer.Config{Local: "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	r, err := d.Record(t.Context(), dialer.RecordOptions{
		To: "sip:recorder@" + s.sip,
		Speakers: []dialer.Speaker{
			{AOR: "sip:1234@pbx.example", Name: "Mette"}, {AOR: "sip:+4512345678@pbx.example", Name: "Bente"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	conv := r.ConversationID
	r.Play(1, citizenSays)
	s.heardFrom(conv, "citizen", 8)
	r.Play(1, nil)
	r.Play(0, caseworkerSays)
	s.heardFrom(conv, "caseworker", 5)
	s.until("the call at Mette's desk", func() error {
		var calls struct {
			Calls []struct {
				ID         string `json:"conversation_id"`
				Caseworker string `json:"caseworker"`
			} `json:"calls"`
		}
		if err := s.api("caseworker/mette", "GET", "/api/v1/calls", nil, &calls); err != nil {
			return err
		}
		if len(calls.Calls) != 1 || calls.Calls[0].Caseworker != "mette" {
			return fmt.Errorf("calls: %+v", calls)
		}
		return nil
	})
	if err := r.HangUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.approve(s.awaitNote(conv))
	s.awaitErased(conv)
}

// heardFrom waits until n words of a speaker's leg are committed.
func (s *system) heardFrom(conv, role string, n int) {
	s.t.Helper()
	s.until("words of the "+role, func() error {
		var tr struct {
			transcript
			Legs []struct {
				ID   string `json:"id"`
				Role string `json:"role"`
			} `json:"legs"`
		}
		if err := s.api("caseworker", "GET", "/api/v1/conversations/"+conv+"/transcript", nil, &tr); err != nil {
			return err
		}
		roles := map[string]string{}
		for _, l := range tr.Legs {
			roles[l.ID] = l.Role
		}
		words := 0
		for _, w := range tr.Words {
			if roles[w.Leg] == role {
				words++
			}
		}
		if words < n {
			return fmt.Errorf("%d words of %d: %q", words, n, tr.Text)
		}
		return nil
	})
}

// wide is a Danish text as 16 kHz samples with a long silence behind.
func wide(t *testing.T, text string) []int16 {
	t.Helper()
	narrow := append(spoken(t, text), make([]int16, 8000*60)...)
	c := resample.New(8000, 16000)
	out := make([]int16, c.Len(len(narrow)))
	return out[:c.Process(out, narrow)]
}
