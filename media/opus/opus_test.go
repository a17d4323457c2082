package opus

import (
	"math"
	"testing"
)

func tone(n, rate int, hz, amp float64) []int16 {
	s := make([]int16, n)
	for i := range s {
		s[i] = int16(amp * math.Sin(2*math.Pi*hz*float64(i)/float64(rate)))
	}
	return s
}

func rms(s []int16) float64 {
	var sum float64
	for _, v := range s {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(len(s)))
}

func TestToneSurvives(t *testing.T) {
	for _, rates := range [][2]int{{48000, 48000}, {48000, 16000}, {16000, 16000}} {
		enc, err := NewEncoder(rates[0], 32000)
		if err != nil {
			t.Fatal(err)
		}
		dec, err := NewDecoder(rates[1])
		if err != nil {
			t.Fatal(err)
		}
		in, out := tone(rates[0], rates[0], 440, 8000), make([]int16, MaxSamples)
		var got []int16
		var packet [MaxBytes]byte
		frame := rates[0] / 50
		for i := 0; i+frame <= len(in); i += frame {
			n, err := enc.Encode(packet[:], in[i:i+frame])
			if err != nil {
				t.Fatal(err)
			}
			m, err := dec.Decode(out, packet[:n])
			if err != nil {
				t.Fatal(err)
			}
			if m != rates[1]/50 {
				t.Fatalf("%v: packet of %d samples", rates, m)
			}
			got = append(got, out[:m]...)
		}
		level := rms(got[len(got)/2:])
		if level < 4500 || level > 6800 {
			t.Errorf("%v: level %.0f, want about 5657", rates, level)
		}
	}
}

func TestConcealContinuesAndFades(t *testing.T) {
	enc, _ := NewEncoder(48000, 32000)
	dec, _ := NewDecoder(16000)
	in := tone(48000, 48000, 200, 8000)
	var packet [MaxBytes]byte
	out := make([]int16, MaxSamples)
	for i := 0; i+960 <= len(in); i += 960 {
		n, err := enc.Encode(packet[:], in[i:i+960])
		if err != nil {
			t.Fatal(err)
		}
		_, err = dec.Decode(out, packet[:n])
		if err != nil {
			t.Fatal(err)
		}
	}
	var levels []float64
	for range 25 {
		err := dec.Conceal(out[:320])
		if err != nil {
			t.Fatal(err)
		}
		levels = append(levels, rms(out[:320]))
	}
	if levels[0] < 1500 {
		t.Errorf("first concealed frame is at %.0f", levels[0])
	}
	if levels[24] > levels[0]/4 {
		t.Errorf("after half a second it is still at %.0f of %.0f", levels[24], levels[0])
	}
}

func TestNoAllocations(t *testing.T) {
	enc, _ := NewEncoder(16000, 24000)
	dec, _ := NewDecoder(16000)
	in, out := tone(320, 16000, 300, 5000), make([]int16, MaxSamples)
	var packet [MaxBytes]byte
	n := 0
	step := func() {
		n, _ = enc.Encode(packet[:], in)
		_, _ = dec.Decode(out, packet[:n])
		_ = dec.Conceal(out[:320])
	}
	for range 50 {
		step()
	}
	if a := testing.AllocsPerRun(100, step); a != 0 {
		t.Errorf("%v allocations a frame", a)
	}
}

func FuzzDecode(f *testing.F) {
	enc, _ := NewEncoder(48000, 32000)
	var packet [MaxBytes]byte
	n, _ := enc.Encode(packet[:], tone(960, 48000, 440, 8000))
	f.Add(packet[:n])
	f.Add([]byte{0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		dec, err := NewDecoder(16000)
		if err != nil {
			t.Fatal(err)
		}
		out := make([]int16, MaxSamples)
		n, err := dec.Decode(out, b)
		if err == nil && (n < 0 || n > 1920) {
			t.Fatalf("%d samples", n)
		}
		err = dec.Conceal(out[:320])
		if err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkDecode16k(b *testing.B) {
	enc, _ := NewEncoder(48000, 32000)
	dec, _ := NewDecoder(16000)
	var packet [MaxBytes]byte
	out := make([]int16, MaxSamples)
	in := tone(960, 48000, 440, 8000)
	n, _ := enc.Encode(packet[:], in)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = dec.Decode(out, packet[:n])
	}
}

func BenchmarkEncode16k(b *testing.B) {
	enc, _ := NewEncoder(16000, 24000)
	var packet [MaxBytes]byte
	in := tone(320, 16000, 440, 8000)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = enc.Encode(packet[:], in)
	}
}
