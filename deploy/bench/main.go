// Command bench runs the benchmarks behind the design's budgets and prints the
// budget table with what was measured beside it, and a baseline from the same run
// where there is one. `make bench` starts it.
package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// row is one budget: a benchmark, the figure of it that counts, and a baseline.
type row struct {
	what     string
	budget   string
	pkg      string  // below the module root
	bench    string  // name without the Benchmark prefix
	unit     string  // as `go test` prints it
	limit    float64 // in that unit; 0: for information
	scale    float64 // printed figure = measured × scale
	show     string  // unit printed
	baseline string  // another benchmark of the same package, printed beside it
}

// rows is the table. Figures that need a running system stand in deploy/bench/run.
var rows = []row{}

func main() {
	short := flag.Duration("benchtime", 0, "time per benchmark (default: go test's own)")
	flag.Parse()
	results := map[string]map[string]float64{}
	for _, pkg := range packages() {
		if err := measure(pkg, *short, results); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
	}
	fmt.Printf("%-62s %-22s %14s %14s  %s\n", "what", "budget", "measured", "baseline", "")
	for _, r := range rows {
		fmt.Println(line(r, results))
	}
}

func packages() []string {
	var out []string
	seen := map[string]bool{}
	for _, r := range rows {
		if !seen[r.pkg] {
			seen[r.pkg] = true
			out = append(out, r.pkg)
		}
	}
	return out
}

func measure(pkg string, benchtime fmt.Stringer, results map[string]map[string]float64) error {
	var names []string
	for _, r := range rows {
		if r.pkg == pkg {
			names = append(names, r.bench)
			if r.baseline != "" {
				names = append(names, r.baseline)
			}
		}
	}
	args := []string{"test", "-run", "^$", "-benchmem", "-bench", "^Benchmark(" + strings.Join(names, "|") + ")$"}
	if benchtime.String() != "0s" {
		args = append(args, "-benchtime", benchtime.String())
	}
	fmt.Fprintln(os.Stderr, "measures", pkg, "…")
	cmd := exec.Command("go", append(args, "./"+pkg)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", pkg, err, out)
	}
	parse(pkg, out, results)
	return nil
}

var nameEnd = regexp.MustCompile(`-\d+$`)

// parse reads `go test -bench` output: name, runs, then pairs of figure and unit.
func parse(pkg string, out []byte, results map[string]map[string]float64) {
	sc := bufio.NewScanner(bytes.NewReader(out))
	for sc.Scan() {
		f := strings.Fields(sc.Text())
		if len(f) < 4 || !strings.HasPrefix(f[0], "Benchmark") {
			continue
		}
		name := nameEnd.ReplaceAllString(strings.TrimPrefix(f[0], "Benchmark"), "")
		m := map[string]float64{}
		for i := 2; i+1 < len(f); i += 2 {
			v, err := strconv.ParseFloat(f[i], 64)
			if err == nil {
				m[f[i+1]] = v
			}
		}
		results[pkg+" "+name] = m
	}
}

func line(r row, results map[string]map[string]float64) string {
	v, ok := results[r.pkg+" "+r.bench][r.unit]
	if !ok {
		return fmt.Sprintf("%-62s %-22s %14s", r.what, r.budget, "not measured")
	}
	mark := ""
	switch {
	case r.limit > 0 && v <= r.limit:
		mark = "within"
	case r.limit > 0:
		mark = "OVER"
	}
	base := ""
	if b, ok := results[r.pkg+" "+r.baseline][r.unit]; ok {
		base = fmt.Sprintf("%.4g %s", b*r.scale, r.show)
	}
	return fmt.Sprintf("%-62s %-22s %14s %14s  %s", r.what, r.budget, fmt.Sprintf("%.4g %s", v*r.scale, r.show), base, mark)
}
