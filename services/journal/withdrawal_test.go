package journal

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/workflows/erasure"
	"samtale.dk/samtale/workflows/note"
	"samtale.dk/samtale/workflows/phonecall"
)

// choose records a choice, as the consent service does, and tells it.
func (w *world) choose(c *call, kind string, value bool) {
	w.t.Helper()
	x := consentv1.Choice{
		Meta: meta("consent.v1.event.choice", begin), ConversationID: c.id, Kind: kind, Value: value, Basis: "b", Purpose: "p",
		TextVersion: "1", Language: "da", How: consentv1.HowOral, Who: "cw1", At: begin,
	}
	w.keys.change(func(k *keeper) { k.choices = append(k.choices, x) })
	w.publish(x)
}

func (w *world) hold(c *call, on bool) {
	w.t.Helper()
	w.keys.change(func(k *keeper) { k.held = on })
	w.publish(consentv1.Hold{Meta: event.NewMeta("consent.v1.event.hold", "test", begin), ConversationID: c.id, On: on, Since: begin})
}

// withdrawn waits until the workflow of a withdrawal was started.
func (w *world) withdrawn(c *call, kind string) {
	w.t.Helper()
	id := erasure.WithdrawID(c.id, kind)
	w.eventually("the withdrawal begins", func() bool { return w.was("retry or start " + id + " workflows " + kind + " " + c.id) })
}

// pass does what the workflow does in one go; held says that a legal hold stopped it.
func (w *world) pass(c *call, kind string) (held, live bool) {
	w.t.Helper()
	h, err := w.acts.CheckHold(long(w.t), erasure.CheckHoldInput{ConversationID: c.id})
	if err != nil {
		w.t.Fatal(err)
	}
	if h.Held {
		return true, false
	}
	r, err := w.acts.DeleteWithdrawn(long(w.t), erasure.DeleteWithdrawnInput{ConversationID: c.id, Kind: kind})
	if err != nil {
		w.t.Fatal(err)
	}
	return false, r.Live
}

func (w *world) noteOf(c *call) journalv1.Note {
	w.t.Helper()
	return ask[journalv1.Note](w, journalv1.NoteSubject, journalv1.Ref{ID: c.id, Actor: caseworker})
}

// inStream counts the conversation's messages that the bus still holds.
func (w *world) inStream(c *call) uint64 {
	w.t.Helper()
	s, err := w.bus.JS.Stream(long(w.t), transcriptv1.Stream)
	if err != nil {
		w.t.Fatal(err)
	}
	info, err := s.Info(long(w.t))
	if err != nil {
		w.t.Fatal(err)
	}
	return info.State.Msgs
}

func TestWithdrawnTranscriptIsErasedAndTheCaseworkerWrites(t *testing.T) {
	w := newWorld(t)
	c := newCall()
	w.choose(c, consentv1.Transcription, true)
	w.talk(c)
	n := w.drafted(c)
	own := append(n.Sentences, journalv1.Sentence{Section: "vurdering", Text: "Min egen vurdering.", Evidence: n.Sentences[0].Evidence})
	n = ask[journalv1.Note](w, journalv1.SaveSubject, journalv1.SaveRequest{NoteID: n.ID, Version: n.Version, Title: n.Title, Sentences: own, Actor: caseworker})
	sealed := w.sealedForms(c)[2:] // of the words
	w.choose(c, consentv1.Transcription, false)
	w.withdrawn(c, consentv1.Transcription)
	if tr := w.heard(c, 0); len(tr.Words) != 0 || tr.Coverage.Transcribed != 0 || tr.Coverage.Masked == 0 || len(tr.Gaps) == 0 {
		t.Fatalf("out of sight at once: %+v", tr)
	}
	if held, live := w.pass(c, consentv1.Transcription); held || live {
		t.Fatalf("held %v, live %v", held, live)
	}
	w.absent("after the withdrawal", sealed, "journal.db")
	if left := w.inStream(c); left != 0 {
		t.Errorf("%d messages are left in the stream", left)
	}
	got := w.noteOf(c)
	if got.DraftedBy != "form" || !strings.Contains(got.Notice, "trukket sit samtykke tilbage") || len(got.Sections) == 0 || got.Title != "" {
		t.Fatalf("note: %+v", got)
	}
	if len(got.Sentences) != 1 || got.Sentences[0].Text != "Min egen vurdering." || len(got.Sentences[0].Evidence) != 0 {
		t.Fatalf("sentences: %+v", got.Sentences)
	}
	w.pass(c, consentv1.Transcription) // activities may run again
	if again := w.noteOf(c); again.Version != got.Version || got.Version != n.Version+1 {
		t.Errorf("version %d, then %d", got.Version, again.Version)
	}
	if done := w.approved(got); done.State != journalv1.NoteApproved {
		t.Errorf("the person's note cannot be approved: %+v", done)
	}
}

