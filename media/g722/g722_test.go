package g722

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"testing"
)

// noise is a deterministic signal that goes through many levels.
func noise(n int) []int16 {
	s := make([]int16, n)
	x := uint32(1)
	for i := range s {
		x = (x*1103515245 + 12345) & 0x7fffffff
		s[i] = int16((int(x>>8&0xffff) - 32768) / (1 << (i/2000%8 + 2)))
	}
	return s
}

// The sums are those of an independent implementation (spandsp 0.0.6) for the
// same signal, kept at a quarter of full scale because that one wraps where we
// clip: encoder and decoder agree with it bit by bit.
func TestBitExact(t *testing.T) {
	in := noise(32000)
	code := make([]byte, len(in)/2)
	n := NewEncoder().Encode(code, in)
	if n != 16000 {
		t.Fatalf("%d bytes", n)
	}
	if got := crc32.ChecksumIEEE(code); got != 0x20e02d67 {
		t.Errorf("encoder: %#x, begins %d", got, code[:20])
	}
	out := make([]int16, len(in))
	NewDecoder().Decode(out, code)
	var b []byte
	for _, s := range out {
		b = binary.LittleEndian.AppendUint16(b, uint16(s))
	}
	if got := crc32.ChecksumIEEE(b); got != 0xe0fcb1fe {
		t.Errorf("decoder: %#x, begins %d", got, out[:20])
	}
}

func TestTonesOfBothBands(t *testing.T) {
	for _, hz := range []float64{300, 1000, 3000, 5000, 6500} {
		in := make([]int16, SampleRate)
		for i := range in {
			in[i] = int16(10000 * math.Sin(2*math.Pi*hz*float64(i)/SampleRate))
		}
		code, out := make([]byte, len(in)/2), make([]int16, len(in))
		NewEncoder().Encode(code, in)
		NewDecoder().Decode(out, code)
		if snr := bestSNR(in[8000:12000], out[8000:]); snr < 15 {
			t.Errorf("%.0f Hz: %.1f dB", hz, snr)
		}
	}
}

// bestSNR tries delays, of which the two filters have 22 samples.
func bestSNR(in, out []int16) float64 {
	best := math.Inf(-1)
	for delay := range 40 {
		var signal, noise float64
		for i, s := range in {
			d := float64(out[i+delay]) - float64(s)
			signal += float64(s) * float64(s)
			noise += d * d
		}
		best = max(best, 10*math.Log10(signal/noise))
	}
	return best
}

func TestNoAllocations(t *testing.T) {
	enc, dec := NewEncoder(), NewDecoder()
	in, code := noise(320), make([]byte, 160)
	a := testing.AllocsPerRun(100, func() {
		enc.Encode(code, in)
		dec.Decode(in, code)
	})
	if a != 0 {
		t.Errorf("%v allocations a frame", a)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{0, 255, 1, 2, 3})
	f.Fuzz(func(t *testing.T, b []byte) {
		out := make([]int16, 2*len(b))
		if n := NewDecoder().Decode(out, b); n != len(out) {
			t.Fatalf("%d samples of %d bytes", n, len(b))
		}
	})
}

func BenchmarkDecode20ms(b *testing.B) {
	dec, out, code := NewDecoder(), make([]int16, 320), make([]byte, 160)
	NewEncoder().Encode(code, noise(320))
	b.ReportAllocs()
	for b.Loop() {
		dec.Decode(out, code)
	}
}
