// Command sfubench measures what forwarding costs: server CPU per delivered packet, in meetings of several shapes and with loss, for
// package sfu and for a naive fan-out with pion in the same run. The servers are processes of their own, so that the CPU is theirs;
// the clients are real pion clients in this one. A fit of a·in + b·out says where the cost is.
//
//	go run ./media/sfu/sfubench -seconds 3
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"
)

// shape of a load: rooms in which each of pubs publishes to each other and to viewers.
type shape struct {
	name          string
	rooms         int
	pubs, viewers int
	audioOnly     bool
}

var shapes = []shape{
	{"15 × 1→1", 15, 1, 1, false},
	{"4 × 3→3", 4, 3, 0, false},
	{"1 → 60", 1, 1, 60, false},
	{"audio 5 × 3→3", 5, 3, 0, true},
}

func main() {
	serve := flag.String("serve", "", "be a server: sfu or naive (used by the program itself)")
	seconds := flag.Int("seconds", 3, "how long each load is measured")
	only := flag.String("load", "", "only loads whose name has this in it")
	losses := flag.String("loss", "0,2,5", "percent of media lost, each way, for the meetings of two and three")
	kinds := flag.String("servers", "sfu,naive", "which servers")
	profile := flag.String("profile", "", "file for a CPU profile of the server, the last one's")
	flag.Parse()
	if *serve != "" {
		if *profile != "" {
			f, err := os.Create(*profile)
			if err == nil {
				err = pprof.StartCPUProfile(f)
			}
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			defer pprof.StopCPUProfile()
		}
		if err := runServer(*serve, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if err := bench(strings.Split(*kinds, ","), *profile, *only, *losses, time.Duration(*seconds)*time.Second); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func bench(kinds []string, profile, only, losses string, d time.Duration) error {
	fmt.Println("server  load             loss   in/s   out/s  CPU %  µs/delivered  RSS MB")
	var fits []string
	for _, kind := range kinds {
		var points []result
		for _, text := range strings.Split(losses, ",") {
			loss, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return fmt.Errorf("loss: %w", err)
			}
			for _, s := range shapes {
				if !strings.Contains(s.name, only) {
					continue
				}
				if loss > 0 && (s.viewers > 1 || s.audioOnly) {
					continue
				}
				r, err := measure(kind, profile, s, loss/100, d)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", kind, s.name, err)
				}
				fmt.Printf("%-7s %-16s %3.0f%% %7.0f %7.0f %6.1f %13.1f %7.0f\n",
					kind, s.name, loss, r.in/d.Seconds(), r.out/d.Seconds(), 100*r.cpu/d.Seconds(), 1e6*r.cpu/r.out, r.rss)
				if loss == 0 {
					points = append(points, r)
				}
			}
		}
		a, b := fit(points)
		fits = append(fits, fmt.Sprintf("%-7s cost = %.1f µs·in + %.1f µs·out", kind, 1e6*a, 1e6*b))
	}
	fmt.Println(strings.Join(fits, "\n"))
	return nil
}

// result of one load: packets into the server and delivered, and what they cost it.
type result struct{ in, out, cpu, rss float64 }

// fit is the least squares solution of cpu = a·in + b·out, each load weighing the same.
func fit(points []result) (a, b float64) {
	var ii, io, oo, ic, oc float64
	for _, p := range points {
		w := 1 / (p.cpu * p.cpu)
		ii += w * p.in * p.in
		io += w * p.in * p.out
		oo += w * p.out * p.out
		ic += w * p.in * p.cpu
		oc += w * p.out * p.cpu
	}
	det := ii*oo - io*io
	if det == 0 {
		return 0, 0
	}
	return (ic*oo - oc*io) / det, (oc*ii - ic*io) / det
}
