package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
)

// fitted is a line of media/sfu/sfubench: what a packet in and a packet out cost a server.
var fitted = regexp.MustCompile(`(sfu|floor|naive|livekit)\s+cost = (-?[\d.]+) µs·in \+ (-?[\d.]+) µs·out`)

// measureSFU runs the SFU's own benchmark, which measures ours, what the kernel takes by itself, a naive fan-out with pion and a LiveKit
// server in one run, each as a process of its own. LiveKit is built on demand, which is too long for a quick run.
func measureSFU(ctx context.Context, b *bench) error {
	const by = "go run ./media/sfu/sfubench"
	args := []string{"run", "./media/sfu/sfubench", "-seconds", "3"}
	if b.quick {
		args = append(args, "-servers", "sfu,naive", "-load", "5 ×", "-loss", "0")
	}
	out, failed := exec.CommandContext(ctx, "go", args...).CombinedOutput()
	if failed != nil {
		failed = fmt.Errorf("%s: %w\n%s", by, failed, out)
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
		return errors.Join(failed, fmt.Errorf("no figures in\n%s", out))
	}
	b.say("%s\n%s", by, out)
	for i, r := range []row{
		{What: "SFU, CPU per packet received (a)", Budget: "≤ 10 µs", Limit: 10, Note: "least squares over all loads, loss included"},
		{What: "SFU, CPU per packet delivered (b)", Budget: "≤ 5 µs", Limit: 5, Note: "the same fit"},
	} {
		r.Value, r.Unit, r.By = ours[i], "µs", by
		if floor, ok := cost["floor"]; ok {
			r.Note += fmt.Sprintf("; the kernel alone %.1f µs", floor[i])
		}
		if livekit, ok := cost["livekit"]; ok {
			r.Note += fmt.Sprintf("; LiveKit %.1f µs", livekit[i])
		}
		if naive, ok := cost["naive"]; ok {
			r.Baseline = &baseline{What: "fan-out with pion alone", Value: naive[i]}
		}
		b.add(r)
	}
	return failed // of one of the others
}
