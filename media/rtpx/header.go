package rtpx

import (
	"encoding/binary"
	"errors"
)

// ErrPacket is returned for bytes that are not an RTP packet.
var ErrPacket = errors.New("rtpx: not an RTP packet")

const headerLen = 12

// Header is the fixed part of an RTP header (RFC 3550 section 5.1).
type Header struct {
	Marker    bool
	Type      uint8
	Seq       uint16
	Timestamp uint32
	SSRC      uint32
}

// Parse splits an RTP packet. Contributing sources, header extensions and
// padding are checked and skipped. The payload is a part of b.
func Parse(b []byte) (Header, []byte, error) {
	h, at, err := parseHeader(b)
	if err != nil {
		return h, nil, err
	}
	end := len(b)
	if b[0]&0x20 != 0 {
		pad := int(b[end-1])
		if pad == 0 || at+pad > end {
			return h, nil, ErrPacket
		}
		end -= pad
	}
	return h, b[at:end], nil
}

// parseHeader leaves out padding, which SRTP encrypts.
func parseHeader(b []byte) (Header, int, error) {
	if len(b) < headerLen || b[0]>>6 != 2 {
		return Header{}, 0, ErrPacket
	}
	h := Header{
		Marker:    b[1]&0x80 != 0,
		Type:      b[1] & 0x7f,
		Seq:       binary.BigEndian.Uint16(b[2:]),
		Timestamp: binary.BigEndian.Uint32(b[4:]),
		SSRC:      binary.BigEndian.Uint32(b[8:]),
	}
	at := headerLen + 4*int(b[0]&0x0f)
	if b[0]&0x10 != 0 {
		if len(b) < at+4 {
			return h, 0, ErrPacket
		}
		at += 4 + 4*int(binary.BigEndian.Uint16(b[at+2:]))
	}
	if at > len(b) {
		return h, 0, ErrPacket
	}
	return h, at, nil
}

// put writes the fixed header into b.
func (h Header) put(b []byte) {
	b[0] = 0x80
	b[1] = h.Type
	if h.Marker {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], h.Seq)
	binary.BigEndian.PutUint32(b[4:], h.Timestamp)
	binary.BigEndian.PutUint32(b[8:], h.SSRC)
}

// isRTCP tells RTCP from RTP on one port (RFC 5761 section 4).
func isRTCP(b []byte) bool {
	return len(b) >= 8 && b[0]>>6 == 2 && b[1] >= 192 && b[1] <= 223
}
