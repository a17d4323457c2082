package inquiry

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/inquiryv1"
	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/journal/journaltest"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/workflows/inquiry"
)

// knownToTheJournal reports whether the conversation's start is in the stream of calls.
func (w *world) knownToTheJournal(conversation string) bool {
	s, err := w.bus.JS.Stream(w.t.Context(), callv1.Stream)
	if err != nil {
		w.t.Fatal(err)
	}
	info, err := s.Info(w.t.Context(), jetstream.WithSubjectFilter("call.v1.started."+conversation))
	if err != nil {
		w.t.Fatal(err)
	}
	return len(info.State.Subjects) > 0
}

func actor(a inquiryv1.Actor) journalv1.Actor {
	return journalv1.Actor{ID: a.ID, Role: a.Role, Name: a.Name, Areas: a.Areas}
}

// From the citizen's summary to a delivered note and the erasure, with the real journal and consent services.
func TestChatBecomesANote(t *testing.T) {
	w := newWorld(t)
	j := journaltest.Start(t, w.nats.Option())
	i := w.opened(inquiryv1.Chat)
	w.citizenSays(i, "Jeg flyttede den 1. november 2026. Mit cpr-nummer er 010190-1234.")
	ask[inquiryv1.Inquiry](w, inquiryv1.ClaimSubject, inquiryv1.Ref{ID: i.ID, Actor: karin})
	w.says(i, karin, "Goddag Bente. Du skal sende lejekontrakten til os.")
	w.citizenSays(i, "Jeg sender den på fredag.")
	w.says(i, karin, "Jeg ringer til dig på tirsdag.")
	w.eventually("the journal follows the chat", func() bool { return j.Started(i.ConversationID) })
	alive, err := j.Alive(t.Context(), i.ConversationID)
	if err != nil || !alive {
		t.Fatalf("alive: %v %v", alive, err)
	}
	ref := journalv1.Ref{ID: i.ConversationID, Actor: actor(karin)}
	var tr journalv1.Transcript
	w.eventually("live words", func() bool {
		tr = ask[journalv1.Transcript](w, journalv1.TranscriptSubject, ref)
		return strings.HasSuffix(tr.Text, "tirsdag.")
	})
	want := strings.Join([]string{
		"Jeg vil gerne vide, om jeg kan få boligstøtte. Jeg flyttede den 1. november 2026. Mit cpr-nummer er ••••••-••••.",
		"Goddag Bente. Du skal sende lejekontrakten til os.", "Jeg sender den på fredag.", "Jeg ringer til dig på tirsdag.",
	}, "\n")
	if tr.Text != want || tr.Engine != "typed" || tr.Demo || tr.Coverage.Lost != 0 {
		t.Fatalf("%+v\n%s", tr.Coverage, tr.Text)
	}

	ask[inquiryv1.Inquiry](w, inquiryv1.EndSubject, inquiryv1.EndRequest{ID: i.ID, Actor: &karin})
	w.eventually("the transcript is complete", func() bool { return j.Complete(i.ConversationID) })
	if alive, err := j.Alive(t.Context(), i.ConversationID); err != nil || alive {
		t.Fatalf("alive after its end: %v %v", alive, err)
	}
	if err := j.Draft(t.Context(), i.ConversationID); err != nil {
		t.Fatal(err)
	}
	tr = ask[journalv1.Transcript](w, journalv1.TranscriptSubject, ref)
	if !tr.Complete || tr.Coverage.Lost != 0 || len(tr.Gaps) != 0 || len(tr.Legs) != 2 {
		t.Errorf("complete %v, %+v, %v", tr.Complete, tr.Coverage, tr.Gaps)
	}
	n := ask[journalv1.Note](w, journalv1.NoteSubject, ref)
	proven(t, tr, n)
	w.revealed(tr)

	for _, s := range n.Sentences {
		if s.Verdict != journalv1.Supported {
			n = ask[journalv1.Note](w, journalv1.ConfirmSubject, journalv1.ConfirmRequest{
				NoteID: n.ID, Version: n.Version, SentenceID: s.ID, Reason: "Det har jeg læst", Actor: actor(karin),
			})
		}
	}
	n = ask[journalv1.Note](w, journalv1.ApproveSubject, journalv1.ApproveRequest{NoteID: n.ID, Version: n.Version, Actor: actor(karin)})
	if ok, err := j.Deliver(t.Context(), i.ConversationID, n.ID); err != nil || !ok {
		t.Fatalf("delivered: %v %v", ok, err)
	}
	if err := j.Erase(t.Context(), i.ConversationID); err != nil {
		t.Fatal(err)
	}
	w.eventually("erased here too", func() bool { return w.status(i).Erased })
	h := ask[inquiryv1.HistoryReply](w, inquiryv1.HistorySubject, inquiryv1.HistoryRequest{Receipt: i.Receipt})
	for _, m := range h.Messages {
		if m.Text != "" || m.Name != "" {
			t.Errorf("still there: %+v", m)
		}
	}
	if s := h.Inquiry; s.State != inquiryv1.Ended || s.Summary != "" || s.Name != "" || s.Messages != 6 {
		t.Errorf("%+v", s)
	}
}

