// Package packet reads and writes what an SFU must understand of RTP packets: the header and its extensions, where pictures begin,
// and what must be rewritten when a receiver is moved from one simulcast layer to another. It keeps no state and allocates nothing.
package packet

import "encoding/binary"

// HeaderLen is the fixed part of an RTP header (RFC 3550 section 5.1).
const HeaderLen = 12

// Header is what is read of one.
type Header struct {
	Marker    bool
	Type      uint8
	Seq       uint16
	Timestamp uint32
	SSRC      uint32
	profile   uint16
	exts      []byte // the extensions' bytes
	At        int    // where the payload begins
}

// Profiles of RFC 8285.
const (
	oneByte = 0xBEDE
	twoByte = 0x1000
)

// Parse reads a header; false if it is none.
func Parse(b []byte) (h Header, ok bool) {
	if len(b) < HeaderLen || b[0]>>6 != 2 {
		return h, false
	}
	h.Marker = b[1]&0x80 != 0
	h.Type = b[1] & 0x7f
	h.Seq = binary.BigEndian.Uint16(b[2:])
	h.Timestamp = binary.BigEndian.Uint32(b[4:])
	h.SSRC = binary.BigEndian.Uint32(b[8:])
	h.At = HeaderLen + 4*int(b[0]&0x0f)
	if b[0]&0x10 != 0 {
		if len(b) < h.At+4 {
			return h, false
		}
		h.profile = binary.BigEndian.Uint16(b[h.At:])
		from := h.At + 4
		h.At = from + 4*int(binary.BigEndian.Uint16(b[h.At+2:]))
		if h.At > len(b) {
			return h, false
		}
		h.exts = b[from:h.At]
	}
	return h, h.At <= len(b)
}

// Payload is what follows the header, without padding; false if the padding is nonsense.
func (h *Header) Payload(b []byte) ([]byte, bool) {
	end := len(b)
	if b[0]&0x20 != 0 {
		pad := int(b[end-1])
		if pad == 0 || h.At+pad > end {
			return nil, false
		}
		end -= pad
	}
	return b[h.At:end], true
}

// Extension finds one by its negotiated id; nil if it is not there. Id 0 is never there.
func (h *Header) Extension(id uint8) []byte {
	if id == 0 {
		return nil
	}
	switch {
	case h.profile == oneByte:
		return h.findOne(id)
	case h.profile&0xfff0 == twoByte:
		return h.findTwo(id)
	}
	return nil
}

func (h *Header) findOne(id uint8) []byte {
	for b := h.exts; len(b) > 0; {
		if b[0] == 0 {
			b = b[1:]
			continue
		}
		n := int(b[0]&0x0f) + 1
		if b[0]>>4 == 15 || len(b) < 1+n {
			return nil
		}
		if b[0]>>4 == id {
			return b[1 : 1+n]
		}
		b = b[1+n:]
	}
	return nil
}

func (h *Header) findTwo(id uint8) []byte {
	for b := h.exts; len(b) > 0; {
		if b[0] == 0 {
			b = b[1:]
			continue
		}
		if len(b) < 2 || len(b) < 2+int(b[1]) {
			return nil
		}
		n := int(b[1])
		if b[0] == id {
			return b[2 : 2+n]
		}
		b = b[2+n:]
	}
	return nil
}

// Out is the header of a packet that is sent.
type Out struct {
	Marker    bool
	Type      uint8
	Seq       uint16
	Timestamp uint32
	SSRC      uint32
	Wide      uint8  // id of the transport-wide sequence number; 0: none
	WideSeq   uint16 // draft-holmer-rmcat-transport-wide-cc-extensions-01
	Desc      []byte // dependency descriptor (AV1), passed on as it came
	DescID    uint8
	Padding   bool // what follows is padding
}

// Put writes the header and returns its length, at most MaxOut.
func (o *Out) Put(b []byte) int {
	b[0] = 0x80
	if o.Padding {
		b[0] |= 0x20
	}
	b[1] = o.Type
	if o.Marker {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], o.Seq)
	binary.BigEndian.PutUint32(b[4:], o.Timestamp)
	binary.BigEndian.PutUint32(b[8:], o.SSRC)
	if len(o.Desc) > 0 && o.DescID != 0 && len(o.Desc) <= maxDesc {
		return o.putTwo(b)
	}
	if o.Wide == 0 {
		return HeaderLen
	}
	b[0] |= 0x10
	binary.BigEndian.PutUint32(b[12:], oneByte<<16|1)
	b[16] = o.Wide<<4 | 1
	binary.BigEndian.PutUint16(b[17:], o.WideSeq)
	b[19] = 0
	return 20
}

// maxDesc bounds a dependency descriptor: one with a template structure has some 90 bytes.
const maxDesc = 160

// MaxOut is the longest header that Put writes.
const MaxOut = HeaderLen + 4 + 4 + 2 + maxDesc + 3

// putTwo uses two-byte headers, since a descriptor may be longer than 16 bytes.
func (o *Out) putTwo(b []byte) int {
	b[0] |= 0x10
	at := HeaderLen + 4
	if o.Wide != 0 {
		b[at], b[at+1] = o.Wide, 2
		binary.BigEndian.PutUint16(b[at+2:], o.WideSeq)
		at += 4
	}
	b[at], b[at+1] = o.DescID, uint8(len(o.Desc))
	at += 2 + copy(b[at+2:], o.Desc)
	for at%4 != 0 {
		b[at] = 0
		at++
	}
	binary.BigEndian.PutUint16(b[12:], twoByte)
	binary.BigEndian.PutUint16(b[14:], uint16((at-HeaderLen-4)/4))
	return at
}

// IsRTCP tells RTCP from RTP on one port (RFC 5761 section 4).
func IsRTCP(b []byte) bool { return len(b) >= 8 && b[1] >= 192 && b[1] <= 223 }

// ControlLen is how many bytes the first RTCP packet of a compound one has (RFC 3550 section 6.4.1); false if that cannot be.
func ControlLen(b []byte) (int, bool) {
	if len(b) < 4 || b[0]>>6 != 2 {
		return 0, false
	}
	n := 4 + 4*int(binary.BigEndian.Uint16(b[2:]))
	return n, n <= len(b)
}

// Level reads an audio level (RFC 6464): whether there is voice, and dB below full scale.
func Level(ext []byte) (voice bool, db int, ok bool) {
	if len(ext) == 0 {
		return false, 127, false
	}
	return ext[0]&0x80 != 0, int(ext[0] & 0x7f), true
}

// Patch writes the fixed fields of a header, except its flags, into a packet.
func Patch(b []byte, h *Header) {
	b[1] = b[1]&0x80 | h.Type
	binary.BigEndian.PutUint16(b[2:], h.Seq)
	binary.BigEndian.PutUint32(b[4:], h.Timestamp)
	binary.BigEndian.PutUint32(b[8:], h.SSRC)
}
