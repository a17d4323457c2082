package pcm

// Clip is a piece of sound that a clock plays once or over and over: an
// announcement, hold music. It belongs to one goroutine.
type Clip struct {
	samples []int16
	at      int
	repeat  bool
}

// NewClip plays samples, which it keeps, from the start. With repeat it
// begins again at the end and never stops.
func NewClip(samples []int16, repeat bool) *Clip {
	return &Clip{samples: samples, repeat: repeat && len(samples) > 0}
}

// ReadFrame gives the next samples; the last frame is filled with silence.
func (c *Clip) ReadFrame(dst []int16) bool {
	if c.at >= len(c.samples) {
		return false
	}
	n := 0
	for n < len(dst) && c.at < len(c.samples) {
		k := copy(dst[n:], c.samples[c.at:])
		n += k
		c.at += k
		if c.repeat && c.at == len(c.samples) {
			c.at = 0
		}
	}
	clear(dst[n:])
	return true
}
