package store_test

import (
	"bytes"
	"errors"
	"strings"
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
		t.Run("represented", func(t *testing.T) { testRepresented(t, db, s) })
		t.Run("audit", func(t *testing.T) { testAudit(t, s) })
		t.Run("find audit", func(t *testing.T) { testFindAudit(t, s) })
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

// The name of who was represented goes with the conversation: it is in no event, and after the erasure in no row.
func testRepresented(t *testing.T, db *platformstore.DB, s *store.Store) {
	ctx := t.Context()
	yes := consentv1.Choice{
		Meta: event.Meta{ID: "for"}, ConversationID: "r1", Kind: consentv1.Transcription, Value: true, OnBehalfOf: "Ole Holm", At: now,
	}
	if err := s.AddChoice(ctx, yes); err != nil {
		t.Fatal(err)
	}
	told, err := s.Pending(ctx, store.LaneBus, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range told {
		if bytes.Contains(r.Body, []byte("Ole")) {
			t.Errorf("told: %s", r.Body)
		}
	}
	if got, err := s.Choices(ctx, "r1"); err != nil || len(got) != 1 || got[0].OnBehalfOf != "Ole Holm" {
		t.Fatalf("%+v %v", got, err)
	}
	if _, err := s.Erase(ctx, consentv1.EraseRequest{ConversationID: "r1"}, now); err != nil {
		t.Fatal(err)
	}
	yes.OnBehalfOf = "•••"
	got, err := s.Choices(ctx, "r1")
	if diff := cmp.Diff([]consentv1.Choice{yes}, got); err != nil || diff != "" {
		t.Fatalf("%v\n%s", err, diff)
	}
	var left int
	err = db.Read().QueryRow(ctx, `SELECT COUNT(*) FROM choice WHERE body LIKE ?`, "%Ole%").Scan(&left)
	if err != nil || left != 0 {
		t.Errorf("%d rows with the name, %v", left, err)
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

// What is looked for is found whole, page by page, also where entries have the same time.
func testFindAudit(t *testing.T, s *store.Store) {
	ctx := t.Context()
	begin := now.Add(24 * time.Hour)
	for i, id := range []string{"f1", "f2", "f3", "f4", "f5"} {
		err := s.AddAudit(ctx, consentv1.Audit{
			Meta: event.Meta{ID: id, Type: "audit.v1.entry", Source: "journal", Time: begin.Add(time.Duration(i/2) * time.Minute)}, ConversationID: []string{"fa", "fb"}[i%2],
			Actor: []string{"find1", "find2"}[i/3], Role: "caseworker", Action: []string{"reveal", "approve"}[i%2], Purpose: "p",
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name string
		q    consentv1.AuditSearch
		want string
	}{
		{"all of them", consentv1.AuditSearch{From: begin}, "f5 f4 f3 f2 f1"},
		{"actor", consentv1.AuditSearch{Actor: "find2"}, "f5 f4"},
		{"kind", consentv1.AuditSearch{Action: "approve", From: begin}, "f4 f2"},
		{"conversations", consentv1.AuditSearch{Conversations: []string{"fb", "fc"}}, "f4 f2"},
		{"period", consentv1.AuditSearch{From: begin.Add(time.Minute), Till: begin.Add(2 * time.Minute)}, "f4 f3"},
		{"all at once", consentv1.AuditSearch{Actor: "find1", Action: "reveal", Conversations: []string{"fa"}, From: begin, Till: begin.Add(time.Minute)}, "f1"},
		{"nothing", consentv1.AuditSearch{Actor: "nobody"}, ""},
	} {
		for limit := 1; limit <= 6; limit += 2 {
			var got []string
			for q := tt.q; ; {
				q.Limit = limit
				page, err := s.FindAudit(ctx, q)
				if err != nil || len(page.Entries) > limit {
					t.Fatalf("%s: %+v, %v", tt.name, page, err)
				}
				for _, e := range page.Entries {
					got = append(got, e.ID)
				}
				if q.After = page.Next; q.After == "" {
					break
				}
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("%s, %d a page: %v", tt.name, limit, got)
			}
		}
	}
	if _, err := s.FindAudit(ctx, consentv1.AuditSearch{After: "nowhere", Limit: 1}); !errors.Is(err, errs.Invalid) {
		t.Errorf("a place that is none: %v", err)
	}
}
