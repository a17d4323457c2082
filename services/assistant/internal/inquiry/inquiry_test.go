package inquiry

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/services/assistant/internal/inquiry/store"
	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/inquiryv1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/workflows/inquiry"
)

func TestPrepare(t *testing.T) {
	w := newWorld(t)
	w.sessions["s"] = []assistantv1.Answer{
		{Question: "hvad er boligstøtte", Answered: true, Area: "a"},
		{Question: "hvornår skal jeg søge", Answered: true, Area: "a", Sentences: []assistantv1.Sentence{{Evidence: []assistantv1.Evidence{{Title: "Boligstøtte", ChunkID: "c"}}}}},
	}
	p := ask[inquiryv1.Prepared](w, inquiryv1.PrepareSubject, inquiryv1.PrepareRequest{Session: "s"})
	want := "Jeg har spurgt assistenten: »hvad er boligstøtte« »hvornår skal jeg søge«\nJeg har læst svaret om »Boligstøtte«.\nJeg vil gerne have hjælp af en medarbejder."
	if p.Summary != want || len(p.Sources) != 1 || p.ServiceArea != "a" || !p.AskNote || p.TextVersion != "t-1" || len(p.Choices) != 3 {
		t.Errorf("%+v", p)
	}
	if c := p.Choices[0]; c.Channel != inquiryv1.Chat || !c.Open || c.WaitMins != 4 || c.Ahead != 0 {
		t.Errorf("%+v", c)
	}
	w.sessions["s"] = append(w.sessions["s"], assistantv1.Answer{Question: "må min kat bo her", Area: "zoo"})
	p = ask[inquiryv1.Prepared](w, inquiryv1.PrepareSubject, inquiryv1.PrepareRequest{Session: "s", Language: "en"})
	if !strings.Contains(p.Summary, "did not get an answer") || p.AreaName != "Housing" {
		t.Errorf("%+v", p)
	}
	// Wednesday: b is closed until Monday.
	w.clock.add(48 * time.Hour)
	p = ask[inquiryv1.Prepared](w, inquiryv1.PrepareSubject, inquiryv1.PrepareRequest{Area: "b"})
	if c := p.Choices[1]; p.Summary != "" || p.AskNote || c.Open || c.WaitMins != 0 || !c.OpensAt.Equal(monday.AddDate(0, 0, 7).Add(-time.Hour)) {
		t.Errorf("%+v", p)
	}
}

// Whoever knows an inquiry's id, as caseworkers do, does not get its receipt number by sending it again.
func TestOnlyTheSenderOpensAgain(t *testing.T) {
	w := newWorld(t)
	r := inquiryv1.OpenRequest{ID: w.id(), Channel: inquiryv1.Chat, ServiceArea: "a", Summary: "Hvad nu?", Session: "mine"}
	first := ask[inquiryv1.Inquiry](w, inquiryv1.OpenSubject, r)
	w.clock.add(time.Hour)
	if again := ask[inquiryv1.Inquiry](w, inquiryv1.OpenSubject, r); again.Receipt != first.Receipt {
		t.Errorf("got %+v", again)
	}
	for _, session := range []string{"", "another"} {
		r.Session = session
		refuse(w, errs.Conflict, inquiryv1.OpenSubject, r)
	}
	nobody := inquiryv1.OpenRequest{ID: w.id(), Channel: inquiryv1.Chat, ServiceArea: "a", Summary: "Hvad nu?"}
	ask[inquiryv1.Inquiry](w, inquiryv1.OpenSubject, nobody)
	w.clock.add(time.Hour)
	refuse(w, errs.Conflict, inquiryv1.OpenSubject, nobody)
}

