package app

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/portal/internal/texts"
	"samtale.dk/samtale/services/portal/internal/who"
)

// numbers writes figures for a language.
type numbers struct{ comma bool }

func numbersOf(l texts.Lang) numbers { return numbers{l == texts.Danish} }

// Num writes a figure with some decimals.
func (n numbers) Num(v float64, decimals int) string {
	s := strconv.FormatFloat(v, 'f', decimals, 64)
	if n.comma {
		s = strings.Replace(s, ".", ",", 1)
	}
	return s
}

// Percent writes a share.
func (n numbers) Percent(v float64) string { return n.Num(100*v, 1) + " %" }

// How well it answers.

type qualityData struct {
	numbers
	knowledgev1.Evaluation
	Chart chart
}

// Measured reports whether there is an evaluation.
func (d qualityData) Measured() bool { return d.Questions > 0 }

func (a *App) editorQuality(w http.ResponseWriter, r *http.Request, p who.Person) error {
	e, err := a.evaluation(r)
	if err != nil {
		return err
	}
	l := lang(r)
	d := qualityData{numbers: numbersOf(l), Evaluation: e}
	if len(e.Curve) > 0 {
		d.Chart = curve(e, texts.For(l), d.numbers)
	}
	return a.page(w, r, p, http.StatusOK, "editor_quality", "editor.quality", d)
}

// curve is the risk–coverage curve: the more questions are answered, the more of the answers are wrong.
func curve(e knowledgev1.Evaluation, c texts.Catalogue, n numbers) chart {
	points := slices.Clone(e.Curve)
	slices.SortFunc(points, func(a, b knowledgev1.CurvePoint) int {
		return cmp.Or(cmp.Compare(a.Coverage, b.Coverage), cmp.Compare(a.Risk, b.Risk))
	})
	top := 0.0
	for _, p := range points {
		top = max(top, p.Risk)
	}
	steps := nice(max(top, .01))
	top = steps[len(steps)-1]
	out := chart{ID: "curve", Title: c.T("editor.curve"), XLabel: c.T("editor.curve.coverage"), YLabel: c.T("editor.curve.risk")}
	for _, v := range steps {
		out.Y = append(out.Y, tick{scale(v, top), n.Num(100*v, decimals(100*steps[1])) + " %"})
	}
	for _, v := range []float64{0, .2, .4, .6, .8, 1} {
		out.X = append(out.X, tick{across(v, 1), n.Num(100*v, 0) + " %"})
	}
	var along []string
	for _, p := range points {
		along = append(along, point(across(p.Coverage, 1), scale(p.Risk, top)))
	}
	out.Lines = []line{{strings.Join(along, " "), "c-1"}}
	used := slices.MinFunc(points, func(a, b knowledgev1.CurvePoint) int {
		return cmp.Compare(math.Abs(a.Threshold-e.Threshold), math.Abs(b.Threshold-e.Threshold))
	})
	out.Marks = []chartMark{{across(used.Coverage, 1), scale(used.Risk, top), c.T("editor.curve.used"), used.Coverage > .5}}
	out.Text = c.T("editor.curve.text", "coverage", n.Percent(used.Coverage), "risk", n.Percent(used.Risk), "threshold", n.Num(e.Threshold, 2))
	return out
}

// decimals is how many an axis with steps of this size needs.
func decimals(step float64) int {
	if step >= 1 {
		return 0
	}
	return int(math.Ceil(-math.Log10(step) - 1e-9))
}

// How it goes day by day.

type trendsData struct {
	numbers
	Days    int
	All     []assistantv1.Day // newest first
	Totals  assistantv1.Day
	Reasons []reasonCount
	Charts  []chart
}

type reasonCount struct {
	Reason string
	Count  int
	Share  float64
}

// Choices are the periods to choose from.
func (trendsData) Choices() []int { return periods }

// Answered is the share of a day's questions that were answered.
func (trendsData) Answered(d assistantv1.Day) float64 {
	if d.Asked == 0 {
		return 0
	}
	return float64(d.Answered) / float64(d.Asked)
}

// Date is a day's time, for writing it.
func (trendsData) Date(d assistantv1.Day) time.Time { return dateOf(d) }

