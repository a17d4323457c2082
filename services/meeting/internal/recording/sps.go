package recording

import "slices"

// spsSize reads a picture's size out of an H.264 sequence parameter set (ITU-T H.264, 7.3.2.1.1); zero when it cannot.
func spsSize(sps []byte) (width, height int) {
	if len(sps) < 4 {
		return 0, 0
	}
	b := &bitReader{data: unescaped(sps[4:])}
	b.exp() // id
	chroma := uint(1)
	if slices.Contains([]byte{100, 110, 122, 244, 44, 83, 86, 118, 128}, sps[1]) { // the high profiles
		chroma = b.exp()
		if chroma == 3 {
			b.read(1)
		}
		b.exp() // depths
		b.exp()
		b.read(1)
		if b.read(1) == 1 {
			return 0, 0 // scaling matrices: no browser sends them
		}
	}
	b.exp() // frame numbers
	switch b.exp() {
	case 0:
		b.exp()
	case 1:
		return 0, 0 // an order of pictures that no browser sends
	}
	b.exp() // reference frames
	b.read(1)
	w := 16 * (b.exp() + 1)
	h := 16 * (b.exp() + 1)
	frames := b.read(1)
	h *= 2 - frames
	if frames == 0 {
		b.read(1)
	}
	b.read(1)
	if b.read(1) == 1 { // cropping, in units of the chroma samples
		x, y := uint(2), uint(2)
		if chroma == 0 || chroma == 3 {
			x, y = 1, 1
		} else if chroma == 2 {
			y = 1
		}
		left, right, top, bottom := b.exp(), b.exp(), b.exp(), b.exp()
		w -= x * (left + right)
		h -= y * (2 - frames) * (top + bottom)
	}
	if b.short || w == 0 || h == 0 || w > 16384 || h > 16384 {
		return 0, 0
	}
	return int(w), int(h)
}

// unescaped takes the bytes out that keep start codes apart (7.4.1.1).
func unescaped(b []byte) (out []byte) {
	for i, x := range b {
		if x == 3 && i >= 2 && b[i-1] == 0 && b[i-2] == 0 {
			continue
		}
		out = append(out, x)
	}
	return out
}

// bitReader reads a bit string; short once it was read beyond its end.
type bitReader struct {
	data  []byte
	at    int
	short bool
}

func (b *bitReader) read(n int) (v uint) {
	for range n {
		if b.at/8 >= len(b.data) {
			b.short = true
			return 0
		}
		v = v<<1 | uint(b.data[b.at/8]>>(7-b.at%8)&1)
		b.at++
	}
	return v
}

// exp reads an Exp-Golomb number (9.1).
func (b *bitReader) exp() uint {
	zeros := 0
	for !b.short && b.read(1) == 0 {
		if zeros++; zeros > 31 {
			b.short = true
		}
	}
	if b.short {
		return 0
	}
	return 1<<zeros - 1 + b.read(zeros)
}
