package worker

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"samtale.dk/samtale/models/asr"
	"samtale.dk/samtale/services/contract/audiov1"
	"samtale.dk/samtale/services/speech/internal/hearing"
)

// metrics of a worker. Only seconds has a label, state: transcribed, silence, masked,
// lost. Engine seconds per audio second is engine / heard.
type metrics struct {
	attached, refused   prometheus.Counter
	badFrames           prometheus.Counter
	replays             prometheus.Counter
	words               prometheus.Counter
	engineFailures      prometheus.Counter
	late, unstored      prometheus.Counter
	engineTime, engined prometheus.Counter
	seconds             *prometheus.CounterVec
	secondSeconds       prometheus.Counter
	secondLeft          prometheus.Counter
	secondFailures      prometheus.Counter
	latency             prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer, w *Worker) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "samtale_speech_" + name, Help: help})
	}
	m := &metrics{
		attached:       counter("attached_total", "Legs attached."),
		refused:        counter("refused_total", "Attach requests refused."),
		badFrames:      counter("bad_frames_total", "Messages that are not audio frames."),
		replays:        counter("replays_total", "Replays asked for."),
		words:          counter("words_total", "Words committed."),
		engineFailures: counter("engine_failures_total", "Sessions that the engine failed."),
		late:           counter("late_total", "Times that the engine fell more than 10 s behind on a leg."),
		unstored:       counter("store_failures_total", "Attempts to store a final that failed and were made again."),
		engineTime:     counter("engine_seconds_total", "Time spent in the engine's calls."),
		secondSeconds:  counter("second_seconds_total", "Audio that the second engine heard."),
		secondLeft:     counter("second_left_seconds_total", "Audio that the second engine had no room for or failed on."),
		secondFailures: counter("second_failures_total", "Sessions that the second engine failed."),
		engined:        counter("engine_audio_seconds_total", "Audio given to the engine."),
		seconds: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "samtale_speech_committed_seconds_total", Help: "Committed audio by state.",
		}, []string{"state"}),
		latency: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "samtale_speech_final_latency_seconds", Help: "From the endpointer's decision to the stored final.",
			Buckets: []float64{.005, .01, .02, .04, .06, .1, .2, .5, 1, 2, 5, 10, 30},
		}),
	}
	gauge := func(name, help string, f func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "samtale_speech_" + name, Help: help}, f)
	}
	if reg != nil {
		reg.MustRegister(m.attached, m.refused, m.badFrames, m.replays, m.words, m.engineFailures, m.late, m.unstored, m.engineTime,
			m.engined, m.seconds, m.secondSeconds, m.secondLeft, m.secondFailures, m.latency,
			gauge("streams", "Legs being heard.", func() float64 { return float64(len(w.all())) }),
			gauge("streams_limit", "Legs that can be heard at once.", func() float64 { return float64(w.cfg.Streams) }),
			gauge("lag_seconds", "How far the engine is behind on the leg where it is worst.", w.lag))
	}
	return m
}

func (w *Worker) lag() float64 {
	var worst float64
	now := time.Now()
	for _, l := range w.all() {
		worst = max(worst, l.lag(now))
	}
	return worst
}

func (m *metrics) left(samples int64) { m.secondLeft.Add(float64(samples) / audiov1.SampleRate) }

func (m *metrics) committed(b hearing.Batch) {
	m.words.Add(float64(len(b.Words)))
	for _, r := range b.Ledger {
		m.seconds.WithLabelValues(string(r.State)).Add(float64(r.End-r.Start) / audiov1.SampleRate)
	}
	if !b.Ended.IsZero() {
		m.latency.Observe(time.Since(b.Ended).Seconds())
	}
}

// metered is an engine whose calls are timed.
type metered struct {
	asr.Engine
	m *metrics
}

func (e metered) Open(ctx context.Context, o asr.Options) (asr.Session, error) {
	s, err := e.Engine.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	return meteredSession{s, e.m}, nil
}

type meteredSession struct {
	asr.Session
	m *metrics
}

func (s meteredSession) Write(pcm []int16) error {
	defer s.took(time.Now())
	s.m.engined.Add(float64(len(pcm)) / asr.SampleRate)
	return s.Session.Write(pcm)
}

func (s meteredSession) Flush(marker uint64) error {
	defer s.took(time.Now())
	return s.Session.Flush(marker)
}

func (s meteredSession) took(begin time.Time) { s.m.engineTime.Add(time.Since(begin).Seconds()) }
