// Package vad tells speech from everything else on a line: silence, noise,
// hum, tones. A [Detector] decides frame by frame, an [Endpointer] makes
// utterances of the decisions, with sample positions. Both have state, belong
// to one goroutine and allocate nothing after construction.
//
// The detector asks three things of a frame, all of them in the telephone's
// band. Is it louder than the background, band by band? Is it voiced, with a
// pitch that a person can have? Does its spectrum move? Noise fails the
// second and moves only as far as chance goes; hum and tones fail the third.
// Speech begins when the answers are yes a few times (sound that moves a lot
// needs no voice); once it runs, loudness keeps it running through consonants,
// but not for longer than a person can speak without any of that.
package vad

import (
	"fmt"
	"math"
)

const (
	bandRate = 8000 // the detector works at this rate
	frameLen = bandRate / 50
	window   = 256

	lowestBand, highestBand = 200.0, 3800.0 // Hz; mains hum is below
	bands                   = 16

	// quietest is the level in dB per band that counts as silence whatever
	// the background is: about −65 dBov in all.
	quietest = 12.0
)

// Thresholds, in dB over the background unless they say otherwise; found by
// hand on synthetic speech in noise (see the test for what they reach).
const (
	startSNR = 4.0 // mean over the bands
	keepSNR  = 2.6
	voicing  = 0.43 // autocorrelation; noise passes it in one frame of 5000
	movement = 1.0  // dB a band a frame, of voiced sound; hum and tones have none
	liveness = 3.8  // the same, of sound without voice (creak, whisper); noise passes 3.4 in one onset of 100

	startEvidence = 2.5 // frames, with decay
	hangover      = 8   // frames
	maxUnvoiced   = 30  // frames that may pass without voice and movement
)

// Detector finds speech in one stream.
type Detector struct {
	decimate int // input samples per sample at bandRate

	samples  [window]float32 // at bandRate, the newest last
	spectrum fft
	edges    [bands + 1]int // in bins
	level    [bands]float32 // dB
	before   [bands]float32 // level of the frame before
	noise    [bands]float32 // dB
	age      [bands]int     // frames since the band rose above the background
	frames   int

	pitch    pitchMeter
	moving   float32 // smoothed movement
	evidence float32
	active   bool
	hang     int
	unvoiced int
	snr      float32
	energy   float32 // dBov
	over     bool    // what is in the window ended more than 15 ms ago
}

// New makes a detector for frames of 20 ms at 8000 or 16000 Hz.
func New(rate int) *Detector {
	if rate != 8000 && rate != 16000 {
		panic(fmt.Sprintf("vad: rate %d", rate))
	}
	d := &Detector{decimate: rate / bandRate}
	d.spectrum.init()
	// Bands are equally wide on the mel scale.
	lo, hi := mel(lowestBand), mel(highestBand)
	for i := range d.edges {
		hz := unmel(lo + (hi-lo)*float64(i)/bands)
		d.edges[i] = int(math.Round(hz * window / bandRate))
	}
	return d
}

func mel(hz float64) float64  { return 1127 * math.Log(1+hz/700) }
func unmel(m float64) float64 { return 700 * (math.Exp(m/1127) - 1) }

// Speech takes the next 20 ms and reports whether there is speech now. It says
// yes up to 160 ms after speech has ended, and begins up to 100 ms late.
func (d *Detector) Speech(frame []int16) bool {
	d.take(frame)
	d.measure()
	d.over = fades(&d.samples)
	d.pitch.take(d.samples[window-frameLen:])
	d.decide(d.alive())
	d.learn()
	d.frames++
	return d.active
}

// Level is the level of the last frame in dBov, in the telephone's band.
func (d *Detector) Level() float64 { return float64(d.energy) }

