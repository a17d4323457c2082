package app

import (
	"fmt"
	"math"
	"strings"
)

// Pictures of figures, as inline SVG: nothing but shapes and words with classes, so that the page's styles (dark, high
// contrast, print) hold for them, and no script is needed. Each stands beside a table with the same figures.

// The picture's own measures; it is scaled to its place.
const (
	chartWidth, chartHeight = 640.0, 260.0
	plotLeft, plotRight     = 52.0, 616.0
	plotTop, plotBottom     = 14.0, 222.0
	maxTicks                = 6 // of time
)

// chart is one picture.
type chart struct {
	ID, Title, Text string // Text says in words what it shows
	XLabel, YLabel  string
	Bars            []bar
	Lines           []line
	Marks           []chartMark
	X, Y            []tick
	Legend          []legend
}

// Frame is the plot's place, for templates.
func (chart) Frame() struct{ Width, Height, Left, Right, Top, Bottom float64 } {
	return struct{ Width, Height, Left, Right, Top, Bottom float64 }{chartWidth, chartHeight, plotLeft, plotRight, plotTop, plotBottom}
}

type bar struct {
	X, Y, Width, Height float64
	Class               string
}

type line struct{ Points, Class string }

// chartMark is a point that is named.
type chartMark struct {
	X, Y float64
	Text string
	Left bool // the text stands to its left
}

type tick struct {
	At   float64
	Text string
}

type legend struct{ Class, Text string }

// series is one row of figures of a chart over time; NaN is a day without a figure.
type series struct {
	name, class string
	values      []float64
}

// overTime draws days: bars stand in front of each other, the first one at the back; lines on top.
func overTime(c chart, labels []string, bars, lines []series, format func(float64) string) chart {
	top := 0.0
	for _, s := range append(append([]series{}, bars...), lines...) {
		for _, v := range s.values {
			if !math.IsNaN(v) {
				top = max(top, v)
			}
		}
	}
	steps := nice(top)
	top = steps[len(steps)-1]
	for _, v := range steps {
		c.Y = append(c.Y, tick{scale(v, top), format(v)})
	}
	n := len(labels)
	step := (plotRight - plotLeft) / float64(max(1, n))
	centre := func(i int) float64 { return plotLeft + step*(float64(i)+.5) }
	every := max(1, int(math.Ceil(float64(n)/maxTicks)))
	for i := 0; i < n; i += every {
		c.X = append(c.X, tick{centre(i), labels[i]})
	}
	for _, s := range bars {
		c.Legend = append(c.Legend, legend{s.class, s.name})
		for i, v := range s.values {
			if v > 0 {
				y := scale(v, top)
				c.Bars = append(c.Bars, bar{round(centre(i) - step*.38), y, round(step * .76), round(plotBottom - y), s.class})
			}
		}
	}
	for _, s := range lines {
		c.Legend = append(c.Legend, legend{s.class, s.name})
		for _, points := range unbroken(s.values, centre, top) {
			c.Lines = append(c.Lines, line{points, s.class})
		}
	}
	return c
}

// unbroken gives the stretches of a line between days without a figure; a lone day is a short stroke.
func unbroken(values []float64, at func(int) float64, top float64) []string {
	var out []string
	var now []string
	flush := func() {
		if len(now) == 1 {
			var x, y float64
			fmt.Sscanf(now[0], "%f,%f", &x, &y)
			now = []string{point(x-3, y), point(x+3, y)}
		}
		if now != nil {
			out = append(out, strings.Join(now, " "))
		}
		now = nil
	}
	for i, v := range values {
		if math.IsNaN(v) {
			flush()
			continue
		}
		now = append(now, point(at(i), scale(v, top)))
	}
	flush()
	return out
}

// scale is the height of a value between 0 and top.
func scale(v, top float64) float64 {
	if top == 0 {
		return plotBottom
	}
	return round(plotBottom - (plotBottom-plotTop)*v/top)
}

func across(v, right float64) float64 {
	if right == 0 {
		return plotLeft
	}
	return round(plotLeft + (plotRight-plotLeft)*v/right)
}

func point(x, y float64) string { return fmt.Sprintf("%g,%g", round(x), round(y)) }

func round(v float64) float64 { return math.Round(v*10) / 10 }

// nice gives values for an axis from 0 to at least top: 1, 2 or 5 times a power of ten apart.
func nice(top float64) []float64 {
	if top <= 0 {
		top = 1
	}
	size := math.Pow(10, math.Floor(math.Log10(top/4)))
	for _, f := range []float64{1, 2, 5, 10} {
		if step := f * size; top/step <= 5 {
			var out []float64
			for i := range int(math.Ceil(top/step-1e-9)) + 1 {
				out = append(out, math.Round(float64(i)*step/size)*size)
			}
			return out
		}
	}
	return []float64{0, top}
}
