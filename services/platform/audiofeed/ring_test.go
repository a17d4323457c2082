package audiofeed

import (
	"math/rand/v2"
	"testing"
	"time"

	"samtale.dk/samtale/services/contract/audiov1"
	"samtale.dk/samtale/services/platform/bus/bustest"
)

// What goes in comes out at its position, whatever the mix of frames, losses,
// commits and overflow.
func TestRingAgainstModel(t *testing.T) {
	type cell struct {
		v     int16
		flags uint8
	}
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		r := newRing(100, 5000)
		var model []cell // by position
		stored := 0
		for range 2000 {
			switch rnd.IntN(10) {
			case 0:
				n := rnd.IntN(300) + 1
				r.lose(int64(n), 0)
				for range n {
					model = append(model, cell{flags: audiov1.FlagLost})
				}
			case 1:
				r.release(r.tail + int64(rnd.IntN(1000)))
			default:
				flags := []uint8{0, audiov1.FlagFilled, audiov1.FlagMasked}[rnd.IntN(3)]
				pcm := make([]int16, rnd.IntN(400)+1)
				for i := range pcm {
					pcm[i] = int16(rnd.Uint32() | 1)
					c := cell{pcm[i], flags}
					if flags == audiov1.FlagMasked {
						c.v = 0
					}
					model = append(model, c)
				}
				r.append(pcm, nanos(r.head), flags)
				stored += len(pcm)
			}
			if r.head != int64(len(model)) {
				t.Fatalf("seed %d: head %d, want %d", seed, r.head, len(model))
			}
			if r.hi-r.lo > int64(len(r.buf)) || len(r.buf) > 5000 {
				t.Fatalf("seed %d: holds %d of %d", seed, r.hi-r.lo, len(r.buf))
			}
		}
		f := audiov1.Frame{PCM: make([]int16, 0, 333)}
		for p := r.tail; p < r.head; {
			next := r.read(p, &f)
			if next <= p {
				t.Fatalf("seed %d: no way on from %d", seed, p)
			}
			for q := p; q < next; q++ {
				var got cell
				if f.Lost > 0 {
					got = cell{flags: f.Flags}
				} else {
					got = cell{f.PCM[q-p], f.Flags}
				}
				if got != model[q] {
					t.Fatalf("seed %d: position %d is %v, want %v", seed, q, got, model[q])
				}
			}
			p = next
		}
	}
}

func TestRingKeepsCaptureTimes(t *testing.T) {
	r := newRing(16000, 16000)
	r.append(make([]int16, 320), 1e9, 0)
	r.append(make([]int16, 320), 1e9+20e6+3e6, 0) // within tolerance: one span
	r.append(make([]int16, 320), 9e9, 0)
	f := audiov1.Frame{PCM: make([]int16, 0, 8000)}
	if next := r.read(320, &f); next != 640 || f.Captured != 1e9+20e6 {
		t.Errorf("next %d captured %d", next, f.Captured)
	}
	if r.read(800, &f); f.Captured != 9e9+10e6 {
		t.Errorf("captured %d", f.Captured)
	}
}

func TestWriteFrameDoesNotAllocate(t *testing.T) {
	b, st := bustest.New(t), newStore()
	g := testGateway(t, b)
	l := openLeg(t, g)
	l.cancel() // the goroutine's and NATS's work is measured by the benchmark
	<-l.gone
	l.ring = newRing(ringStart, ringStart)
	_ = st
	pcm, at := make([]int16, audiov1.FrameSamples), time.Now()
	n := testing.AllocsPerRun(1000, func() {
		at = at.Add(20 * time.Millisecond)
		if err := l.WriteFrame(pcm, at, 0); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

func BenchmarkWriteFrame(b *testing.B) {
	bs, st := bustest.New(b), newStore()
	w := listen(b, bs, st, "a")
	w.mu.Lock()
	w.deaf = 1 << 62 // hears nothing: its work is not ours
	w.mu.Unlock()
	g := testGateway(b, bs)
	g.limits.Stall = time.Hour
	l := openLeg(b, g)
	eventually(b, "attached", func() bool { return l.Status().Attached })
	pcm, at := make([]int16, audiov1.FrameSamples), time.Now()
	b.ReportAllocs()
	for b.Loop() {
		at = at.Add(20 * time.Millisecond)
		if err := l.WriteFrame(pcm, at, 0); err != nil {
			b.Fatal(err)
		}
		if p := l.Position(); p%(ringStart/2) == 0 { // the worker commits
			l.mu.Lock()
			l.commit(p - ringStart/4)
			l.mu.Unlock()
		}
	}
}
