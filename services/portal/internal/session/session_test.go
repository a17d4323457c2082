package session

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/store"
	"samtale.dk/samtale/services/platform/store/storetest"
	"samtale.dk/samtale/services/portal/internal/who"
)

// clock is a time that tests move.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func TestSession(t *testing.T) {
	storetest.Run(t, Migrations(), func(t *testing.T, db *store.DB) {
		c := &clock{time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)}
		s := New(Config{DB: db, Key: bytes.Repeat([]byte{1}, 32), Idle: time.Hour, Max: 3 * time.Hour, Now: c.now})
		want := who.Person{ID: "mette", Name: "Mette Sørensen", Role: "caseworker", Areas: []string{"borgerservice"}}
		r := start(t, s, want)

		got := person(t, s, r, true)
		if got.Session == "" || !got.Expires.Equal(c.t.Add(time.Hour)) {
			t.Errorf("got %+v", got)
		}
		got.Session, got.Expires = "", time.Time{}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}

		c.t = c.t.Add(50 * time.Minute)
		if got := person(t, s, r, false); !got.Expires.Equal(c.t.Add(10 * time.Minute)) {
			t.Errorf("a quiet look extended the session to %s", got.Expires)
		}
		if got := person(t, s, r, true); !got.Expires.Equal(c.t.Add(time.Hour)) {
			t.Errorf("use did not extend the session: %s", got.Expires)
		}
		for range 4 { // used all the time, it still ends after Max
			c.t = c.t.Add(31 * time.Minute)
			if c.t.Before(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)) {
				person(t, s, r, true)
			}
		}
		c.t = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
		if _, err := s.Person(t.Context(), r, true); errs.KindOf(err) != errs.Unauthenticated {
			t.Errorf("session outlives its longest life: %v", err)
		}
	})
}

func start(t *testing.T, s *Store, p who.Person) *http.Request {
	t.Helper()
	w := httptest.NewRecorder()
	if err := s.Start(t.Context(), w, p); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/", nil)
	for _, c := range w.Result().Cookies() {
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode {
			t.Errorf("cookie is %+v", c)
		}
		r.AddCookie(c)
	}
	return r
}

func person(t *testing.T, s *Store, r *http.Request, touch bool) who.Person {
	t.Helper()
	p, err := s.Person(t.Context(), r, touch)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Expired sessions go away by themselves; those in use stay.
func TestExpiredSessionsAreRemoved(t *testing.T) {
	storetest.Run(t, Migrations(), func(t *testing.T, db *store.DB) {
		c := &clock{time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)}
		s := New(Config{DB: db, Key: bytes.Repeat([]byte{1}, 32), Idle: time.Hour, Max: time.Hour, Now: c.now, Sweep: time.Millisecond})
		start(t, s, who.Person{ID: "a", Role: "citizen"})
		c.t = c.t.Add(time.Hour)
		start(t, s, who.Person{ID: "b", Role: "citizen"})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		ended := make(chan struct{})
		go func() { defer close(ended); s.Run(ctx, slog.New(slog.DiscardHandler)) }()
		for n := 0; n != 1; {
			if err := db.Read().QueryRow(ctx, `SELECT count(*) FROM session`).Scan(&n); err != nil {
				t.Fatal(err)
			}
		}
		cancel()
		<-ended
		if here, err := s.Here(t.Context()); err != nil || len(here) != 1 || here[0].ID != "b" {
			t.Errorf("left: %+v, %v", here, err)
		}
	})
}

func TestEverySessionOfAPersonEnds(t *testing.T) {
	storetest.Run(t, Migrations(), func(t *testing.T, db *store.DB) {
		c := &clock{time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)}
		s := New(Config{DB: db, Key: bytes.Repeat([]byte{1}, 32), Idle: time.Hour, Max: 3 * time.Hour, Now: c.now})
		for _, id := range []string{"a", "b", "a"} {
			start(t, s, who.Person{ID: id, Role: "citizen"})
		}
		ticket, err := s.Ticket("a")
		if err != nil {
			t.Fatal(err)
		}
		c.t = c.t.Add(ticketLife + time.Second)
		for name, tk := range map[string]string{"expired": ticket, "none": "", "made up": "eA", "no base64": "%"} {
			if n, err := s.EndAll(t.Context(), tk); errs.KindOf(err) != errs.Unauthenticated || n != 0 {
				t.Errorf("%s: %d, %v", name, n, err)
			}
		}
		c.t = c.t.Add(-time.Minute)
		if n, err := s.EndAll(t.Context(), ticket); err != nil || n != 2 {
			t.Errorf("ended %d, %v", n, err)
		}
		if here, err := s.Here(t.Context()); err != nil || len(here) != 1 || here[0].ID != "b" {
			t.Errorf("left: %+v, %v", here, err)
		}
	})
}

func TestSessionsThatAreNone(t *testing.T) {
	storetest.Run(t, Migrations(), func(t *testing.T, db *store.DB) {
		now := time.Now()
		cfg := Config{DB: db, Key: bytes.Repeat([]byte{1}, 32), Idle: time.Hour, Max: time.Hour, Now: func() time.Time { return now }}
		s := New(cfg)
		ended := start(t, s, who.Person{ID: "a", Role: "citizen"})
		if err := s.End(t.Context(), httptest.NewRecorder(), ended); err != nil {
			t.Fatal(err)
		}
		guessed := httptest.NewRequest("GET", "/", nil)
		guessed.AddCookie(&http.Cookie{Name: cookieName, Value: "guess"})
		other := start(t, s, who.Person{ID: "b", Role: "citizen"})
		cfg.Key = bytes.Repeat([]byte{2}, 32)
		for name, tt := range map[string]struct {
			s *Store
			r *http.Request
		}{
			"no cookie":          {s, httptest.NewRequest("GET", "/", nil)},
			"ended":              {s, ended},
			"guessed":            {s, guessed},
			"sealed differently": {New(cfg), other},
		} {
			if p, err := tt.s.Person(t.Context(), tt.r, true); errs.KindOf(err) != errs.Unauthenticated || p.ID != "" {
				t.Errorf("%s: got %+v, %v", name, p, err)
			}
		}
	})
}
