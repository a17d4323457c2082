package pcm

// Mix is the sum of several sounds, for somebody who hears more than one person.
// Each listener has a Mix of the others, so that nobody hears themselves. What would
// be too loud is cut off at full level. It belongs to one goroutine.
type Mix struct {
	in    []Reader
	frame [2 * FrameSamples]int16
}

// NewMix adds up readers.
func NewMix(in ...Reader) *Mix { return &Mix{in: in} }

// ReadFrame takes a frame of every reader; those that have none are silent. It is
// false when none has one.
func (m *Mix) ReadFrame(dst []int16) bool {
	any := false
	for _, r := range m.in {
		if !any {
			any = r.ReadFrame(dst)
			continue
		}
		s := m.frame[:min(len(dst), len(m.frame))]
		if r.ReadFrame(s) {
			add(dst, s)
		}
	}
	return any
}

func add(dst, s []int16) {
	for i, v := range s {
		dst[i] = int16(max(-32768, min(32767, int(dst[i])+int(v))))
	}
}
