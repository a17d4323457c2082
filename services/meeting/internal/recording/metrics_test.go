package recording

import (
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"samtale.dk/samtale/services/contract/meetingv1"
)

// figures reads all metrics that are not zero; those with a label are named by its value.
func figures(t *testing.T, reg *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			if v := m.GetGauge().GetValue() + m.GetCounter().GetValue(); v != 0 {
				out[name] = v
			}
		}
	}
	return out
}

func TestMetrics(t *testing.T) {
	k := newKit(t)
	k.rec.Close()
	reg := prometheus.NewRegistry()
	m := NewMetrics(reg)
	cfg := Config{
		Shelf: k.shelf, Key: k.own, Meeting: "m1", Limit: 1 << 30, Log: slog.New(slog.DiscardHandler), Metrics: m, Now: k.clock,
		Stopped: func(p string) { k.stopped <- p },
	}
	k.rec = New(cfg, 0)
	k.rec.Keep("anna", "")
	k.speak("anna", 2*time.Second, nil)
	k.rec.Keep("anna", meetingv1.GapPaused)
	k.speak("anna", 2*time.Second, nil)
	k.rec.Keep("anna", "")
	k.speak("anna", 2*time.Second, nil)
	if got := figures(t, reg)["samtale_meeting_recordings_running"]; got != 1 {
		t.Errorf("%v recordings run", got)
	}
	k.rec.Close()
	got := figures(t, reg)
	size := got["samtale_meeting_recording_bytes_total"]
	delete(got, "samtale_meeting_recording_bytes_total")
	if diff := cmp.Diff(map[string]float64{"samtale_meeting_recording_gaps_total paused": 1}, got); diff != "" || size < 8000 {
		t.Errorf("%v bytes\n%s", size, diff)
	}

	// One that fails does not run any more, also before its meeting is over, and is not counted twice.
	cfg.Meeting, cfg.Limit = "m2", 1000
	k.rec = New(cfg, 0)
	k.rec.Keep("anna", "")
	k.speak("anna", 20*time.Second, nil)
	select {
	case <-k.stopped:
	case <-time.After(2 * time.Minute):
		t.Fatal("nobody is told")
	}
	if got := figures(t, reg)["samtale_meeting_recordings_running"]; got != 0 {
		t.Errorf("%v recordings run", got)
	}
	k.rec.Close()
	if got := figures(t, reg)["samtale_meeting_recordings_running"]; got != 0 {
		t.Errorf("after the end %v recordings run", got)
	}
}
