// Package g711 is the telephone's codec, ITU-T G.711: A-law and µ-law, one
// byte a sample at 8 kHz, by tables. All functions may be called concurrently.
package g711

// Silence of each law, as an encoder sends it.
const (
	SilenceALaw  = 0xd5
	SilenceMuLaw = 0xff
)

var (
	alawDecode, mulawDecode = expansionTables()

	// The encoders look up the upper 12 (A-law) and 14 (µ-law) bits of a
	// sample: the laws know no finer steps.
	alawEncode, mulawEncode = compressionTables()
)

func expansionTables() (a, mu [256]int16) {
	for i := range 256 {
		a[i] = expandALaw(byte(i))
		mu[i] = expandMuLaw(byte(i))
	}
	return a, mu
}

func compressionTables() (a [1 << 12]byte, mu [1 << 14]byte) {
	for i := range a {
		a[i] = compressALaw(int16(i << 4))
	}
	for i := range mu {
		mu[i] = compressMuLaw(int16(i << 2))
	}
	return a, mu
}

// expandALaw: G.711 table 1; even bits are inverted on the line.
func expandALaw(b byte) int16 {
	b ^= 0x55
	v := int16(b&0x0f)<<4 + 8
	exp := b >> 4 & 7
	if exp > 0 {
		v = (v + 0x100) << (exp - 1)
	}
	if b&0x80 == 0 {
		return -v
	}
	return v
}

// expandMuLaw: G.711 table 2; all bits are inverted on the line. 0x84 is the
// bias of 33 in 14-bit terms.
func expandMuLaw(b byte) int16 {
	b = ^b
	v := (int16(b&0x0f)<<3+0x84)<<(b>>4&7) - 0x84
	if b&0x80 != 0 {
		return -v
	}
	return v
}

func compressALaw(s int16) byte {
	sign := byte(0x80)
	v := int(s) >> 4 // 12 bits
	if v < 0 {
		sign = 0
		v = -v - 1
	}
	exp := byte(0)
	for v > 0x1f {
		v >>= 1
		exp++
	}
	// In segment 0 and 1 the step is the same: bit 4 of v tells them apart.
	if v > 0x0f {
		exp++
	}
	return (sign | exp<<4 | byte(v&0x0f)) ^ 0x55
}

func compressMuLaw(s int16) byte {
	sign := byte(0)
	v := int(s) >> 2 // 14 bits
	if v < 0 {
		sign = 0x80
		v = -v - 1
	}
	v = min(v+33, 0x1fff)
	exp := byte(0)
	for v > 0x3f {
		v >>= 1
		exp++
	}
	return ^(sign | exp<<4 | byte(v>>1&0x0f))
}

// ALaw expands one byte.
func ALaw(b byte) int16 { return alawDecode[b] }

// MuLaw expands one byte.
func MuLaw(b byte) int16 { return mulawDecode[b] }

// DecodeALaw expands src into dst, which must be as long, and returns the
// number of samples.
func DecodeALaw(dst []int16, src []byte) int {
	dst = dst[:len(src)]
	for i, b := range src {
		dst[i] = alawDecode[b]
	}
	return len(src)
}

// DecodeMuLaw expands src into dst, which must be as long, and returns the
// number of samples.
func DecodeMuLaw(dst []int16, src []byte) int {
	dst = dst[:len(src)]
	for i, b := range src {
		dst[i] = mulawDecode[b]
	}
	return len(src)
}

// EncodeALaw compresses src into dst, which must be as long, and returns the
// number of bytes.
func EncodeALaw(dst []byte, src []int16) int {
	dst = dst[:len(src)]
	for i, s := range src {
		dst[i] = alawEncode[uint16(s)>>4]
	}
	return len(src)
}

// EncodeMuLaw compresses src into dst, which must be as long, and returns the
// number of bytes.
func EncodeMuLaw(dst []byte, src []int16) int {
	dst = dst[:len(src)]
	for i, s := range src {
		dst[i] = mulawEncode[uint16(s)>>2]
	}
	return len(src)
}
