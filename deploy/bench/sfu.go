package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
)

// fitted is a line of media/sfu/sfubench: what a packet in and a packet out cost a server.
var fitted = regexp.MustCompile(`(sfu|naive)\s+cost = (-?[\d.]+) µs·in \+ (-?[\d.]+) µs·out`)

// measureSFU runs the SFU's own benchmark, which measures ours and a naive fan-out with pion in one run, each as a process of its
// own with real pion clients.
func measureSFU(ctx context.Context, b *bench) error {
	const by = "go run ./media/sfu/sfubench"
	args := []string{"run", "./media/sfu/sfubench", "-seconds", "3"}
	if b.quick {
		args = append(args, "-load", "3", "-loss", "0")
	}
	out, err := exec.CommandContext(ctx, "go", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", by, err, out)
	}
	cost := map[string][2]float64{}
	for _, m := range fitted.FindAllSubmatch(out, -1) {
		in, err := strconv.ParseFloat(string(m[2]), 64)
		if err != nil {
			return err
		}
		each, err := strconv.ParseFloat(string(m[3]), 64)
		if err != nil {
			return err
		}
		cost[string(m[1])] = [2]float64{in, each}
	}
	ours, ok := cost["sfu"]
	if !ok {
		return fmt.Errorf("no figures in\n%s", out)
	}
	b.say("%s\n%s", by, out)
	for i, r := range []row{
		{What: "SFU, CPU per packet received (a)", Budget: "≤ 10 µs", Limit: 10, Note: "least squares over all loads, loss included"},
		{What: "SFU, CPU per packet delivered (b)", Budget: "≤ 5 µs", Limit: 5},
	} {
		r.Value, r.Unit, r.By = ours[i], "µs", by
		if naive, ok := cost["naive"]; ok {
			r.Baseline = &baseline{What: "fan-out with pion alone", Value: naive[i]}
		}
		b.add(r)
	}
	return nil
}
