package journal

import (
	"strings"
	"testing"

	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/platform/errs"
)

// waiting is how many events of a stream the journal has not acknowledged.
func (w *world) waiting(stream, durable string) uint64 {
	w.t.Helper()
	c, err := w.bus.JS.Consumer(long(w.t), stream, durable)
	if err != nil {
		w.t.Fatal(err)
	}
	info, err := c.Info(long(w.t))
	if err != nil {
		w.t.Fatal(err)
	}
	return info.NumPending + uint64(info.NumAckPending)
}

// TestTheDeskSeesThatNothingCanBeWritten: while the database takes nothing, whoever asks
// for a change, or for a look that must be written down, is told in Danish; events wait;
// afterwards everything goes on where it was.
func TestTheDeskSeesThatNothingCanBeWritten(t *testing.T) {
	for name, pragma := range map[string]struct{ fault, heal string }{
		"read-only": {"query_only = ON", "query_only = OFF"},
		"full":      {"max_page_count = 1", "max_page_count = 1000000"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c := newCall()
			w.talk(c)
			n := w.drafted(c)
			set := func(p string) {
				t.Helper()
				if _, err := w.store.Read().Exec(long(t), "PRAGMA "+p); err != nil {
					t.Fatal(err)
				}
			}
			set(pragma.fault)
			save := journalv1.SaveRequest{NoteID: n.ID, Version: n.Version, Title: "Ny titel", Sentences: n.Sentences, Actor: caseworker}
			for range 150 { // more than what is left of the last pages
				save.Sentences = append(save.Sentences, journalv1.Sentence{Section: "vurdering", Text: strings.Repeat("Lang vurdering. ", 100)})
			}
			check := func(err error) {
				t.Helper()
				if errs.Text(err) != errs.Text(errs.Unavailable) {
					t.Errorf("the desk reads %q", errs.Text(err))
				}
			}
			check(refuse(w, errs.Unavailable, journalv1.SaveSubject, save))
			if name == "read-only" { // a look is written down first; the few bytes may still fit on a full disk
				other := caseworker
				other.ID = "cw2"
				check(refuse(w, errs.Unavailable, journalv1.TranscriptSubject, journalv1.Ref{ID: c.id, Actor: other}))
			}
			late := w.final(c, 0, 100*rate, false, strings.Repeat("Jeg flyttede den 1. november. ", 120))
			w.publish(late)
			w.eventually("the event is tried and waits", func() bool { return w.waiting(transcriptv1.Stream, "journal-transcript") == 1 })
			refuse(w, errs.Unavailable, journalv1.SaveSubject, save)
			if got := w.waiting(transcriptv1.Stream, "journal-transcript"); got != 1 {
				t.Fatalf("%d events wait: one was acknowledged that is stored nowhere", got)
			}
			set(pragma.heal)
			w.eventually("the event is taken", func() bool { return w.waiting(transcriptv1.Stream, "journal-transcript") == 0 })
			w.heard(c, 600)
			got := ask[journalv1.Note](w, journalv1.SaveSubject, save)
			if got.Title != "Ny titel" || got.Version != n.Version+1 {
				t.Errorf("saved: version %d, title %q", got.Version, got.Title)
			}
		})
	}
}
