package knowledge

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/store"
)

// fresh tells per source, when it is asked, whether its fetching works. Label source: the source's id. Sources that are
// paused, removed or fetched only by hand are not in it.
type fresh struct {
	l               *Library
	overdue, failed *prometheus.Desc
}

func newFresh(l *Library) fresh {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("samtale_assistant_source_"+name, help, []string{"source"}, nil)
	}
	return fresh{
		l:       l,
		overdue: desc("overdue_seconds", "How long ago the source's next run should have begun; 0: it is on time."),
		failed:  desc("failed", "1: the source's last finished run failed."),
	}
}

// Describe implements prometheus.Collector.
func (f fresh) Describe(c chan<- *prometheus.Desc) { c <- f.overdue; c <- f.failed }

// scrapeLimit bounds the queries; a scrape that finds the database stuck fails rather than showing fresh sources.
const scrapeLimit = 2 * time.Second

// Collect implements prometheus.Collector.
func (f fresh) Collect(c chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeLimit)
	defer cancel()
	tx := f.l.db.Read()
	all, err := sources(ctx, tx, `WHERE s.removed_at = 0 AND s.every_us > 0`)
	if err != nil {
		c <- prometheus.NewInvalidMetric(f.overdue, err)
		return
	}
	for _, s := range all {
		if s.Paused {
			continue
		}
		failed, err := lastFailed(ctx, tx, s.ID)
		if err != nil {
			c <- prometheus.NewInvalidMetric(f.failed, err)
			return
		}
		var overdue float64
		if !s.NextRunAt.IsZero() {
			overdue = max(0, f.l.now().Sub(s.NextRunAt).Seconds())
		}
		c <- prometheus.MustNewConstMetric(f.overdue, prometheus.GaugeValue, overdue, s.ID)
		c <- prometheus.MustNewConstMetric(f.failed, prometheus.GaugeValue, failed, s.ID)
	}
}

// lastFailed is 1 when the last run of the source that has ended failed.
func lastFailed(ctx context.Context, tx *store.Tx, source string) (float64, error) {
	last, err := runs(ctx, tx, `WHERE source_id = ? AND state <> ? ORDER BY started_at DESC, id DESC LIMIT 1`, source, knowledgev1.RunRunning)
	if err != nil || len(last) == 0 || last[0].State != knowledgev1.RunFailed {
		return 0, err
	}
	return 1, nil
}
