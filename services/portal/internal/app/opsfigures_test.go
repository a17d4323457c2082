package app

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/platform/process"
	"samtale.dk/samtale/services/portal/internal/texts"
)

func TestFigures(t *testing.T) {
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	hearing := func(legs, lag, transcribed, lost float64, counts ...uint64) process.Description {
		d := process.Description{Metrics: []process.Metric{
			{Name: metricStreams, Value: legs},
			{Name: metricLimit, Value: 48},
			{Name: metricLag, Value: lag},
			{Name: metricCommitted, Labels: map[string]string{"state": "transcribed"}, Value: transcribed},
			{Name: metricCommitted, Labels: map[string]string{"state": "lost"}, Value: lost},
			{Name: metricCommitted, Labels: map[string]string{"state": "new"}, Value: 1000},
			{Name: metricLatency, Count: counts[2], Buckets: []process.Bucket{{To: .1, Count: counts[0]}, {To: .2, Count: counts[1]}}},
		}}
		return d
	}
	other := hearing(0, 0, 0, 0, 5, 5, 5)
	other.Metrics[6].Buckets = []process.Bucket{{To: 7, Count: 5}} // of another version
	calls := []callv1.Call{
		{ServiceArea: "pension", State: callv1.StateWaiting, StartedAt: now.Add(-90 * time.Second)},
		{ServiceArea: "boligstoette", State: callv1.StateRinging, StartedAt: now.Add(-5 * time.Second)},
		{ServiceArea: "pension", State: callv1.StateRinging, StartedAt: now.Add(-20 * time.Second)},
		{ServiceArea: "pension", State: callv1.StateTalking, StartedAt: now.Add(-time.Hour)},
	}
	got := figuresOf([]process.Description{{}, hearing(3, 1, 90, 1, 20, 50, 50), hearing(4, 2, 6, 3, 30, 48, 50), other}, calls, now)
	want := figures{
		Hearing:  hearingNow{Legs: 7, Limit: 144, Lag: 2},
		Coverage: coverage{Transcribed: 96, Lost: 4},
		Latency:  latency{Count: 100, P50: .1, P99: .2, Buckets: []process.Bucket{{To: .1, Count: 50}, {To: .2, Count: 98}}},
		Queues:   []queue{{"boligstoette", 1, 5 * time.Second}, {"pension", 2, 90 * time.Second}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got.Coverage.Share() != .96 {
		t.Errorf("share %v", got.Coverage.Share())
	}
	c := operationsData{numbers: numbersOf(texts.Danish), figures: got}.curve(texts.For(texts.Danish))
	if len(c.Bars) != 2 || c.Text == "" || len(c.X) != 2 || c.X[0].Text != "100 ms" {
		t.Errorf("curve: %+v", c)
	}
}

func TestQuantile(t *testing.T) {
	l := latency{Count: 10, Buckets: []process.Bucket{{To: 1, Count: 0}, {To: 2, Count: 8}, {To: 4, Count: 8}}}
	for q, want := range map[float64]float64{.4: 1.5, .8: 2, .99: 4} {
		if got := l.quantile(q); got != want {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	if got := (&latency{}).quantile(.5); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
}
