// Package dtmf finds key presses in sound (ITU-T Q.23, Q.24), for telephones that
// send them as tones only. A Detector belongs to one goroutine and allocates nothing
// while it works.
package dtmf

import (
	"math"

	"samtale.dk/samtale/media/pcm"
)

const (
	// block is 12.75 ms at 16 kHz: 78 Hz wide, so that neighbouring tones (73 Hz and
	// more apart) fall near each other's zeros, and every tone of 40 ms holds two
	// whole blocks, wherever they begin.
	block = 204

	// purity is the part of a block's energy that both tones together must hold.
	// Tones that are 1.5% off still hold 0.84 of it; speech hardly ever does.
	purity = 0.8
	// apart is how much louder a tone must be than the others of its group: 8 dB.
	apart = 6.3
	// twist: the high tone may be 8 dB louder than the low one, or 4 dB softer.
	twistHigh, twistLow = 6.3, 2.5
	// quietest tone, as an amplitude: −41 dB below the loudest.
	quietest = 300
)

var (
	rows = [4]float64{697, 770, 852, 941}
	cols = [4]float64{1209, 1336, 1477, 1633}
	keys = [4][4]byte{{'1', '2', '3', 'A'}, {'4', '5', '6', 'B'}, {'7', '8', '9', 'C'}, {'*', '0', '#', 'D'}}
)

// Detector finds keys in sound at pcm.Rate.
type Detector struct {
	found  func(key byte)
	coef   [8]float32
	s1, s2 [8]float32 // Goertzel's filters: four rows, four columns
	energy float32
	n      int // samples in the block

	last    byte // of the block before; 0: none
	pressed byte // the key that was told; 0: none is held
}

// New calls found once for each key press, from within Process.
func New(found func(key byte)) *Detector {
	d := &Detector{found: found}
	for i := range 4 {
		d.coef[i] = float32(2 * math.Cos(2*math.Pi*rows[i]/pcm.Rate))
		d.coef[4+i] = float32(2 * math.Cos(2*math.Pi*cols[i]/pcm.Rate))
	}
	return d
}

// Process takes the next samples, of any number.
func (d *Detector) Process(samples []int16) {
	for len(samples) > 0 {
		k := min(len(samples), block-d.n)
		d.filter(samples[:k])
		samples = samples[k:]
		if d.n += k; d.n == block {
			d.step(d.key())
			d.s1, d.s2, d.energy, d.n = [8]float32{}, [8]float32{}, 0, 0
		}
	}
}

// filter runs the eight resonators, each over all samples, which keeps it in registers.
func (d *Detector) filter(samples []int16) {
	e := d.energy
	for _, s := range samples {
		x := float32(s)
		e += x * x
	}
	d.energy = e
	for i, c := range d.coef {
		s1, s2 := d.s1[i], d.s2[i]
		for _, s := range samples {
			s1, s2 = float32(s)+c*s1-s2, s1
		}
		d.s1[i], d.s2[i] = s1, s2
	}
}

// key is what the block holds; 0 for none.
func (d *Detector) key() byte {
	row, low, ok := d.loudest(0)
	if !ok {
		return 0
	}
	col, high, ok := d.loudest(4)
	switch {
	case !ok, high > low*twistHigh, low > high*twistLow:
		return 0
	case low+high < purity*d.energy*block/2: // a lone tone of energy E has the power E·block/2
		return 0
	}
	return keys[row][col]
}

// loudest tone of the group that begins at from; false when none stands out.
func (d *Detector) loudest(from int) (at int, power float32, ok bool) {
	const least = quietest * quietest * block * block / 4
	var next float32
	for i := range 4 {
		j := from + i
		p := d.s1[j]*d.s1[j] + d.s2[j]*d.s2[j] - d.coef[j]*d.s1[j]*d.s2[j]
		if p > power {
			at, power, next = i, p, power
		} else if p > next {
			next = p
		}
	}
	return at, power, power > least && power > apart*next
}

// step needs two equal blocks to believe in a press or its end.
func (d *Detector) step(key byte) {
	sure := key == d.last
	d.last = key
	if !sure || key == d.pressed {
		return
	}
	d.pressed = key
	if key != 0 {
		d.found(key)
	}
}
