package packet

import "encoding/binary"

// Codec of a payload.
type Codec uint8

// Codecs.
const (
	None Codec = iota
	Opus
	VP8
	H264
	VP9
	AV1
)

var names = [...]string{None: "", Opus: "opus", VP8: "VP8", H264: "H264", VP9: "VP9", AV1: "AV1"}

func (c Codec) String() string { return names[c] }

// Video reports whether it carries pictures.
func (c Codec) Video() bool { return c >= VP8 }

// VP8Desc is a VP8 payload descriptor (RFC 7741 section 4.2).
type VP8Desc struct {
	Start     bool // first packet of a frame
	Key       bool // and of a keyframe; Width and Height are set
	HasID     bool
	Wide      bool // the picture id has 15 bits
	ID        uint16
	HasTL0    bool
	TL0       uint8
	HasTID    bool
	TID       uint8 // temporal layer
	Sync      bool  // depends on the base layer only
	Width     int
	Height    int
	idAt, len int
	tl0At     int
}

// ParseVP8 reads a descriptor; false if it is none.
func ParseVP8(p []byte) (d VP8Desc, ok bool) {
	if len(p) < 1 {
		return d, false
	}
	d.Start = p[0]&0x10 != 0 && p[0]&0x07 == 0
	d.len = 1
	if p[0]&0x80 != 0 && !d.extended(p) {
		return d, false
	}
	if d.len > len(p) {
		return d, false
	}
	d.keyframe(p[d.len:])
	return d, true
}

// extended reads the optional part.
func (d *VP8Desc) extended(p []byte) bool {
	if len(p) < 2 {
		return false
	}
	x := p[1]
	d.len = 2
	if x&0x80 != 0 {
		if len(p) < d.len+1 {
			return false
		}
		d.HasID, d.idAt = true, d.len
		d.ID = uint16(p[d.len] & 0x7f)
		d.len++
		if p[d.idAt]&0x80 != 0 {
			if len(p) < d.len+1 {
				return false
			}
			d.Wide = true
			d.ID = d.ID<<8 | uint16(p[d.len])
			d.len++
		}
	}
	if x&0x40 != 0 {
		if len(p) < d.len+1 {
			return false
		}
		d.HasTL0, d.tl0At, d.TL0 = true, d.len, p[d.len]
		d.len++
	}
	if x&0x30 != 0 {
		if len(p) < d.len+1 {
			return false
		}
		d.HasTID = x&0x20 != 0
		d.TID = p[d.len] >> 6
		d.Sync = p[d.len]&0x20 != 0
		d.len++
	}
	return true
}

// keyframe looks into the frame's own header (RFC 6386 section 9.1).
func (d *VP8Desc) keyframe(frame []byte) {
	if !d.Start || len(frame) < 1 || frame[0]&1 != 0 {
		return
	}
	d.Key = true
	if len(frame) >= 10 && frame[3] == 0x9d && frame[4] == 0x01 && frame[5] == 0x2a {
		d.Width = int(binary.LittleEndian.Uint16(frame[6:]) & 0x3fff)
		d.Height = int(binary.LittleEndian.Uint16(frame[8:]) & 0x3fff)
	}
}

// Rewrite puts another picture id and TL0PICIDX into the payload that the descriptor was read from.
func (d *VP8Desc) Rewrite(p []byte, id uint16, tl0 uint8) {
	if d.HasID {
		if d.Wide {
			binary.BigEndian.PutUint16(p[d.idAt:], 0x8000|id&0x7fff)
		} else {
			p[d.idAt] = uint8(id & 0x7f)
		}
	}
	if d.HasTL0 {
		p[d.tl0At] = tl0
	}
}

// Keyframe reports whether the payload begins a picture that can be decoded alone.
func Keyframe(c Codec, p []byte) bool {
	switch c {
	case VP8:
		d, ok := ParseVP8(p)
		return ok && d.Key
	case H264:
		return keyH264(p)
	case VP9:
		d, ok := ParseVP9(p)
		return ok && d.Key()
	case AV1:
		// A new coded video sequence starts here (RTP payload for AV1, section 4.4: N).
		return len(p) > 0 && p[0]&0x08 != 0
	}
	return true
}

// NAL unit types of RFC 6184 that matter.
const (
	nalIDR   = 5
	nalSPS   = 7
	nalSTAPA = 24
	nalFUA   = 28
)

// keyH264 looks for a parameter set, or the start of an IDR picture.
func keyH264(p []byte) bool {
	if len(p) < 1 {
		return false
	}
	switch p[0] & 0x1f {
	case nalIDR, nalSPS:
		return true
	case nalSTAPA:
		for b := p[1:]; len(b) > 2; {
			n := int(binary.BigEndian.Uint16(b))
			if t := b[2] & 0x1f; t == nalSPS || t == nalIDR {
				return true
			}
			if len(b) < 2+n {
				return false
			}
			b = b[2+n:]
		}
	case nalFUA:
		return len(p) > 1 && p[1]&0x80 != 0 && (p[1]&0x1f == nalIDR || p[1]&0x1f == nalSPS)
	}
	return false
}

// RTX splits the payload of a retransmission into the sequence number that it repeats and the payload of that (RFC 4588).
func RTX(p []byte) (seq uint16, payload []byte, ok bool) {
	if len(p) < 2 {
		return 0, nil, false
	}
	return binary.BigEndian.Uint16(p), p[2:], true
}