// What a citizen writes while they are on the telephone gets a note of its own.
func TestCallBackWithWords(t *testing.T) {
	w := newWorld(t)
	i := w.claimed(inquiryv1.CallBack)
	ask[inquiryv1.Inquiry](w, inquiryv1.CalledSubject, inquiryv1.CalledRequest{ID: i.ID, ConversationID: w.id(), Actor: karin})
	j := journaltest.Start(t, w.nats.Option())
	w.citizenSays(i, "Min husleje er 7.450 kroner om måneden.")
	if w.knownToTheJournal(i.ConversationID) {
		t.Error("a conversation before its end: there may be nothing more to write")
	}
	ask[inquiryv1.Inquiry](w, inquiryv1.EndSubject, inquiryv1.EndRequest{ID: i.ID, Actor: &karin})
	w.eventually("the transcript is complete", func() bool { return j.Complete(i.ConversationID) })
	tr := ask[journalv1.Transcript](w, journalv1.TranscriptSubject, journalv1.Ref{ID: i.ConversationID, Actor: actor(karin)})
	want := "Jeg vil gerne vide, om jeg kan få boligstøtte. Min husleje er 7.450 kroner om måneden."
	if tr.Text != want || !tr.Complete || tr.Coverage.Lost != 0 {
		t.Errorf("%+v\n%s", tr.Coverage, tr.Text)
	}
	w.tend(i, inquiry.Expire) // the journal deletes what it has; nothing is left to do here but the number
}

// proven checks that every sentence of the note stands on words of the chat, and that the citizen's summary is in it.
func proven(t *testing.T, tr journalv1.Transcript, n journalv1.Note) {
	t.Helper()
	words := map[string]string{}
	for _, x := range tr.Words {
		words[x.ID] = x.Text
	}
	if len(n.Sentences) < 3 || n.DraftedBy != "extract" {
		t.Fatalf("%+v", n)
	}
	var all strings.Builder
	for _, s := range n.Sentences {
		all.WriteString(s.Section + ": " + s.Text + "\n")
		if len(s.Evidence) == 0 || s.Verdict != journalv1.Supported {
			t.Errorf("%q: %s, %d places", s.Text, s.Verdict, len(s.Evidence))
		}
		for _, e := range s.Evidence {
			var quoted []string
			for _, id := range e.WordIDs {
				if words[id] == "" {
					t.Errorf("%q cites word %q, which nobody wrote", s.Text, id)
				}
				quoted = append(quoted, words[id])
			}
			if strings.Join(quoted, " ") != e.Quote {
				t.Errorf("quote %q, words %q", e.Quote, quoted)
			}
		}
	}
	t.Log("\n" + all.String())
	for _, want := range []string{"boligstøtte", "1. november 2026", "lejekontrakten", "tirsdag"} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("the note has nothing about %q", want)
		}
	}
	if strings.Contains(all.String(), "010190") {
		t.Error("the note shows the CPR number")
	}
}

