package health

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"samtale.dk/samtale/services/platform/errs"
)

func works(context.Context) error { return nil }

func ask(t *testing.T, c *Checks) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	c.ServeHTTP(w, httptest.NewRequest("GET", "/healthz", nil))
	return w.Code, w.Body.String()
}

func TestReady(t *testing.T) {
	c := New()
	if code, _ := ask(t, c); code != 503 {
		t.Fatalf("nothing to probe is not ready: %d", code)
	}
	c.Add("a", works)
	if code, body := ask(t, c); code != 200 || !json.Valid([]byte(body)) {
		t.Fatalf("%d %s", code, body)
	}
	c.Add("b", func(context.Context) error {
		return errs.E(errs.Unavailable, "", errors.New("password of the database"))
	})
	code, body := ask(t, c)
	if code != 503 || !strings.Contains(body, `"unavailable"`) {
		t.Fatalf("%d %s", code, body)
	}
	if strings.Contains(body, "password") {
		t.Fatal("detail of an error is public")
	}
	c.Add("b", works) // replaced by the real probe
	if code, body := ask(t, c); code != 200 {
		t.Fatalf("%d %s", code, body)
	}
	c.Drain()
	if code, _ := ask(t, c); code != 503 {
		t.Fatal("a draining process says that it is ready")
	}
}

// A probe that hangs costs its limit, not the caller's patience, and the others run
// meanwhile.
func TestHangingProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New()
		hang := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		c.Add("one", hang)
		c.Add("two", hang)
		c.Add("works", works)
		begin := time.Now()
		results, ready := c.Run(t.Context())
		if took := time.Since(begin); took != ProbeLimit {
			t.Errorf("took %s, want %s", took, ProbeLimit)
		}
		if ready || len(results) != 3 || results[0].OK || results[1].OK || !results[2].OK {
			t.Errorf("%v %+v", ready, results)
		}
	})
}

// A flood of questions is two runs of the probes: the one that goes on, and one more for all who have asked since.
func TestManyAskAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New()
		var runs atomic.Int32
		c.Add("slow", func(context.Context) error {
			runs.Add(1)
			time.Sleep(time.Second)
			return nil
		})
		var wg sync.WaitGroup
		get := func() {
			if code, body := ask(t, c); code != 200 {
				t.Errorf("%d %s", code, body)
			}
		}
		wg.Go(get)
		synctest.Wait() // it looks
		for range 100 {
			wg.Go(get)
		}
		wg.Wait()
		if n := runs.Load(); n != 2 {
			t.Errorf("the probes ran %d times", n)
		}
	})
}
