package g711

import (
	"math"
	"testing"
)

// Values from the tables of ITU-T G.711: the ends of the segments.
func TestKnownValues(t *testing.T) {
	for _, tt := range []struct {
		name   string
		expand func(byte) int16
		code   byte
		want   int16
	}{
		{"A smallest positive", ALaw, 0xd5, 8},
		{"A smallest negative", ALaw, 0x55, -8},
		{"A largest", ALaw, 0xaa, 32256},
		{"A most negative", ALaw, 0x2a, -32256},
		{"mu zero", MuLaw, 0xff, 0},
		{"mu minus zero", MuLaw, 0x7f, 0},
		{"mu largest", MuLaw, 0x80, 32124},
		{"mu most negative", MuLaw, 0x00, -32124},
		{"mu first step", MuLaw, 0xfe, 8},
	} {
		if got := tt.expand(tt.code); got != tt.want {
			t.Errorf("%s: %#x expands to %d, want %d", tt.name, tt.code, got, tt.want)
		}
	}
}

// Every code word must survive decoding and encoding, but for µ-law's second
// zero.
func TestRoundTripOfCodes(t *testing.T) {
	for i := range 256 {
		b := byte(i)
		if got := compressALaw(ALaw(b)); got != b {
			t.Errorf("A-law %#x came back as %#x", b, got)
		}
		if got := compressMuLaw(MuLaw(b)); got != b && b != 0x7f {
			t.Errorf("µ-law %#x came back as %#x", b, got)
		}
	}
}

// Each sample must become the nearest code, up to half a step of the widest
// segment it can be in, and louder samples must never become softer ones.
func TestEverySample(t *testing.T) {
	lastA, lastMu := int16(math.MinInt16), int16(math.MinInt16)
	for i := math.MinInt16; i <= math.MaxInt16; i++ {
		src := []int16{int16(i)}
		var a, mu [1]byte
		var back [1]int16
		EncodeALaw(a[:], src)
		DecodeALaw(back[:], a[:])
		checkError(t, "A-law", i, int(back[0]), 16)
		if back[0] < lastA {
			t.Fatalf("A-law: %d becomes %d, below its neighbour", i, back[0])
		}
		lastA = back[0]
		EncodeMuLaw(mu[:], src)
		DecodeMuLaw(back[:], mu[:])
		checkError(t, "µ-law", i, int(back[0]), 16)
		if back[0] < lastMu {
			t.Fatalf("µ-law: %d becomes %d, below its neighbour", i, back[0])
		}
		lastMu = back[0]
	}
}

// checkError allows a thirtieth of the sample (16 steps a segment, half a
// step, plus the bias) or the finest step, whichever is larger, and the clip
// at the top.
func checkError(t *testing.T, law string, in, out, step int) {
	t.Helper()
	d := max(in-out, out-in)
	limit := max(step, max(in, -in)/30+4)
	if max(in, -in) > 32124 {
		limit = 1100
	}
	if d > limit {
		t.Fatalf("%s: %d becomes %d", law, in, out)
	}
}

func TestSilenceCodes(t *testing.T) {
	var b [1]byte
	EncodeALaw(b[:], []int16{0})
	if b[0] != SilenceALaw {
		t.Errorf("A-law silence is %#x", b[0])
	}
	EncodeMuLaw(b[:], []int16{0})
	if b[0] != SilenceMuLaw {
		t.Errorf("µ-law silence is %#x", b[0])
	}
}

func BenchmarkDecodeALaw(b *testing.B) {
	src, dst := make([]byte, 160), make([]int16, 160)
	for i := range src {
		src[i] = byte(i)
	}
	b.Run("table", func(b *testing.B) {
		for b.Loop() {
			DecodeALaw(dst, src)
		}
	})
	b.Run("baseline-arithmetic", func(b *testing.B) {
		for b.Loop() {
			for i, c := range src {
				dst[i] = expandALaw(c)
			}
		}
	})
}