func TestOpenTwiceIsOneInquiry(t *testing.T) {
	w := newWorld(t)
	r := inquiryv1.OpenRequest{
		ID: w.id(), Channel: inquiryv1.CallBack, ServiceArea: "a", Name: "Bente Holm", Phone: "20 20 20 20", AINote: false,
		Summary: "Mit cpr-nummer er 010190-1234.\u200b Jeg bor på Ny Vej 2.\nRing efter kl. 15.",
	}
	first := ask[inquiryv1.Inquiry](w, inquiryv1.OpenSubject, r)
	second := ask[inquiryv1.Inquiry](w, inquiryv1.OpenSubject, r)
	if diff := cmp.Diff(first, second); diff != "" {
		t.Fatal(diff)
	}
	if first.Summary != "Mit cpr-nummer er ••••••-••••. Jeg bor på Ny Vej 2.\nRing efter kl. 15." {
		t.Errorf("summary: %q", first.Summary)
	}
	if first.Position != 1 || first.State != inquiryv1.Waiting || first.ClaimBy.IsZero() || len(first.Receipt) != 14 || len(first.Steps) != 1 {
		t.Errorf("%+v", first)
	}
	w.saw(first.ID, "opened")
	w.eventually("workflow", func() bool { return w.temporal.nudged(first.ID) })
	choices := ask[consentv1.ChoicesReply](w, consentv1.ChoicesSubject, consentv1.ConversationRequest{ConversationID: first.ConversationID})
	got := map[string]string{}
	for _, c := range choices.Choices {
		got[c.Kind] = c.How + " " + map[bool]string{true: "yes", false: "no"}[c.Value]
	}
	if diff := cmp.Diff(map[string]string{"transcription": "area yes", "ai_note": "button no"}, got); diff != "" || len(choices.Choices) != 2 {
		t.Error(diff)
	}
	// The receipt number in the ways that people write it; what is wrong, unknown or expired looks the same.
	for _, n := range []string{first.Receipt, strings.ToLower(first.Receipt), strings.ReplaceAll(first.Receipt, "-", " ")} {
		if s := ask[inquiryv1.Inquiry](w, inquiryv1.StatusSubject, inquiryv1.ReceiptRequest{Receipt: n}); s.ID != first.ID || s.Caseworker != "" {
			t.Errorf("%+v", s)
		}
	}
	unknown := refuse(w, errs.NotFound, inquiryv1.StatusSubject, inquiryv1.ReceiptRequest{Receipt: "0000-0000-0000"})
	wrong := refuse(w, errs.NotFound, inquiryv1.StatusSubject, inquiryv1.ReceiptRequest{Receipt: "hej"})
	ask[inquiryv1.Inquiry](w, inquiryv1.EndSubject, inquiryv1.EndRequest{Receipt: first.Receipt})
	w.status(first)
	w.clock.add(receiptKept + time.Minute)
	expired := refuse(w, errs.NotFound, inquiryv1.StatusSubject, inquiryv1.ReceiptRequest{Receipt: first.Receipt})
	if unknown.Error() != wrong.Error() || unknown.Error() != expired.Error() {
		t.Errorf("%v\n%v\n%v", unknown, wrong, expired)
	}
}

func TestOpenRefuses(t *testing.T) {
	w := newWorld(t)
	good := inquiryv1.OpenRequest{Channel: inquiryv1.Chat, ServiceArea: "a", Summary: "Hej"}
	for name, f := range map[string]func(r *inquiryv1.OpenRequest){
		"no id":           func(r *inquiryv1.OpenRequest) { r.ID = "x" },
		"unknown channel": func(r *inquiryv1.OpenRequest) { r.Channel = "fax" },
		"unknown area":    func(r *inquiryv1.OpenRequest) { r.ServiceArea = "zoo" },
		"no summary":      func(r *inquiryv1.OpenRequest) { r.Summary = " \u200b\n" },
		"long summary":    func(r *inquiryv1.OpenRequest) { r.Summary = strings.Repeat("å", 4001) },
		"no number":       func(r *inquiryv1.OpenRequest) { r.Channel, r.Phone = inquiryv1.CallBack, "ring" },
		"long name":       func(r *inquiryv1.OpenRequest) { r.Name = strings.Repeat("B", 201) },
	} {
		t.Run(name, func(t *testing.T) {
			r := good
			r.ID = w.id()
			f(&r)
			refuse(w, errs.Invalid, inquiryv1.OpenSubject, r)
		})
	}
}

