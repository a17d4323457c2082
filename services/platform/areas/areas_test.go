package areas

import (
	"context"
	"errors"
	"testing"
	"time"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/platform/bus/bustest"
	"samtale.dk/samtale/services/platform/errs"
)

// What the client asks and gives, while the consent service comes, goes and knows nothing.
func TestAll(t *testing.T) {
	now := time.Unix(1000, 0)
	asked := 0
	var areas []consentv1.Area
	var away error
	c := &Client{now: func() time.Time { return now }, request: func(ctx context.Context) (consentv1.AreasReply, error) {
		asked++
		if ctx.Err() != nil {
			return consentv1.AreasReply{}, ctx.Err()
		}
		return consentv1.AreasReply{Areas: areas}, away
	}}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	pension := []consentv1.Area{{ID: "pension"}}
	for _, step := range []struct {
		name  string
		ctx   context.Context
		after time.Duration
		areas []consentv1.Area
		away  error
		asked int
		known bool
		kind  errs.Kind // of the error; "" for none
	}{
		{name: "away at the start", away: errs.E(errs.Unavailable, "", errors.New("no responders")), asked: 1, kind: errs.Unavailable},
		{name: "at once again", areas: pension, asked: 1, kind: errs.Unavailable},
		{name: "it knows nothing", after: pause, asked: 2, kind: errs.Unavailable},
		{name: "the caller gave up", ctx: gone, after: pause, areas: pension, asked: 3, kind: errs.KindOf(context.Canceled)},
		{name: "that did not count", areas: pension, asked: 4, known: true},
		{name: "kept", after: keep - 1, areas: []consentv1.Area{{ID: "other"}}, asked: 4, known: true},
		{name: "away later", after: 1, away: errors.New("away"), asked: 5, known: true},
		{name: "another list", after: pause, areas: []consentv1.Area{{ID: "other"}}, asked: 6, known: false},
	} {
		now = now.Add(step.after)
		areas, away = step.areas, step.away
		ctx := step.ctx
		if ctx == nil {
			ctx = t.Context()
		}
		a, known, err := c.Find(ctx, "pension")
		if asked != step.asked || known != step.known || known && a.ID != "pension" {
			t.Errorf("%s: asked %d times, known %v: %+v", step.name, asked, known, a)
		}
		if (err != nil) != (step.kind != "") || err != nil && errs.KindOf(err) != step.kind {
			t.Errorf("%s: %v", step.name, err)
		}
	}
}

// Nobody answers on a real bus.
func TestNobody(t *testing.T) {
	if _, err := New(bustest.New(t)).All(t.Context()); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("%v", err)
	}
}
