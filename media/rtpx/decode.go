package rtpx

import (
	"fmt"

	"samtale.dk/samtale/media/g711"
	"samtale.dk/samtale/media/g722"
	"samtale.dk/samtale/media/jitter"
	"samtale.dk/samtale/media/opus"
)

// maxPayload bounds what is taken from one packet: an Ethernet frame.
const maxPayload = 1500

// maxDecoded is the most samples that a packet can give: 1500 bytes of G.722.
const maxDecoded = 2 * maxPayload

// decoder turns payloads into sound and fills holes. It belongs to the
// receiver's playing side.
type decoder interface {
	// rate of the sound in Hz.
	rate() int
	// decode writes the sound of a payload, at most maxDecoded samples.
	decode(dst []int16, payload []byte) (int, error)
	// conceal fills dst, at most 20 ms, in place of a packet.
	conceal(dst []int16)
	// recover fills dst, 20 ms, from a copy of what is missing in the packet
	// that follows, and reports false if there is none.
	recover(dst []int16, next []byte) bool
	reset()
}

func newDecoder(c Codec) (decoder, error) {
	switch c {
	case PCMU:
		return newPCMDecoder(8000, g711.DecodeMuLaw), nil
	case PCMA:
		return newPCMDecoder(8000, g711.DecodeALaw), nil
	case G722:
		d := g722.NewDecoder()
		p := newPCMDecoder(g722.SampleRate, d.Decode)
		p.forget = d.Reset
		return p, nil
	case Opus:
		d, err := opus.NewDecoder(opusRate)
		if err != nil {
			return nil, err
		}
		return &opusDecoder{d: d, last: make([]int16, opusRate/50)}, nil
	}
	return nil, fmt.Errorf("rtpx: %q carries no sound", c)
}

// pcmDecoder is for codecs that know nothing of packet loss.
type pcmDecoder struct {
	hz     int
	expand func([]int16, []byte) int
	forget func()
	holes  *jitter.Concealer
}

func newPCMDecoder(hz int, expand func([]int16, []byte) int) *pcmDecoder {
	return &pcmDecoder{hz: hz, expand: expand, holes: jitter.NewConcealer(hz)}
}

func (d *pcmDecoder) rate() int { return d.hz }

func (d *pcmDecoder) decode(dst []int16, payload []byte) (int, error) {
	n := d.expand(dst, payload)
	d.holes.Good(dst[:n])
	return n, nil
}

func (d *pcmDecoder) conceal(dst []int16) { d.holes.Conceal(dst) }

func (d *pcmDecoder) recover([]int16, []byte) bool { return false }

func (d *pcmDecoder) reset() {
	d.holes.Reset()
	if d.forget != nil {
		d.forget()
	}
}

// opusRate: the decoder's output needs no resampler and costs less than at 48 kHz.
const opusRate = 16000

type opusDecoder struct {
	d    opus.Decoder
	last []int16 // a whole concealed frame; callers may want less
}

func (d *opusDecoder) rate() int { return opusRate }

func (d *opusDecoder) decode(dst []int16, payload []byte) (int, error) {
	return d.d.Decode(dst, payload)
}

// conceal always steps the decoder by 20 ms, which it is best at.
func (d *opusDecoder) conceal(dst []int16) {
	err := d.d.Conceal(d.last)
	if err != nil {
		clear(d.last)
	}
	clear(dst[copy(dst, d.last):])
}

func (d *opusDecoder) recover(dst []int16, next []byte) bool { return d.d.Recover(dst, next) }

func (d *opusDecoder) reset() { d.d.Reset() }
