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
