package store_test

import (
	"bytes"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/services/consent/internal/store"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/seal"
	platformstore "samtale.dk/samtale/services/platform/store"
	"samtale.dk/samtale/services/platform/store/storetest"
)

var now = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

func TestStore(t *testing.T) {
	storetest.Run(t, store.Migrations(), func(t *testing.T, db *platformstore.DB) {
		s := store.New(db, seal.NewKey())
		t.Run("keys", func(t *testing.T) { testKeys(t, db, s) })
		t.Run("one key under concurrency", func(t *testing.T) { testConcurrentKeys(t, s) })
		t.Run("erase", func(t *testing.T) { testErase(t, s) })
		t.Run("hold", func(t *testing.T) { testHold(t, s) })
		t.Run("choices", func(t *testing.T) { testChoices(t, s) })
		t.Run("audit", func(t *testing.T) { testAudit(t, s) })
	})
}

func testKeys(t *testing.T, db *platformstore.DB, s *store.Store) {
	ctx := t.Context()
	if _, err := s.Key(ctx, "k1", false, now); !errors.Is(err, errs.NotFound) {
		t.Fatalf("a key that was never made: %v", err)
	}
	first, err := s.Key(ctx, "k1", true, now)
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.Key(ctx, "k1", true, now)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, again); diff != "" {
		t.Fatal(diff)
	}
	other, err := s.Key(ctx, "k2", true, now)
	if err != nil || cmp.Equal(first.Key, other.Key) {
		t.Fatalf("two conversations share a key (%v)", err)
	}
	var wrapped []byte
	err = db.Read().QueryRow(ctx, `SELECT wrapped FROM conversation_key WHERE conversation_id = ?`, "k1").Scan(&wrapped)
	if err != nil || bytes.Contains(wrapped, first.Key) {
		t.Fatalf("the key lies bare in the database (%v)", err)
	}
	if _, err := store.New(db, seal.NewKey()).Key(ctx, "k1", false, now); err == nil || errors.Is(err, errs.NotFound) {
		t.Fatalf("the wrong master key gave %v", err)
	}
}

func testConcurrentKeys(t *testing.T, s *store.Store) {
	keys := make([]consentv1.KeyReply, 8)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			k, err := s.Key(t.Context(), "race", true, now)
			if err != nil {
				t.Error(err)
			}
			keys[i] = k
		})
	}
	wg.Wait()
	for _, k := range keys[1:] {
		if diff := cmp.Diff(keys[0], k); diff != "" {
			t.Fatal(diff)
		}
	}
}

func testErase(t *testing.T, s *store.Store) {
	ctx := t.Context()
	if _, err := s.Key(ctx, "e1", true, now); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"e1", "never made"} {
		at, err := s.Erase(ctx, consentv1.EraseRequest{ConversationID: id, Reason: "retention", Actor: "workflow"}, now)
		if err != nil || !at.Equal(now) {
			t.Fatalf("%s: %v %v", id, at, err)
		}
		again, err := s.Erase(ctx, consentv1.EraseRequest{ConversationID: id, Reason: "retention"}, now.Add(time.Hour))
		if err != nil || !again.Equal(now) {
			t.Fatalf("%s erased twice: %v %v", id, again, err)
		}
		if _, err := s.Key(ctx, id, true, now); !errors.Is(err, errs.NotFound) {
			t.Fatalf("%s: a destroyed key came back: %v", id, err)
		}
	}
	log, err := s.Audit(ctx, consentv1.AuditQuery{ConversationID: "e1", Limit: 10})
	if err != nil || len(log) != 1 || log[0].Action != "erase" {
		t.Fatalf("audit of the erasure: %+v %v", log, err)
	}
}

func testHold(t *testing.T, s *store.Store) {
	ctx := t.Context()
	if _, err := s.Key(ctx, "h1", true, now); err != nil {
		t.Fatal(err)
	}
	hold := consentv1.HoldRequest{ConversationID: "h1", On: true, Reason: "aktindsigt", Actor: "op1"}
	for i := range 2 {
		rep, err := s.SetHold(ctx, hold, now.Add(time.Duration(i)*time.Hour))
		if err != nil || !rep.On || !rep.Since.Equal(now) {
			t.Fatalf("%+v %v", rep, err)
		}
	}
	if _, err := s.Erase(ctx, consentv1.EraseRequest{ConversationID: "h1"}, now); !errors.Is(err, errs.Conflict) {
		t.Fatalf("erased under a legal hold: %v", err)
	}
	if _, err := s.Key(ctx, "h1", false, now); err != nil {
		t.Fatalf("the refused erasure took the key: %v", err)
	}
	hold.On = false
	if _, err := s.SetHold(ctx, hold, now); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Erase(ctx, consentv1.EraseRequest{ConversationID: "h1"}, now); err != nil {
		t.Fatal(err)
	}
}

func testChoices(t *testing.T, s *store.Store) {
	ctx := t.Context()
	yes := consentv1.Choice{Meta: event.Meta{ID: "1"}, ConversationID: "c1", Kind: consentv1.Transcription, Value: true, At: now}
	no := consentv1.Choice{Meta: event.Meta{ID: "0"}, ConversationID: "c1", Kind: consentv1.Transcription, At: now.Add(time.Minute)}
	for _, c := range []consentv1.Choice{no, yes, yes} {
		if err := s.AddChoice(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Choices(ctx, "c1")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]consentv1.Choice{yes, no}, got); diff != "" {
		t.Fatal(diff)
	}
}

func testAudit(t *testing.T, s *store.Store) {
	ctx := t.Context()
	entry := func(id string, at time.Time) consentv1.Audit {
		return consentv1.Audit{
			Meta: event.Meta{ID: id, Type: "audit.v1.entry", Source: "journal", Time: at}, ConversationID: "a1",
			Actor: "cw1", Role: "caseworker", Action: "view-transcript", Purpose: "Behandling af din sag",
		}
	}
	old, young := entry("a", now), entry("b", now.Add(time.Second))
	for _, e := range []consentv1.Audit{young, old, old} {
		if err := s.AddAudit(ctx, e); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Audit(ctx, consentv1.AuditQuery{ConversationID: "a1", Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]consentv1.Audit{young, old}, got); diff != "" {
		t.Fatal(diff)
	}
	got, err = s.Audit(ctx, consentv1.AuditQuery{ConversationID: "a1", Limit: 1})
	if err != nil || len(got) != 1 || got[0].ID != "b" {
		t.Fatalf("the newest one: %+v %v", got, err)
	}
}
