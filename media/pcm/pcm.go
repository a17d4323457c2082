// Package pcm is the sound that media stages pass to each other: mono 16-bit
// linear samples in frames of 20 ms, and the small stages that every chain
// needs (queue, mix, clip, level, WAV files).
//
// Sound that arrives is pushed: one call stack per frame. It is pulled only where
// a clock plays it out, as [Reader]. A goroutine changes only at a [Queue];
// everything else here belongs to the goroutine that calls it.
package pcm

import "time"

const (
	// FrameDuration is the length of every frame between stages: the packet
	// time of telephony and of WebRTC, so a packet is a frame in the usual case.
	FrameDuration = 20 * time.Millisecond

	// Rate is the sample rate between stages, in Hz: what recognisers want and
	// twice what a telephone gives.
	Rate = 16000

	// FrameSamples is the length of a frame at Rate.
	FrameSamples = Rate / 50
)

// Reader gives sound to a playout clock. ReadFrame fills dst wholly and
// reports true, or leaves it alone and reports false when there is nothing to
// play now. It never blocks.
type Reader interface {
	ReadFrame(dst []int16) bool
}

// Duration is the length of n samples at rate Hz. It is exact to a
// nanosecond and does not overflow for positions of years.
func Duration(n int64, rate int) time.Duration {
	r := int64(rate)
	return time.Duration(n/r)*time.Second + time.Duration(n%r*int64(time.Second)/r)
}

// Samples is the number of whole samples at rate Hz in d.
func Samples(d time.Duration, rate int) int64 {
	r := int64(rate)
	return int64(d/time.Second)*r + int64(d%time.Second)*r/int64(time.Second)
}

// Range is a stretch of sound by sample positions: From is in it, To is not.
type Range struct{ From, To int64 }

// Len is the number of samples in r.
func (r Range) Len() int64 { return r.To - r.From }