func TestWordsAfterAWithdrawalInALiveCall(t *testing.T) {
	w := newWorld(t)
	c := newCall()
	w.choose(c, consentv1.Transcription, true)
	w.begin(c)
	f1 := w.final(c, 0, 0, false, "Goddag, jeg ringer om min boligstøtte.")
	w.publish(f1)
	w.heard(c, 6)
	w.choose(c, consentv1.Transcription, false)
	w.withdrawn(c, consentv1.Transcription)
	f2 := w.final(c, 0, f1.To, false, "Det her er sagt bagefter.")
	w.publish(f2)
	if _, live := w.pass(c, consentv1.Transcription); !live {
		t.Error("the withdrawal ends before the call")
	}
	if w.inStream(c) == 0 {
		t.Error("the stream was purged under the feet of its publishers")
	}
	// The citizen agrees again: what is said from now on counts, and only that.
	w.eventually("the late words are handled", func() bool {
		finals, err := w.store.Read().Finals(long(t), c.id)
		return err == nil && len(finals) == 2
	})
	w.choose(c, consentv1.Transcription, true)
	w.eventually("agreed again", func() bool {
		gone, err := w.store.Read().Withdrawals(long(t), c.id)
		return err == nil && len(gone) == 0
	})
	f3 := w.final(c, 0, f2.To, true, "Jeg flyttede den 1. november.")
	w.publish(f3)
	w.end(c, f3.To)
	w.eventually("complete", func() bool { return w.was("transcript call-" + c.id) })
	tr := w.heard(c, 5)
	if tr.Text != "Jeg flyttede den 1. november." || tr.Coverage.Lost != 0 || tr.Coverage.Masked != 11 || tr.Coverage.Transcribed != 5 {
		t.Fatalf("%q, coverage %+v", tr.Text, tr.Coverage)
	}
	if n := w.drafted(c); n.DraftedBy == "form" {
		t.Errorf("note: %+v", n)
	}
}

func TestANoFromTheStartIsNoWithdrawal(t *testing.T) {
	w := newWorld(t)
	c := newCall()
	w.choose(c, consentv1.Transcription, false)
	other := newCall()
	w.choose(other, consentv1.AINote, false) // one after the other: the first is handled by then
	w.withdrawn(other, consentv1.AINote)
	for _, told := range w.temporal.list() {
		if strings.Contains(told, c.id) {
			t.Errorf("told %q", told)
		}
	}
}

func TestALegalHoldStopsAWithdrawalUntilItIsLifted(t *testing.T) {
	w := newWorld(t)
	c := newCall()
	w.choose(c, consentv1.Transcription, true)
	w.talk(c)
	n := w.drafted(c)
	sealed := w.sealedForms(c)[2:]
	w.hold(c, true)
	w.choose(c, consentv1.Transcription, false)
	w.withdrawn(c, consentv1.Transcription)
	if held, _ := w.pass(c, consentv1.Transcription); !held {
		t.Fatal("not held")
	}
	for _, s := range sealed {
		if !w.contains(s, "journal.db") {
			t.Fatal("words under a legal hold are gone")
		}
	}
	if tr := w.heard(c, 0); len(tr.Words) != 0 {
		t.Error("the words are still shown")
	}
	if got := w.noteOf(c); got.Version != n.Version {
		t.Errorf("the note changed under the hold: %+v", got)
	}
	w.hold(c, false)
	want := map[string]bool{}
	for _, id := range []string{erasure.ID(c.id), erasure.WithdrawID(c.id, consentv1.Transcription), erasure.WithdrawID(c.id, consentv1.AINote)} {
		want["retry "+id] = true
	}
	w.eventually("every erasure that may wait is told", func() bool {
		got := map[string]bool{}
		for _, told := range w.temporal.list() {
			if strings.HasPrefix(told, "retry ") && !strings.Contains(told, "start") {
				got[told] = true
			}
		}
		return cmp.Equal(want, got)
	})
	w.pass(c, consentv1.Transcription)
	w.absent("after the hold", sealed, "journal.db")
	if got := w.noteOf(c); got.DraftedBy != "form" || len(got.Sentences) != 0 {
		t.Errorf("note: %+v", got)
	}
}

