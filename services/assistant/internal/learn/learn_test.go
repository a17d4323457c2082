package learn

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"samtale.dk/samtale/services/assistant/internal/answer"
	"samtale.dk/samtale/services/assistant/internal/schema"
	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/inquiryv1"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/store"
)

type world struct {
	*Ledger
	now  time.Time
	file string
	n    int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{now: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC), file: filepath.Join(t.TempDir(), "a.db")}
	db, err := store.Open(t.Context(), "sqlite:"+w.file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := db.Migrate(t.Context(), schema.Migrations()); err != nil {
		t.Fatal(err)
	}
	w.Ledger, err = New(Config{DB: db, Key: make([]byte, 32), Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return w.now }})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// record notes a question of an asker and gives its id.
func (w *world) record(t *testing.T, asker, reason, chunk string, terms ...string) string {
	t.Helper()
	w.n++
	r := answer.Result{Terms: terms, Nearest: knowledgev1.Chunk{ID: chunk, Title: "Pas", Section: "Pris", Authority: "Kommunen"}}
	r.ID, r.Session, r.Reason, r.At = fmt.Sprintf("a%d", w.n), asker, reason, w.now
	if reason == assistantv1.ReasonAnswered {
		r.LIX = 30
	}
	if err := w.Record(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if err := w.Record(t.Context(), r); err != nil { // at least once is once
		t.Fatal(err)
	}
	return r.ID
}

func (w *world) gaps(t *testing.T) assistantv1.GapsReply {
	t.Helper()
	rep, err := w.Gaps(t.Context(), assistantv1.GapsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

// A word is shown, and kept at all, only when five askers have used it.
func TestRareWords(t *testing.T) {
	w := newWorld(t)
	for i := range Shared - 1 {
		w.record(t, fmt.Sprintf("s%d", i), assistantv1.ReasonUnproven, "k/pas", "pas", "hemmelighed")
		w.record(t, fmt.Sprintf("s%d", i), assistantv1.ReasonUnproven, "k/pas", "pas", "hemmelighed") // the same asker again
	}
	g := w.gaps(t)
	if len(g.Gaps) != 1 || len(g.Gaps[0].Terms) != 0 || g.Gaps[0].Questions != 2*(Shared-1) || g.Gaps[0].Nearest != "Pas: Pris" {
		t.Fatalf("%+v", g)
	}
	if err := w.cfg.DB.Scrub(t.Context()); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(w.file)
	if err != nil || len(data) == 0 || bytes.Contains(data, []byte("hemmelighed")) {
		t.Errorf("a rare word is in the file: %v", err)
	}
	w.record(t, "s9", assistantv1.ReasonUnproven, "k/pas", "pas", "andet", "070761-4285")
	if g := w.gaps(t); !slices.Equal(g.Gaps[0].Terms, []string{"pas"}) {
		t.Errorf("terms %v", g.Gaps[0].Terms)
	}
}

// One person at a desk, or one program, is not five askers.
func TestNameless(t *testing.T) {
	w := newWorld(t)
	for range 2 * Shared {
		w.record(t, "", assistantv1.ReasonUnproven, "k/pas", "hemmelighed")
	}
	w.record(t, "s1", assistantv1.ReasonUnproven, "k/pas", "hemmelighed")
	g := w.gaps(t)
	if len(g.Gaps) != 1 || len(g.Gaps[0].Terms) != 0 || g.Gaps[0].Questions != 2*Shared+1 {
		t.Errorf("%+v", g)
	}
}

// What a citizen has deleted tells nothing of its words any more; that it was asked counts.
func TestForget(t *testing.T) {
	w := newWorld(t)
	for i := range Shared + 1 {
		w.record(t, fmt.Sprintf("s%d", i), assistantv1.ReasonUnproven, "k/pas", "pas")
	}
	for i := range 2 {
		err := w.cfg.DB.InTx(t.Context(), func(tx *store.Tx) error { return w.Forget(t.Context(), tx, fmt.Sprintf("s%d", i)) })
		if err != nil {
			t.Fatal(err)
		}
	}
	if g := w.gaps(t); len(g.Gaps) != 1 || g.Gaps[0].Questions != Shared+1 || len(g.Gaps[0].Terms) != 0 {
		t.Errorf("%+v", g)
	}
}

// Another authority's answer says nothing about the article that was nearest here.
func TestPeers(t *testing.T) {
	w := newWorld(t)
	for i := range 2 {
		r := answer.Result{Nearest: knowledgev1.Chunk{ID: "k/pas", Title: "Pas"}, Terms: []string{"sygedagpenge"}}
		r.ID, r.Session, r.Reason, r.Peer, r.At = fmt.Sprintf("p%d", i), fmt.Sprintf("s%d", i), assistantv1.ReasonAnswered, "Den Anden Kommune", w.now
		if err := w.Record(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Feedback(t.Context(), assistantv1.Feedback{AnswerID: r.ID, Why: "wrong"}); err != nil {
			t.Fatal(err)
		}
	}
	if g := w.gaps(t); len(g.Gaps) != 0 || g.Rare != 2 {
		t.Errorf("%+v", g)
	}
}

func TestGaps(t *testing.T) {
	w := newWorld(t)
	for i := range Shared + 1 {
		w.record(t, fmt.Sprintf("u%d", i), assistantv1.ReasonUnknown, "k/irrelevant", "fiskekort")
	}
	w.record(t, "lonely", assistantv1.ReasonUnknown, "", "noget")
	good := w.record(t, "g", assistantv1.ReasonAnswered, "k/bolig", "bolig")
	for i := range 2 {
		bad := w.record(t, fmt.Sprintf("b%d", i), assistantv1.ReasonAnswered, "k/bolig", "bolig")
		if _, err := w.Feedback(t.Context(), assistantv1.Feedback{AnswerID: bad, Why: "wrong"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Feedback(t.Context(), assistantv1.Feedback{AnswerID: good, Helpful: true}); err != nil {
		t.Fatal(err)
	}
	w.record(t, "c", assistantv1.ReasonCrisis, "", "livet")
	g := w.gaps(t)
	if len(g.Gaps) != 2 || g.Rare != 1 {
		t.Fatalf("%+v", g)
	}
	if top := g.Gaps[0]; top.ChunkID != "" || !slices.Equal(top.Terms, []string{"fiskekort"}) || top.Unknown < Shared {
		t.Errorf("%+v", top)
	}
	if bad := g.Gaps[1]; bad.ChunkID != "k/bolig" || bad.Unhelpful != 2 || bad.Unknown != 0 {
		t.Errorf("%+v", bad)
	}
	if _, err := w.Feedback(t.Context(), assistantv1.Feedback{AnswerID: "none"}); !errors.Is(err, errs.NotFound) {
		t.Errorf("feedback on nothing: %v", err)
	}
	if _, err := w.Feedback(t.Context(), assistantv1.Feedback{AnswerID: good, Why: "my name is Bente"}); !errors.Is(err, errs.Invalid) {
		t.Errorf("free text as reason: %v", err)
	}
}

func TestTrends(t *testing.T) {
	w := newWorld(t)
	w.record(t, "a", assistantv1.ReasonAnswered, "k/a", "pas")
	w.record(t, "b", assistantv1.ReasonUnknown, "")
	c := inquiryv1.Changed{Meta: event.Meta{Time: w.now}, InquiryID: "i1", What: "opened"}
	for range 2 {
		if err := w.handover(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	w.now = w.now.AddDate(0, 0, 1)
	w.record(t, "c", assistantv1.ReasonAnswered, "k/a", "pas")
	rep, err := w.Trends(t.Context(), assistantv1.TrendsRequest{Days: 3})
	if err != nil || len(rep.Days) != 3 {
		t.Fatalf("%+v, %v", rep, err)
	}
	d := rep.Days[1]
	if d.Date != "2026-11-22" || d.Asked != 2 || d.Answered != 1 || d.Reasons[assistantv1.ReasonUnknown] != 1 || d.HandedOn != 1 || d.LIX != 30 {
		t.Errorf("%+v", d)
	}
	if rep.Days[0].Asked != 0 || rep.Days[2].Asked != 1 {
		t.Errorf("%+v", rep.Days)
	}
	if _, err := w.Trends(t.Context(), assistantv1.TrendsRequest{Days: 1000}); !errors.Is(err, errs.Invalid) {
		t.Errorf("a thousand days: %v", err)
	}
	// What is old is forgotten, with its words.
	w.now = w.now.Add(kept + 48*time.Hour)
	if err := w.forget(t.Context()); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := w.cfg.DB.Read().QueryRow(t.Context(), `SELECT (SELECT COUNT(*) FROM answer_log) + (SELECT COUNT(*) FROM answer_term) + (SELECT COUNT(*) FROM answer_handover)`).Scan(&n); err != nil || n != 0 {
		t.Errorf("%d rows left, %v", n, err)
	}
}
