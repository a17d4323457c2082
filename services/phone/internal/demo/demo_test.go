package demo

import (
	"testing"

	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/models/tts/recorded"
	seeds "samtale.dk/samtale/seeds/calls"
)

func TestScripts(t *testing.T) {
	scripts, err := Load(seeds.Files)
	if err != nil {
		t.Fatal(err)
	}
	if len(scripts) != 3 {
		t.Errorf("%d scripts", len(scripts))
	}
	for _, s := range scripts {
		t.Run(s.Name, func(t *testing.T) {
			if s.Title == "" || s.To != "besked" && s.To != "borgerservice" {
				t.Errorf("script: %+v", s)
			}
			for _, l := range s.Lines {
				if _, ok := s.Speakers[l.Speaker]; !ok || l.Text == "" {
					t.Errorf("line: %+v", l)
				}
			}
			sound, err := recorded.Read(seeds.Files, s.Name+".al")
			if err != nil {
				t.Fatal(err)
			}
			if n := len(sound) / 2; n > 400<<10 || n < 8000*10 {
				t.Errorf("sound file has %d bytes", n)
			}
			if l := pcm.Level(sound); l < -40 {
				t.Errorf("level %.0f dBov", l)
			}
		})
	}
}
