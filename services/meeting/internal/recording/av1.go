package recording

import (
	"bytes"
	"fmt"

	"github.com/pion/rtp/codecs/av1/obu"
)

// sequence is what the decoder of AV1 must know beforehand: the sequence header (AV1 specification, 5.5), whole as it came, and what of it
// stands in the container as well.
type sequence struct {
	unit                           []byte
	width, height                  int
	profile, level, tier           uint
	high, twelve, mono, subX, subY uint
	position                       uint // of the chroma samples
	reduced                        uint // nothing but still pictures
}

// av1Units gives the units of a temporal unit, each of which says how long it is (5.3), and tells whether they were whole.
func av1Units(b []byte, each func(kind obu.Type, unit, payload []byte)) bool {
	for len(b) > 0 {
		h, err := obu.ParseOBUHeader(b)
		if err != nil || !h.HasSizeField {
			return false
		}
		size, n, err := obu.ReadLeb128(b[h.Size():])
		at := h.Size() + int(n)
		if err != nil || size > uint(len(b)-at) {
			return false
		}
		end := at + int(size)
		each(h.Type, b[:end], b[at:end])
		b = b[end:]
	}
	return true
}

// parametersAV1 looks through a temporal unit. It begins a sequence when there is a sequence header and its first frame is a keyframe.
func (p *pictures) parametersAV1() {
	first := true
	whole := av1Units(p.data, func(kind obu.Type, unit, payload []byte) {
		switch kind {
		case obu.OBUSequenceHeader:
			if s, ok := parseSequence(payload); ok {
				s.unit = bytes.Clone(unit)
				p.seq, p.w, p.h, p.key = s, s.width, s.height, true
			}
		case obu.OBUFrame, obu.OBUFrameHeader:
			// show_existing_frame is 0, frame_type KEY_FRAME (5.9.2). A reduced header is always one.
			if first && p.seq.reduced == 0 && (len(payload) == 0 || payload[0]>>5 != 0) {
				p.key = false
			}
			first = false
		}
	})
	p.key = p.key && whole && !first
}

// av1C is the decoder's configuration (AV1 in Matroska, CodecPrivate; AV1 in ISOBMFF, 2.3.3).
func (s sequence) av1C() []byte {
	out := []byte{
		0x81, byte(s.profile<<5 | s.level),
		byte(s.tier<<7 | s.high<<6 | s.twelve<<5 | s.mono<<4 | s.subX<<3 | s.subY<<2 | s.position), 0,
	}
	return append(out, s.unit...)
}

// av1MIME names the codec as browsers want it, by its configuration.
func av1MIME(private []byte) string {
	if len(private) < 4 {
		return allCodecs["AV1"].mime
	}
	tier, depth := "M", 8
	if private[2]&0x80 != 0 {
		tier = "H"
	}
	if private[2]&0x40 != 0 {
		depth = 10
	}
	if private[2]&0x20 != 0 {
		depth = 12
	}
	return fmt.Sprintf("video/webm; codecs=av01.%d.%02d%s.%02d", private[1]>>5, private[1]&0x1f, tier, depth)
}

// parseSequence reads a sequence header's payload.
func parseSequence(payload []byte) (sequence, bool) {
	b := &bitReader{data: payload}
	var s sequence
	s.profile = b.read(3)
	b.read(1) // still picture
	s.reduced = b.read(1)
	if s.reduced == 1 {
		s.level = b.read(5)
	} else {
		s.points(b)
	}
	wide, high := int(b.read(4))+1, int(b.read(4))+1
	s.width, s.height = int(b.read(wide))+1, int(b.read(high))+1
	if s.reduced == 0 && b.read(1) == 1 { // frame ids
		b.read(4 + 3)
	}
	b.read(3) // block size, filter intra, intra edge filter
	if s.reduced == 0 {
		s.tools(b)
	}
	b.read(3) // superres, cdef, restoration
	s.colour(b)
	return s, !b.short && s.profile <= 2 && s.width <= 16384 && s.height <= 16384
}

// points reads the operating points: the first one is the whole stream.
func (s *sequence) points(b *bitReader) {
	delay, model := 0, false
	if b.read(1) == 1 { // timing info
		b.read(32)
		b.read(32)
		if b.read(1) == 1 { // equal picture interval
			b.exp() // uvlc (4.10.3) is an Exp-Golomb number
		}
		if model = b.read(1) == 1; model {
			delay = int(b.read(5)) + 1
			b.read(32)
			b.read(5 + 5)
		}
	}
	display := b.read(1) == 1
	for i := range int(b.read(5)) + 1 {
		b.read(12)
		level, tier := b.read(5), uint(0)
		if level > 7 {
			tier = b.read(1)
		}
		if i == 0 {
			s.level, s.tier = level, tier
		}
		if model && b.read(1) == 1 {
			b.read(delay)
			b.read(delay)
			b.read(1)
		}
		if display && b.read(1) == 1 {
			b.read(4)
		}
	}
}

// tools reads over what the encoder may use.
func (s *sequence) tools(b *bitReader) {
	b.read(4) // interintra, masked, warped, dual filter
	order := b.read(1) == 1
	if order {
		b.read(2)
	}
	screen := uint(2) // chosen for each frame
	if b.read(1) == 0 {
		screen = b.read(1)
	}
	if screen > 0 && b.read(1) == 0 {
		b.read(1)
	}
	if order {
		b.read(3)
	}
}

// colour reads color_config (5.5.2).
func (s *sequence) colour(b *bitReader) {
	s.high = b.read(1)
	if s.profile == 2 && s.high == 1 {
		s.twelve = b.read(1)
	}
	if s.profile != 1 {
		s.mono = b.read(1)
	}
	var primaries, transfer, matrix uint
	if b.read(1) == 1 {
		primaries, transfer, matrix = b.read(8), b.read(8), b.read(8)
	}
	if s.mono == 1 {
		b.read(1)
		s.subX, s.subY = 1, 1
		return
	}
	if primaries == 1 && transfer == 13 && matrix == 0 { // sRGB
		return
	}
	b.read(1) // range
	switch {
	case s.profile == 0:
		s.subX, s.subY = 1, 1
	case s.profile == 2 && s.twelve == 1:
		if s.subX = b.read(1); s.subX == 1 {
			s.subY = b.read(1)
		}
	case s.profile == 2:
		s.subX = 1
	}
	if s.subX == 1 && s.subY == 1 {
		s.position = b.read(2)
	}
}
