// Package g722 is the wideband telephone codec ITU-T G.722 in mode 1: 16 kHz
// sound in 64 kbit/s, one byte for two samples. The band is split in two by a
// quadrature mirror filter and each half coded by ADPCM, 6 bits for the lower
// and 2 for the upper one. An Encoder or Decoder belongs to one goroutine.
//
// Names of the recommendation are kept where they help to read it beside the
// code (block 3L is section 3.6.3 for the lower band, and so on).
package g722

// SampleRate of the sound. The RTP clock is 8000 all the same (RFC 3551).
const SampleRate = 16000

// band is the adaptive predictor and quantiser scale of one half band, which
// encoder and decoder run alike.
type band struct {
	s, sz int // predictions: of the whole, of the zeros
	r     [3]int
	p     [3]int
	a     [3]int // poles; a[0] unused
	b, d  [7]int // zeros and past differences; b[0] unused
	nb    int    // logarithmic scale
	det   int    // scale
}

func newBand(det int) band { return band{det: det} }

// adapt takes the quantised difference of this sample and predicts the next
// one (block 4, section 3.6.4).
func (b *band) adapt(d int) {
	b.d[0] = d
	b.r[0] = saturate(b.s + d)
	b.p[0] = saturate(b.sz + d)

	a1, a2 := b.poles()
	b.zeros()

	for i := 6; i > 0; i-- {
		b.d[i] = b.d[i-1]
	}
	b.r[2], b.r[1] = b.r[1], b.r[0]
	b.p[2], b.p[1] = b.p[1], b.p[0]
	b.a[1], b.a[2] = a1, a2

	b.predict()
}

// poles adapts the two poles by the signs of the partial reconstruction (UPPOL).
func (b *band) poles() (a1, a2 int) {
	same1 := b.p[0] < 0 == (b.p[1] < 0)
	same2 := b.p[0] < 0 == (b.p[2] < 0)

	wd := saturate(b.a[1] << 2)
	if same1 {
		wd = -wd
	}
	wd = min(wd, 32767)
	a2 = -128
	if same2 {
		a2 = 128
	}
	a2 += wd >> 7
	a2 += b.a[2] * 32512 >> 15
	a2 = min(max(a2, -12288), 12288)

	a1 = -192
	if same1 {
		a1 = 192
	}
	a1 = saturate(a1 + b.a[1]*32640>>15)
	limit := saturate(15360 - a2)
	return min(max(a1, -limit), limit), a2
}

// zeros adapts the six zeros (UPZERO).
func (b *band) zeros() {
	step := 128
	if b.d[0] == 0 {
		step = 0
	}
	for i := 1; i < 7; i++ {
		wd := -step
		if b.d[i] < 0 == (b.d[0] < 0) {
			wd = step
		}
		b.b[i] = saturate(wd + b.b[i]*32640>>15)
	}
}

// predict computes the next prediction (FILTEP, FILTEZ, PREDIC).
func (b *band) predict() {
	sp := saturate(b.a[1]*saturate(b.r[1]+b.r[1])>>15 + b.a[2]*saturate(b.r[2]+b.r[2])>>15)
	b.sz = 0
	for i := 6; i > 0; i-- {
		b.sz += b.b[i] * saturate(b.d[i]+b.d[i]) >> 15
	}
	b.sz = saturate(b.sz)
	b.s = saturate(sp + b.sz)
}

// scaleLow adapts the quantiser of the lower band (LOGSCL, SCALEL).
func (b *band) scaleLow(il4 int) {
	b.nb = min(max(b.nb*127>>7+wl[rl42[il4]], 0), 18432)
	b.det = scale(b.nb, 8)
}

// scaleHigh adapts the quantiser of the upper band (LOGSCH, SCALEH).
func (b *band) scaleHigh(ih int) {
	b.nb = min(max(b.nb*127>>7+wh[rh2[ih]], 0), 22528)
	b.det = scale(b.nb, 10)
}

func scale(nb, shift int) int {
	v := ilb[nb>>6&31]
	exp := shift - nb>>11
	if exp < 0 {
		return v << -exp << 2
	}
	return v >> exp << 2
}

func saturate(v int) int { return min(max(v, -32768), 32767) }