func TestDesk(t *testing.T) {
	w := newWorld(t)
	i := w.opened(inquiryv1.Chat)
	list := func(a inquiryv1.Actor) (ids []string) {
		for _, x := range ask[inquiryv1.ListReply](w, inquiryv1.ListSubject, inquiryv1.ListRequest{Actor: a}).Inquiries {
			ids = append(ids, x.ID)
		}
		return ids
	}
	if len(list(karin)) != 1 || len(list(pia)) != 0 {
		t.Error("who sees what")
	}
	refuse(w, errs.Denied, inquiryv1.ListSubject, inquiryv1.ListRequest{Actor: inquiryv1.Actor{ID: "x", Role: "citizen", Areas: []string{"a"}}})
	refuse(w, errs.Denied, inquiryv1.GetSubject, inquiryv1.Ref{ID: i.ID, Actor: pia})
	refuse(w, errs.Denied, inquiryv1.ClaimSubject, inquiryv1.Ref{ID: i.ID, Actor: pia})
	refuse(w, errs.NotFound, inquiryv1.GetSubject, inquiryv1.Ref{ID: w.id(), Actor: karin})
	refuse(w, errs.Conflict, inquiryv1.EndSubject, inquiryv1.EndRequest{ID: i.ID, Actor: &karin})
	refuse(w, errs.Conflict, inquiryv1.SaySubject, inquiryv1.SayRequest{ID: w.id(), InquiryID: i.ID, Text: "Hej", Actor: &karin})

	got := ask[inquiryv1.Inquiry](w, inquiryv1.ClaimSubject, inquiryv1.Ref{ID: i.ID, Actor: karin})
	again := ask[inquiryv1.Inquiry](w, inquiryv1.ClaimSubject, inquiryv1.Ref{ID: i.ID, Actor: karin})
	if diff := cmp.Diff(got, again); diff != "" || got.State != inquiryv1.Claimed || got.CaseworkerName != karin.Name || got.Receipt != "" {
		t.Fatal(diff, got)
	}
	err := refuse(w, errs.Conflict, inquiryv1.ClaimSubject, inquiryv1.Ref{ID: i.ID, Actor: ole})
	if errs.Text(err) != textTaken {
		t.Error(err)
	}
	refuse(w, errs.Conflict, inquiryv1.ReleaseSubject, inquiryv1.Ref{ID: i.ID, Actor: ole})
	if len(list(karin)) != 1 || len(list(ole)) != 0 {
		t.Error("a colleague's inquiry is in the list")
	}
	got = ask[inquiryv1.Inquiry](w, inquiryv1.ReleaseSubject, inquiryv1.Ref{ID: i.ID, Actor: karin})
	if got.State != inquiryv1.Waiting || got.Position != 1 || len(list(ole)) != 1 {
		t.Errorf("%+v", got)
	}
	looks := ask[consentv1.AuditReply](w, consentv1.AuditListSubject, consentv1.AuditQuery{ConversationID: i.ConversationID})
	w.eventually("audit", func() bool {
		looks = ask[consentv1.AuditReply](w, consentv1.AuditListSubject, consentv1.AuditQuery{ConversationID: i.ConversationID})
		return len(looks.Entries) >= 4
	})
	seen := map[string]int{}
	for _, e := range looks.Entries {
		seen[e.Actor+" "+e.Action]++
	}
	want := map[string]int{"karin list-inquiries": 1, "karin claim-inquiry": 1, "karin release-inquiry": 1, "ole list-inquiries": 1}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Error(diff)
	}
}

func TestForward(t *testing.T) {
	w := newWorld(t)
	to := func(i inquiryv1.Inquiry, a inquiryv1.Actor) inquiryv1.ForwardRequest {
		return inquiryv1.ForwardRequest{ID: i.ID, Reason: "Hører til dér", Actor: a}
	}
	i := w.claimed(inquiryv1.Chat)
	r := to(i, karin)
	refuse(w, errs.Invalid, inquiryv1.ForwardSubject, r)
	r.Area, r.Caseworker = "b", "ole"
	refuse(w, errs.Invalid, inquiryv1.ForwardSubject, r)
	r = to(i, karin)
	r.Area = "zoo"
	refuse(w, errs.Invalid, inquiryv1.ForwardSubject, r)
	r.Area = "a"
	refuse(w, errs.Conflict, inquiryv1.ForwardSubject, r)
	r = to(i, ole)
	r.Area = "b"
	refuse(w, errs.Conflict, inquiryv1.ForwardSubject, r) // karin has it

	r.Actor = karin
	got := ask[inquiryv1.Inquiry](w, inquiryv1.ForwardSubject, r)
	if got.State != inquiryv1.Waiting || got.ServiceArea != "b" || got.Caseworker != "" || got.AreaName != "Pension" {
		t.Errorf("%+v", got)
	}
	refuse(w, errs.Denied, inquiryv1.ClaimSubject, inquiryv1.Ref{ID: i.ID, Actor: karin})
	ask[inquiryv1.Inquiry](w, inquiryv1.ClaimSubject, inquiryv1.Ref{ID: i.ID, Actor: pia})

	r = to(i, pia)
	r.Caseworker = "ole"
	got = ask[inquiryv1.Inquiry](w, inquiryv1.ForwardSubject, r)
	if got.State != inquiryv1.Claimed || got.Caseworker != "ole" {
		t.Errorf("%+v", got)
	}
	w.says(i, ole, "Jeg hjælper dig.")
	r = to(i, ole) // karin is not in that area: nobody gets an area by being handed an inquiry
	r.Caseworker = "karin"
	ask[inquiryv1.Inquiry](w, inquiryv1.ForwardSubject, r)
	refuse(w, errs.Denied, inquiryv1.GetSubject, inquiryv1.Ref{ID: i.ID, Actor: karin})
	w.tend(i, inquiry.Remind) // and the citizen does not wait for her for ever
	w.tend(i, inquiry.Return)
	ask[inquiryv1.Inquiry](w, inquiryv1.ClaimSubject, inquiryv1.Ref{ID: i.ID, Actor: ole})

	r = to(i, ole)
	r.Authority = "Udbetaling Danmark"
	refuse(w, errs.Invalid, inquiryv1.ForwardSubject, r)
	r.Contact = "70 12 80 63"
	got = ask[inquiryv1.Inquiry](w, inquiryv1.ForwardSubject, r)
	last := got.Steps[len(got.Steps)-1]
	if got.State != inquiryv1.Forwarded || last.Note != "Udbetaling Danmark, 70 12 80 63" {
		t.Errorf("%+v", got)
	}
	h := ask[inquiryv1.HistoryReply](w, inquiryv1.HistorySubject, inquiryv1.HistoryRequest{Receipt: i.Receipt})
	if m := h.Messages[len(h.Messages)-1]; m.From != inquiryv1.FromSystem || !strings.Contains(m.Text, "70 12 80 63") {
		t.Errorf("%+v", m)
	}
	refuse(w, errs.Conflict, inquiryv1.SaySubject, inquiryv1.SayRequest{ID: w.id(), Receipt: i.Receipt, Text: "Hallo?"})
}

