package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// measureRecogniser asks the recogniser's own benchmark, which runs one stream of speech
// on one core, and weighs what is committed.
func measureRecogniser(ctx context.Context, b *bench) error {
	const dir = "models/asr/demo"
	args := []string{"test", "-run", "^$", "-bench", "^BenchmarkSpeech$", "-cpu", "1", "./" + dir}
	if b.quick {
		args = append(args, "-benchtime", "200x")
	}
	b.say("the demo recogniser's benchmark")
	results, err := goBench(ctx, args)
	if err != nil {
		return err
	}
	value, ok := results["Speech/search"]["of-real-time"]
	if !ok {
		return fmt.Errorf("%s has no BenchmarkSpeech/search", dir)
	}
	r := row{
		What: "demo recogniser, share of real time on one core", Budget: "≤ 0.03", Value: value, Limit: 0.03, Unit: "",
		By: "go " + strings.Join(args, " "),
	}
	if greedy, ok := results["Speech/greedy"]["of-real-time"]; ok {
		r.Baseline = &baseline{"without the search over the language model", greedy}
	}
	b.add(r)
	return b.weigh(dir)
}

// weigh adds up what the recogniser needs besides code.
func (b *bench) weigh(dir string) error {
	var bytes int64
	files := []string{"weights.bin", "lm.bin"}
	for _, f := range files {
		st, err := os.Stat(filepath.Join(dir, f))
		if err != nil {
			return err
		}
		bytes += st.Size()
	}
	b.add(row{
		What: "demo recogniser, weights and language model", Budget: "≤ 10 MB", Value: float64(bytes) / 1e6, Limit: 10, Unit: "MB",
		Note: "The sizes of " + strings.Join(files, " and ") + " in " + dir + ".",
	})
	return nil
}

// goBench runs `go` with the arguments; results are by name, without Benchmark, and unit.
func goBench(ctx context.Context, args []string) (map[string]map[string]float64, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s%s", strings.Join(args, " "), err, out, stderr.String())
	}
	return parseBench(out), nil
}

var procs = regexp.MustCompile(`-\d+$`)

// parseBench reads `go test -bench` output: name, runs, then pairs of figure and unit.
func parseBench(out []byte) map[string]map[string]float64 {
	results := map[string]map[string]float64{}
	sc := bufio.NewScanner(bytes.NewReader(out))
	for sc.Scan() {
		f := strings.Fields(sc.Text())
		if len(f) < 4 || !strings.HasPrefix(f[0], "Benchmark") {
			continue
		}
		m := map[string]float64{}
		for i := 2; i+1 < len(f); i += 2 {
			if v, err := strconv.ParseFloat(f[i], 64); err == nil {
				m[f[i+1]] = v
			}
		}
		results[procs.ReplaceAllString(strings.TrimPrefix(f[0], "Benchmark"), "")] = m
	}
	return results
}
