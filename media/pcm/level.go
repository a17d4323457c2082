package pcm

import "math"

// Silence is the level of digital silence, in dBov: the lowest that the
// audio-level header extension of RFC 6464 can say.
const Silence = -127.0

// Energy is the mean square of the samples; 0 for none.
func Energy(samples []int16) float64 {
	if len(samples) == 0 {
		return 0
	}
	var sum int64
	for _, s := range samples {
		sum += int64(s) * int64(s)
	}
	return float64(sum) / float64(len(samples))
}

// DBov is the level of a mean square in dB relative to the overload point:
// a full-scale square wave is 0, a full-scale sine −3 (RFC 6464).
func DBov(energy float64) float64 {
	const overload = 32768.0 * 32768.0
	if energy <= 0 {
		return Silence
	}
	return max(10*math.Log10(energy/overload), Silence)
}

// Level is the level of one frame in dBov.
func Level(samples []int16) float64 { return DBov(Energy(samples)) }

// Meter passes sound on and shows its level, smoothed for a display: up at
// once, down by 20 dB in about half a second. It belongs to one goroutine.
type Meter struct {
	next Writer
	held float64 // smoothed mean square
}

// NewMeter returns a meter in front of next.
func NewMeter(next Writer) *Meter { return &Meter{next: next} }

// WriteFrame measures the frame and passes it on.
func (m *Meter) WriteFrame(samples []int16) error {
	// 0.83 a frame is 20 dB in 25 frames.
	m.held = max(Energy(samples), m.held*0.83)
	return m.next.WriteFrame(samples)
}

// Level is the smoothed level in dBov.
func (m *Meter) Level() float64 { return DBov(m.held) }

// Close closes the next stage.
func (m *Meter) Close() error { return m.next.Close() }