func TestChat(t *testing.T) {
	w := newWorld(t)
	i := w.opened(inquiryv1.Chat)
	r := inquiryv1.SayRequest{ID: w.id(), Receipt: i.Receipt, Text: "Er der nogen? Mit nummer er 22 33 44 55."}
	first := ask[inquiryv1.Message](w, inquiryv1.SaySubject, r)
	again := ask[inquiryv1.Message](w, inquiryv1.SaySubject, r)
	if diff := cmp.Diff(first, again); diff != "" || first.Seq != 1 || first.Text != "Er der nogen? Mit nummer er •• •• •• ••." {
		t.Fatal(diff, first)
	}
	refuse(w, errs.Invalid, inquiryv1.SaySubject, inquiryv1.SayRequest{ID: w.id(), Receipt: i.Receipt, Text: " \n"})
	refuse(w, errs.Invalid, inquiryv1.SaySubject, inquiryv1.SayRequest{ID: w.id(), Receipt: i.Receipt, Text: strings.Repeat("x", 4001)})
	refuse(w, errs.NotFound, inquiryv1.SaySubject, inquiryv1.SayRequest{ID: w.id(), Receipt: "0000-0000-0000", Text: "x"})

	ask[inquiryv1.Inquiry](w, inquiryv1.ClaimSubject, inquiryv1.Ref{ID: i.ID, Actor: karin})
	w.says(i, karin, "Goddag.")
	// What Karin wrote, and that she took over, waits for the citizen; and the other way round.
	if s := w.status(i); s.Unread != 2 || s.Messages != 3 || s.CaseworkerName != karin.Name {
		t.Errorf("%+v", s)
	}
	h := ask[inquiryv1.HistoryReply](w, inquiryv1.HistorySubject, inquiryv1.HistoryRequest{Receipt: i.Receipt, After: 1})
	var got []string
	for n, m := range h.Messages {
		if m.Seq != n+2 {
			t.Errorf("message %d has number %d", n, m.Seq)
		}
		got = append(got, m.From+": "+m.Text)
	}
	if diff := cmp.Diff([]string{"system: Karin Vestergaard har taget din henvendelse.", "caseworker: Goddag."}, got); diff != "" {
		t.Error(diff)
	}
	if h.Inquiry.Unread != 0 || h.Messages[1].Name != karin.Name {
		t.Errorf("%+v", h)
	}
	// What a colleague reads is not read by her, nor what only her program has.
	ask[inquiryv1.HistoryReply](w, inquiryv1.HistorySubject, inquiryv1.HistoryRequest{InquiryID: i.ID, Actor: &ole})
	ask[inquiryv1.HistoryReply](w, inquiryv1.HistorySubject, inquiryv1.HistoryRequest{InquiryID: i.ID, Actor: &karin, Peek: true})
	if g := ask[inquiryv1.Inquiry](w, inquiryv1.GetSubject, inquiryv1.Ref{ID: i.ID, Actor: karin}); g.Unread != 2 {
		t.Errorf("unread for the caseworker: %d", g.Unread)
	}
	if h := ask[inquiryv1.HistoryReply](w, inquiryv1.HistorySubject, inquiryv1.HistoryRequest{InquiryID: i.ID, Actor: &karin}); h.Inquiry.Unread != 0 {
		t.Errorf("still unread: %d", h.Inquiry.Unread)
	}
	w.eventually("the event of the last message", func() bool {
		_, e := w.changes.of(i.ID)
		return e.What == "message" && e.Seq == 3 && e.Caseworker == "karin"
	})
}

