//go:build ignore

// Generate speaks all announcements with espeak-ng into sounds/*.al, and those in English into sounds_en/*.al (A-law, 8 kHz).
// Run it with: go run generate.go
package main

import (
	"context"
	"log"
	"os"

	"samtale.dk/samtale/media/g711"
	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/media/resample"
	"samtale.dk/samtale/models/tts/espeak"
	"samtale.dk/samtale/services/phone/internal/announce"
)

func main() {
	speak("sounds", espeak.Config{}, announce.Texts())
	speak("sounds_en", espeak.Config{Voice: "en"}, announce.TextsEnglish())
}

func speak(dir string, cfg espeak.Config, texts map[announce.ID]string) {
	v, err := espeak.New(cfg)
	if err != nil {
		log.Fatal(err)
	}
	for id, text := range texts {
		s, err := v.Say(context.Background(), text)
		if err != nil {
			log.Fatal(err)
		}
		c := resample.New(pcm.Rate, 8000)
		narrow := make([]int16, c.Len(len(s)))
		narrow = narrow[:c.Process(narrow, s)]
		b := make([]byte, len(narrow))
		g711.EncodeALaw(b, narrow)
		if err := os.WriteFile(dir+"/"+string(id)+".al", b, 0o644); err != nil {
			log.Fatal(err)
		}
	}
}
