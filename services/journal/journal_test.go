package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/deliveryv1"
	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/workflows/erasure"
	"samtale.dk/samtale/workflows/note"
)

func TestFromCallToErasure(t *testing.T) {
	w := newWorld(t)
	ctx := long(t)
	c := newCall()
	w.talk(c)

	tr := ask[journalv1.Transcript](w, journalv1.TranscriptSubject, journalv1.Ref{ID: c.id, Actor: caseworker})
	if !tr.Complete || !strings.Contains(tr.Text, "••••••-••••") || strings.Contains(tr.Text, "0101901234") {
		t.Fatalf("transcript: %+v", tr)
	}
	if tr.Coverage.Lost != 20 { // the caseworker's leg was first heard after 20 s
		t.Errorf("coverage: %+v", tr.Coverage)
	}
	n := w.drafted(c)
	if len(n.Sentences) == 0 || n.DraftedBy != "extract" {
		t.Fatalf("draft: %+v", n)
	}
	for _, s := range n.Sentences {
		if len(s.Evidence) == 0 || s.Evidence[0].Quote == "" {
			t.Errorf("sentence %q has no evidence", s.Text)
		}
	}
	n = w.approved(n)
	if n.State != journalv1.NoteApproved || n.Hash == "" || n.ApprovedBy != "Karin Vestergaard" {
		t.Fatalf("approved: %+v", n)
	}
	w.eventually("the workflow knows", func() bool { return w.was("approved note-" + c.id) })

	if res, err := w.acts.Deliver(ctx, note.DeliverInput{ConversationID: c.id, NoteID: n.ID}); err != nil || !res.Delivered {
		t.Fatalf("%+v %v", res, err)
	}
	if res, err := w.acts.Deliver(ctx, note.DeliverInput{ConversationID: c.id, NoteID: n.ID}); err != nil || !res.Delivered {
		t.Fatalf("again: %+v %v", res, err)
	}
	w.checkDelivered(n)
	before := time.Now()
	retained, err := w.acts.Retain(ctx, note.RetainInput{ConversationID: c.id, NoteID: n.ID})
	if err != nil || retained.EraseAt.Before(before.Add(time.Hour).Truncate(time.Microsecond)) {
		t.Fatalf("%+v %v", retained, err)
	}
	w.erase(c)
	w.checkErased(c, n)
}

// A kind of meeting may be kept for another time than its service area says.
func TestKeptAsTheMeetingSays(t *testing.T) {
	w := newWorld(t)
	c := newCall()
	w.publish(callv1.Started{
		Meta: meta("call.v1.started", begin), ConversationID: c.id, Channel: callv1.ChannelMeeting, ServiceArea: "borgerservice",
		Template: "barn/1", KeepAfter: 7 * 24 * time.Hour,
	})
	w.eventually("the conversation", func() bool {
		got, err := w.store.Read().Conversation(long(t), c.id)
		return err == nil && got.Template == "barn/1"
	})
	before := time.Now()
	got, err := w.acts.Retain(long(t), note.RetainInput{ConversationID: c.id})
	if err != nil || got.EraseAt.Before(before.Add(7*24*time.Hour).Truncate(time.Microsecond)) || got.EraseAt.After(time.Now().Add(7*24*time.Hour)) {
		t.Errorf("kept until %v, %v", got.EraseAt, err)
	}
}

