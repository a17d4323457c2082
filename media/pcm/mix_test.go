package pcm_test

import (
	"slices"
	"testing"

	"samtale.dk/samtale/media/pcm"
)

func frameOf(v int16) []int16 {
	s := make([]int16, pcm.FrameSamples)
	for i := range s {
		s[i] = v
	}
	return s
}

func TestMix(t *testing.T) {
	for _, c := range []struct {
		name string
		in   [][]int16 // nil: has nothing to say
		want int16
		ok   bool
	}{
		{"two", [][]int16{frameOf(100), frameOf(-30)}, 70, true},
		{"the first is silent", [][]int16{nil, frameOf(5)}, 5, true},
		{"the second is silent", [][]int16{frameOf(5), nil}, 5, true},
		{"nobody", [][]int16{nil, nil}, 0, false},
		{"too loud", [][]int16{frameOf(30000), frameOf(30000)}, 32767, true},
		{"too loud below", [][]int16{frameOf(-30000), frameOf(-30000)}, -32768, true},
		{"three", [][]int16{frameOf(1), frameOf(2), frameOf(4)}, 7, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var in []pcm.Reader
			for _, s := range c.in {
				in = append(in, pcm.NewClip(s, false))
			}
			dst := make([]int16, pcm.FrameSamples)
			ok := pcm.NewMix(in...).ReadFrame(dst)
			if want := frameOf(c.want); ok != c.ok || !slices.Equal(dst, want) {
				t.Errorf("%v: %d, want %d", ok, dst[0], c.want)
			}
		})
	}
}

func TestMixAllocatesNothing(t *testing.T) {
	a, b := pcm.NewQueue(pcm.FrameSamples, 2), pcm.NewQueue(pcm.FrameSamples, 2)
	m, s, dst := pcm.NewMix(a, b), frameOf(3), make([]int16, pcm.FrameSamples)
	n := testing.AllocsPerRun(100, func() {
		_, _ = a.WriteFrame(s), b.WriteFrame(s)
		m.ReadFrame(dst)
	})
	if n != 0 || dst[0] != 6 {
		t.Errorf("%v allocations, sample %d", n, dst[0])
	}
}