// revealed checks that the clear value of a masked word can be had, with a reason.
func (w *world) revealed(tr journalv1.Transcript) {
	w.t.Helper()
	for _, x := range tr.Words {
		if x.Masked == "" {
			continue
		}
		v := ask[journalv1.RevealReply](w, journalv1.RevealSubject, journalv1.RevealRequest{
			ConversationID: tr.ConversationID, WordID: x.ID, Reason: "Opslag", Actor: actor(karin),
		})
		if v.Value != "010190-1234" {
			w.t.Errorf("revealed %q", v.Value)
		}
		return
	}
	w.t.Error("no word is masked")
}

// A no to the machine's note is known before the note is drafted.
func TestNoMachineNote(t *testing.T) {
	w := newWorld(t)
	j := journaltest.Start(t, w.nats.Option())
	i := ask[inquiryv1.Inquiry](w, inquiryv1.OpenSubject, inquiryv1.OpenRequest{
		ID: w.id(), Channel: inquiryv1.Chat, ServiceArea: "a", Summary: "Jeg vil gerne vide, om jeg kan få boligstøtte.",
	})
	ask[inquiryv1.Inquiry](w, inquiryv1.ClaimSubject, inquiryv1.Ref{ID: i.ID, Actor: karin})
	ask[inquiryv1.Inquiry](w, inquiryv1.EndSubject, inquiryv1.EndRequest{ID: i.ID, Actor: &karin})
	w.eventually("complete", func() bool { return j.Complete(i.ConversationID) })
	if err := j.Draft(t.Context(), i.ConversationID); err != nil {
		t.Fatal(err)
	}
	n := ask[journalv1.Note](w, journalv1.NoteSubject, journalv1.Ref{ID: i.ConversationID, Actor: actor(karin)})
	if len(n.Sentences) != 0 || !strings.Contains(n.Notice, "ikke et notat skrevet af maskine") {
		t.Errorf("%+v", n)
	}
}

// Every leg's ledger is contiguous, and nobody's words stand before what was written earlier, also when many write fast and a
// colleague takes over.
func TestLedger(t *testing.T) {
	w := newWorld(t)
	i := w.claimed(inquiryv1.Chat)
	for range 5 {
		w.citizenSays(i, strings.Repeat("Det er en lang besked. ", 40))
		w.says(i, karin, "Ja.")
	}
	ask[inquiryv1.Inquiry](w, inquiryv1.ForwardSubject, inquiryv1.ForwardRequest{ID: i.ID, Caseworker: "ole", Reason: "Ferie", Actor: karin})
	w.says(i, ole, "Nu er det mig.")
	ask[inquiryv1.Inquiry](w, inquiryv1.EndSubject, inquiryv1.EndRequest{Receipt: i.Receipt})
	w.saw(i.ID, "ended")
	s, err := w.bus.JS.Stream(t.Context(), transcriptv1.Stream)
	if err != nil {
		t.Fatal(err)
	}
	heard, last := map[string]transcriptv1.Final{}, map[string]bool{}
	for seq := uint64(1); seq <= 15; seq++ {
		f := w.final(s, seq)
		before := heard[f.LegID]
		at := f.From
		if before.To != f.From || before.NextWord > f.NextWord || last[f.LegID] {
			t.Errorf("final %d of leg %s begins at %d, the one before ended at %d", seq, f.LegID, f.From, before.To)
		}
		for _, r := range f.Ledger {
			if r.Start != at || r.End <= r.Start {
				t.Errorf("final %d: range %+v begins elsewhere than at %d", seq, r, at)
			}
			at = r.End
		}
		if at != f.To || f.Engine != "typed" {
			t.Errorf("final %d ends at %d, its ledger at %d", seq, f.To, at)
		}
		heard[f.LegID], last[f.LegID] = f, f.Last
	}
	if len(heard) != 3 {
		t.Errorf("%d legs", len(heard))
	}
	for leg, done := range last {
		if !done {
			t.Errorf("leg %s does not end", leg)
		}
	}
}

