package store_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/services/assistant/internal/inquiry/store"
	"samtale.dk/samtale/services/assistant/internal/schema"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/inquiryv1"
	"samtale.dk/samtale/services/platform/errs"
	platformstore "samtale.dk/samtale/services/platform/store"
	"samtale.dk/samtale/services/platform/store/storetest"
)

var now = time.Date(2026, 11, 23, 9, 0, 0, 123000, time.UTC)

func TestStore(t *testing.T) {
	storetest.Run(t, schema.Migrations(), func(t *testing.T, db *platformstore.DB) {
		s := store.New(db)
		for name, f := range map[string]func(t *testing.T, s *store.Store){
			"inquiry": testInquiry, "queue": testQueue, "pace": testPace, "messages": testMessages, "legs": testLegs, "steps": testSteps,
			"outbox": testOutbox, "rollback": testRollback, "at once": testAtOnce,
		} {
			t.Run(name, func(t *testing.T) { f(t, s) })
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func add(t *testing.T, s *store.Store, i store.Inquiry) {
	t.Helper()
	i.ConversationID = "conversation of " + i.ID
	added, err := s.Read().Add(t.Context(), i)
	if err != nil || !added {
		t.Fatal(added, err)
	}
}

func testInquiry(t *testing.T, s *store.Store) {
	ctx, tx := t.Context(), s.Read()
	if _, err := tx.Inquiry(ctx, "i"); !errors.Is(err, errs.NotFound) {
		t.Fatalf("before: %v", err)
	}
	// Every column has a value of its own, so that none can take another's place.
	at := func(n int) time.Time { return now.Add(time.Duration(n) * time.Minute) }
	i := store.Inquiry{
		ID: "i", ConversationID: "c", ReceiptHash: "h", Channel: inquiryv1.Chat, ServiceArea: "a", Also: "b", State: inquiryv1.Waiting,
		Language: "da", Caseworker: "w", CallID: "call", Transcribe: true, Withdrawn: true, Content: []byte("content"), WorkerName: []byte("name"),
		Video: []byte("video"), CreatedAt: at(1), ClaimBy: at(2), EscalatedAt: at(3), ClaimedAt: at(4), CalledAt: at(5), ToldAt: at(6),
		EndedAt: at(7), RemindedAt: at(8), QuietAt: at(9), EraseAt: at(10), ErasedAt: at(11), ExpiredAt: at(12), CitizenAt: at(13),
		CitizenWroteAt: at(14), WorkerWroteAt: at(15), Messages: 16, CitizenSeen: 17, WorkerSeen: 18, SaidTo: 19,
	}
	for n := range 2 {
		added, err := tx.Add(ctx, i)
		if err != nil || added != (n == 0) {
			t.Fatalf("added %v %v", added, err)
		}
	}
	second := i
	second.ID = "i2"
	if _, err := tx.Add(ctx, second); !errors.Is(err, errs.Conflict) {
		t.Fatalf("a second inquiry of a conversation: %v", err)
	}
	read := map[string]func() (store.Inquiry, error){
		"by id":           func() (store.Inquiry, error) { return tx.Inquiry(ctx, "i") },
		"by receipt":      func() (store.Inquiry, error) { return tx.ByReceipt(ctx, "h") },
		"by conversation": func() (store.Inquiry, error) { return tx.ByConversation(ctx, "c") },
	}
	for name, f := range read {
		got, err := f()
		if diff := cmp.Diff(i, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
	saved := store.Inquiry{ID: "i", ConversationID: "c", State: inquiryv1.Ended, CreatedAt: now, ExpiredAt: now}
	must(t, tx.Save(ctx, saved))
	got, err := tx.Inquiry(ctx, "i")
	must(t, err)
	if diff := cmp.Diff(saved, got); diff != "" || !got.Over() {
		t.Error(diff)
	}
	if err := tx.Save(ctx, store.Inquiry{ID: "nowhere"}); !errors.Is(err, errs.NotFound) {
		t.Errorf("saved nothing: %v", err)
	}
	if _, err := tx.ByReceipt(ctx, "h"); !errors.Is(err, errs.NotFound) {
		t.Errorf("an expired receipt: %v", err)
	}
}

func testQueue(t *testing.T, s *store.Store) {
	ctx, tx := t.Context(), s.Read()
	for n, i := range []store.Inquiry{
		{ID: "q1", State: inquiryv1.Waiting, ServiceArea: "q"},
		{ID: "q2", State: inquiryv1.Waiting, ServiceArea: "q"},
		{ID: "q3", State: inquiryv1.Claimed, ServiceArea: "q", Caseworker: "w"},
		{ID: "q4", State: inquiryv1.Waiting, ServiceArea: "q", EscalatedAt: now},
		{ID: "q5", State: inquiryv1.Waiting, ServiceArea: "r"},
		{ID: "q6", State: inquiryv1.Ended, ServiceArea: "q", ExpiredAt: now},
	} {
		i.CreatedAt = now.Add(time.Duration(n) * time.Minute)
		add(t, s, i)
	}
	got, err := tx.Queue(ctx, "q")
	must(t, err)
	if diff := cmp.Diff([]string{"q4", "q1", "q2"}, got); diff != "" {
		t.Error(diff)
	}
	open, err := tx.Open(ctx)
	must(t, err)
	var ids []string
	for _, i := range open {
		if i.ID[0] == 'q' {
			ids = append(ids, i.ID)
		}
	}
	if diff := cmp.Diff([]string{"q4", "q1", "q2", "q3", "q5"}, ids); diff != "" {
		t.Error(diff)
	}
	unfinished, err := tx.Unfinished(ctx)
	must(t, err)
	seen := map[string]bool{}
	for _, id := range unfinished {
		seen[id] = true
	}
	if !seen["q1"] || !seen["q3"] || seen["q6"] {
		t.Errorf("unfinished: %v", unfinished)
	}
	waiting, err := tx.Waiting(ctx)
	must(t, err)
	byArea := map[string]store.Waiting{}
	for _, w := range waiting {
		byArea[w.Area] = w
	}
	if diff := cmp.Diff(store.Waiting{Area: "q", Count: 3, Oldest: now}, byArea["q"]); diff != "" {
		t.Error(diff)
	}
}

func testPace(t *testing.T, s *store.Store) {
	for n := range 3 {
		add(t, s, store.Inquiry{
			ID: fmt.Sprintf("p%d", n), State: inquiryv1.Ended, ServiceArea: "p", CreatedAt: now, ClaimedAt: now,
			EndedAt: now.Add(time.Duration(n+1) * time.Minute),
		})
	}
	add(t, s, store.Inquiry{ID: "p4", State: inquiryv1.Ended, ServiceArea: "p", CreatedAt: now, EndedAt: now.Add(time.Hour)}) // never claimed
	for n, w := range []string{"x", "x", "y"} {
		add(t, s, store.Inquiry{ID: fmt.Sprintf("p1%d", n), State: inquiryv1.Claimed, Caseworker: w, ServiceArea: "p", CreatedAt: now})
	}
	got, err := s.Read().Pace(t.Context(), "p", 2)
	must(t, err)
	if diff := cmp.Diff(store.Pace{Handled: []time.Duration{3 * time.Minute, 2 * time.Minute}, Active: 2}, got); diff != "" {
		t.Error(diff)
	}
}

func testMessages(t *testing.T, s *store.Store) {
	ctx, tx := t.Context(), s.Read()
	var want []store.Message
	for n, sender := range []string{inquiryv1.FromCitizen, inquiryv1.FromSystem, inquiryv1.FromCaseworker} {
		m := store.Message{Seq: n + 1, ID: fmt.Sprint("m", n), At: now, Sender: sender, Sealed: []byte{byte(n)}}
		must(t, tx.AddMessage(ctx, "m", m))
		want = append(want, m)
	}
	if err := tx.AddMessage(ctx, "m", store.Message{Seq: 3, ID: "other"}); !errors.Is(err, errs.Conflict) {
		t.Errorf("a number twice: %v", err)
	}
	if err := tx.AddMessage(ctx, "m", store.Message{Seq: 4, ID: "m0"}); !errors.Is(err, errs.Conflict) {
		t.Errorf("an id twice: %v", err)
	}
	got, err := tx.Messages(ctx, "m", 1, 10)
	must(t, err)
	if diff := cmp.Diff(want[1:], got); diff != "" {
		t.Error(diff)
	}
	one, err := tx.Message(ctx, "m", "m2")
	must(t, err)
	if diff := cmp.Diff(want[2], one); diff != "" {
		t.Error(diff)
	}
	if _, err := tx.Message(ctx, "m", "m9"); !errors.Is(err, errs.NotFound) {
		t.Errorf("no such message: %v", err)
	}
	n, err := tx.Unread(ctx, "m", inquiryv1.FromCitizen, 1)
	if err != nil || n != 2 {
		t.Errorf("unread %d %v", n, err)
	}
	must(t, tx.DeleteWords(ctx, "m"))
	got, err = tx.Messages(ctx, "m", 0, 2)
	if err != nil || len(got) != 2 || got[0].Sealed != nil || got[0].ID != "m0" {
		t.Errorf("%+v %v", got, err)
	}
}

func testLegs(t *testing.T, s *store.Store) {
	ctx, tx := t.Context(), s.Read()
	want := []store.Leg{{ID: "l1", Role: "citizen", HeardTo: 7, NextWord: 2}, {ID: "l2", Role: "caseworker", User: "w", Offset: 5}}
	first := want[0]
	first.HeardTo, first.NextWord = 0, 0
	for _, l := range []store.Leg{want[1], first, want[0]} {
		must(t, tx.PutLeg(ctx, "l", l))
	}
	got, err := tx.Legs(ctx, "l")
	must(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func testSteps(t *testing.T, s *store.Store) {
	ctx, tx := t.Context(), s.Read()
	want := []store.Step{{At: now, What: "opened", Area: "a"}, {At: now, What: "forwarded", Area: "b", Note: []byte("sealed")}}
	for _, st := range want {
		must(t, tx.AddStep(ctx, "s", st))
	}
	got, err := tx.Steps(ctx, "s")
	must(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	must(t, tx.DeleteNotes(ctx, "s"))
	got, err = tx.Steps(ctx, "s")
	if err != nil || len(got) != 2 || got[1].Note != nil {
		t.Errorf("%+v %v", got, err)
	}
}

func testOutbox(t *testing.T, s *store.Store) {
	ctx := t.Context()
	must(t, s.InTx(ctx, func(tx *store.Tx) error {
		return errors.Join(tx.Nudge(ctx, "i1"), tx.Publish(ctx, consentv1.Audit{Meta: event.Meta{ID: "e"}, ConversationID: "c"}), tx.Nudge(ctx, "i2"))
	}))
	for _, lane := range []string{store.LaneBus, store.LaneWork} {
		select {
		case <-s.Woken(lane):
		default:
			t.Errorf("%s was not woken", lane)
		}
	}
	rows, err := s.Pending(ctx, store.LaneWork, 10)
	must(t, err)
	if len(rows) != 2 || rows[0].Target != "i1" || rows[1].Target != "i2" {
		t.Fatalf("%+v", rows)
	}
	must(t, s.Remove(ctx, rows[0].ID))
	rows, err = s.Pending(ctx, store.LaneWork, 10)
	if err != nil || len(rows) != 1 || rows[0].Target != "i2" {
		t.Errorf("%+v %v", rows, err)
	}
	must(t, s.Remove(ctx, rows[0].ID, "unknown"))
	rows, err = s.Pending(ctx, store.LaneBus, 10)
	if err != nil || len(rows) != 1 || rows[0].Target != "audit.v1.entry.c" || rows[0].EventID != "e" {
		t.Errorf("%+v %v", rows, err)
	}
}

func testRollback(t *testing.T, s *store.Store) {
	ctx := t.Context()
	add(t, s, store.Inquiry{ID: "r", State: inquiryv1.Waiting})
	err := s.InTx(ctx, func(tx *store.Tx) error {
		i, err := tx.Inquiry(ctx, "r")
		i.State = inquiryv1.Claimed
		return errors.Join(err, tx.Save(ctx, i), tx.Nudge(ctx, "rolled back"), errs.Conflict)
	})
	if !errors.Is(err, errs.Conflict) {
		t.Fatal(err)
	}
	i, err := s.Read().Inquiry(ctx, "r")
	must(t, err)
	rows, err := s.Pending(ctx, store.LaneWork, 100)
	must(t, err)
	for _, o := range rows {
		if o.Target == "rolled back" {
			t.Error("told of what never happened")
		}
	}
	if i.State != inquiryv1.Waiting {
		t.Errorf("%+v", i)
	}
}

// Two caseworkers who claim at once: one of them has it.
func testAtOnce(t *testing.T, s *store.Store) {
	ctx := t.Context()
	add(t, s, store.Inquiry{ID: "o", State: inquiryv1.Waiting})
	const people = 4
	res := make(chan error, people)
	for n := range people {
		go func() {
			res <- s.InTx(ctx, func(tx *store.Tx) error {
				i, err := tx.Inquiry(ctx, "o")
				if err != nil {
					return err
				}
				if i.State != inquiryv1.Waiting {
					return errs.Conflict
				}
				i.State, i.Caseworker, i.Messages = inquiryv1.Claimed, fmt.Sprint(n), i.Messages+1
				return tx.Save(ctx, i)
			})
		}()
	}
	won := 0
	for range people {
		err := <-res
		switch {
		case err == nil:
			won++
		case !errors.Is(err, errs.Conflict):
			t.Errorf("%v", err)
		}
	}
	i, err := s.Read().Inquiry(ctx, "o")
	if err != nil || won != 1 || i.Messages != 1 {
		t.Errorf("%d won, %d times written, %v", won, i.Messages, err)
	}
}
