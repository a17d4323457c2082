package sfu

import (
	"time"

	"samtale.dk/samtale/media/sfu/internal/packet"
)

// part is what a packet is of a picture.
type part struct {
	key    bool // a picture that can be decoded alone begins here
	ids    bool // it has the following
	id     uint16
	tl0    uint8
	desc   []byte // dependency descriptor (AV1), passed on as it came
	scaled bool   // its stream has several sizes or frame rates in it (SVC), of which this is one
	spatial,
	temporal uint8
	start, end bool // of this size
	inter      bool // predicted from earlier pictures
	up         bool // from here on the next frame rate can be decoded
}

// look reads what the codec says of a packet; false if it is nonsense.
func (u *upTrack) look(p *part, now time.Time, l *layer, h *packet.Header, pt payloadType, payload []byte) bool {
	switch pt.codec {
	case packet.VP8:
		d, ok := packet.ParseVP8(payload)
		if !ok {
			return false
		}
		p.key, p.ids, p.id, p.tl0 = d.Key, d.HasID || d.HasTL0, d.ID, d.TL0
		if d.Width > 0 {
			l.width, l.height = d.Width, d.Height
		}
	case packet.VP9:
		d, ok := packet.ParseVP9(payload)
		if !ok {
			return false
		}
		p.key, p.ids, p.id, p.tl0 = d.Key(), d.HasID || d.HasTL0, d.ID, d.TL0
		p.scaled, p.spatial, p.temporal = d.Layers, d.SID, d.TID
		p.start, p.end, p.inter, p.up = d.Start, d.End, d.Inter, d.Up
		if d.Layers {
			l.scale(now, p, len(payload), &d)
		}
	case packet.AV1:
		p.key = packet.Keyframe(pt.codec, payload)
		if u.via != nil {
			p.desc = h.Extension(u.via.ext.desc)
		}
	default:
		p.key = packet.Keyframe(pt.codec, payload)
	}
	return true
}

// rewrite puts ids into a copy of a payload.
func rewrite(c packet.Codec, b []byte, id uint16, tl0 uint8) {
	switch c {
	case packet.VP8:
		if d, ok := packet.ParseVP8(b); ok {
			d.Rewrite(b, id, tl0)
		}
	case packet.VP9:
		if d, ok := packet.ParseVP9(b); ok {
			d.Rewrite(b, id, tl0)
		}
	}
}

// scales are the sizes and frame rates in one stream (SVC). Each size needs the smaller ones, each frame rate the lower ones.
type scales struct {
	stream *layer
	// rungs are what a subscriber may get, the least first: the smallest size at all its frame rates, then larger sizes at the full
	// one, so that frame rate stands before resolution.
	rungs             []*layer
	spatial, temporal uint8 // the highest seen
	bytes             [packet.MaxSpatial][packet.MaxTemporal]int
	seen              [packet.MaxSpatial]time.Time
	width, height     [packet.MaxSpatial]uint16
}

// rung is a choice: of the sizes up to spatial the frames up to temporal.
type rung struct {
	stream            *layer
	spatial, temporal uint8
}

// slow reports whether a choice leaves frames out: signs cannot be read then.
func (l *layer) slow() bool { return l.rung != nil && l.rung.temporal < l.rung.stream.scales.temporal }

// stream is what a choice is received by.
func (l *layer) stream() *layer {
	if l.rung != nil {
		return l.rung.stream
	}
	return l
}

// scale notes a packet of a stream with several sizes in it.
func (l *layer) scale(now time.Time, p *part, size int, d *packet.VP9Desc) {
	c := l.scales
	if c == nil {
		c = &scales{stream: l}
		l.scales = c
	}
	c.bytes[p.spatial][p.temporal] += size
	c.seen[p.spatial] = now
	if d.Spatial > 0 {
		c.width, c.height = d.Widths, d.Heights
	}
	if len(c.rungs) == 0 || p.spatial > c.spatial || p.temporal > c.temporal {
		c.spatial, c.temporal = max(c.spatial, p.spatial), max(c.temporal, p.temporal)
		c.build()
	}
}

