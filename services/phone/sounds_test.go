package phone

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/services/phone/internal/announce"
)

// writeSounds makes a folder of own recordings, each a tone of the given length.
func writeSounds(t *testing.T, d time.Duration) string { return writeSoundsBut(t, d, nil) }

// writeSoundsBut makes some of them longer.
func writeSoundsBut(t *testing.T, short time.Duration, longer map[announce.ID]time.Duration) string {
	t.Helper()
	dir := t.TempDir()
	for id := range announce.Texts() {
		d := max(short, longer[id])
		f, err := os.Create(filepath.Join(dir, string(id)+".wav"))
		if err != nil {
			t.Fatal(err)
		}
		if err := pcm.WriteWAV(f, pcm.Rate, announce.Tone(600, d)); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func contains(s, sub string) bool { return strings.Contains(s, sub) }
