package app

import (
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"samtale.dk/samtale/services/platform/bus/bustest"
	"samtale.dk/samtale/services/platform/errs"
)

func TestSlowReaderIsToldToFetchAgain(t *testing.T) {
	a := &App{Config: Config{Bus: bustest.New(t), Log: slog.New(slog.DiscardHandler)}, metrics: newMetrics(prometheus.NewRegistry()), stop: t.Context().Done()}
	w := httptest.NewRecorder()
	s := a.newStream(w, httptest.NewRequest("GET", "/", nil))
	for range streamQueue + 1 {
		s.put(sse{name: "partial", data: 1})
	}
	if err := s.run(); err != nil {
		t.Fatal(err)
	}
	if got := w.Body.String(); !strings.HasSuffix(got, "event: resync\ndata: {}\n\n") {
		t.Errorf("stream ended with %q", got[max(0, len(got)-80):])
	}
}

func TestStreamEndsWithThePortal(t *testing.T) {
	stop := make(chan struct{})
	a := &App{Config: Config{Bus: bustest.New(t), Log: slog.New(slog.DiscardHandler)}, metrics: newMetrics(prometheus.NewRegistry()), stop: stop}
	done := make(chan error)
	go func() { done <- a.newStream(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)).run() }()
	close(stop)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestLimits(t *testing.T) {
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	l := newLimits(func() time.Time { return now }, perSecond, burst)
	for range burst {
		if err := l.take("a"); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.take("a"); errs.KindOf(err) != errs.Limited {
		t.Errorf("took more than the burst: %v", err)
	}
	if err := l.take("b"); err != nil {
		t.Errorf("one key's use counts for another: %v", err)
	}
	now = now.Add(time.Second)
	if err := l.take("a"); err != nil {
		t.Errorf("does not recover: %v", err)
	}
	now = now.Add(2 * forget)
	if err := l.take("c"); err != nil || len(l.m) != 1 {
		t.Errorf("remembers %d keys, %v", len(l.m), err)
	}
}
