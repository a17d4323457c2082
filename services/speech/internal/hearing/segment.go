package hearing

import (
	"time"

	"samtale.dk/samtale/media/vad"
	"samtale.dk/samtale/models/asr"
)

// Endpointing is the Segmenter of production: media/vad. It never splits a long
// utterance: engines decide those in pieces, at places that they know better.
type Endpointing struct {
	ep     *vad.Endpointer
	padded [frame]int16
}

// NewEndpointing ends an utterance after so much silence; 0 means vad's default.
func NewEndpointing(silence time.Duration) *Endpointing {
	return &Endpointing{ep: vad.NewEndpointer(vad.Config{
		Rate: asr.SampleRate, Silence: silence, Longest: 24 * time.Hour,
	}, 0)}
}

// Frame implements Segmenter.
func (e *Endpointing) Frame(pcm []int16) bool {
	if len(pcm) < frame {
		clear(e.padded[copy(e.padded[:], pcm):])
		pcm = e.padded[:]
	}
	e.ep.Write(pcm)
	return e.ep.Speaking()
}

// Reset implements Segmenter; the background noise stays known.
func (e *Endpointing) Reset() { e.ep.Flush() }
