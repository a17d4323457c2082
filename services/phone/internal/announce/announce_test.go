package announce

import (
	"log/slog"
	"os"
	"testing"
	"testing/fstest"

	"samtale.dk/samtale/media/g711"
	"samtale.dk/samtale/media/pcm"
)

func TestEveryTextHasASound(t *testing.T) {
	l := New(nil, nil, slog.New(slog.DiscardHandler))
	total := 0
	for id, text := range Texts() {
		s := l.Get("borgerservice", id)
		// espeak-ng speaks about 14 letters a second.
		if sec := float64(len(s)) / pcm.Rate; sec < float64(len(text))/25 || sec > float64(len(text))/6 {
			t.Errorf("%s: %d letters in %.1f s", id, len(text), sec)
		}
		if lv := pcm.Level(s); lv < -40 {
			t.Errorf("%s: level %.0f dBov", id, lv)
		}
		total += len(s) / 2
	}
	if total > 1800<<10 {
		t.Errorf("sound files take %d bytes", total)
	}
}

func TestEverySoundHasAText(t *testing.T) {
	files, err := os.ReadDir("sounds")
	if err != nil {
		t.Fatal(err)
	}
	texts := Texts()
	for _, f := range files {
		id := ID(f.Name()[:len(f.Name())-len(".al")])
		if _, ok := texts[id]; !ok {
			t.Errorf("%s belongs to no announcement", f.Name())
		}
	}
}

func TestOwnRecordings(t *testing.T) {
	sound := func(n int) *fstest.MapFile {
		b := make([]byte, n)
		g711.EncodeALaw(b, Tone(440, 0)[:0])
		for i := range b {
			b[i] = g711.SilenceALaw
		}
		return &fstest.MapFile{Data: b}
	}
	own := fstest.MapFS{"thanks.al": sound(800), "pension/thanks.al": sound(1600), "yes.wav": {Data: []byte("no sound")}}
	l := New(own, nil, slog.New(slog.DiscardHandler))
	for _, c := range []struct {
		area string
		id   ID
		want int
	}{{"borgerservice", Thanks, 1600}, {"pension", Thanks, 3200}, {"../pension", Thanks, 1600}} {
		if got := len(l.Get(c.area, c.id)); got != c.want {
			t.Errorf("%s/%s: %d samples, want %d", c.area, c.id, got, c.want)
		}
	}
	if len(l.Get("pension", Yes)) == 0 {
		t.Error("a broken recording silences the announcement")
	}
}

func TestPositionID(t *testing.T) {
	for n, want := range map[int]ID{0: PositionMany, 1: "position-1", 10: "position-10", 11: PositionMany} {
		if got := PositionID(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
