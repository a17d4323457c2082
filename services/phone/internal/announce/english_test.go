package announce

import (
	"log/slog"
	"os"
	"slices"
	"testing"
	"testing/fstest"

	"samtale.dk/samtale/media/g711"
	"samtale.dk/samtale/media/pcm"
)

func TestEnglishHasTheSameAnnouncements(t *testing.T) {
	l := New(nil, nil, slog.New(slog.DiscardHandler))
	danish, english := Texts(), TextsEnglish()
	for id, text := range english {
		s := l.In(English, "borgerservice", id)
		if sec := float64(len(s)) / pcm.Rate; sec < float64(len(text))/25 || sec > float64(len(text))/6 || pcm.Level(s) < -40 {
			t.Errorf("%s: %d letters in %.1f s, level %.0f dBov", id, len(text), sec, pcm.Level(s))
		}
		if danish[id] == "" || slices.Equal(s, l.Get("borgerservice", id)) {
			t.Errorf("%s is the Danish one, or there is none", id)
		}
	}
	for id := range danish {
		if len(id) > 8 && id[:8] == "meeting-" && english[id] == "" {
			t.Errorf("%s is not there in English", id)
		}
	}
	files, err := os.ReadDir("sounds_en")
	if err != nil || len(files) != len(english) {
		t.Errorf("%d sounds for %d texts, %v", len(files), len(english), err)
	}
}

func TestDanishWhereThereIsNoEnglish(t *testing.T) {
	silent := make([]byte, 800)
	for i := range silent {
		silent[i] = g711.SilenceALaw
	}
	own := fstest.MapFS{"thanks.al": {Data: silent}, "en/yes.al": {Data: silent}}
	l := New(own, nil, slog.New(slog.DiscardHandler))
	if got := len(l.In(English, "pension", Thanks)); got != 1600 {
		t.Errorf("what is not there in English has %d samples", got)
	}
	if got := len(l.In(English, "pension", Yes)); got != 1600 {
		t.Errorf("the authority's own in English has %d samples", got)
	}
	if len(l.In("", "pension", Yes)) == 1600 {
		t.Error("who speaks Danish hears English")
	}
}
