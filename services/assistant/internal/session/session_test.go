package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"samtale.dk/samtale/services/assistant/internal/answer/question"
	"samtale.dk/samtale/services/assistant/internal/schema"
	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/bus/bustest"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/seal"
	"samtale.dk/samtale/services/platform/store"
)

// keeper stands in for the consent service.
type keeper struct {
	mu     sync.Mutex
	keys   map[string][]byte
	erased []string
	fail   error
}

func (k *keeper) Key(_ context.Context, id string, create bool) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.keys[id] == nil {
		if !create {
			return nil, errs.E(errs.NotFound, "", nil)
		}
		k.keys[id] = seal.NewKey()
	}
	return k.keys[id], nil
}

func (k *keeper) erase(_ context.Context, r consentv1.EraseRequest) (consentv1.EraseReply, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fail != nil {
		return consentv1.EraseReply{}, k.fail
	}
	delete(k.keys, r.ConversationID)
	k.erased = append(k.erased, r.ConversationID+" "+r.Reason)
	return consentv1.EraseReply{ErasedAt: time.Now()}, nil
}

func (k *keeper) failing(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fail = err
}

type world struct {
	*Store
	keys *keeper
	now  time.Time
	file string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{keys: &keeper{keys: map[string][]byte{}}, now: time.Now(), file: filepath.Join(t.TempDir(), "a.db")}
	db, err := store.Open(t.Context(), "sqlite:"+w.file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := db.Migrate(t.Context(), schema.Migrations()); err != nil {
		t.Fatal(err)
	}
	b := bustest.New(t)
	svc, err := b.Service("consent", "test")
	if err != nil {
		t.Fatal(err)
	}
	if err := bus.Handle(b, svc, consentv1.EraseSubject, 10, w.keys.erase); err != nil {
		t.Fatal(err)
	}
	w.Store = New(Config{DB: db, Bus: b, Keys: w.keys, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return w.now }})
	return w
}

func (w *world) ask(t *testing.T, session, q string) {
	t.Helper()
	err := w.Add(t.Context(), session, assistantv1.Answer{ID: "a", Question: q}, question.Turn{Read: q, Topic: "Pas"})
	if err != nil {
		t.Fatal(err)
	}
}

// patient is for what asks the consent service, on a slow machine.
func patient(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func (w *world) count(t *testing.T, session string) int {
	t.Helper()
	turns, err := w.Turns(t.Context(), session)
	if err != nil {
		t.Fatal(err)
	}
	return len(turns)
}

func TestKept(t *testing.T) {
	w := newWorld(t)
	w.ask(t, "s1", "Hvad koster kørekortet?")
	w.ask(t, "s1", "Og hvor længe gælder det?")
	w.ask(t, "s2", "Hvem kan få støtte?")
	turns, err := w.Questions(t.Context(), "s1")
	if err != nil || len(turns) != 2 || turns[0].Read != "Hvad koster kørekortet?" || turns[1].Topic != "Pas" {
		t.Errorf("%+v, %v", turns, err)
	}
	if err := w.cfg.DB.Scrub(t.Context()); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(w.file)
	if err != nil || len(data) == 0 || bytes.Contains(data, []byte("kørekortet")) {
		t.Errorf("the words are readable in the file: %v", err)
	}
	for range maxTurns + 5 {
		w.ask(t, "s3", "igen")
	}
	if n := w.count(t, "s3"); n != maxTurns {
		t.Errorf("%d turns are kept", n)
	}
}

// A session's id cannot name a conversation's key.
func TestKeysApart(t *testing.T) {
	w := newWorld(t)
	w.ask(t, "c1", "x")
	if w.keys.keys["c1"] != nil || w.keys.keys["session-c1"] == nil {
		t.Error("the key is not the session's own")
	}
	for _, id := range []string{"", "a b", "a.b", "x*", string(make([]byte, 200))} {
		if _, err := w.Forget(t.Context(), assistantv1.SessionRef{Session: id}); !errors.Is(err, errs.Invalid) {
			t.Errorf("%q gives %v", id, err)
		}
	}
}

func TestForget(t *testing.T) {
	w := newWorld(t)
	w.ask(t, "s1", "x")
	if _, err := w.Forget(patient(t), assistantv1.SessionRef{Session: "s1"}); err != nil {
		t.Fatal(err)
	}
	if len(w.keys.erased) != 1 || w.keys.erased[0] != "session-s1 withdrawn" || w.count(t, "s1") != 0 {
		t.Errorf("erased %v", w.keys.erased)
	}
	// The consent service is away: the words are gone at once, the key follows.
	w.ask(t, "s2", "x")
	w.keys.failing(errs.E(errs.Unavailable, "", nil))
	if _, err := w.Forget(patient(t), assistantv1.SessionRef{Session: "s2"}); err != nil {
		t.Fatal(err)
	}
	if w.count(t, "s2") != 0 {
		t.Error("the words are still there")
	}
	if err := w.Sweep(patient(t)); !errors.Is(err, errs.Unavailable) {
		t.Errorf("sweep: %v", err)
	}
	w.keys.failing(nil)
	if err := w.Sweep(patient(t)); err != nil {
		t.Fatal(err)
	}
	if len(w.keys.erased) != 2 {
		t.Errorf("erased %v", w.keys.erased)
	}
	if old, err := w.old(t.Context()); err != nil || len(old) != 0 {
		t.Errorf("left %v, %v", old, err)
	}
}

// Long answers must not keep the page from opening: the newest fit.
func TestLongSession(t *testing.T) {
	w := newWorld(t)
	for i := range 10 {
		a := assistantv1.Answer{ID: fmt.Sprint(i), Message: strings.Repeat("x", 100_000)}
		if err := w.Add(t.Context(), "s1", a, question.Turn{}); err != nil {
			t.Fatal(err)
		}
	}
	s, err := w.session(t.Context(), assistantv1.SessionRef{Session: "s1"})
	if err != nil || len(s.Answers) != 6 || s.Answers[0].ID != "4" || s.Answers[5].ID != "9" {
		t.Errorf("%d answers, %v", len(s.Answers), err)
	}
}

func TestIdle(t *testing.T) {
	w := newWorld(t)
	w.ask(t, "old", "x")
	w.now = w.now.Add(Idle - time.Minute)
	w.ask(t, "new", "x")
	if err := w.Sweep(patient(t)); err != nil || w.count(t, "old") != 1 {
		t.Errorf("too early: %v", err)
	}
	w.now = w.now.Add(2 * time.Minute)
	if err := w.Sweep(patient(t)); err != nil {
		t.Fatal(err)
	}
	if w.count(t, "old") != 0 || w.count(t, "new") != 1 || w.keys.keys["session-old"] != nil {
		t.Error("the idle session is not gone, or the other one is")
	}
}

// A key that is gone takes the words with it, whoever destroyed it.
func TestKeyGone(t *testing.T) {
	w := newWorld(t)
	w.ask(t, "s1", "x")
	delete(w.keys.keys, "session-s1")
	if n := w.count(t, "s1"); n != 0 {
		t.Errorf("%d turns", n)
	}
}
