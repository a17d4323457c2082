package packet

import "encoding/binary"

// MaxSpatial is how many sizes there can be in one stream (RFC 9628 section 4.2: SID has 3 bits), MaxTemporal how many frame rates.
const MaxSpatial, MaxTemporal = 8, 8

// VP9Desc is a VP9 payload descriptor (RFC 9628 section 4.2).
type VP9Desc struct {
	Start  bool // first packet of a layer frame
	End    bool // last packet of one
	Inter  bool // predicted from earlier pictures
	HasID  bool
	Wide   bool // the picture id has 15 bits
	ID     uint16
	Layers bool // the following is known
	TID    uint8
	Up     bool // from here on the next frame rate may be switched to
	SID    uint8
	HasTL0 bool
	TL0    uint8

	// The structure, in keyframes: 0 when it is not told.
	Spatial int
	Heights [MaxSpatial]uint16
	Widths  [MaxSpatial]uint16

	idAt, tl0At, len int
}

// ParseVP9 reads a descriptor; false if it is none.
func ParseVP9(p []byte) (d VP9Desc, ok bool) {
	if len(p) < 1 {
		return d, false
	}
	x := p[0]
	d.Start, d.End, d.Inter = x&0x08 != 0, x&0x04 != 0, x&0x40 != 0
	flexible := x&0x10 != 0
	d.len = 1
	if x&0x80 != 0 && !d.pictureID(p) || x&0x20 != 0 && !d.layers(p, flexible) {
		return d, false
	}
	if flexible && d.Inter && !d.references(p) || x&0x02 != 0 && !d.structure(p) {
		return d, false
	}
	return d, d.len <= len(p)
}

// Key reports whether a picture that can be decoded alone begins here.
func (d *VP9Desc) Key() bool { return d.Start && !d.Inter && d.SID == 0 }

func (d *VP9Desc) pictureID(p []byte) bool {
	if len(p) < d.len+1 {
		return false
	}
	d.HasID, d.idAt, d.Wide = true, d.len, p[d.len]&0x80 != 0
	d.ID = uint16(p[d.len] & 0x7f)
	d.len++
	if d.Wide {
		if len(p) < d.len+1 {
			return false
		}
		d.ID = d.ID<<8 | uint16(p[d.len])
		d.len++
	}
	return true
}

func (d *VP9Desc) layers(p []byte, flexible bool) bool {
	if len(p) < d.len+1 {
		return false
	}
	x := p[d.len]
	d.Layers, d.TID, d.Up, d.SID = true, x>>5, x&0x10 != 0, x>>1&7
	d.len++
	if flexible {
		return true
	}
	if len(p) < d.len+1 {
		return false
	}
	d.HasTL0, d.tl0At, d.TL0 = true, d.len, p[d.len]
	d.len++
	return true
}

// references are at most three differences of picture ids, each with a bit that says that another follows.
func (d *VP9Desc) references(p []byte) bool {
	for range 3 {
		if len(p) < d.len+1 {
			return false
		}
		d.len++
		if p[d.len-1]&1 == 0 {
			return true
		}
	}
	return false
}

func (d *VP9Desc) structure(p []byte) bool {
	if len(p) < d.len+1 {
		return false
	}
	x := p[d.len]
	d.len++
	n := int(x>>5) + 1
	if x&0x10 != 0 {
		if len(p) < d.len+4*n {
			return false
		}
		d.Spatial = n
		for i := range n {
			d.Widths[i], d.Heights[i] = binary.BigEndian.Uint16(p[d.len:]), binary.BigEndian.Uint16(p[d.len+2:])
			d.len += 4
		}
	}
	if x&0x08 == 0 {
		return true
	}
	if len(p) < d.len+1 {
		return false
	}
	pictures := int(p[d.len])
	d.len++
	for range pictures {
		if len(p) < d.len+1 {
			return false
		}
		d.len += 1 + int(p[d.len]>>2&3)
	}
	return true
}

// Rewrite puts another picture id and TL0PICIDX into the payload that the descriptor was read from. References are differences, so
// they stay.
func (d *VP9Desc) Rewrite(p []byte, id uint16, tl0 uint8) {
	switch {
	case d.HasID && d.Wide:
		binary.BigEndian.PutUint16(p[d.idAt:], 0x8000|id&0x7fff)
	case d.HasID:
		p[d.idAt] = uint8(id & 0x7f)
	}
	if d.HasTL0 {
		p[d.tl0At] = tl0
	}
}
