package meeting

import (
	"testing"
	"time"

	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/platform/errs"
)

// Everybody who was in a meeting logged in finds it afterwards, with their own choices; who only waited, or was a guest, does not.
func TestWhoTookPartFindsTheMeeting(t *testing.T) {
	w := newWorld(t)
	m := w.book(func(r *meetingv1.BookRequest) {
		r.CaseNumber = "2026-17"
		r.Participants = append(r.Participants, meetingv1.Participant{Role: meetingv1.RoleCitizen, Name: "Per"}, meetingv1.Participant{Role: meetingv1.RoleCompanion, Name: "Gæst"})
	})
	host := w.host(m).join()
	w.until("the meeting is held", func() bool { return len(w.started) == 1 })
	mine := func(ref string) []meetingv1.Attended {
		t.Helper()
		return get[meetingv1.MineReply](w, meetingv1.MineSubject, meetingv1.MineRequest{PartyRef: ref}).Meetings
	}
	come := func(who int, ref string, transcribe, admit bool) *guest {
		t.Helper()
		g := w.enter(m, who, &meetingv1.Login{Subject: ref, Name: ref, Role: "citizen", Level: meetingv1.LevelSubstantial, PartyRef: ref})
		g.knock("", &transcribe)
		if admit {
			g.decide(meetingv1.Admit)
		}
		return g
	}
	come(1, "bente", true, true)
	ole := come(2, "ole", false, true)
	come(4, "per", true, false)
	w.admitted(m, 5, "Gæst", true)
	get[meetingv1.Entry](w, meetingv1.LeaveSubject, ole.seat)
	host.act(meetingv1.ActEnd, "", "")
	w.over(m.ID)
	w.eventually("it has ended", func() bool { return w.state(m.ID) == meetingv1.Ended })

	at := time.Now().Add(24 * time.Hour).UTC().Truncate(time.Second)
	w.must(w.bus.Publish(t.Context(), journalv1.Changed{
		Meta: event.NewMeta("journal.v1.event.changed", "journal", time.Now()), ConversationID: m.ID, ServiceArea: "a", What: journalv1.Retained, EraseAt: at,
	}))
	w.eventually("when it is deleted is known", func() bool { l := mine("ole"); return len(l) == 1 && l[0].EraseAt.Equal(at) })
	for ref, role := range map[string]string{"bente": meetingv1.RoleCitizen, "ole": meetingv1.RoleCompanion} {
		list := mine(ref)
		if len(list) != 1 {
			t.Fatalf("%s finds %+v", ref, list)
		}
		a := list[0]
		if a.ID != m.ID || a.Role != role || a.Title != m.Title || !a.Transcript || a.Transcribe == nil || *a.Transcribe != (ref == "bente") || a.StartedAt.IsZero() || a.EndedAt.IsZero() {
			t.Errorf("%s sees %+v", ref, a)
		}
	}
	for _, ref := range []string{"per", "mette", "stranger"} {
		if list := mine(ref); len(list) != 0 {
			t.Errorf("%s finds %+v", ref, list)
		}
	}
	one := get[meetingv1.MineReply](w, meetingv1.MineSubject, meetingv1.MineRequest{PartyRef: "ole", MeetingID: "other"}).Meetings
	if len(one) != 0 {
		t.Errorf("of another meeting: %+v", one)
	}
	refused(w, errs.Denied, meetingv1.MineSubject, meetingv1.MineRequest{})
}

// With the content of a meeting goes who took part in it.
func TestErasedMeetingIsNobodys(t *testing.T) {
	w := newWorld(t)
	m := w.book()
	w.host(m).join()
	w.until("the meeting is held", func() bool { return len(w.started) == 1 })
	g := w.enter(m, 1, &meetingv1.Login{Subject: "bente", Name: "Bente", Role: "citizen", Level: meetingv1.LevelSubstantial, PartyRef: "bente"})
	g.knock("", yes())
	g.decide(meetingv1.Admit)
	mine := func() int {
		return len(get[meetingv1.MineReply](w, meetingv1.MineSubject, meetingv1.MineRequest{PartyRef: "bente"}).Meetings)
	}
	if mine() != 1 {
		t.Fatalf("found %d", mine())
	}
	w.must(w.node.Book.Erase(t.Context(), m.ID))
	if mine() != 0 {
		t.Error("it is found after the erasure")
	}
}