// What a citizen does not want to be kept is deleted when the chat ends: until then the two need it to talk.
func TestWithdrawnTranscription(t *testing.T) {
	w := newWorld(t)
	j := journaltest.Start(t, w.nats.Option())
	i := w.claimed(inquiryv1.Chat)
	w.citizenSays(i, "Det skal ikke gemmes.")
	w.eventually("known", func() bool { return j.Started(i.ConversationID) })
	no := consentv1.Choice{
		ConversationID: i.ConversationID, Kind: consentv1.Transcription, Basis: "b", Purpose: "p", TextVersion: "t", How: consentv1.HowButton, Who: "citizen",
		At: w.clock.Now(),
	}
	ask[consentv1.Choice](w, consentv1.ChoiceSubject, no)
	w.eventually("noticed", func() bool {
		row, err := w.store.Read().Inquiry(t.Context(), i.ID)
		return err == nil && row.Withdrawn
	})
	w.says(i, karin, "Det sørger jeg for.") // the chat goes on
	ask[inquiryv1.Inquiry](w, inquiryv1.EndSubject, inquiryv1.EndRequest{ID: i.ID, Actor: &karin})
	h := ask[inquiryv1.HistoryReply](w, inquiryv1.HistorySubject, inquiryv1.HistoryRequest{Receipt: i.Receipt})
	for _, m := range h.Messages {
		if m.Text != "" {
			t.Errorf("still there: %+v", m)
		}
	}
	refuse(w, errs.Conflict, inquiryv1.SaySubject, inquiryv1.SayRequest{ID: w.id(), Receipt: i.Receipt, Text: "x"})
	w.eventually("the transcript is gone", func() bool {
		tr, err := bus.Request[journalv1.Transcript](t.Context(), w.bus, journalv1.TranscriptSubject, journalv1.Ref{ID: i.ConversationID, Actor: actor(karin)})
		return err == nil && tr.Text == ""
	})
}

// final waits for a message of the stream.
func (w *world) final(s jetstream.Stream, seq uint64) (f transcriptv1.Final) {
	w.t.Helper()
	w.eventually(fmt.Sprintf("final %d", seq), func() bool {
		m, err := s.GetMsg(w.t.Context(), seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return false
		}
		if err == nil {
			err = json.Unmarshal(m.Data, &f)
		}
		if err != nil {
			w.t.Fatal(err)
		}
		return true
	})
	return f
}

// A citizen who was logged in finds the chat among their conversations.
func TestLoggedIn(t *testing.T) {
	w := newWorld(t)
	i := ask[inquiryv1.Inquiry](w, inquiryv1.OpenSubject, inquiryv1.OpenRequest{
		ID: w.id(), Channel: inquiryv1.Chat, ServiceArea: "a", Summary: "Hej", Name: "Bente Holm", PartyID: "pseudonym-7", OnBehalfOf: "min mor",
	})
	ask[inquiryv1.Inquiry](w, inquiryv1.ClaimSubject, inquiryv1.Ref{ID: i.ID, Actor: karin})
	journaltest.Start(t, w.nats.Option()) // later than the claim
	bente := journalv1.Actor{ID: "b", Role: "citizen", PartyRef: "pseudonym-7"}
	w.eventually("the journal knows whose it is", func() bool {
		l, err := bus.Request[journalv1.ListReply](t.Context(), w.bus, journalv1.ListSubject, journalv1.ListRequest{Actor: bente})
		return err == nil && len(l.Conversations) == 1 && l.Conversations[0].ID == i.ConversationID && l.Conversations[0].OnBehalfOf == "min mor" &&
			l.Conversations[0].Channel == callv1.ChannelChat
	})
}
