package meeting

import (
	"slices"
	"testing"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/platform/errs"
)

// Whoever is booked with English is spoken to so by telephone, and the choice is kept with the language of the question.
func TestTelephoneInEnglish(t *testing.T) {
	w := newWorld(t)
	english := func(language string) func(*meetingv1.BookRequest) {
		return func(r *meetingv1.BookRequest) { r.Choices.DialIn, r.Participants[1].Language = true, language }
	}
	m := w.book(english("en"))
	rep := w.dialIn(m.Participants[1].DialCode, "bente")
	if rep.Seat == nil || rep.Language != "en" {
		t.Fatalf("dialled in: %+v", rep)
	}
	yes := true
	get[meetingv1.Entry](w, meetingv1.KnockSubject, meetingv1.KnockRequest{Seat: *rep.Seat, Transcribe: &yes, Heard: "v7-en"})
	w.until("the choice", func() bool {
		return slices.ContainsFunc(w.choices, func(c consentv1.Choice) bool {
			return c.ConversationID == m.ID && c.Value && c.Language == "en" && c.TextVersion == "t-1+v7-en"
		})
	})
	r := meetingv1.BookRequest{Title: "x", ServiceArea: "a", Actor: mette, Participants: []meetingv1.Participant{{Role: meetingv1.RoleCitizen, Language: "tlh"}}}
	refused(w, errs.Invalid, meetingv1.BookSubject, r)
	r.Participants[0].Language, r.ServiceArea = "", ""
	refused(w, errs.Invalid, meetingv1.BookSubject, r)
}