func (w *world) checkDelivered(n journalv1.Note) {
	w.t.Helper()
	files, err := filepath.Glob(filepath.Join(w.data, "delivered", "*.json"))
	if err != nil || len(files) != 1 {
		w.t.Fatalf("delivered files: %v %v", files, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		w.t.Fatal(err)
	}
	var e deliveryv1.Event
	if err := json.Unmarshal(text, &e); err != nil {
		w.t.Fatal(err)
	}
	var got []string
	for _, s := range e.Data.Sections {
		for _, x := range s.Sentences {
			got = append(got, x.Text)
		}
	}
	var want []string
	for _, s := range n.Sentences {
		want = append(want, s.Text)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Fatal(diff)
	}
	if e.Data.Party.Name != "Bente Holm" || e.Data.Hash != n.Hash || bytes.Contains(text, []byte(`"quote": "Goddag`)) {
		w.t.Fatalf("delivered: %+v", e.Data)
	}
	conv := ask[journalv1.Conversation](w, journalv1.GetSubject, journalv1.Ref{ID: n.ConversationID, Actor: caseworker})
	if conv.State != "delivered" || conv.Receipt == nil || conv.Receipt.System != "mappe" {
		w.t.Fatalf("conversation: %+v", conv)
	}
}

func (w *world) erase(c *call) {
	w.t.Helper()
	ctx := long(w.t)
	key, err := w.acts.DestroyKey(ctx, erasure.DestroyKeyInput{ConversationID: c.id, Reason: "retention"})
	if err != nil || key.Held {
		w.t.Fatalf("%+v %v", key, err)
	}
	for range 2 { // activities may run again
		if _, err := w.acts.PurgeStreams(ctx, erasure.PurgeStreamsInput{ConversationID: c.id}); err != nil {
			w.t.Fatal(err)
		}
		if _, err := w.acts.DeleteContent(ctx, erasure.DeleteContentInput{ConversationID: c.id, ErasedAt: key.ErasedAt}); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) checkErased(c *call, n journalv1.Note) {
	w.t.Helper()
	tr := ask[journalv1.Transcript](w, journalv1.TranscriptSubject, journalv1.Ref{ID: c.id, Actor: caseworker})
	if len(tr.Words) != 0 || tr.Text != "" || tr.ErasedAt.IsZero() || tr.Coverage.Transcribed == 0 {
		w.t.Errorf("transcript after the erasure: %+v", tr)
	}
	gone := ask[journalv1.Note](w, journalv1.NoteSubject, journalv1.Ref{ID: n.ID, Actor: caseworker})
	if len(gone.Sentences) != 0 || gone.Title != "" || gone.Receipt == nil || gone.Hash != n.Hash {
		w.t.Errorf("note after the erasure: %+v", gone)
	}
	conv := ask[journalv1.Conversation](w, journalv1.GetSubject, journalv1.Ref{ID: c.id, Actor: caseworker})
	if conv.State != "erased" || conv.Party != (callv1.Party{}) {
		w.t.Errorf("conversation after the erasure: %+v", conv)
	}
	s, err := w.bus.JS.Stream(long(w.t), transcriptv1.Stream)
	if err != nil {
		w.t.Fatal(err)
	}
	info, err := s.Info(long(w.t))
	if err != nil || info.State.Msgs != 0 {
		w.t.Errorf("stream after the erasure: %+v %v", info, err)
	}
}

// TestNothingSaidIsOnDisk looks through every file that the journal and the bus have
// written: during the life of the content it is sealed, afterwards its sealed form is
// gone from the database as well.
func TestNothingSaidIsOnDisk(t *testing.T) {
	w := newWorld(t)
	c := newCall()
	w.talk(c)
	n := w.drafted(c)
	sealed := w.sealedForms(c)
	if len(sealed) < 4 {
		t.Fatalf("found %d sealed values to look for", len(sealed))
	}
	words := [][]byte{[]byte("boligstøtte"), []byte("lejekontrakten"), []byte("0101901234"), []byte("Bente Holm"), []byte("20202020")}
	w.absent("while it is kept", words, "journal.db", "nats")
	found := 0
	for _, s := range sealed {
		if w.contains(s, "journal.db") {
			found++
		}
	}
	if found != len(sealed) {
		t.Fatalf("only %d of %d sealed values are on disk before: the search is blind", found, len(sealed))
	}
	w.approved(n)
	w.erase(c)
	w.absent("after the erasure", append(words, sealed...), "journal.db")
	w.stop()
	w.absent("after the end", append(words, sealed...), "journal.db")
	w.absent("after the end", words, "nats")
}

// sealedForms are pieces of the sealed values in the database.
func (w *world) sealedForms(c *call) [][]byte {
	w.t.Helper()
	ctx, tx := long(w.t), w.store.Read()
	finals, err := tx.Finals(ctx, c.id)
	if err != nil {
		w.t.Fatal(err)
	}
	conv, err := tx.Conversation(ctx, c.id)
	if err != nil {
		w.t.Fatal(err)
	}
	n, err := tx.Note(ctx, c.id)
	if err != nil {
		w.t.Fatal(err)
	}
	all := [][]byte{conv.Party, n.Sealed}
	for _, f := range finals {
		all = append(all, f.Sealed)
	}
	for i, s := range all {
		all[i] = s[:24] // long values are spread over pages
	}
	return all
}

// contains searches all files whose path below the data folder begins with prefix.
func (w *world) contains(what []byte, prefix string) bool {
	w.t.Helper()
	found := false
	err := filepath.WalkDir(w.data, func(path string, d fs.DirEntry, err error) error {
		rel, relErr := filepath.Rel(w.data, path)
		if err != nil || relErr != nil || d.IsDir() || !strings.HasPrefix(rel, prefix) {
			return errors.Join(present(err), relErr)
		}
		text, err := os.ReadFile(path)
		found = found || bytes.Contains(text, what)
		return present(err)
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return found
}

// present is err, unless a file is gone meanwhile: the bus writes some anew under another name, and then renames them.
func present(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (w *world) absent(when string, what [][]byte, prefixes ...string) {
	w.t.Helper()
	for _, x := range what {
		for _, p := range prefixes {
			if w.contains(x, p) {
				w.t.Errorf("%s: %q is in %s*", when, x, p)
			}
		}
	}
}
