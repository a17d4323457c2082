package inquiry

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics of the inquiries. Label area: the service area; channel: chat, callback or video; step: what the workflow did.
type metrics struct {
	opened  *prometheus.CounterVec // by channel
	tended  *prometheus.CounterVec // by step; step "escalate" counts escalations
	refused prometheus.Counter     // requests that a role check refused
}

func newMetrics(r prometheus.Registerer, s *Service) (metrics, error) {
	opts := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Namespace: "samtale", Subsystem: "inquiry", Name: name, Help: help}
	}
	m := metrics{
		opened:  prometheus.NewCounterVec(opts("opened_total", "Inquiries opened."), []string{"channel"}),
		tended:  prometheus.NewCounterVec(opts("tended_total", "Steps that the workflow took, e.g. escalations."), []string{"step"}),
		refused: prometheus.NewCounter(opts("refused_total", "Requests that a role check refused.")),
	}
	return m, errors.Join(r.Register(m.opened), r.Register(m.tended), r.Register(m.refused), r.Register(newQueue(s)))
}

// queue reads how many wait, and how long, from the database when it is asked.
type queue struct {
	s               *Service
	waiting, oldest *prometheus.Desc
}

func newQueue(s *Service) queue {
	return queue{
		s:       s,
		waiting: prometheus.NewDesc("samtale_inquiry_waiting", "Inquiries that nobody has claimed, by area.", []string{"area"}, nil),
		oldest:  prometheus.NewDesc("samtale_inquiry_oldest_waiting_seconds", "Age of the oldest inquiry that nobody has claimed, by area.", []string{"area"}, nil),
	}
}

// Describe implements prometheus.Collector.
func (q queue) Describe(c chan<- *prometheus.Desc) { c <- q.waiting; c <- q.oldest }

// scrapeLimit bounds the query; a scrape that finds the database stuck shows no queue rather than none waiting.
const scrapeLimit = 2 * time.Second

// Collect implements prometheus.Collector.
func (q queue) Collect(c chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeLimit)
	defer cancel()
	list, err := q.s.store.Read().Waiting(ctx)
	if err != nil {
		c <- prometheus.NewInvalidMetric(q.waiting, err)
		return
	}
	for _, w := range list {
		c <- prometheus.MustNewConstMetric(q.waiting, prometheus.GaugeValue, float64(w.Count), w.Area)
		c <- prometheus.MustNewConstMetric(q.oldest, prometheus.GaugeValue, q.s.Now().Sub(w.Oldest).Seconds(), w.Area)
	}
}