func TestEscalation(t *testing.T) {
	w := newWorld(t)
	i := w.opened(inquiryv1.Chat)
	if in := w.tend(i, inquiry.Escalate); in != 10*time.Minute {
		t.Errorf("after %v", in)
	}
	if e := w.saw(i.ID, "escalated"); e.Also != "b" || e.ServiceArea != "a" {
		t.Errorf("%+v", e)
	}
	w.opened(inquiryv1.Chat)
	// Pia of the other area sees it, and everybody sees it first.
	if l := ask[inquiryv1.ListReply](w, inquiryv1.ListSubject, inquiryv1.ListRequest{Actor: pia}); len(l.Inquiries) != 1 {
		t.Errorf("%+v", l)
	}
	l := ask[inquiryv1.ListReply](w, inquiryv1.ListSubject, inquiryv1.ListRequest{Actor: karin})
	if len(l.Inquiries) != 2 || l.Inquiries[0].ID != i.ID || l.Inquiries[0].EscalatedAt.IsZero() || l.Inquiries[1].Position != 2 {
		t.Errorf("%+v", l)
	}
	h := ask[inquiryv1.HistoryReply](w, inquiryv1.HistorySubject, inquiryv1.HistoryRequest{Receipt: i.Receipt})
	if len(h.Messages) != 1 || h.Messages[0].Text != saidEscalated().da {
		t.Errorf("%+v", h.Messages)
	}
	w.tend(i, inquiry.Remind)
	w.saw(i.ID, "reminded")
	w.tend(i, inquiry.Remind)
	got := ask[inquiryv1.Inquiry](w, inquiryv1.ClaimSubject, inquiryv1.Ref{ID: i.ID, Actor: pia})
	if got.ServiceArea != "b" { // her area has it now, with the note
		t.Errorf("%+v", got)
	}
	// Pia does not react: she is reminded, then the inquiry goes back to everybody.
	w.tend(i, inquiry.Remind)
	w.tend(i, inquiry.Return)
	if s := w.status(i); s.State != inquiryv1.Waiting || s.Position != 1 {
		t.Errorf("%+v", s)
	}
	w.tend(i, inquiry.Remind)
}

func TestClosedHours(t *testing.T) {
	w := newWorld(t)
	w.clock.add(24*time.Hour + 5*time.Hour - 10*time.Minute) // Tuesday 14.50: ten minutes until the week ends in area b
	i := ask[inquiryv1.Inquiry](w, inquiryv1.OpenSubject, inquiryv1.OpenRequest{
		ID: w.id(), Channel: inquiryv1.Chat, ServiceArea: "b", Summary: "Hvornår kan jeg gå på pension?",
	})
	want := time.Date(2026, 11, 30, 8, 20, 0, 0, time.UTC) // Monday 9.20
	if d := i.ClaimBy.Sub(want); d < 0 || d > time.Second || !i.Open {
		t.Errorf("claim by %v, want %v", i.ClaimBy, want)
	}
	w.clock.add(time.Hour)
	if s := w.status(i); s.Open || !s.OpensAt.Equal(time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC)) || s.WaitMins != 0 || s.Position != 1 {
		t.Errorf("%+v", s)
	}
	w.tend(i, inquiry.Escalate) // to nobody else: b names no other area
	if e := w.saw(i.ID, "escalated"); e.Also != "" {
		t.Errorf("%+v", e)
	}
}

