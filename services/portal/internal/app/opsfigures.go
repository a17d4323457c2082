package app

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/process"
	"samtale.dk/samtale/services/portal/internal/texts"
	"samtale.dk/samtale/services/portal/internal/who"
)

// The metrics that the operator's page shows.
const (
	metricLatency   = "samtale_speech_final_latency_seconds"
	metricCommitted = "samtale_speech_committed_seconds_total"
	metricStreams   = "samtale_speech_streams"
	metricLimit     = "samtale_speech_streams_limit"
	metricLag       = "samtale_speech_lag_seconds"
)

// figures are what the processes measured since they started, together.
type figures struct {
	Hearing  hearingNow `json:"hearing"`
	Coverage coverage   `json:"coverage"`
	Latency  latency    `json:"latency"`
	Queues   []queue    `json:"queues"`
}

// hearingNow is the recognisers' load.
type hearingNow struct {
	Legs  float64 `json:"legs"`
	Limit float64 `json:"limit"`
	Lag   float64 `json:"lag_s"` // of the leg where it is worst
}

// coverage is what became of the sound, in seconds.
type coverage struct {
	Transcribed float64 `json:"transcribed_s"`
	Silence     float64 `json:"silence_s"`
	Masked      float64 `json:"masked_s"`
	Lost        float64 `json:"lost_s"`
}

// Heard is all of it.
func (c coverage) Heard() float64 { return c.Transcribed + c.Silence + c.Masked + c.Lost }

// Share is the part that is not lost.
func (c coverage) Share() float64 { return 1 - c.Lost/c.Heard() }

// latency is how long final words take from the end of an utterance on.
type latency struct {
	Count   uint64           `json:"count"`
	P50     float64          `json:"p50_s"`
	P99     float64          `json:"p99_s"`
	Buckets []process.Bucket `json:"buckets"`
}

// queue is who waits for a service area.
type queue struct {
	Area    string        `json:"service_area"`
	Waiting int           `json:"waiting"`
	Longest time.Duration `json:"longest_ns"`
}

// figuresOf adds up what the processes tell, and who waits.
func figuresOf(all []process.Description, calls []callv1.Call, now time.Time) figures {
	f := figures{Queues: queues(calls, now)}
	states := map[string]*float64{
		string(transcriptv1.Transcribed): &f.Coverage.Transcribed, string(transcriptv1.Silence): &f.Coverage.Silence,
		string(transcriptv1.Masked): &f.Coverage.Masked, string(transcriptv1.Lost): &f.Coverage.Lost,
	}
	for _, p := range all {
		for _, m := range p.Metrics {
			switch m.Name {
			case metricLatency:
				f.Latency.add(m)
			case metricCommitted:
				if s := states[m.Labels["state"]]; s != nil {
					*s += m.Value
				}
			case metricStreams:
				f.Hearing.Legs += m.Value
			case metricLimit:
				f.Hearing.Limit += m.Value
			case metricLag:
				f.Hearing.Lag = max(f.Hearing.Lag, m.Value)
			}
		}
	}
	f.Latency.P50, f.Latency.P99 = f.Latency.quantile(.5), f.Latency.quantile(.99)
	return f
}

// add joins the histogram of one more process. All have the same buckets but while a new version is rolled out; those of
// another shape are left out.
func (l *latency) add(m process.Metric) {
	if l.Buckets == nil {
		l.Buckets = slices.Clone(m.Buckets)
		l.Count = m.Count
		return
	}
	same := slices.EqualFunc(l.Buckets, m.Buckets, func(a, b process.Bucket) bool { return a.To == b.To })
	if !same {
		return
	}
	for i := range l.Buckets {
		l.Buckets[i].Count += m.Buckets[i].Count
	}
	l.Count += m.Count
}

// quantile estimates within a bucket as Prometheus does; beyond the last bucket it is that bucket's end.
func (l *latency) quantile(q float64) float64 {
	rank := q * float64(l.Count)
	var from, below float64
	for _, b := range l.Buckets {
		if n := float64(b.Count); n >= rank && n > below {
			return from + (b.To-from)*(rank-below)/(n-below)
		}
		from, below = b.To, float64(b.Count)
	}
	return from
}

