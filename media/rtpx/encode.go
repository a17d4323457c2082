package rtpx

import (
	"fmt"

	"samtale.dk/samtale/media/g711"
	"samtale.dk/samtale/media/g722"
	"samtale.dk/samtale/media/opus"
	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/media/resample"
)

// opusBitrate in bits a second: wideband speech that sounds right.
const opusBitrate = 24000

// encoder turns a frame of pcm.FrameSamples into a payload.
type encoder interface {
	encode(dst []byte, frame []int16) (int, error)
	// expectLoss tells how many percent of the packets the peer loses.
	expectLoss(percent int)
}

func newEncoder(c Codec) (encoder, error) {
	switch c {
	case PCMU:
		return newG711Encoder(g711.EncodeMuLaw), nil
	case PCMA:
		return newG711Encoder(g711.EncodeALaw), nil
	case G722:
		return g722Encoder{g722.NewEncoder()}, nil
	case Opus:
		e, err := opus.NewEncoder(pcm.Rate, opusBitrate)
		if err != nil {
			return nil, err
		}
		return opusEncoder{e}, nil
	}
	return nil, fmt.Errorf("rtpx: %q carries no sound", c)
}

type g711Encoder struct {
	down   *resample.Converter
	narrow []int16
	law    func([]byte, []int16) int
}

func newG711Encoder(law func([]byte, []int16) int) *g711Encoder {
	down := resample.New(pcm.Rate, 8000)
	return &g711Encoder{down: down, narrow: make([]int16, down.Len(pcm.FrameSamples)), law: law}
}

func (e *g711Encoder) encode(dst []byte, frame []int16) (int, error) {
	n := e.down.Process(e.narrow, frame)
	return e.law(dst, e.narrow[:n]), nil
}

func (*g711Encoder) expectLoss(int) {}

type g722Encoder struct{ e *g722.Encoder }

func (e g722Encoder) encode(dst []byte, frame []int16) (int, error) {
	return e.e.Encode(dst, frame), nil
}

func (g722Encoder) expectLoss(int) {}

type opusEncoder struct{ e opus.Encoder }

func (e opusEncoder) encode(dst []byte, frame []int16) (int, error) {
	return e.e.Encode(dst, frame)
}

func (e opusEncoder) expectLoss(percent int) { e.e.ExpectLoss(percent) }