// Decoder expands one stream.
type Decoder struct {
	low, high band
	x         [24]int // history of the receive filter
}

// NewDecoder returns a decoder in its reset state.
func NewDecoder() *Decoder {
	d := &Decoder{}
	d.Reset()
	return d
}

// Reset forgets the stream so far.
func (d *Decoder) Reset() { *d = Decoder{low: newBand(32), high: newBand(8)} }

// Decode expands src into dst, which must have room for two samples a byte,
// and returns the number of samples.
func (d *Decoder) Decode(dst []int16, src []byte) int {
	dst = dst[:2*len(src)]
	for i, code := range src {
		low := d.decodeLow(int(code & 0x3f))
		high := d.decodeHigh(int(code >> 6))
		dst[2*i], dst[2*i+1] = d.join(low, high)
	}
	return len(dst)
}

// decodeLow reconstructs with all 6 bits and adapts by the upper 4.
func (d *Decoder) decodeLow(code int) int {
	b := &d.low
	out := min(max(b.s+b.det*qm6[code]>>15, -16384), 16383)
	il4 := code >> 2
	diff := b.det * qm4[il4] >> 15
	b.scaleLow(il4)
	b.adapt(diff)
	return out
}

func (d *Decoder) decodeHigh(code int) int {
	b := &d.high
	diff := b.det * qm2[code] >> 15
	out := min(max(diff+b.s, -16384), 16383)
	b.scaleHigh(code)
	b.adapt(diff)
	return out
}

// join is the receive quadrature mirror filter.
func (d *Decoder) join(low, high int) (int16, int16) {
	copy(d.x[:22], d.x[2:])
	d.x[22], d.x[23] = low+high, low-high
	var even, odd int
	for i, c := range qmf {
		odd += d.x[2*i] * c
		even += d.x[2*i+1] * qmf[11-i]
	}
	return int16(saturate(even >> 11)), int16(saturate(odd >> 11))
}

// Encoder compresses one stream.
type Encoder struct {
	low, high band
	x         [24]int // history of the transmit filter
}

// NewEncoder returns an encoder in its reset state.
func NewEncoder() *Encoder {
	e := &Encoder{}
	e.Reset()
	return e
}

// Reset forgets the stream so far.
func (e *Encoder) Reset() { *e = Encoder{low: newBand(32), high: newBand(8)} }

// Encode compresses an even number of samples into dst, which must have room
// for half as many bytes, and returns the number of bytes.
func (e *Encoder) Encode(dst []byte, src []int16) int {
	n := len(src) / 2
	dst = dst[:n]
	for i := range dst {
		low, high := e.split(int(src[2*i]), int(src[2*i+1]))
		dst[i] = byte(e.encodeHigh(high)<<6 | e.encodeLow(low))
	}
	return n
}

// split is the transmit quadrature mirror filter.
func (e *Encoder) split(first, second int) (low, high int) {
	copy(e.x[:22], e.x[2:])
	e.x[22], e.x[23] = first, second
	var even, odd int
	for i, c := range qmf {
		odd += e.x[2*i] * c
		even += e.x[2*i+1] * qmf[11-i]
	}
	return (even + odd) >> 14, (even - odd) >> 14
}

func (e *Encoder) encodeLow(x int) int {
	b := &e.low
	diff := saturate(x - b.s)
	mag := diff
	if diff < 0 {
		mag = -(diff + 1)
	}
	i := 1
	for i < 30 && mag >= q6[i]*b.det>>12 {
		i++
	}
	code := ilp[i]
	if diff < 0 {
		code = iln[i]
	}
	il4 := code >> 2
	quantised := b.det * qm4[il4] >> 15
	b.scaleLow(il4)
	b.adapt(quantised)
	return code
}

func (e *Encoder) encodeHigh(x int) int {
	b := &e.high
	diff := saturate(x - b.s)
	mag := diff
	if diff < 0 {
		mag = -(diff + 1)
	}
	i := 1
	if mag >= 564*b.det>>12 {
		i = 2
	}
	code := ihp[i]
	if diff < 0 {
		code = ihn[i]
	}
	quantised := b.det * qm2[code] >> 15
	b.scaleHigh(code)
	b.adapt(quantised)
	return code
}
