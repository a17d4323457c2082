package recorded

import (
	"bytes"
	"errors"
	"math"
	"testing"
	"testing/fstest"

	"samtale.dk/samtale/media/g711"
	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/models/tts"
)

func tone(rate int) []int16 {
	s := make([]int16, rate)
	for i := range s {
		s[i] = int16(8000 * math.Sin(2*math.Pi*440*float64(i)/float64(rate)))
	}
	return s
}

func files(t *testing.T) fstest.MapFS {
	t.Helper()
	al := make([]byte, 8000)
	g711.EncodeALaw(al, tone(8000))
	var wav bytes.Buffer
	if err := pcm.WriteWAV(&wav, 44100, tone(44100)); err != nil {
		t.Fatal(err)
	}
	return fstest.MapFS{
		"a.al": {Data: al}, "b.wav": {Data: wav.Bytes()}, "c.wav": {Data: []byte("RIFF")}, "d.mp3": {Data: al},
	}
}

func TestRead(t *testing.T) {
	f := files(t)
	for name, want := range map[string]bool{"a.al": true, "b.wav": true, "c.wav": false, "d.mp3": false, "none.wav": false} {
		s, err := Read(f, name)
		if (err == nil) != want {
			t.Errorf("%s: err = %v", name, err)
		}
		if want && (len(s) < 15900 || len(s) > 16000) {
			t.Errorf("%s: %d samples of one second", name, len(s))
		}
	}
	if _, err := Read(f, "none.wav"); !errors.Is(err, tts.ErrNoVoice) {
		t.Errorf("err = %v", err)
	}
}
