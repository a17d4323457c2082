package calls

import (
	"github.com/prometheus/client_golang/prometheus"

	"samtale.dk/samtale/media/rtpx"
	"samtale.dk/samtale/services/contract/callv1"
)

// Metrics of calls. Labels: state, channel and reason are the contract's words;
// setup failures have our own few.
type Metrics struct {
	states  *prometheus.GaugeVec   // state
	begun   *prometheus.CounterVec // channel
	ends    *prometheus.CounterVec // reason
	refused *prometheus.CounterVec // reason
	packets prometheus.Counter
	lost    prometheus.Counter
	late    prometheus.Counter
	dropped prometheus.Counter
	jitter  prometheus.Histogram
}

// NewMetrics registers them; reg may be nil.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		states:  prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "samtale_phone_calls", Help: "Live calls by state."}, []string{"state"}),
		begun:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "samtale_phone_calls_total", Help: "Calls by channel."}, []string{"channel"}),
		ends:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "samtale_phone_calls_ended_total", Help: "Calls ended, by reason."}, []string{"reason"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "samtale_phone_setup_failures_total", Help: "Requests for a call that became none, by reason."}, []string{"reason"}),
		packets: prometheus.NewCounter(prometheus.CounterOpts{Name: "samtale_phone_rtp_packets_total", Help: "RTP packets received on telephone lines."}),
		lost:    prometheus.NewCounter(prometheus.CounterOpts{Name: "samtale_phone_rtp_lost_total", Help: "RTP packets lost on telephone lines."}),
		late:    prometheus.NewCounter(prometheus.CounterOpts{Name: "samtale_phone_rtp_late_total", Help: "RTP packets that came after their turn."}),
		dropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "samtale_phone_frames_dropped_total", Help: "Frames of sound (20 ms) that a listener in a call did not take in time.",
		}),
		jitter: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "samtale_phone_rtp_jitter_seconds", Help: "Interarrival jitter at the end of a line.",
			Buckets: []float64{.001, .002, .005, .01, .02, .05, .1, .2},
		}),
	}
	if reg != nil {
		reg.MustRegister(m.states, m.begun, m.ends, m.refused, m.packets, m.lost, m.late, m.dropped, m.jitter)
	}
	return m
}

func (m *Metrics) begin(ch callv1.Channel) { m.begun.WithLabelValues(string(ch)).Inc() }

func (m *Metrics) state(from, to callv1.State) {
	if from != "" && from != callv1.StateEnded {
		m.states.WithLabelValues(string(from)).Dec()
	}
	if to != callv1.StateEnded {
		m.states.WithLabelValues(string(to)).Inc()
	}
}

func (m *Metrics) end(reason string) { m.ends.WithLabelValues(reason).Inc() }

func (m *Metrics) refuse(reason string) { m.refused.WithLabelValues(reason).Inc() }

// Refused is for the user agent's own refusals.
func (m *Metrics) Refused(reason string) { m.refuse(reason) }

func (m *Metrics) media(s rtpx.LegStats) {
	m.packets.Add(float64(s.Receiver.Packets))
	m.lost.Add(float64(max(s.Receiver.Lost, 0)))
	m.late.Add(float64(s.Receiver.Late))
	m.jitter.Observe(s.Receiver.Jitter.Seconds())
}