func dateOf(d assistantv1.Day) time.Time {
	t, err := time.ParseInLocation(time.DateOnly, d.Date, copenhagen)
	if err != nil {
		return time.Time{}
	}
	return t
}

func (a *App) editorTrends(w http.ResponseWriter, r *http.Request, p who.Person) error {
	rep, err := a.trends(r)
	if err != nil {
		return err
	}
	l := lang(r)
	d := trendsOf(rep.Days, texts.For(l), numbersOf(l))
	return a.page(w, r, p, http.StatusOK, "editor_trends", "editor.trends", d)
}

func trendsOf(days []assistantv1.Day, c texts.Catalogue, n numbers) trendsData {
	d := trendsData{numbers: n, Days: len(days), All: slices.Clone(days), Totals: assistantv1.Day{Reasons: map[string]int{}}}
	slices.Reverse(d.All)
	lix := 0.0
	for _, day := range days {
		t := &d.Totals
		t.Asked, t.Answered, t.Helpful, t.Unhelpful, t.HandedOn = t.Asked+day.Asked, t.Answered+day.Answered, t.Helpful+day.Helpful, t.Unhelpful+day.Unhelpful, t.HandedOn+day.HandedOn
		lix += day.LIX * float64(day.Answered)
		for reason, count := range day.Reasons {
			t.Reasons[reason] += count
		}
	}
	if d.Totals.Answered > 0 {
		d.Totals.LIX = lix / float64(d.Totals.Answered)
	}
	for _, reason := range slices.Sorted(maps.Keys(d.Totals.Reasons)) {
		d.Reasons = append(d.Reasons, reasonCount{reason, d.Totals.Reasons[reason], float64(d.Totals.Reasons[reason]) / float64(max(1, d.Totals.Asked))})
	}
	slices.SortStableFunc(d.Reasons, func(a, b reasonCount) int { return cmp.Compare(b.Count, a.Count) })
	if d.Totals.Asked > 0 {
		d.Charts = trendCharts(d, days, c)
	}
	return d
}

func trendCharts(d trendsData, days []assistantv1.Day, c texts.Catalogue) []chart {
	var labels []string
	for _, day := range days {
		t := dateOf(day)
		labels = append(labels, fmt.Sprintf("%d.%d.", t.Day(), t.Month()))
	}
	of := func(key, class string, f func(assistantv1.Day) float64) series {
		s := series{name: c.T(key), class: class}
		for _, day := range days {
			s.values = append(s.values, f(day))
		}
		return s
	}
	count := func(v float64) string { return d.Num(v, 0) }
	asked := of("editor.trends.asked", "c-2", func(x assistantv1.Day) float64 { return float64(x.Asked) })
	answered := of("editor.trends.answered", "c-1", func(x assistantv1.Day) float64 { return float64(x.Answered) })
	helpful := of("editor.trends.helpful", "c-1", func(x assistantv1.Day) float64 { return float64(x.Helpful) })
	unhelpful := of("editor.trends.unhelpful", "c-3", func(x assistantv1.Day) float64 { return float64(x.Unhelpful) })
	handed := of("editor.trends.handed", "c-1", func(x assistantv1.Day) float64 { return float64(x.HandedOn) })
	lix := of("editor.trends.lix", "c-1", func(x assistantv1.Day) float64 {
		if x.LIX == 0 {
			return math.NaN()
		}
		return x.LIX
	})
	t := d.Totals
	return []chart{
		overTime(chart{ID: "asked", Title: c.T("editor.trends.questions"), Text: c.T("editor.trends.questions.text", "asked", t.Asked, "share", d.Percent(d.Answered(t)))},
			labels, []series{asked, answered}, nil, count),
		overTime(chart{ID: "helped", Title: c.T("editor.trends.rated"), Text: c.T("editor.trends.rated.text", "yes", t.Helpful, "no", t.Unhelpful)},
			labels, nil, []series{helpful, unhelpful}, count),
		overTime(chart{ID: "handed", Title: c.T("editor.trends.handed"), Text: c.T("editor.trends.handed.text", "n", t.HandedOn)},
			labels, []series{handed}, nil, count),
		overTime(chart{ID: "lix", Title: c.T("editor.trends.lix"), Text: c.T("editor.trends.lix.text", "lix", d.Num(t.LIX, 0))},
			labels, nil, []series{lix}, count),
	}
}
