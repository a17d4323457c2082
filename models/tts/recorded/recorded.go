// Package recorded reads what was spoken before, once and for all: sound files, WAV
// (any rate, mixed to mono) or raw A-law at 8 kHz (.al).
package recorded

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"samtale.dk/samtale/media/g711"
	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/models/tts"
)

// maxSeconds bounds one file.
const maxSeconds = 300

// Read reads one sound file at tts.Rate; tts.ErrNoVoice when it does not exist.
func Read(files fs.FS, name string) ([]int16, error) {
	b, err := fs.ReadFile(files, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", tts.ErrNoVoice, name)
	}
	if err != nil {
		return nil, fmt.Errorf("recording: %w", err)
	}
	switch path.Ext(name) {
	case ".al":
		if len(b) > maxSeconds*8000 {
			return nil, fmt.Errorf("recording %s: longer than %d s", name, maxSeconds)
		}
		s := make([]int16, len(b))
		g711.DecodeALaw(s, b)
		return tts.AtRate(s, 8000), nil
	case ".wav":
		w, err := pcm.ReadWAV(bytes.NewReader(b), maxSeconds*192000)
		if err != nil {
			return nil, fmt.Errorf("recording %s: %w", name, err)
		}
		return tts.AtRate(w.Samples, w.Rate), nil
	}
	return nil, fmt.Errorf("recording %s: use .wav or .al", name)
}
