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

	structure *packet.Structure // AV1: what follows is known instead of inter and up
	frame     packet.Frame
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
			l.describe(p, now, len(payload))
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

	structure *packet.Structure      // AV1
	targets   [packet.MaxTargets]int // bytes of each
}

// rung is a choice: of the sizes up to spatial the frames up to temporal.
type rung struct {
	stream            *layer
	spatial, temporal uint8
	target            int // AV1: the decode target
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

// describe reads a dependency descriptor, and notes a packet of such a stream.
func (l *layer) describe(p *part, now time.Time, size int) {
	if len(p.desc) == 0 {
		return
	}
	var known *packet.Structure
	if l.scales != nil {
		known = l.scales.structure
	}
	f, s, ok := packet.ParseDesc(p.desc, known)
	if !ok {
		return // of a stream whose keyframe has not come, or nonsense: it is passed on whole
	}
	if known != nil && *s == *known {
		s = known // each packet of a keyframe says it
	}
	if l.scales == nil {
		l.scales = &scales{stream: l}
	}
	c := l.scales
	if s != known {
		c.structure = s
		c.width, c.height = s.Width, s.Height
		c.rungs = nil
		for t := range s.Targets {
			c.spatial, c.temporal = max(c.spatial, s.Spatial[t]), max(c.temporal, s.Temporal[t])
		}
		c.build()
	}
	p.scaled, p.structure, p.frame = true, s, f
	p.spatial, p.temporal, p.start, p.end = f.Spatial, f.Temporal, f.Start, f.End
	c.seen[p.spatial] = now
	for t := range s.Targets {
		if f.DTI[t] != packet.NotPresent {
			c.targets[t] += size
		}
	}
}

// target of the structure that has just these layers; false if there is none.
func (c *scales) target(spatial, temporal uint8) (int, bool) {
	if c.structure == nil {
		return 0, true
	}
	for t := range c.structure.Targets {
		if c.structure.Spatial[t] == spatial && c.structure.Temporal[t] == temporal {
			return t, true
		}
	}
	return 0, false
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
		target, ok := c.target(spatial, temporal)
		if !ok {
			return
		}
		for _, l := range old {
			if l.rung.spatial == spatial && l.rung.temporal == temporal {
				l.index = len(c.rungs)
				c.rungs = append(c.rungs, l)
				return
			}
		}
		l := &layer{track: c.stream.track, index: len(c.rungs), clock: c.stream.clock}
		l.rung = &rung{stream: c.stream, spatial: spatial, temporal: temporal, target: target}
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
		if c.structure != nil {
			total = c.targets[l.rung.target]
		}
		l.rated(now, d, total)
		l.width, l.height = int(c.width[l.rung.spatial]), int(c.height[l.rung.spatial])
	}
	clear(c.bytes[:])
	clear(c.targets[:])
}

// wants is what should be sent of a stream: all of it until its sizes are known.
func (s *slot) wants() (spatial, temporal uint8) {
	if r := s.target.rung; r != nil {
		return r.spatial, r.temporal
	}
	return packet.MaxSpatial, packet.MaxTemporal
}

// A stream of which for so long nothing came by which the other choice could begin is asked for a keyframe. Of AV1 it is known what each
// frame needs; where sizes do not need each other (as in L3T3_KEY) a smaller one too only begins with a keyframe.
const upAfter, otherAfter = time.Second, 150 * time.Millisecond

// waits watches how long a higher frame rate, or a smaller size, has been waited for.
func (s *slot) waits(now time.Time) {
	r := s.target.rung
	if r == nil || r.temporal <= s.temporal && r.spatial >= s.spatial {
		s.slowSince = time.Time{}
		return
	}
	limit := upAfter
	if r.stream.scales.structure != nil {
		limit = otherAfter
	}
	switch {
	case s.slowSince.IsZero():
		s.slowSince = now
	case now.Sub(s.slowSince) > limit:
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
	if p.structure != nil {
		return s.takesFrame(seq, p)
	}
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

// takesFrame is takes for AV1, whose descriptor says of each frame what it is to each decode target and which frames it needs. Another
// target begins with a frame from which on it can be decoded, if what that frame needs was sent.
func (s *slot) takesFrame(seq uint16, p *part) bool {
	want := s.decode
	if r := s.target.rung; r != nil {
		want = r.target
	} else if t, ok := s.layer.scales.target(s.layer.scales.spatial, s.layer.scales.temporal); ok {
		want = t
	}
	f := &p.frame
	want, s.decode = min(want, p.structure.Targets-1), min(s.decode, p.structure.Targets-1)
	if f.Start && int16(seq-s.out.newest) > 0 {
		if (want != s.decode || p.key) && f.DTI[want] == packet.Switch && s.frames.all(f) {
			s.decode = want
		}
		s.spatial, s.temporal = p.structure.Spatial[s.decode], p.structure.Temporal[s.decode]
	}
	if f.DTI[s.decode] == packet.NotPresent {
		return false
	}
	s.frames.add(f.Number)
	return true
}

// frames are the numbers of those that were sent lately.
type frames struct {
	sent [4]uint64
	last uint16
}

func (x *frames) add(n uint16) {
	if d := n - x.last; d < 1<<15 {
		for range min(int(d), 256) { // what is passed over was not sent
			x.last++
			x.sent[x.last%256/64] &^= 1 << (x.last % 64)
		}
		x.last = n
	}
	x.sent[n%256/64] |= 1 << (n % 64)
}

// all reports whether what a frame needs was sent.
func (x *frames) all(f *packet.Frame) bool {
	for _, d := range f.Diffs[:f.NDiffs] {
		n := f.Number - d
		if x.last-n >= 256 || x.sent[n%256/64]&(1<<(n%64)) == 0 {
			return false
		}
	}
	return true
}

// completes reports whether a picture is complete with this packet although larger sizes follow, which are left out.
func (s *slot) completes(p *part) bool {
	if !p.scaled || !p.end || p.spatial != s.spatial {
		return false
	}
	if p.structure != nil {
		return true
	}
	spatial, _ := s.wants()
	return p.inter || spatial <= s.spatial // a keyframe's larger sizes will be taken
}