func TestCallBack(t *testing.T) {
	w := newWorld(t)
	i := w.claimed(inquiryv1.CallBack)
	err := refuse(w, errs.Conflict, inquiryv1.EndSubject, inquiryv1.EndRequest{ID: i.ID, Actor: &karin})
	if errs.Text(err) != textCallFirst {
		t.Error(err)
	}
	if i.Phone != "20 20 20 20" || i.Name != "Bente Holm" {
		t.Errorf("%+v", i)
	}
	if in := w.tend(i, inquiry.Remind); in != 4*time.Hour {
		t.Errorf("reminded after %v", in)
	}
	call := w.id()
	got := ask[inquiryv1.Inquiry](w, inquiryv1.CalledSubject, inquiryv1.CalledRequest{ID: i.ID, ConversationID: call, Actor: karin})
	if got.CallID != call || got.State != inquiryv1.Claimed {
		t.Errorf("%+v", got)
	}
	ask[inquiryv1.Inquiry](w, inquiryv1.EndSubject, inquiryv1.EndRequest{ID: i.ID, Actor: &karin})
	w.saw(i.ID, "ended") // all that was to be told is told
	// The call has its own note; what is kept here goes after the area's time, without the journal.
	if w.knownToTheJournal(i.ConversationID) {
		t.Error("a call-back by our own telephone became a second conversation")
	}
	if in := w.tend(i, inquiry.Erase); in != time.Hour {
		t.Errorf("erased after %v", in)
	}
	s := w.status(i)
	if !s.Erased || s.Name != "" || s.Phone != "" || s.Summary != "" || s.State != inquiryv1.Ended {
		t.Errorf("%+v", s)
	}
	w.tend(i, inquiry.Expire)
	w.tend(i, inquiry.Nothing)
}

func TestCallBackByAnotherTelephone(t *testing.T) {
	w := newWorld(t)
	i := w.claimed(inquiryv1.CallBack)
	ask[inquiryv1.Inquiry](w, inquiryv1.CalledSubject, inquiryv1.CalledRequest{ID: i.ID, Actor: karin})
	ask[inquiryv1.Inquiry](w, inquiryv1.EndSubject, inquiryv1.EndRequest{ID: i.ID, Actor: &karin})
	w.eventually("the journal is told", func() bool { return w.knownToTheJournal(i.ConversationID) })
}

func TestVideo(t *testing.T) {
	w := newWorld(t)
	i := w.claimed(inquiryv1.Video)
	for _, bad := range []string{"", "http://video.eksempel.dk", "javascript:alert(1)", "https://"} {
		refuse(w, errs.Invalid, inquiryv1.VideoSubject, inquiryv1.VideoRequest{ID: i.ID, URL: bad, Actor: karin})
	}
	ask[inquiryv1.Inquiry](w, inquiryv1.VideoSubject, inquiryv1.VideoRequest{ID: i.ID, URL: "https://video.eksempel.dk/1", Actor: karin})
	if s := w.status(i); s.VideoURL != "https://video.eksempel.dk/1" {
		t.Errorf("%+v", s)
	}
	chat := w.claimed(inquiryv1.Chat)
	ask[inquiryv1.Inquiry](w, inquiryv1.VideoSubject, inquiryv1.VideoRequest{ID: chat.ID, URL: "https://video.eksempel.dk/2", Actor: karin})
	if s := w.status(chat); s.VideoURL != "https://video.eksempel.dk/2" { // a chat may go on by video
		t.Errorf("%+v", s)
	}
}

func TestWithdrawn(t *testing.T) {
	w := newWorld(t)
	i := w.opened(inquiryv1.Chat)
	w.citizenSays(i, "Hallo?")
	got := ask[inquiryv1.Inquiry](w, inquiryv1.EndSubject, inquiryv1.EndRequest{Receipt: i.Receipt})
	if got.State != inquiryv1.Withdrawn {
		t.Errorf("%+v", got)
	}
	again := ask[inquiryv1.Inquiry](w, inquiryv1.EndSubject, inquiryv1.EndRequest{Receipt: i.Receipt})
	if diff := cmp.Diff(got, again); diff != "" {
		t.Error(diff)
	}
	refuse(w, errs.Conflict, inquiryv1.ClaimSubject, inquiryv1.Ref{ID: i.ID, Actor: karin})
	w.tend(i, inquiry.Erase)
	if s := w.status(i); !s.Erased || s.State != inquiryv1.Withdrawn || s.Summary != "" {
		t.Errorf("%+v", s)
	}
	w.saw(i.ID, "erased") // all that was to be told is told
	if w.knownToTheJournal(i.ConversationID) {
		t.Error("nobody had read it, and the journal knows")
	}
}

