package portal

import (
	"bytes"
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
)

// chat sends a chat message from a seat and gives the answer's status.
func (p *place) chat(t *testing.T) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url+"/api/v1/meetings/"+demoMeeting+"/room/say", bytes.NewBufferString(`{"id":"m1","text":"hej"}`))
	if err != nil {
		t.Error(err)
		return 0
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Samtale-Seat", "me dev.proof")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Error(err)
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}

func TestRequestsFollowARoomThatMoves(t *testing.T) {
	p := start(t)
	var asked atomic.Int64
	var answer atomic.Pointer[func(n int64) error]
	s, err := p.bus.Service("meeting", "script")
	if err != nil {
		t.Fatal(err)
	}
	err = bus.Handle(p.bus, s, meetingv1.SaySubject, 32, func(_ context.Context, q meetingv1.SayRequest) (meetingv1.Message, error) {
		return meetingv1.Message{ID: q.ID, Text: q.Text}, (*answer.Load())(asked.Add(1))
	})
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	moves := &errs.Error{Kind: errs.Unavailable, Text: "Mødet flytter.", RetryAfter: time.Millisecond}
	for name, c := range map[string]struct {
		answer func(n int64) error
		status int
		asked  int64 // at least
	}{
		"it moves, then it is there": {func(n int64) error {
			if n < 3 {
				return moves
			}
			return nil
		}, http.StatusOK, 3},
		"the first node hangs": {func(n int64) error {
			if n == 1 {
				<-over
			}
			return nil
		}, http.StatusOK, 2},
		"something else is away": {func(int64) error { return errs.E(errs.Unavailable, "", nil) }, http.StatusServiceUnavailable, 1},
		"it is refused":          {func(int64) error { return errs.E(errs.Denied, "", nil) }, http.StatusForbidden, 1},
	} {
		t.Run(name, func(t *testing.T) {
			asked.Store(0)
			answer.Store(&c.answer)
			if got := p.chat(t); got != c.status {
				t.Errorf("status %d, want %d", got, c.status)
			}
			if n := asked.Load(); n < c.asked {
				t.Errorf("asked %d times, want %d", n, c.asked)
			}
		})
	}
}

func TestRequestsWaitForTheOnlyNode(t *testing.T) {
	p := start(t)
	status := make(chan int)
	go func() { status <- p.chat(t) }()
	s, err := p.bus.Service("meeting", "script")
	if err != nil {
		t.Fatal(err)
	}
	script(t, p, s, meetingv1.SaySubject, func(q meetingv1.SayRequest) (meetingv1.Message, error) {
		return meetingv1.Message{ID: q.ID}, nil
	})
	if got := <-status; got != http.StatusOK {
		t.Errorf("status %d", got)
	}
}
