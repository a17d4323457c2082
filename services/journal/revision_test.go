package journal

import (
	"slices"
	"testing"

	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/contract/transcriptv1"
)

// second is a stronger pass over a final: other words, by other ids.
func (w *world) second(c *call, over transcriptv1.Final, to int64, sentences ...string) transcriptv1.Final {
	w.t.Helper()
	other := *c
	other.legs = slices.Clone(c.legs)
	id := other.legs[0].ID
	other.legs[0].ID = id[:28] + "stronger" // word ids come from the leg's
	f := w.final(&other, 0, over.From, false, sentences...)
	f.LegID, f.Revision, f.Engine, f.Last, f.To = id, 1, "stronger", false, to
	f.Ledger = []transcriptv1.Range{{Start: f.From, End: to, State: transcriptv1.Transcribed}}
	return f
}

func TestASecondPassStandsBesideTheFirst(t *testing.T) {
	w := newWorld(t)
	c := newCall()
	w.begin(c)
	f1 := w.final(c, 0, 0, false, "Goddag, jeg ringer om min boligstøtte.")
	f2 := w.final(c, 0, f1.To, true, "Jeg flyttede den 1. november.")
	w.publish(f1)
	w.publish(f2)
	w.end(c, f2.To)
	w.eventually("complete", func() bool { return w.was("transcript call-" + c.id) })
	n := w.drafted(c)

	half := w.second(c, f2, f2.From+rate, "Jeg")
	w.publish(half) // does not reach to the end of what the live pass heard
	w.publish(w.second(c, f1, f1.To, "Goddag, jeg ringer om min boligydelse."))
	var tr journalv1.Transcript
	w.eventually("the stronger words show", func() bool {
		tr = w.heard(c, 11)
		return tr.Words[0].Revision == 1
	})
	if want := "Goddag, jeg ringer om min boligydelse. Jeg flyttede den 1. november."; tr.Text != want {
		t.Errorf("text %q, want %q", tr.Text, want)
	}
	for i, x := range tr.Words {
		if want := map[bool]int{true: 1, false: 0}[i < 6]; x.Revision != want {
			t.Errorf("word %d is of revision %d, want %d", i, x.Revision, want)
		}
	}
	if tr.Coverage.Captured != 11 || tr.Coverage.Transcribed != 11 {
		t.Errorf("samples counted twice: %+v", tr.Coverage)
	}
	finals, err := w.store.Read().Finals(long(t), c.id)
	if err != nil || len(finals) != 4 {
		t.Fatalf("%d finals (%v): the first pass must stay", len(finals), err)
	}
	// The note was written from the first pass: its evidence still holds.
	i := slices.IndexFunc(n.Sentences, func(s journalv1.Sentence) bool { return s.Section == "henvendelse" })
	if i < 0 {
		t.Fatalf("draft: %+v", n.Sentences)
	}
	n.Sentences[i].Text = "Borgeren ringer om boligstøtte."
	got := ask[journalv1.Note](w, journalv1.SaveSubject, journalv1.SaveRequest{NoteID: n.ID, Version: n.Version, Title: n.Title, Sentences: n.Sentences, Actor: caseworker})
	if s := got.Sentences[i]; s.Verdict != journalv1.Supported || len(s.Evidence) == 0 {
		t.Errorf("sentence: %+v", s)
	}
}
