package announce

import (
	"math"
	"time"

	"samtale.dk/samtale/media/pcm"
)

// Sound names a tone.
type Sound uint8

// The tones.
const (
	Beep     Sound = iota // speak now
	Hold                  // to be repeated: the line lives
	Ringback              // to be repeated: it rings there
	Busy
)

func tones() map[Sound][]int16 {
	return map[Sound][]int16{Beep: Tone(1000, 400*time.Millisecond), Hold: hold(), Ringback: ringback(), Busy: busy()}
}

// amplitude of tones: −15 dBov, as loud as speech.
const amplitude = 5800

// Tone is a sine of the given frequency in Hz with soft edges of 5 ms.
func Tone(hz float64, d time.Duration) []int16 {
	s := make([]int16, pcm.Samples(d, pcm.Rate))
	edge := pcm.Rate / 200
	for i := range s {
		g := min(1, float64(i)/float64(edge), float64(len(s)-1-i)/float64(edge))
		s[i] = int16(g * amplitude * math.Sin(2*math.Pi*hz*float64(i)/pcm.Rate))
	}
	return s
}

// Pause is silence.
func Pause(d time.Duration) []int16 { return make([]int16, pcm.Samples(d, pcm.Rate)) }

// Join puts sounds one after another.
func Join(parts ...[]int16) []int16 {
	var out []int16
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// hold is a quiet two-note figure every six seconds, to be repeated: it says that
// the line lives and is no music that anybody owns.
func hold() []int16 {
	s := Join(Tone(392, 250*time.Millisecond), Pause(60*time.Millisecond), Tone(494, 350*time.Millisecond), Pause(5340*time.Millisecond))
	for i := range s {
		s[i] /= 3
	}
	return s
}

// ringback is the Danish ringing tone: 425 Hz, 1 s in 5, to be repeated.
func ringback() []int16 { return Join(Tone(425, time.Second), Pause(4*time.Second)) }

// busy is the Danish busy tone, 425 Hz, 0.25 s in 0.5.
func busy() []int16 {
	one := Join(Tone(425, 250*time.Millisecond), Pause(250*time.Millisecond))
	return Join(one, one, one, one, one, one)
}
