package demo

import "testing"

// BenchmarkNetwork is one frame of 30 ms with and without the vector kernel.
func BenchmarkNetwork(b *testing.B) {
	for _, plain := range []bool{false, true} {
		name := "vector"
		if plain {
			name = "plain Go"
		}
		b.Run(name, func(b *testing.B) {
			n, err := loadNetwork(weightsFile)
			if err != nil {
				b.Fatal(err)
			}
			if plain {
				n.widen()
			}
			s := newStream(n, func([]float32) {})
			var x [features]float32
			b.ReportAllocs()
			for b.Loop() {
				s.frame(x[:])
			}
		})
	}
}

func TestSteadyStateDoesNotAllocate(t *testing.T) {
	e, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	s := newSession(t.Context(), e)
	defer s.Close()
	quiet := make([]int16, 320)
	if n := testing.AllocsPerRun(200, func() {
		if err := s.Write(quiet); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations per 20 ms", n)
	}
}
