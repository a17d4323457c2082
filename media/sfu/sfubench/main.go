// Command sfubench measures what forwarding costs: server CPU per delivered packet, in meetings of several shapes and with loss, for
// package sfu, for a naive fan-out with pion and for a LiveKit server, in the same run, and for a floor that only receives and sends.
// The servers are processes of their own, so that the CPU is theirs; the clients are real pion clients in this one, but plain sockets
// for the floor. A fit of a·in + b·out says where the cost is.
//
//	go run ./media/sfu/sfubench -seconds 3
//
// LiveKit is built from its Go module, pinned in the module beside this file, and joined by its own signalling.
package main

import (
	"errors"
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
	sound         bool // instead of cameras
	heavy         bool // shows what a packet costs when there are many: in a fit of its own
}

var shapes = []shape{
	{name: "15 × 1→1", rooms: 15, pubs: 1, viewers: 1},
	{name: "4 × 3→3", rooms: 4, pubs: 3},
	{name: "1 → 60", rooms: 1, pubs: 1, viewers: 60},
	{name: "sound 5 × 3→3", rooms: 5, pubs: 3, sound: true},
	{name: "60 × 1→1", rooms: 60, pubs: 1, viewers: 1, heavy: true},
	{name: "20 × 3→3", rooms: 20, pubs: 3, heavy: true},
}

// large loads are measured without loss only: the clients that repeat packets take more than the server.
func (s *shape) large() bool { return s.rooms*(s.pubs+s.viewers) > 30 }

type options struct {
	servers []string
	losses  []float64 // percent
	only    string
	profile string
	spaced  bool
	each    time.Duration
}

func main() {
	serve := flag.String("serve", "", "be a server: sfu, floor or naive (used by the program itself)")
	seconds := flag.Int("seconds", 3, "how long each load is measured")
	only := flag.String("load", "", "only loads whose name has this in it")
	losses := flag.String("loss", "0,2,5", "percent of media lost, each way; not for the large loads")
	kinds := flag.String("servers", "sfu,floor,naive,livekit", "which servers")
	profile := flag.String("profile", "", "file for a CPU profile of the server, the last one's")
	spaced := flag.Bool("spaced", false, "clients send each packet of a frame by itself")
	flag.Parse()
	var err error
	if *serve != "" {
		err = profiled(*profile, func() error { return runServer(*serve, os.Stdin, os.Stdout) })
	} else {
		o := options{servers: strings.Split(*kinds, ","), only: *only, profile: *profile, spaced: *spaced, each: time.Duration(*seconds) * time.Second}
		o.losses, err = numbers(*losses)
		if err == nil {
			err = bench(o)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func numbers(text string) ([]float64, error) {
	var all []float64
	for _, x := range strings.Split(text, ",") {
		v, err := strconv.ParseFloat(x, 64)
		if err != nil {
			return nil, fmt.Errorf("loss: %w", err)
		}
		all = append(all, v)
	}
	return all, nil
}

func profiled(path string, f func() error) error {
	if path == "" {
		return f()
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	return f()
}

// bench measures all servers. One that cannot be measured does not keep the figures of the others back.
func bench(o options) error {
	fmt.Println("server  load             loss   in/s   out/s  CPU %  µs/delivered  RSS MB  delay ms 50%   99%")
	var fits []string
	var failed error
	for _, kind := range o.servers {
		usual, all, err := loads(kind, o)
		failed = errors.Join(failed, err)
		if len(usual) == 0 {
			continue
		}
		a, b := fit(usual)
		fits = append(fits, fmt.Sprintf("%-7s cost = %.1f µs·in + %.1f µs·out", kind, 1e6*a, 1e6*b))
		if len(all) > len(usual) {
			a, b = fit(all)
			fits = append(fits, fmt.Sprintf("%-7s with the heavy loads: %.1f µs·in + %.1f µs·out", kind, 1e6*a, 1e6*b))
		}
	}
	fmt.Println(strings.Join(fits, "\n"))
	return failed
}

// loads puts all loads on a server, and gives the results without and with the heavy ones.
func loads(kind string, o options) (usual, all []result, err error) {
	start := func() (server, error) { return startProcess(kind, o.profile) }
	switch kind {
	case "floor":
		start = func() (server, error) { return startFloor(o.profile) }
	case "livekit":
		path, err := buildLiveKit()
		if err != nil {
			return nil, nil, err
		}
		start = func() (server, error) { return startLiveKit(path) }
	}
	for _, loss := range o.losses {
		for _, s := range shapes {
			if !strings.Contains(s.name, o.only) || loss > 0 && s.large() {
				continue
			}
			r, err := one(start, s, loss/100, o)
			if err != nil {
				return usual, all, fmt.Errorf("%s, %s: %w", kind, s.name, err)
			}
			fmt.Printf("%-7s %-16s %3.0f%% %7.0f %7.0f %6.1f %13.1f %7.0f %13.2f %5.1f\n",
				kind, s.name, loss, r.in/r.took, r.out/r.took, 100*r.cpu/r.took, 1e6*r.cpu/r.out, r.rss, ms(r.half), ms(r.most))
			all = append(all, r)
			if !s.heavy {
				usual = append(usual, r)
			}
		}
	}
	return usual, all, nil
}

// one starts a server for one load.
func one(start func() (server, error), s shape, loss float64, o options) (result, error) {
	srv, err := start()
	if err != nil {
		return result{}, err
	}
	defer srv.stop()
	return measure(srv, s, loss, o.spaced, o.each)
}

// result of one load: packets into the server and delivered, what they cost it in CPU seconds, and the seconds that passed.
// Delays are from client to client.
type result struct {
	in, out, cpu, rss, took float64
	half, most              time.Duration // not exceeded by 50 and 99%
}

func ms(d time.Duration) float64 { return d.Seconds() * 1000 }

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
