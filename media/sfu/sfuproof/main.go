// Command sfuproof measures what people would see and hear of package sfu's meetings on bad networks, with real pion clients and sockets:
// frames a second, how long the picture stands still, delays of picture, sound and typed text, what happens when the network becomes
// narrow or is cut. With -soak it holds meetings for a long time and prints memory and goroutines; with -peak it reckons what the
// national peak of a day takes.
//
//	go run ./media/sfu/sfuproof -seconds 10
//	go run ./media/sfu/sfuproof -soak 1h
//	go run ./media/sfu/sfuproof -peak
package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

func main() {
	seconds := flag.Int("seconds", 10, "how long each network is measured")
	only := flag.String("only", "", "only networks whose name has this in it")
	long := flag.Duration("soak", 0, "hold meetings for so long, such as 1h")
	rooms := flag.Int("rooms", 3, "how many meetings of three at a time, with -soak")
	day := flag.Bool("peak", false, "reckon what the national peak takes")
	a := flag.Float64("in", 8.1, "with -peak: what a packet in costs, in µs (sfubench's fit)")
	b := flag.Float64("out", 5.4, "with -peak: what a packet out costs, in µs")
	cores := flag.Int("cores", 8, "with -peak: of a node")
	other := flag.Bool("load", false, "be the load of a soak (used by the program itself)")
	flag.Parse()
	var err error
	switch {
	case *other:
		err = load(os.Stdin, os.Stdout, *rooms)
	case *day:
		peak(os.Stdout, *a, *b, *cores)
	case *long > 0:
		err = soak(os.Stdout, *long, *rooms)
	default:
		err = networks(os.Stdout, *only, time.Duration(*seconds)*time.Second)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