func TestWithdrawnMachineNoteIsAFormBesideTheTranscript(t *testing.T) {
	w := newWorld(t)
	c := newCall()
	w.talk(c)
	n := w.drafted(c)
	own := append(n.Sentences, journalv1.Sentence{Section: "oplyst", Text: "Borgeren flyttede den 1. november.", Evidence: n.Sentences[0].Evidence})
	w.choose(c, consentv1.AINote, false)
	w.withdrawn(c, consentv1.AINote)
	n = ask[journalv1.Note](w, journalv1.SaveSubject, journalv1.SaveRequest{NoteID: n.ID, Version: n.Version, Title: n.Title, Sentences: own, Actor: caseworker})
	w.pass(c, consentv1.AINote)
	w.pass(c, consentv1.AINote)
	got := w.noteOf(c)
	if got.DraftedBy != "form" || !strings.Contains(got.Notice, "ønsker ikke et notat skrevet af maskine") || got.Version != n.Version+1 {
		t.Fatalf("note: %+v", got)
	}
	if len(got.Sentences) != 1 || got.Sentences[0].By != caseworker.ID || len(got.Sentences[0].Evidence) == 0 {
		t.Fatalf("sentences: %+v", got.Sentences)
	}
	if tr := w.heard(c, 20); tr.Coverage.Transcribed == 0 {
		t.Errorf("the transcript: %+v", tr.Coverage)
	}
}

func TestAnApprovedNoteSurvivesAWithdrawalWithoutQuotations(t *testing.T) {
	w := newWorld(t)
	c := newCall()
	w.choose(c, consentv1.Transcription, true)
	w.talk(c)
	n := w.approved(w.drafted(c))
	w.choose(c, consentv1.Transcription, false)
	w.withdrawn(c, consentv1.Transcription)
	w.pass(c, consentv1.Transcription)
	got := w.noteOf(c)
	if got.State != journalv1.NoteApproved || len(got.Sentences) != len(n.Sentences) || got.Hash != n.Hash {
		t.Fatalf("note: %+v", got)
	}
	for _, s := range got.Sentences {
		for _, e := range s.Evidence {
			if e.Quote != "" {
				t.Errorf("quoted: %q", e.Quote)
			}
		}
	}
	if _, err := w.acts.CloseTranscript(long(t), phonecall.CloseTranscriptInput{ConversationID: c.id}); err != nil {
		t.Fatal(err)
	}
	res, err := w.acts.Deliver(long(t), note.DeliverInput{ConversationID: c.id, NoteID: n.ID, NextIn: time.Minute})
	if err != nil || !res.Delivered {
		t.Fatalf("its signature does not hold any more: %+v %v", res, err)
	}
}

func TestAWithdrawalWhileTheNoteIsDelivered(t *testing.T) {
	w := newWorld(t)
	c := newCall()
	w.choose(c, consentv1.Transcription, true)
	w.talk(c)
	n := w.approved(w.drafted(c))
	w.acts.Deliverer = meanwhile{w.acts.Deliverer, func() {
		w.choose(c, consentv1.Transcription, false)
		w.withdrawn(c, consentv1.Transcription)
		w.pass(c, consentv1.Transcription)
	}}
	res, err := w.acts.Deliver(long(t), note.DeliverInput{ConversationID: c.id, NoteID: n.ID, NextIn: time.Minute})
	if err != nil || !res.Delivered {
		t.Fatalf("%+v %v", res, err)
	}
	got := w.noteOf(c)
	if got.State != journalv1.NoteDelivered || got.Receipt == nil || len(got.Sentences) != len(n.Sentences) {
		t.Fatalf("note: %+v", got)
	}
	for _, s := range got.Sentences {
		for _, e := range s.Evidence {
			if e.Quote != "" {
				t.Errorf("what was withdrawn is back: %q", e.Quote)
			}
		}
	}
}
