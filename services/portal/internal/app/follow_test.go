package app

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"samtale.dk/samtale/services/contract/inquiryv1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/bus/bustest"
)

// What others do moves a citizen's place in the queue, and nobody tells of it: the page sees it all the same, and the service sees
// that the citizen is there.
func TestWaitingPlaceIsLookedUp(t *testing.T) {
	b := bustest.New(t)
	svc, err := b.Service("inquiry", "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { svc.Stop() })
	var place, looks atomic.Int64
	place.Store(3)
	err = bus.Handle(b, svc, inquiryv1.HistorySubject, 4, func(context.Context, inquiryv1.HistoryRequest) (inquiryv1.HistoryReply, error) {
		looks.Add(1)
		return inquiryv1.HistoryReply{Inquiry: inquiryv1.Inquiry{ID: "i1", State: inquiryv1.Waiting, Position: int(place.Load())}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	a := &App{Config: Config{Bus: b, Log: slog.New(slog.DiscardHandler)}, metrics: newMetrics(prometheus.NewRegistry()), stop: stop}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	f := &follower{
		stream: a.newStream(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)), req: inquiryv1.HistoryRequest{Receipt: "R"},
		from: inquiryv1.FromCaseworker, view: forCitizen,
	}
	f.look(ctx, true)
	seen := func() int {
		select {
		case e := <-f.stream.queue:
			return e.data.(inquiryv1.Inquiry).Position
		case <-ctx.Done():
			t.Fatal("nothing was told")
		}
		return 0
	}
	if got := seen(); got != 3 {
		t.Fatalf("place %d", got)
	}
	f.look(ctx, false)
	if n := len(f.stream.queue); n != 0 {
		t.Errorf("%d events though nothing has changed", n)
	}
	f.every = time.Millisecond
	go f.again(ctx)
	for had := looks.Load(); looks.Load() < had+3; { // still nothing to tell
		select {
		case <-ctx.Done():
			t.Fatal("nobody looks")
		case <-time.After(time.Millisecond):
		}
	}
	place.Store(1)
	if got := seen(); got != 1 {
		t.Errorf("place %d", got)
	}
}
