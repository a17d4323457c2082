package packet

// Limits of a dependency descriptor (RTP payload format for AV1, appendix A).
const (
	maxTemplates = 64
	MaxTargets   = 32
	maxDiffs     = 8 // references of a frame: the codec has seven
)

// Indications of what a frame is to a decode target.
const (
	NotPresent uint8 = iota
	Discardable
	Switch
	Required
)

// Structure is what a keyframe's descriptor says of the frames to come: which sizes and frame rates there are (decode targets), and
// templates of frames.
type Structure struct {
	Targets    int
	Spatial    [MaxTargets]uint8 // the highest of each target
	Temporal   [MaxTargets]uint8
	Width      [MaxSpatial]uint16 // 0: not told
	Height     [MaxSpatial]uint16
	offset     uint8
	n          int
	maxSpatial uint8
	templates  [maxTemplates]template
}

type template struct {
	spatial, temporal uint8
	dtis              [MaxTargets]uint8
	diffs             [maxDiffs]uint16
	nDiffs            int
}

// Frame is what a descriptor says of a packet's frame.
type Frame struct {
	Start, End        bool
	Number            uint16
	Spatial, Temporal uint8
	DTI               [MaxTargets]uint8
	Diffs             [maxDiffs]uint16 // how much older the frames are that it needs
	NDiffs            int
}

// bits reads a descriptor; what is beyond its end is 0 and makes it bad.
type bits struct {
	b   []byte
	at  int
	bad bool
}

func (r *bits) take(n int) int {
	v := 0
	for range n {
		if r.at >= 8*len(r.b) {
			r.bad = true
			return 0
		}
		v = v<<1 | int(r.b[r.at/8]>>(7-r.at%8)&1)
		r.at++
	}
	return v
}

func (r *bits) flag() bool { return r.take(1) == 1 }

// below reads a number less than n, which takes a bit less where that is enough (the specification's ns(n)).
func (r *bits) below(n int) int {
	w := 0
	for x := n; x > 0; x >>= 1 {
		w++
	}
	short := 1<<w - n
	v := r.take(w - 1)
	if v < short {
		return v
	}
	return v<<1 - short + r.take(1)
}

// ParseDesc reads a descriptor. known is the structure of the stream, nil before the first; a descriptor that has a new one returns it.
func ParseDesc(b []byte, known *Structure) (f Frame, s *Structure, ok bool) {
	r := bits{b: b}
	f.Start, f.End = r.flag(), r.flag()
	id := r.take(6)
	f.Number = uint16(r.take(16))
	var active, customDTIs, customDiffs bool
	s = known
	if len(b) > 3 {
		structure := r.flag()
		active, customDTIs, customDiffs = r.flag(), r.flag(), r.flag()
		r.take(1) // custom chains come last
		if structure {
			s = parseStructure(&r)
		}
	}
	if s == nil || r.bad {
		return f, nil, false
	}
	if active {
		r.take(s.Targets)
	}
	i := (id + 64 - int(s.offset)) % 64
	if i >= s.n {
		return f, nil, false
	}
	f.of(&s.templates[i])
	if customDTIs {
		for k := range s.Targets {
			f.DTI[k] = uint8(r.take(2))
		}
	}
	if customDiffs {
		f.NDiffs = 0
		for size := r.take(2); size > 0 && !r.bad; size = r.take(2) {
			if f.NDiffs == maxDiffs {
				return f, nil, false
			}
			f.Diffs[f.NDiffs] = uint16(r.take(4*size) + 1)
			f.NDiffs++
		}
	}
	return f, s, !r.bad
}

func (f *Frame) of(t *template) {
	f.Spatial, f.Temporal, f.DTI, f.Diffs, f.NDiffs = t.spatial, t.temporal, t.dtis, t.diffs, t.nDiffs
}

// parseStructure reads template_dependency_structure.
func parseStructure(r *bits) *Structure {
	s := &Structure{offset: uint8(r.take(6)), Targets: r.take(5) + 1}
	if !s.layers(r) {
		r.bad = true
		return nil
	}
	for i := range s.n {
		for k := range s.Targets {
			s.templates[i].dtis[k] = uint8(r.take(2))
		}
	}
	for i := range s.n {
		t := &s.templates[i]
		for r.flag() && !r.bad {
			if t.nDiffs == maxDiffs {
				r.bad = true
				return nil
			}
			t.diffs[t.nDiffs] = uint16(r.take(4) + 1)
			t.nDiffs++
		}
	}
	if chains := r.below(s.Targets + 1); chains > 0 {
		for range s.Targets {
			r.below(chains)
		}
		r.take(4 * s.n * chains)
	}
	s.reach()
	if r.flag() {
		for i := range s.maxSpatial + 1 {
			s.Width[i], s.Height[i] = uint16(r.take(16)+1), uint16(r.take(16)+1)
		}
	}
	return s
}

func (s *Structure) layers(r *bits) bool {
	var spatial, temporal uint8
	for {
		if s.n == maxTemplates || spatial >= MaxSpatial || temporal >= MaxTemporal || r.bad {
			return false
		}
		s.templates[s.n].spatial, s.templates[s.n].temporal = spatial, temporal
		s.n++
		s.maxSpatial = spatial
		switch r.take(2) {
		case 1:
			temporal++
		case 2:
			spatial, temporal = spatial+1, 0
		case 3:
			return true
		}
	}
}

// reach works out which layers each decode target has.
func (s *Structure) reach() {
	for k := range s.Targets {
		for i := range s.n {
			if t := &s.templates[i]; t.dtis[k] != NotPresent {
				s.Spatial[k], s.Temporal[k] = max(s.Spatial[k], t.spatial), max(s.Temporal[k], t.temporal)
			}
		}
	}
}
