package process

import (
	"math"
	"slices"
)

// DescribeRequest may name metrics that the Description brings along.
type DescribeRequest struct {
	Metrics []string `json:"metrics,omitempty"`
}

// Metric is one metric of a process as it stands: a counter's or gauge's value, or a histogram's buckets.
type Metric struct {
	Name    string            `json:"name"`
	Labels  map[string]string `json:"labels,omitempty"`
	Value   float64           `json:"value,omitempty"`
	Count   uint64            `json:"count,omitempty"`
	Buckets []Bucket          `json:"buckets,omitempty"` // what is beyond the last one is in Count alone
}

// Bucket counts the observations of at most To, those of smaller buckets included.
type Bucket struct {
	To    float64 `json:"to"`
	Count uint64  `json:"count"`
}

// metrics reads the named ones. What cannot be read is left out: the operator asks while something is wrong.
func (e Env) metrics(names []string) []Metric {
	if len(names) == 0 || e.Metrics == nil {
		return nil
	}
	families, err := e.Metrics.Gather()
	if err != nil {
		e.Log.Warn("describe metrics", "err", err)
	}
	var out []Metric
	for _, f := range families {
		if !slices.Contains(names, f.GetName()) {
			continue
		}
		for _, m := range f.GetMetric() {
			v := Metric{Name: f.GetName(), Value: m.GetCounter().GetValue() + m.GetGauge().GetValue(), Count: m.GetHistogram().GetSampleCount()}
			for _, l := range m.GetLabel() {
				if v.Labels == nil {
					v.Labels = map[string]string{}
				}
				v.Labels[l.GetName()] = l.GetValue()
			}
			for _, b := range m.GetHistogram().GetBucket() {
				if !math.IsInf(b.GetUpperBound(), 0) {
					v.Buckets = append(v.Buckets, Bucket{b.GetUpperBound(), b.GetCumulativeCount()})
				}
			}
			if !math.IsNaN(v.Value) && !math.IsInf(v.Value, 0) { // JSON has no such numbers
				out = append(out, v)
			}
		}
	}
	return out
}
