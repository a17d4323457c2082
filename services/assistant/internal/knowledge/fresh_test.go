package knowledge_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"

	"samtale.dk/samtale/services/contract/knowledgev1"
)

// A source that is planned tells how late its next run is and whether the last one failed; paused ones and those that are
// fetched by hand tell nothing.
func TestFresh(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		h.start(t)
		ctx := t.Context()
		nightly := knowledgev1.Source{ID: "natlig", Kind: knowledgev1.KindFolder, Title: "Natlig", Every: 24 * time.Hour}
		for _, s := range []knowledgev1.Source{nightly, {ID: "haand", Kind: knowledgev1.KindFolder, Title: "I hånden"}} {
			_, err := h.SaveSource(ctx, s)
			must(t, err)
		}
		wantFresh(t, h, map[string]float64{"failed natlig": 0, "overdue_seconds natlig": 0})

		planned, err := h.Unplanned(ctx)
		must(t, err)
		due := now.Add(-time.Hour)
		for _, p := range planned {
			must(t, h.SetPlanned(ctx, p, due))
		}
		wantFresh(t, h, map[string]float64{"failed natlig": 0, "overdue_seconds natlig": 3600})

		for _, failed := range []bool{true, false} {
			r, err := h.BeginRun(ctx, "natlig")
			must(t, err)
			must(t, h.EndRun(ctx, r.ID, failed))
			want := map[string]float64{"failed natlig": 0, "overdue_seconds natlig": h.now.Sub(due).Seconds()}
			if failed {
				want["failed natlig"] = 1
			}
			wantFresh(t, h, want)
			h.now = h.now.Add(time.Minute) // the next run is a later one
		}

		nightly.Paused = true
		_, err = h.SaveSource(ctx, nightly)
		must(t, err)
		wantFresh(t, h, map[string]float64{})
	})
}

// wantFresh compares what a scrape shows of the sources: metric and source → value.
func wantFresh(t *testing.T, h *harness, want map[string]float64) {
	t.Helper()
	var families []*dto.MetricFamily
	h.await(t, func() (err error) { // a scrape does not wait long for the database
		families, err = h.metrics.Gather()
		return err
	})
	const prefix = "samtale_assistant_source_"
	got := map[string]float64{}
	for _, f := range families {

		name, ours := strings.CutPrefix(f.GetName(), prefix)
		if !ours {
			continue
		}
		for _, m := range f.GetMetric() {
			got[name+" "+m.GetLabel()[0].GetValue()] = m.GetGauge().GetValue()
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want -, got +\n%s", diff)
	}
}
