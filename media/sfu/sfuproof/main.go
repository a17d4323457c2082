// Command sfuproof measures what people would see and hear of package sfu's meetings on bad networks, with real pion clients and sockets:
// frames a second, how long the picture stands still, delays of picture, sound and typed text, what happens when the network becomes
// narrow or is cut. With -soak it holds meetings for a long time and prints memory and goroutines; with -peak it reckons what the
// national peak of a day takes.
//
//	go run ./media/sfu/sfuproof -seconds 10
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
	flag.Parse()
	err := networks(os.Stdout, *only, time.Duration(*seconds)*time.Second)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
