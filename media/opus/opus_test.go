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

// A lost packet comes back, nearly as it was, from the one after it.
func TestRecover(t *testing.T) {
	enc, _ := NewEncoder(16000, 32000)
	enc.ExpectLoss(20)
	whole, _ := NewDecoder(16000)
	holey, _ := NewDecoder(16000)
	in := speechlike(16000 * 3)
	var before [MaxBytes]byte
	size := 0
	want, got := make([]int16, MaxSamples), make([]int16, MaxSamples)
	recovered := 0
	var signal, noise float64
	for i := 0; i+320 <= len(in); i += 320 {
		var packet [MaxBytes]byte
		n, err := enc.Encode(packet[:], in[i:i+320])
		if err != nil {
			t.Fatal(err)
		}
		if i/320%5 == 4 { // the packet before is lost
			if holey.Recover(got[:320], packet[:n]) {
				recovered++
				for k := range 320 {
					d := float64(got[k]) - float64(want[k])
					signal += float64(want[k]) * float64(want[k])
					noise += d * d
				}
			} else if err := holey.Conceal(got[:320]); err != nil {
				t.Fatal(err)
			}
		} else if size > 0 {
			if _, err := holey.Decode(got, before[:size]); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := whole.Decode(want, packet[:n]); err != nil {
			t.Fatal(err)
		}
		size = copy(before[:], packet[:n])
	}
	if recovered < 20 {
		t.Errorf("recovered %d of 30", recovered)
	}
	if snr := 10 * math.Log10(signal/noise); snr < 3 {
		t.Errorf("what was recovered is %.1f dB like the original", snr)
	}
	if holey.Recover(got[:320], []byte{0xf8}) || holey.Recover(got[:320], nil) {
		t.Error("recovered from nothing")
	}
}

// speechlike is a voice of 120 Hz with two formants and syllables.
func speechlike(n int) []int16 {
	s := make([]int16, n)
	for i := range s {
		at := float64(i) / 16000
		v := 0.0
		for h := 1.0; h < 25; h++ {
			hz := 120 * h
			gain := math.Exp(-math.Pow((hz-600)/400, 2)) + 0.5*math.Exp(-math.Pow((hz-1800)/500, 2))
			v += gain * math.Sin(2*math.Pi*hz*at+h)
		}
		s[i] = int16(2000 * v * (1 + math.Sin(2*math.Pi*4*at)))
	}
	return s
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
		dec.Recover(out[:320], b)
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
