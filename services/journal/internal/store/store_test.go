package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/journal/internal/store"
	"samtale.dk/samtale/services/platform/errs"
	platformstore "samtale.dk/samtale/services/platform/store"
	"samtale.dk/samtale/services/platform/store/storetest"
)

var now = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

func TestStore(t *testing.T) {
	storetest.Run(t, store.Migrations(), func(t *testing.T, db *platformstore.DB) {
		s := store.New(db)
		for name, f := range map[string]func(t *testing.T, s *store.Store){
			"conversation": testConversation, "list": testList, "finals": testFinals, "overlap": testOverlap, "notes": testNotes,
			"delivery": testDelivery, "comments": testComments, "outbox": testOutbox, "rollback": testRollback, "erase": testErase,
			"withdrawal": testWithdrawal,
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

func add(t *testing.T, s *store.Store, c store.Conversation) {
	t.Helper()
	_, err := s.Read().AddConversation(t.Context(), c)
	must(t, err)
}

func testConversation(t *testing.T, s *store.Store) {
	ctx, tx := t.Context(), s.Read()
	_, err := tx.Conversation(ctx, "c1")
	if !errors.Is(err, errs.NotFound) {
		t.Fatalf("before: %v", err)
	}
	c := store.Conversation{ID: "c1", Channel: callv1.ChannelQueue, ServiceArea: "a", StartedAt: now, Party: []byte("sealed")}
	for i := range 2 {
		added, err := tx.AddConversation(ctx, c)
		if err != nil || added != (i == 0) {
			t.Fatalf("added %v %v", added, err)
		}
	}
	must(t, tx.SetCaseworker(ctx, "c1", "cw1", ""))
	must(t, tx.SetCaseworker(ctx, "c1", "", "b"))
	must(t, tx.End(ctx, "c1", "hangup", now.Add(time.Minute), true, true))
	must(t, tx.SetIdentity(ctx, "c1", []byte("who"), "ref"))
	must(t, tx.SetCaseNumber(ctx, "c1", "17"))
	must(t, tx.CloseTranscript(ctx, "c1", now.Add(2*time.Minute)))
	must(t, tx.CloseTranscript(ctx, "c1", now.Add(time.Hour))) // the first time stays
	must(t, tx.SetEraseAt(ctx, "c1", now.Add(24*time.Hour)))
	must(t, tx.Move(ctx, "c1", store.Review))
	must(t, tx.End(ctx, "c1", "lost", now.Add(time.Minute), true, true)) // the state stays
	got, err := tx.Conversation(ctx, "c1")
	must(t, err)
	want := store.Conversation{
		ID: "c1", Channel: callv1.ChannelQueue, ServiceArea: "b", State: store.Review, Caseworker: "cw1", Reason: "lost",
		StartedAt: now, EndedAt: now.Add(time.Minute), ClosedAt: now.Add(2 * time.Minute), Transcribed: true, CallBack: true,
		Party: []byte("sealed"), Identity: []byte("who"), PartyRef: "ref", CaseNumber: "17",
		EraseAt: now.Add(24 * time.Hour),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	if err := tx.Move(ctx, "nowhere", store.Review); !errors.Is(err, errs.NotFound) {
		t.Fatalf("moving nothing: %v", err)
	}
}

func testList(t *testing.T, s *store.Store) {
	ctx, tx := t.Context(), s.Read()
	for _, c := range []store.Conversation{
		{ID: "l1", ServiceArea: "x", StartedAt: now}, {ID: "l2", ServiceArea: "y", StartedAt: now}, {ID: "l3", ServiceArea: "x", StartedAt: now},
	} {
		add(t, s, c)
	}
	must(t, tx.SetIdentity(ctx, "l2", nil, "someone"))
	must(t, tx.Move(ctx, "l3", store.Review))
	must(t, tx.SetCaseNumber(ctx, "l1", "2026-4711"))
	must(t, tx.AddNote(ctx, store.Note{ID: "l2-note", ConversationID: "l2", State: journalv1.NoteDelivered, Version: 1, Sealed: []byte("s")}))
	must(t, tx.PutDelivery(ctx, "l2-note", store.Delivery{Attempts: 1, Receipt: &journalv1.Receipt{System: "s", ID: "J-1", ReceivedAt: now}}))
	for name, tc := range map[string]struct {
		f    store.Filter
		want []string
	}{
		"an area":     {store.Filter{Areas: []string{"x"}}, []string{"l3", "l1"}},
		"two areas":   {store.Filter{Areas: []string{"x", "y"}}, []string{"l3", "l2", "l1"}},
		"a page":      {store.Filter{Areas: []string{"x", "y"}, Before: "l3", Limit: 1}, []string{"l2"}},
		"a citizen":   {store.Filter{PartyRef: "someone"}, []string{"l2"}},
		"a state":     {store.Filter{Areas: []string{"x"}, State: store.Review}, []string{"l3"}},
		"all of them": {store.Filter{Areas: []string{"z"}}, nil},
		"a case":      {store.Filter{Find: "2026-4711"}, []string{"l1"}},
		"a receipt":   {store.Filter{Find: "J-1"}, []string{"l2"}},
		"no such":     {store.Filter{Find: "J-2"}, nil},
	} {
		if tc.f.Limit == 0 {
			tc.f.Limit = 10
		}
		rows, err := tx.Conversations(ctx, tc.f)
		must(t, err)
		var got []string
		for _, c := range rows {
			got = append(got, c.ID)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func final(leg string, revision int, from, to int64, last bool, state transcriptv1.State) transcriptv1.Final {
	return transcriptv1.Final{
		ConversationID: "f-" + leg, LegID: leg, Role: callv1.RoleCitizen, Revision: revision, From: from, To: to, Last: last,
		Ledger: []transcriptv1.Range{{Start: from, End: to, State: state}}, Sealed: []byte("sealed"), Engine: "demo", Demo: true,
	}
}

func testFinals(t *testing.T, s *store.Store) {
	ctx, tx := t.Context(), s.Read()
	for _, f := range []transcriptv1.Final{
		final("leg", 0, 0, 100, false, transcriptv1.Transcribed),
		final("leg", 0, 0, 100, false, transcriptv1.Transcribed), // again
		final("leg", 0, 150, 200, false, transcriptv1.Silence),   // 50 are missing before
		final("leg", 1, 0, 100, false, transcriptv1.Transcribed), // a stronger pass: the same samples
		final("leg", 0, 200, 210, true, transcriptv1.Masked),
	} {
		must(t, s.InTx(ctx, func(tx *store.Tx) error {
			_, err := tx.AddFinal(ctx, f)
			return err
		}))
	}
	// The call tells of the leg only now.
	must(t, tx.EndLeg(ctx, "f-leg", callv1.LegEnd{
		Leg: callv1.Leg{ID: "leg", Role: callv1.RoleCitizen, StartedAt: now, User: "u"}, Samples: 210, Transcribed: true,
	}))
	legs, err := tx.Legs(ctx, "f-leg")
	must(t, err)
	want := []store.Leg{{
		ID: "leg", ConversationID: "f-leg", Role: callv1.RoleCitizen, User: "u", StartedAt: now, Samples: 210, Expected: true,
		HeardTo: 210, Finished: true, Transcribed: 100, Silence: 50, Masked: 10, Lost: 50,
		Engine: "demo", Demo: true,
	}}
	if diff := cmp.Diff(want, legs); diff != "" {
		t.Fatal(diff)
	}
	finals, err := tx.Finals(ctx, "f-leg")
	must(t, err)
	if len(finals) != 4 || finals[0].Revision != 1 || finals[1].From != 0 || string(finals[0].Sealed) != "sealed" {
		t.Fatalf("finals: %+v", finals)
	}
}

func testOverlap(t *testing.T, s *store.Store) {
	ctx := t.Context()
	for _, f := range []transcriptv1.Final{
		final("over", 0, 0, 100, false, transcriptv1.Transcribed),
		final("over", 0, 50, 150, false, transcriptv1.Transcribed), // two workers on one leg
	} {
		_, err := s.Read().AddFinal(ctx, f)
		must(t, err)
	}
	legs, err := s.Read().Legs(ctx, "f-over")
	must(t, err)
	if legs[0].Transcribed != 150 || legs[0].HeardTo != 150 {
		t.Fatalf("samples counted twice: %+v", legs[0])
	}
}

func testNotes(t *testing.T, s *store.Store) {
	ctx, tx := t.Context(), s.Read()
	n := store.Note{
		ID: "n1", ConversationID: "nc1", State: journalv1.NoteDraft, Version: 1, Template: "standard/1", Sealed: []byte("s"),
		RemindAt: now, DeadlineAt: now.Add(time.Hour), UpdatedAt: now, UpdatedBy: "extract",
	}
	must(t, tx.AddNote(ctx, n))
	second := n
	second.ID = "n2"
	if err := tx.AddNote(ctx, second); !errors.Is(err, errs.Conflict) {
		t.Fatalf("a second note of a conversation: %v", err)
	}
	n.Version, n.State, n.ApprovedBy, n.ApprovedAt, n.Hash, n.Signature = 2, journalv1.NoteApproved, "cw1", now, "h", "s"
	must(t, tx.UpdateNote(ctx, n, 1))
	if err := tx.UpdateNote(ctx, n, 1); !errors.Is(err, errs.NotFound) {
		t.Fatalf("an old version was written over: %v", err)
	}
	for _, id := range []string{"n1", "nc1"} {
		got, err := tx.Note(ctx, id)
		must(t, err)
		if diff := cmp.Diff(n, got); diff != "" {
			t.Fatal(diff)
		}
	}
}

func testDelivery(t *testing.T, s *store.Store) {
	ctx, tx := t.Context(), s.Read()
	if _, err := tx.Delivery(ctx, "n1"); !errors.Is(err, errs.NotFound) {
		t.Fatalf("before: %v", err)
	}
	for _, d := range []store.Delivery{
		{Attempts: 1, Problem: "p", LastAt: now, NextAt: now.Add(time.Second)},
		{Attempts: 2, LastAt: now, Receipt: &journalv1.Receipt{System: "s", ID: "r", ReceivedAt: now}},
	} {
		must(t, tx.PutDelivery(ctx, "n1", d))
		got, err := tx.Delivery(ctx, "n1")
		must(t, err)
		if diff := cmp.Diff(d, got); diff != "" {
			t.Fatal(diff)
		}
	}
}

func testComments(t *testing.T, s *store.Store) {
	ctx, tx := t.Context(), s.Read()
	want := []store.Comment{{ID: "a", At: now, Sealed: []byte("1")}, {ID: "b", At: now.Add(time.Second), Sealed: []byte("2")}}
	must(t, tx.AddComment(ctx, "cc", want[1]))
	must(t, tx.AddComment(ctx, "cc", want[0]))
	got, err := tx.Comments(ctx, "cc")
	must(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
}

func testOutbox(t *testing.T, s *store.Store) {
	ctx := t.Context()
	audit := consentv1.Audit{Meta: event.Meta{ID: "e1"}, ConversationID: "c"}
	must(t, s.InTx(ctx, func(tx *store.Tx) error {
		return errors.Join(
			tx.Signal(ctx, "call-c", store.Start), tx.Publish(ctx, audit), tx.Signal(ctx, "call-c", "ended"), tx.Signal(ctx, "call-c", "transcript"),
		)
	}))
	select {
	case <-s.Woken(store.LaneWork):
	default:
		t.Error("the outbox was not woken")
	}
	work, err := s.Pending(ctx, store.LaneWork, 10)
	must(t, err)
	var names []string
	for _, o := range work {
		names = append(names, o.Target+" "+o.Name)
	}
	if diff := cmp.Diff([]string{"call-c start", "call-c ended", "call-c transcript"}, names); diff != "" {
		t.Fatal(diff)
	}
	must(t, s.Remove(ctx, work[0].ID))
	work, err = s.Pending(ctx, store.LaneWork, 10)
	must(t, err)
	events, err := s.Pending(ctx, store.LaneBus, 10)
	must(t, err)
	if len(work) != 2 || len(events) != 1 || events[0].EventID != "e1" || events[0].Target != audit.Subject() {
		t.Fatalf("%+v %+v", work, events)
	}
}

func testRollback(t *testing.T, s *store.Store) {
	ctx := t.Context()
	broken := errors.New("broken")
	err := s.InTx(ctx, func(tx *store.Tx) error {
		if _, err := tx.AddConversation(ctx, store.Conversation{ID: "r1", StartedAt: now}); err != nil {
			return err
		}
		return broken
	})
	if !errors.Is(err, broken) {
		t.Fatal(err)
	}
	if _, err := s.Read().Conversation(ctx, "r1"); !errors.Is(err, errs.NotFound) {
		t.Fatalf("half of it stayed: %v", err)
	}
}

func testErase(t *testing.T, s *store.Store) {
	ctx, tx := t.Context(), s.Read()
	add(t, s, store.Conversation{ID: "f-gone", Channel: callv1.ChannelMessage, ServiceArea: "a", StartedAt: now, Party: []byte("sealed")})
	_, err := tx.AddFinal(ctx, final("gone", 0, 0, 100, true, transcriptv1.Transcribed))
	must(t, err)
	must(t, tx.SetIdentity(ctx, "f-gone", []byte("who"), "ref"))
	must(t, tx.SetCaseNumber(ctx, "f-gone", "17"))
	must(t, tx.AddNote(ctx, store.Note{ID: "gone-note", ConversationID: "f-gone", State: journalv1.NoteDelivered, Version: 3, Sealed: []byte("s")}))
	must(t, tx.AddComment(ctx, "f-gone", store.Comment{ID: "gone-c", At: now, Sealed: []byte("s")}))
	told := 0
	for i := range 2 {
		must(t, s.Erase(ctx, "f-gone", now.Add(time.Duration(i)*time.Hour), func(*store.Tx) error { told++; return nil }))
	}
	if told != 1 {
		t.Errorf("told %d times", told)
	}
	c, err := tx.Conversation(ctx, "f-gone")
	must(t, err)
	want := store.Conversation{
		ID: "f-gone", Channel: callv1.ChannelMessage, ServiceArea: "a", State: store.Erased, StartedAt: now, PartyRef: "ref", ErasedAt: now,
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
	finals, err := tx.Finals(ctx, "f-gone")
	must(t, err)
	comments, err := tx.Comments(ctx, "f-gone")
	must(t, err)
	legs, err := tx.Legs(ctx, "f-gone")
	must(t, err)
	n, err := tx.Note(ctx, "gone-note")
	must(t, err)
	if len(finals) != 0 || len(comments) != 0 || n.Sealed != nil || n.Version != 3 || len(legs) != 1 || legs[0].Transcribed != 100 {
		t.Errorf("left: %+v %+v %+v %+v", finals, comments, n, legs)
	}
}

func testWithdrawal(t *testing.T, s *store.Store) {
	ctx, tx := t.Context(), s.Read()
	_, err := tx.AddFinal(ctx, final("back", 0, 0, 100, false, transcriptv1.Transcribed))
	must(t, err)
	for i, want := range []bool{true, false} {
		added, err := tx.Withdraw(ctx, "f-back", consentv1.Transcription, now.Add(time.Duration(i)*time.Hour))
		must(t, err)
		if added != want {
			t.Errorf("withdrawn the %d. time: %v", i+1, added)
		}
	}
	gone, err := tx.Withdrawals(ctx, "f-back")
	must(t, err)
	if diff := cmp.Diff(map[string]time.Time{consentv1.Transcription: now}, gone); diff != "" {
		t.Error(diff)
	}
	_, err = tx.AddFinal(ctx, final("back", 0, 100, 200, false, transcriptv1.Transcribed)) // too late
	must(t, err)
	must(t, tx.Resume(ctx, "f-back", consentv1.Transcription))
	_, err = tx.AddFinal(ctx, final("back", 0, 200, 250, false, transcriptv1.Transcribed))
	must(t, err)
	_, err = tx.AddFinal(ctx, final("back", 1, 50, 250, false, transcriptv1.Transcribed)) // hears what was withdrawn again
	must(t, err)
	for range 2 { // hidden, then deleted: it looks the same
		finals, err := tx.Finals(ctx, "f-back")
		must(t, err)
		if len(finals) != 4 || finals[0].Sealed != nil || finals[1].Sealed != nil || finals[2].Sealed != nil || finals[3].Sealed == nil {
			t.Fatalf("finals: %+v", finals)
		}
		if finals[0].Revision != 1 || !finals[0].Withdrawn || finals[3].Withdrawn {
			t.Errorf("finals: %+v", finals)
		}
		if finals[1].Ledger[0].State != transcriptv1.Masked || finals[3].Ledger[0].State != transcriptv1.Transcribed {
			t.Errorf("ledgers: %+v", finals)
		}
		must(t, s.DeleteWithdrawn(ctx, "f-back", func(*store.Tx) error { return nil }))
		left, err := tx.HasWithdrawn(ctx, "f-back")
		must(t, err)
		if left {
			t.Error("words wait after their deletion")
		}
	}
	legs, err := tx.Legs(ctx, "f-back")
	must(t, err)
	if legs[0].Masked != 200 || legs[0].Transcribed != 50 {
		t.Errorf("leg: %+v", legs[0])
	}
}