func TestLegalHoldStopsTheErasure(t *testing.T) {
	w := newWorld(t)
	i := w.opened(inquiryv1.Chat)
	ask[consentv1.HoldReply](w, consentv1.HoldSubject, consentv1.HoldRequest{ConversationID: i.ConversationID, On: true, Reason: "Klage", Actor: "x"})
	ask[inquiryv1.Inquiry](w, inquiryv1.EndSubject, inquiryv1.EndRequest{Receipt: i.Receipt})
	w.tend(i, inquiry.Erase)
	if s := w.status(i); s.Erased || s.Summary == "" {
		t.Errorf("%+v", s)
	}
	ask[consentv1.HoldReply](w, consentv1.HoldSubject, consentv1.HoldRequest{ConversationID: i.ConversationID, Actor: "x"})
	if in := w.tend(i, inquiry.Erase); in != 24*time.Hour {
		t.Errorf("tried again after %v", in)
	}
	if s := w.status(i); !s.Erased {
		t.Errorf("%+v", s)
	}
}

func TestTheCitizenIsGone(t *testing.T) {
	w := newWorld(t)
	i := w.claimed(inquiryv1.Chat)
	w.says(i, karin, "Hvad kan jeg hjælpe med?")
	w.clock.add(10 * time.Minute)
	w.status(i) // the page is open
	if in := w.tend(i, inquiry.Quiet); in != 30*time.Minute {
		t.Errorf("quiet after %v", in)
	}
	w.saw(i.ID, "message")
	w.clock.add(48 * time.Hour)
	if m := w.citizenSays(i, "Nu er jeg her igen."); m.Seq != 4 {
		t.Errorf("%+v", m)
	}
	w.says(i, karin, "Godt.")
	w.tend(i, inquiry.Quiet)
	w.tend(i, inquiry.Close)
	if s := w.status(i); s.State != inquiryv1.Ended {
		t.Errorf("%+v", s)
	}
	h := ask[inquiryv1.HistoryReply](w, inquiryv1.HistorySubject, inquiryv1.HistoryRequest{Receipt: i.Receipt})
	if m := h.Messages[len(h.Messages)-1]; m.Text != saidClosed().da {
		t.Errorf("%+v", m)
	}
}

// What was acknowledged is there after the service, Temporal and the bus have been away.
func TestNothingIsLost(t *testing.T) {
	w := newWorld(t)
	w.temporal.set(true)
	i := w.opened(inquiryv1.Chat)
	m := w.citizenSays(i, "Er der nogen?")
	w.stop()
	w.temporal.set(false)
	w.start()
	w.eventually("workflow", func() bool { return w.temporal.nudged(i.ID) })
	s := w.status(i)
	if s.State != inquiryv1.Waiting || s.Messages != 1 || s.Receipt != i.Receipt {
		t.Errorf("%+v", s)
	}
	h := ask[inquiryv1.HistoryReply](w, inquiryv1.HistorySubject, inquiryv1.HistoryRequest{Receipt: i.Receipt})
	if diff := cmp.Diff([]inquiryv1.Message{m}, h.Messages); diff != "" {
		t.Error(diff)
	}
	w.saw(i.ID, "message")
	alive := ask[callv1.Call](w, callv1.CheckSubjectOf(callv1.ChannelChat), callv1.CheckRequest{ConversationID: i.ConversationID})
	if alive.State != callv1.StateWaiting || alive.Channel != callv1.ChannelChat {
		t.Errorf("%+v", alive)
	}
	refuse(w, errs.NotFound, callv1.CheckSubjectOf(callv1.ChannelChat), callv1.CheckRequest{ConversationID: "nobody"})
}

// The database and the bus's files alone tell nothing about people, and open nothing.
func TestNothingIsInClear(t *testing.T) {
	w := newWorld(t)
	i := w.claimed(inquiryv1.Chat)
	w.citizenSays(i, "Jeg er bange for at miste lejligheden.")
	w.says(i, karin, "Det finder vi ud af.")
	ask[inquiryv1.Inquiry](w, inquiryv1.ForwardSubject, inquiryv1.ForwardRequest{
		ID: i.ID, Authority: "Udbetaling Danmark", Contact: "70 12 80 63", Reason: "Hemmelig grund", Actor: karin,
	})
	w.saw(i.ID, "forwarded")
	w.stop()
	files, err := filepath.Glob(filepath.Join(w.data, "assistant.db*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"Bente", "20 20 20", "lejligheden", "finder vi", "boligstøtte.", i.Receipt, strings.ReplaceAll(i.Receipt, "-", ""), "Vestergaard"} {
			if bytes.Contains(data, []byte(secret)) {
				t.Errorf("%s holds %q", filepath.Base(f), secret)
			}
		}
	}
}

