//go:build ignore

// Generate speaks the citizen's part of every demo conversation into seeds/calls
// (A-law, 8 kHz). Run it with: go run generate.go
package main

import (
	"context"
	"log"
	"os"

	"samtale.dk/samtale/media/g711"
	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/media/resample"
	"samtale.dk/samtale/services/phone/internal/demo"
)

const folder = "../../../../seeds/calls"

func main() {
	scripts, err := demo.Load(os.DirFS(folder))
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range scripts {
		sound, err := s.Speak(context.Background(), "citizen")
		if err != nil {
			log.Fatal(err)
		}
		c := resample.New(pcm.Rate, 8000)
		narrow := make([]int16, c.Len(len(sound)))
		narrow = narrow[:c.Process(narrow, sound)]
		b := make([]byte, len(narrow))
		g711.EncodeALaw(b, narrow)
		if err := os.WriteFile(folder+"/"+s.Name+".al", b, 0o644); err != nil {
			log.Fatal(err)
		}
	}
}
