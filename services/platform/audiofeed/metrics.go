package audiofeed

import "github.com/prometheus/client_golang/prometheus"

// metrics of a gateway; none has labels but attaches (result: ok, refused, failed).
type metrics struct {
	legs      prometheus.Gauge
	frames    prometheus.Counter
	attaches  *prometheus.CounterVec
	deaths    prometheus.Counter
	replays   prometheus.Counter
	dropped   prometheus.Counter
	lost      prometheus.Counter
	abandoned prometheus.Counter
}

func newMetrics(gateway string, reg prometheus.Registerer) *metrics {
	name := func(n string) string { return prometheus.BuildFQName("samtale", gateway+"_feed", n) }
	counter := func(n, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name(n), Help: help})
	}
	m := &metrics{
		legs:   prometheus.NewGauge(prometheus.GaugeOpts{Name: name("legs"), Help: "Legs being fed to speech workers."}),
		frames: counter("frames_total", "Frames published."),
		attaches: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: name("attaches_total"), Help: "Attach requests by result.",
		}, []string{"result"}),
		deaths:    counter("worker_losses_total", "Workers that fell silent or gave up."),
		replays:   counter("replays_total", "Times that audio was published again."),
		dropped:   counter("dropped_seconds_total", "Audio that fell out of a ring and was announced as lost."),
		lost:      counter("lost_seconds_total", "Audio that was never captured."),
		abandoned: counter("abandoned_seconds_total", "Audio given up at the end of a leg."),
	}
	if reg != nil {
		reg.MustRegister(m.legs, m.frames, m.attaches, m.deaths, m.replays, m.dropped, m.lost, m.abandoned)
	}
	return m
}
