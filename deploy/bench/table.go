package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// row is one line of the table.
type row struct {
	What   string  `json:"what"`
	Budget string  `json:"budget,omitempty"` // empty: for information
	Value  float64 `json:"value"`
	Unit   string  `json:"unit,omitempty"`
	Limit  float64 `json:"limit,omitempty"` // of Value; used when Budget is set
	// AtLeast: Limit is the smallest allowed value, not the largest.
	AtLeast bool `json:"at_least,omitempty"`
	// Baseline is the same figure for something simpler, from the same run.
	Baseline *baseline `json:"baseline,omitempty"`
	Note     string    `json:"note,omitempty"`
	Missing  string    `json:"missing,omitempty"` // why there is no value
	By       string    `json:"by,omitempty"`      // the command that prints it
}

type baseline struct {
	What  string  `json:"what"`
	Value float64 `json:"value"`
}

type report struct {
	Machine machine `json:"machine"`
	Rows    []row   `json:"rows"`
}

// machine is where the figures come from.
type machine struct {
	CPU   string    `json:"cpu"`
	Cores int       `json:"cores"`
	MemMB int       `json:"memory_mb"`
	OS    string    `json:"os"`
	Go    string    `json:"go"`
	Load  float64   `json:"load"` // 1 minute, before the first measurement
	Time  time.Time `json:"time"`
}

// describeMachine reads what Linux tells; elsewhere some fields stay empty.
func describeMachine() machine {
	m := machine{Cores: runtime.NumCPU(), OS: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(), Time: time.Now().UTC().Truncate(time.Second)}
	for line := range lines("/proc/cpuinfo") {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "model name" {
			m.CPU = strings.TrimSpace(v)
			break
		}
	}
	for line := range lines("/proc/meminfo") {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "MemTotal:" {
			kb, _ := strconv.Atoi(f[1]) // left 0 when the kernel writes something else
			m.MemMB = kb / 1024
		}
	}
	for line := range lines("/proc/loadavg") {
		if f := strings.Fields(line); len(f) > 0 {
			m.Load, _ = strconv.ParseFloat(f[0], 64)
		}
	}
	return m
}

func lines(path string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		data, err := os.ReadFile(path)
		if err != nil {
			return
		}
		for line := range strings.Lines(string(data)) {
			if !yield(strings.TrimRight(line, "\n")) {
				return
			}
		}
	}
}

func printTable(w io.Writer, m machine, rows []row) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s, %d cores, %d MB, %s, %s, load %.2f, %s\n\n", m.CPU, m.Cores, m.MemMB, m.OS, m.Go, m.Load, m.Time.Format(time.RFC3339))
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "what\tbudget\tmeasured\t\tbaseline\tprinted by")
	var notes []string
	for _, r := range rows {
		mark := ""
		if r.Note != "" || r.Baseline != nil {
			notes = append(notes, r.note())
			mark = fmt.Sprintf(" [%d]", len(notes))
		}
		fmt.Fprintf(t, "%s%s\t%s\t%s\t%s\t%s\t%s\n", r.What, mark, r.Budget, r.measured(), r.verdict(), r.beside(), r.By)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for i, n := range notes {
		if i == 0 {
			fmt.Fprintln(&b)
		}
		fmt.Fprintf(&b, "[%d] %s\n", i+1, n)
	}
	_, err := w.Write(b.Bytes())
	return err
}

func (r row) measured() string {
	if r.Missing != "" {
		return r.Missing
	}
	return number(r.Value) + " " + r.Unit
}

// number has three significant digits, and no exponent for anything that is measured here.
func number(v float64) string {
	switch a := max(v, -v); {
	case a >= 100 || a == 0:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case a >= 1:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'g', 2, 64)
}

func (r row) verdict() string {
	switch {
	case r.Missing != "" || r.Budget == "":
		return ""
	case r.AtLeast && r.Value >= r.Limit, !r.AtLeast && r.Value <= r.Limit:
		return "within"
	}
	return "BROKEN"
}

// beside is the baseline and how many times it the value is.
func (r row) beside() string {
	if r.Baseline == nil || r.Missing != "" {
		return ""
	}
	s := number(r.Baseline.Value) + " " + r.Unit
	if r.Baseline.Value > 0 {
		s += fmt.Sprintf(" (×%.1f)", r.Value/r.Baseline.Value)
	}
	return s
}

func (r row) note() string {
	var parts []string
	if r.Note != "" {
		parts = append(parts, r.Note)
	}
	if r.Baseline != nil {
		parts = append(parts, "Baseline: "+r.Baseline.What+".")
	}
	return strings.Join(parts, " ")
}