// Two hundred citizens come at once: each gets a receipt, writes and reads.
func TestManyAtOnce(t *testing.T) {
	w := newWorld(t)
	const people = 200
	ctx, cancel := context.WithTimeout(t.Context(), slowMachine) // a slow machine is slow, but refuses nobody
	defer cancel()
	res := make(chan error, people)
	places := make(chan int, people)
	for range people {
		go func() {
			i, err := bus.Request[inquiryv1.Inquiry](ctx, w.bus, inquiryv1.OpenSubject, inquiryv1.OpenRequest{
				ID: w.id(), Channel: inquiryv1.Chat, ServiceArea: "a", Summary: "Hej", AINote: true,
			})
			if err == nil {
				_, err = bus.Request[inquiryv1.Message](ctx, w.bus, inquiryv1.SaySubject, inquiryv1.SayRequest{ID: w.id(), Receipt: i.Receipt, Text: "Hallo?"})
			}
			var h inquiryv1.HistoryReply
			if err == nil {
				h, err = bus.Request[inquiryv1.HistoryReply](ctx, w.bus, inquiryv1.HistorySubject, inquiryv1.HistoryRequest{Receipt: i.Receipt})
			}
			if err == nil && len(h.Messages) != 1 {
				err = errors.New("the message is missing")
			}
			places <- i.Position
			res <- err
		}()
	}
	for range people {
		if err := <-res; err != nil {
			t.Error(err)
		}
		if p := <-places; p < 1 || p > people {
			t.Errorf("place %d", p)
		}
	}
	if l := ask[inquiryv1.ListReply](w, inquiryv1.ListSubject, inquiryv1.ListRequest{Actor: karin}); len(l.Inquiries) != people || l.Inquiries[people-1].Position != people {
		t.Errorf("%d in the list", len(l.Inquiries))
	}
}

// The longest messages and summaries that there can be reach the pages, over several answers.
func TestLargestContent(t *testing.T) {
	w := newWorld(t)
	long := strings.Repeat("😀", inquiryv1.MaxMessage)
	i := ask[inquiryv1.Inquiry](w, inquiryv1.OpenSubject, inquiryv1.OpenRequest{ID: w.id(), Channel: inquiryv1.Chat, ServiceArea: "a", Summary: long})
	const messages = 70 // more than 1 MB
	for range messages {
		w.citizenSays(i, long)
	}
	got := 0
	for range messages {
		h := ask[inquiryv1.HistoryReply](w, inquiryv1.HistorySubject, inquiryv1.HistoryRequest{Receipt: i.Receipt, After: got})
		for _, m := range h.Messages {
			if got++; m.Seq != got || m.Text != long {
				t.Fatalf("message %d has number %d, %d bytes", got, m.Seq, len(m.Text))
			}
		}
	}
	if got != messages {
		t.Errorf("%d messages", got)
	}
	l := ask[inquiryv1.ListReply](w, inquiryv1.ListSubject, inquiryv1.ListRequest{Actor: karin})
	full := ask[inquiryv1.Inquiry](w, inquiryv1.GetSubject, inquiryv1.Ref{ID: i.ID, Actor: karin})
	if len(l.Inquiries[0].Summary) > 5*listSummary || full.Summary != long {
		t.Errorf("summaries of %d and %d bytes", len(l.Inquiries[0].Summary), len(full.Summary))
	}
	ask[inquiryv1.Inquiry](w, inquiryv1.ClaimSubject, inquiryv1.Ref{ID: i.ID, Actor: karin}) // all of it goes to the journal
	w.saw(i.ID, "claimed")
}

// The workflow is told when something is due earlier than it waits for, and not with every word.
func TestNudges(t *testing.T) {
	w := newWorld(t)
	i := w.opened(inquiryv1.Chat)
	count := func() int {
		w.temporal.mu.Lock()
		defer w.temporal.mu.Unlock()
		return len(w.temporal.told)
	}
	settled := func(what string, want int) {
		t.Helper()
		w.eventually(what, func() bool {
			rows, err := w.store.Pending(t.Context(), store.LaneWork, 1)
			return err == nil && len(rows) == 0 && count() == want
		})
	}
	settled("opened", 1)
	w.citizenSays(i, "Hallo?")
	settled("still escalated first", 1)
	w.clock.add(9 * time.Minute)
	ask[inquiryv1.Inquiry](w, inquiryv1.ClaimSubject, inquiryv1.Ref{ID: i.ID, Actor: karin})
	w.says(i, karin, "Hej.")
	settled("it is the citizen's turn, later", 1)
	w.citizenSays(i, "Hvad nu?")
	settled("an answer is due sooner", 2)
	ask[inquiryv1.Inquiry](w, inquiryv1.EndSubject, inquiryv1.EndRequest{ID: i.ID, Actor: &karin})
	settled("nothing is due for long", 2)
}
