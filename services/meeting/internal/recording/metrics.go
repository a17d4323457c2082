package recording

import (
	"github.com/prometheus/client_golang/prometheus"

	"samtale.dk/samtale/services/contract/meetingv1"
)

// Metrics of recordings at this node. Labels are the contract's words.
type Metrics struct {
	running  prometheus.Gauge
	bytes    prometheus.Counter
	gaps     *prometheus.CounterVec // reason
	failures *prometheus.CounterVec // problem
}

// NewMetrics registers them; reg may be nil.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		running: prometheus.NewGauge(prometheus.GaugeOpts{Name: "samtale_meeting_recordings_running", Help: "Meetings that are recorded now, also while all of it is a gap."}),
		bytes:   prometheus.NewCounter(prometheus.CounterOpts{Name: "samtale_meeting_recording_bytes_total", Help: "Bytes of recordings written."}),
		gaps:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "samtale_meeting_recording_gaps_total", Help: "Gaps noted in recorded tracks, by reason."}, []string{"reason"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "samtale_meeting_recording_failures_total", Help: "Recordings that stopped before their meeting or did not begin, by problem.",
		}, []string{"problem"}),
	}
	for _, reason := range []string{
		meetingv1.GapDeclined, meetingv1.GapPaused, meetingv1.GapSide, meetingv1.GapOff, meetingv1.GapNone, meetingv1.GapLost, meetingv1.GapInterrupted,
		meetingv1.GapFormat,
	} {
		m.gaps.WithLabelValues(reason) // from the beginning, so that the first one is an increase
	}
	for _, problem := range []string{meetingv1.ProblemDisk, meetingv1.ProblemLimit, meetingv1.ProblemFailed} {
		m.failures.WithLabelValues(problem)
	}
	if reg != nil {
		reg.MustRegister(m.running, m.bytes, m.gaps, m.failures)
	}
	return m
}