func queues(calls []callv1.Call, now time.Time) []queue {
	out := []queue{}
	for _, c := range calls {
		if c.State != callv1.StateWaiting && c.State != callv1.StateRinging {
			continue
		}
		i := slices.IndexFunc(out, func(q queue) bool { return q.Area == c.ServiceArea })
		if i < 0 {
			i = len(out)
			out = append(out, queue{Area: c.ServiceArea})
		}
		out[i].Waiting++
		out[i].Longest = max(out[i].Longest, now.Sub(c.StartedAt).Truncate(time.Second))
	}
	slices.SortFunc(out, func(a, b queue) int { return strings.Compare(a.Area, b.Area) })
	return out
}

// operationsData is the operator's page.
type operationsData struct {
	numbers
	figures
	Services  []serviceHealth
	Processes []process.Description
	Ready     bool
	Calls     []callv1.Call
	NoPhone   bool
	Areas     []consentv1.Area
	At        time.Time // when all this was so
	Chart     chart
}

// AreaName names a service area.
func (d operationsData) AreaName(id string, l texts.Lang) string {
	return nameOf(areaOf(d.Areas, id), l)
}

// Minutes writes a time in seconds.
func (d operationsData) Minutes(s float64) string { return d.Num(s/60, 1) + " min" }

// Short writes a time in seconds that may be less than one.
func (d operationsData) Short(s float64) string {
	if s < 1 {
		return d.Num(1000*s, 0) + " ms"
	}
	return d.Num(s, 0) + " s"
}

// Took writes how long a probe took.
func (d operationsData) Took(t time.Duration) string {
	return d.Num(float64(t)/float64(time.Millisecond), 1) + " ms"
}

// Engines are the settings that choose what hears, writes and finds.
func (d operationsData) Engines() []process.Setting {
	var out []process.Setting
	for _, p := range d.Processes {
		for _, s := range p.Settings {
			switch s.Name {
			case "SAMTALE_ASR", "SAMTALE_ASR_SECOND", "SAMTALE_TTS", "SAMTALE_LLM", "SAMTALE_INDEX", "SAMTALE_EMBED", "SAMTALE_DELIVER":
				if !slices.Contains(out, s) {
					out = append(out, s)
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b process.Setting) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func (a *App) operations(w http.ResponseWriter, r *http.Request, p who.Person) error {
	d := operationsData{numbers: numbersOf(lang(r)), Services: a.services(r.Context()), At: a.Now()}
	d.Processes, d.Calls, d.NoPhone = a.measured(r, p)
	d.figures = figuresOf(d.Processes, d.Calls, a.Now())
	d.Ready = len(d.Processes) > 0 && !slices.ContainsFunc(d.Processes, func(p process.Description) bool { return !p.Ready })
	d.Areas, _ = a.areas(r.Context()) // without the consent service areas have their ids for names
	d.Chart = d.curve(texts.For(lang(r)))
	return a.page(w, r, p, http.StatusOK, "operations", "operations.title", d)
}

// measured asks the processes for what the page shows, and the phone service for the calls.
func (a *App) measured(r *http.Request, p who.Person) (all []process.Description, calls []callv1.Call, noPhone bool) {
	rep, err := bus.Request[callv1.ListReply](r.Context(), a.Bus, callv1.ListSubject, callv1.ListRequest{})
	all = a.processes(r.Context(), metricLatency, metricCommitted, metricStreams, metricLimit, metricLag)
	return all, visibleCalls(rep, p).Calls, err != nil
}

// curve draws how the latencies are spread.
func (d operationsData) curve(t texts.Catalogue) chart {
	spread := series{class: "c-1", name: t.T("operations.latency")}
	var labels []string
	var before uint64
	for _, b := range d.Latency.Buckets {
		labels = append(labels, d.Short(b.To))
		spread.values = append(spread.values, float64(b.Count-before)/float64(max(1, d.Latency.Count)))
		before = b.Count
	}
	text := t.T("operations.latency.text", "n", d.Latency.Count, "p50", d.Short(d.Latency.P50), "p99", d.Short(d.Latency.P99))
	c := chart{ID: "latency", Title: t.T("operations.latency"), Text: text, YLabel: t.T("operations.latency.y")}
	return overTime(c, labels, []series{spread}, nil, func(share float64) string { return d.Num(100*share, 0) + " %" })
}

func (a *App) apiHealth(w http.ResponseWriter, r *http.Request, p who.Person) error {
	checks, ready := a.Health.Run(r.Context())
	all, calls, _ := a.measured(r, p)
	return reply(w, map[string]any{
		"ready": ready, "checks": checks, "services": a.services(r.Context()), "figures": figuresOf(all, calls, a.Now()),
	})
}