// build makes the rungs.
func (c *scales) build() {
	old := c.rungs
	c.rungs = nil
	add := func(spatial, temporal uint8) {
		for _, l := range old {
			if l.rung.spatial == spatial && l.rung.temporal == temporal {
				l.index = len(c.rungs)
				c.rungs = append(c.rungs, l)
				return
			}
		}
		l := &layer{track: c.stream.track, index: len(c.rungs), clock: c.stream.clock}
		l.rung = &rung{stream: c.stream, spatial: spatial, temporal: temporal}
		c.rungs = append(c.rungs, l)
	}
	for t := range c.temporal {
		add(0, t)
	}
	for s := range c.spatial + 1 {
		add(s, c.temporal)
	}
}

func (c *scales) live(now time.Time, spatial uint8) bool {
	return now.Sub(c.seen[spatial]) < 2*time.Second
}

// measure closes a window of the rates.
func (c *scales) measure(now time.Time, d time.Duration) {
	for _, l := range c.rungs {
		total := 0
		for s := range l.rung.spatial + 1 {
			for t := range l.rung.temporal + 1 {
				total += c.bytes[s][t]
			}
		}
		l.rated(now, d, total)
		l.width, l.height = int(c.width[l.rung.spatial]), int(c.height[l.rung.spatial])
	}
	clear(c.bytes[:])
}

// wants is what should be sent of a stream: all of it until its sizes are known.
func (s *slot) wants() (spatial, temporal uint8) {
	if r := s.target.rung; r != nil {
		return r.spatial, r.temporal
	}
	return packet.MaxSpatial, packet.MaxTemporal
}

// upAfter: a stream that does not say for so long where a higher frame rate can begin is asked for a keyframe.
const upAfter = time.Second

// waits watches how long a higher frame rate has been waited for.
func (s *slot) waits(now time.Time) {
	switch r := s.target.rung; {
	case r == nil || r.temporal <= s.temporal:
		s.slowSince = time.Time{}
	case s.slowSince.IsZero():
		s.slowSince = now
	case now.Sub(s.slowSince) > upAfter:
		s.slowSince = time.Time{}
		r.stream.wantKey = true
	}
}

// needsKey reports whether what should be sent can only begin with a keyframe.
func (s *slot) needsKey() bool {
	if s.target.stream() != s.layer || s.halted {
		return true
	}
	r := s.target.rung
	return r != nil && r.spatial > s.spatial
}

// takes reports whether a packet is of what is sent, and moves to another size or frame rate where that can be decoded: down where a
// picture begins, up to a size that is predicted only from the smaller one of the same picture, up to a frame rate where the stream
// says so. The bit for that stands in the first picture of the higher rate in encoders that are in use, and before it by RFC 9628.
func (s *slot) takes(seq uint16, p *part) bool {
	spatial, temporal := s.wants()
	if p.start && int16(seq-s.out.newest) > 0 {
		if p.spatial == 0 {
			s.spatial, s.temporal = min(s.spatial, spatial), min(s.temporal, temporal)
		}
		if p.key {
			s.temporal = temporal
		}
		if p.spatial == s.spatial+1 && p.spatial <= spatial && p.temporal <= s.temporal && !p.inter {
			s.spatial = p.spatial
		}
		if p.up && p.temporal == s.temporal+1 && p.temporal <= temporal {
			s.temporal = p.temporal
		}
	}
	return p.spatial <= s.spatial && p.temporal <= s.temporal
}

// completes reports whether a picture is complete with this packet although larger sizes follow, which are left out.
func (s *slot) completes(p *part) bool {
	if !p.scaled || !p.end || p.spatial != s.spatial {
		return false
	}
	spatial, _ := s.wants()
	return p.inter || spatial <= s.spatial // a keyframe's larger sizes will be taken
}