// fades reports whether the newest 15 ms are 20 dB softer than the rest of the window:
// what is heard is over, the window only still holds it. Noise and the decay of a voice
// in a room do not fall so fast; a telephone that sends nothing between words does.
func fades(x *[window]float32) bool {
	const newest = 15 * bandRate / 1000
	old, now := x[:window-newest], x[window-newest:]
	return dot(now, now)*100*float32(len(old)) < dot(old, old)*newest
}

// take decimates the frame into samples. What lies above 4 kHz folds down,
// which makes an s louder and does no harm.
func (d *Detector) take(frame []int16) {
	copy(d.samples[:], d.samples[frameLen:])
	out := d.samples[window-frameLen:]
	if d.decimate == 1 {
		n := min(len(frame), frameLen)
		for i, s := range frame[:n] {
			out[i] = float32(s)
		}
		clear(out[n:])
		return
	}
	n := min(len(frame)/2, frameLen)
	for i := range n {
		out[i] = (float32(frame[2*i]) + float32(frame[2*i+1])) / 2
	}
	clear(out[n:])
}

// measure fills level, snr and moving.
func (d *Detector) measure() {
	power := d.spectrum.power(&d.samples)
	d.before = d.level
	var total, snr, move float32
	n := 0
	for b := range bands {
		sum := float32(0)
		for _, p := range power[d.edges[b]:d.edges[b+1]] {
			sum += p
		}
		total += sum
		sum /= float32(d.edges[b+1] - d.edges[b])
		// 1 is far below what one bit of dither gives.
		d.level[b] = max(10*log10(sum+1), quietest)
		over := d.level[b] - d.noise[b]
		snr += min(max(over, 0), 20)
		// The step in which a sound begins is not movement: it takes two
		// frames to be wholly inside the window.
		if over <= 6 {
			d.age[b] = 0
			continue
		}
		if d.age[b] >= 2 {
			move += abs(d.level[b] - d.before[b])
			n++
		}
		d.age[b]++
	}
	d.snr = snr / bands
	d.energy = max(10*log10(total+1e-9)-fullScale, -127)
	d.moving += (min(move/float32(max(n, 1)), 10) - d.moving) * 0.3
}

// alive reports whether the sound is such as a person makes. The pitch, which costs
// most, is looked for only where it decides: in sound that moves, but not so much that
// it needs no voice, and that is loud enough to begin with.
func (d *Detector) alive() bool {
	switch {
	case d.moving > liveness:
		return true
	case d.moving <= movement, !d.active && d.snr <= startSNR:
		return false
	}
	return d.pitch.voiced(voicing)
}

// decide updates the state by what was measured.
func (d *Detector) decide(alive bool) {
	switch {
	case d.frames == 0: // nothing to compare with yet
		return
	case d.snr > startSNR && alive:
		d.evidence = min(d.evidence+1, 5)
	default:
		d.evidence *= 0.85
	}
	if alive {
		d.unvoiced = 0
	} else {
		d.unvoiced++
	}
	if !d.active {
		if d.evidence >= startEvidence {
			d.active, d.hang = true, hangover
		}
		return
	}
	if d.snr > keepSNR {
		d.hang = hangover
	} else {
		d.hang--
	}
	if d.hang <= 0 || d.unvoiced > maxUnvoiced {
		d.active, d.evidence = false, 0
	}
}

// learn follows the background: fast when nobody speaks, down at once and up
// by a little when somebody does.
func (d *Detector) learn() {
	if d.frames == 0 {
		d.noise = d.level
		return
	}
	up, down := float32(0.08), float32(0.15)
	if d.active {
		up, down = 0.004, 0.1
	} else if d.evidence > 1 {
		up = 0.02
	}
	for b := range bands {
		diff := d.level[b] - d.noise[b]
		if diff > 0 {
			d.noise[b] += up * diff
		} else {
			d.noise[b] += down * diff
		}
	}
}

func log10(x float32) float32 { return float32(math.Log10(float64(x))) }

func abs(x float32) float32 {
	if x < 0 {
		return -x
	}
	return x
}
