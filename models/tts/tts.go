// Package tts is the port to speech synthesis. Adapters are in the packages
// below it: espeak (the espeak-ng program) and openai (a server). Both pass the
// suite in ttstest. Package recorded reads what was spoken before into sound files,
// which an authority replaces by its own.
package tts

import (
	"context"
	"errors"

	"samtale.dk/samtale/media/resample"
)

// Rate of all sound from a Synthesiser, in Hz, mono.
const Rate = 16000

// MaxText bounds one utterance, in bytes: about three minutes of speech.
const MaxText = 4000

// Errors that every adapter uses.
var (
	// ErrNoVoice says that this text cannot be spoken here: the program is not
	// installed, or no recording of the text exists. Another adapter may help.
	ErrNoVoice = errors.New("no voice for this text")
	// ErrText says that no adapter can speak it: empty or too long.
	ErrText = errors.New("text cannot be spoken")
)

// Synthesiser makes speech of a Danish text. It may be used concurrently; the
// samples belong to the caller.
type Synthesiser interface {
	Say(ctx context.Context, text string) (pcm []int16, err error)
}

// Check reports whether a text can be spoken at all.
func Check(text string) error {
	if len(text) > MaxText {
		return ErrText
	}
	for _, r := range text {
		if r > ' ' {
			return nil
		}
	}
	return ErrText
}

// AtRate converts a whole sound to Rate.
func AtRate(samples []int16, rate int) []int16 {
	if rate == Rate {
		return samples
	}
	c := resample.New(rate, Rate)
	n := (len(samples)*Rate + rate - 1) / rate
	// Silence behind the sound pushes the filter's delay out.
	tail := int(2*c.Delay()*float64(rate)) + 1
	out := make([]int16, c.Len(len(samples)+tail))
	k := c.Process(out, append(samples[:len(samples):len(samples)], make([]int16, tail)...))
	skip := min(int(c.Delay()*Rate), k)
	return out[skip:min(skip+n, k)]
}
