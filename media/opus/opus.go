// Package opus is the codec of WebRTC (RFC 6716), mono, behind an interface of
// our own, so that the library below can be changed: it is young. Decoders and
// encoders have state and belong to one goroutine each.
package opus

import (
	"fmt"
	"math"

	"github.com/thesyncim/gopus"
)

// MaxSamples is the longest packet, 120 ms, at 48 kHz.
const MaxSamples = 5760

// MaxBytes is the longest packet of one frame (RFC 6716 section 3.4).
const MaxBytes = 1275

// Decoder turns packets into mono sound of one sample rate.
type Decoder interface {
	// Decode writes the sound of a packet and returns its length in samples.
	Decode(dst []int16, packet []byte) (int, error)
	// Conceal fills dst, 2.5 to 120 ms in steps of 2.5 ms, where a packet is
	// missing.
	Conceal(dst []int16) error
	// Recover fills dst, 20 ms, from the copy of a missing packet that the next
	// packet may carry (RFC 6716 section 2.1.7). False says that there is none;
	// dst is then as it was.
	Recover(dst []int16, next []byte) bool
	Reset()
}

// Encoder turns frames of 20 ms into packets.
type Encoder interface {
	// Encode writes the packet of one frame and returns its length in bytes.
	Encode(dst []byte, frame []int16) (int, error)
	// ExpectLoss tells how many percent of the packets the peer loses; above 0
	// each packet carries a copy of the one before.
	ExpectLoss(percent int)
	Reset()
}

// NewDecoder makes a decoder with output at rate: 8000, 12000, 16000, 24000
// or 48000 Hz. Stereo packets are mixed down.
func NewDecoder(rate int) (Decoder, error) {
	cfg := gopus.DefaultDecoderConfig(rate, 1)
	d, err := gopus.NewDecoder(cfg)
	if err != nil {
		return nil, fmt.Errorf("opus decoder at %d Hz: %w", rate, err)
	}
	return &decoder{d: d, copied: make([]float32, rate/50)}, nil
}

type decoder struct {
	d      *gopus.Decoder
	copied []float32 // scratch
}

func (d *decoder) Decode(dst []int16, packet []byte) (int, error) {
	if len(packet) == 0 {
		return 0, fmt.Errorf("opus: empty packet")
	}
	n, err := d.d.DecodeInt16(packet, dst)
	if err != nil {
		return 0, fmt.Errorf("opus: %w", err)
	}
	return n, nil
}

func (d *decoder) Conceal(dst []int16) error {
	n, err := d.d.DecodeInt16(nil, dst)
	if err != nil {
		clear(dst)
		return fmt.Errorf("opus: conceal: %w", err)
	}
	clear(dst[n:])
	return nil
}

func (d *decoder) Recover(dst []int16, next []byte) bool {
	if len(dst) != len(d.copied) || !gopus.PacketHasLBRR(next) {
		return false
	}
	n, err := d.d.DecodeWithFEC(next, d.copied, true)
	if err != nil {
		return false
	}
	for i, v := range d.copied[:n] {
		dst[i] = int16(min(max(v*32768, math.MinInt16), math.MaxInt16))
	}
	clear(dst[n:])
	return true
}

func (d *decoder) Reset() { d.d.Reset() }

// NewEncoder makes an encoder for speech with input at rate, at about so many
// bits a second.
func NewEncoder(rate, bitrate int) (Encoder, error) {
	e, err := gopus.NewEncoder(gopus.EncoderConfig{
		SampleRate: rate, Channels: 1, Application: gopus.ApplicationVoIP,
	})
	if err != nil {
		return nil, fmt.Errorf("opus encoder at %d Hz: %w", rate, err)
	}
	err = e.SetBitrate(bitrate)
	if err != nil {
		return nil, fmt.Errorf("opus encoder at %d bit/s: %w", bitrate, err)
	}
	err = e.SetFrameSize(rate / 50) // 20 ms
	if err != nil {
		return nil, fmt.Errorf("opus encoder: %w", err)
	}
	return &encoder{e: e}, nil
}

type encoder struct{ e *gopus.Encoder }

func (e *encoder) Encode(dst []byte, frame []int16) (int, error) {
	n, err := e.e.EncodeInt16(frame, dst)
	if err != nil {
		return 0, fmt.Errorf("opus: %w", err)
	}
	return n, nil
}

func (e *encoder) ExpectLoss(percent int) {
	percent = min(max(percent, 0), 100)
	e.e.SetFEC(percent > 0)
	_ = e.e.SetPacketLoss(percent) // fails only outside 0 to 100
}

func (e *encoder) Reset() { e.e.Reset() }
