package recording

import (
	"bytes"
	"encoding/binary"

	"github.com/pion/rtp/codecs"
)

// pictures puts the packets of pictures together.
type pictures struct {
	codec string
	h264  codecs.H264Packet
	av1   codecs.AV1Depacketizer
	seq   sequence
	data  []byte
	begun bool
	key   bool
	w, h  int
	sps   []byte
	pps   []byte
}

// picture is a whole one. Its data is valid until the next packet.
type picture struct {
	data          []byte
	key           bool
	width, height int
	private       []byte
}

// newPictures returns nil for sound.
func newPictures(codec string) *pictures {
	if !allCodecs[codec].video {
		return nil
	}
	p := &pictures{codec: codec}
	p.reset()
	return p
}

// reset forgets the picture that is not whole.
func (p *pictures) reset() {
	p.h264, p.av1 = codecs.H264Packet{IsAVC: true}, codecs.AV1Depacketizer{}
	p.data, p.begun, p.key = p.data[:0], false, false
}

// take adds a packet; ok when it was the picture's last.
func (p *pictures) take(it *item) (out picture, ok bool) {
	part, begins, err := p.unpack(it.payload)
	if err != nil || len(p.data)+len(part) > maxFrame/2 {
		p.reset()
		return picture{}, false
	}
	if begins {
		p.data, p.begun = p.data[:0], true
	}
	if p.begun {
		p.data = append(p.data, part...)
	}
	if !it.marker || !p.begun || len(p.data) == 0 {
		return picture{}, false
	}
	out = p.whole()
	p.begun, p.key = false, false
	return out, true
}

// unpack takes the codec's own header off a packet.
func (p *pictures) unpack(payload []byte) (part []byte, begins bool, err error) {
	switch p.codec {
	case "VP8":
		var h codecs.VP8Packet
		part, err = h.Unmarshal(payload)
		return part, err == nil && h.S == 1 && h.PID == 0, err
	case "VP9":
		var h codecs.VP9Packet
		part, err = h.Unmarshal(payload)
		begins = err == nil && h.B && h.SID == 0
		if begins {
			p.key = !h.P
		}
		if n := len(h.Width); err == nil && n > 0 && n <= len(h.Height) {
			p.w, p.h = int(h.Width[n-1]), int(h.Height[n-1])
		}
		return part, begins, err
	case "AV1":
		// It keeps the beginning of a unit that goes on in the next packet, and the packet's bytes are used again.
		part, err = p.av1.Unmarshal(bytes.Clone(payload))
		return part, !p.begun, err
	}
	part, err = p.h264.Unmarshal(payload)
	return part, !p.begun, err
}

// whole is the picture in data.
func (p *pictures) whole() picture {
	switch p.codec {
	case "VP8":
		// RFC 6386 section 9.1: the size stands in keyframes.
		if p.data[0]&1 == 0 && len(p.data) >= 10 {
			p.key = true
			p.w, p.h = int(binary.LittleEndian.Uint16(p.data[6:])&0x3fff), int(binary.LittleEndian.Uint16(p.data[8:])&0x3fff)
		}
	case "H264":
		p.parameters()
	case "AV1":
		p.parametersAV1()
	}
	out := picture{data: p.data, key: p.key, width: p.w, height: p.h}
	if p.codec == "H264" && len(p.sps) > 3 {
		out.private = p.avcC()
	}
	if p.codec == "AV1" && p.seq.unit != nil {
		out.private = p.seq.av1C()
	}
	return out
}

// parameters looks through an H.264 picture for what decoders must know beforehand.
func (p *pictures) parameters() {
	for b := p.data; len(b) > 4; {
		n := int(binary.BigEndian.Uint32(b))
		if n == 0 || n > len(b)-4 {
			return
		}
		unit := b[4 : 4+n]
		switch unit[0] & 0x1f {
		case 5:
			p.key = len(p.sps) > 3 && len(p.pps) > 0
		case 7:
			p.sps = append(p.sps[:0], unit...)
			p.w, p.h = spsSize(unit)
		case 8:
			p.pps = append(p.pps[:0], unit...)
		}
		b = b[4+n:]
	}
}

// avcC is the decoder's configuration (ISO/IEC 14496-15, 5.3.3.1).
func (p *pictures) avcC() []byte {
	out := []byte{1, p.sps[1], p.sps[2], p.sps[3], 0xff, 0xe1}
	out = append(binary.BigEndian.AppendUint16(out, uint16(len(p.sps))), p.sps...)
	out = append(out, 1)
	return append(binary.BigEndian.AppendUint16(out, uint16(len(p.pps))), p.pps...)
}
