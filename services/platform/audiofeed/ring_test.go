package audiofeed

import (
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

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
	l := openLeg(t, testGateway(t, bustest.New(t)))
	l.cancel() // the goroutine's and NATS's work is measured by the benchmark
	<-l.gone
	l.ring = newRing(ringStart, ringStart)
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

// BenchmarkWriteFrame is what the audio path pays: the copy into the ring.
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

// BenchmarkFrameToWorker is one frame at a time from WriteFrame to a subscriber: time,
// and processor time with the embedded bus and its delivery.
func BenchmarkFrameToWorker(b *testing.B) {
	bs, st := bustest.New(b), newStore()
	w := listen(b, bs, st, "a")
	w.deaf = 1 << 62
	g := testGateway(b, bs)
	g.limits.Stall = time.Hour
	l := openLeg(b, g)
	arrived := make(chan *nats.Msg, 64)
	sub, err := bs.NC.ChanSubscribe(audiov1.Subject(l.cfg.ConversationID, l.cfg.LegID), arrived)
	if err != nil {
		b.Fatal(err)
	}
	defer sub.Unsubscribe()
	eventually(b, "attached", func() bool { return l.Status().Attached })
	pcm := make([]int16, audiov1.FrameSamples)
	took := make([]time.Duration, 0, 1<<16)
	before := cpuTime(b)
	for b.Loop() {
		begin := time.Now()
		if err := l.WriteFrame(pcm, begin, 0); err != nil {
			b.Fatal(err)
		}
		for m := range arrived {
			if len(m.Data) > audiov1.HeaderSize {
				break // others are signs of life
			}
		}
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds())/1e3, "p99-µs")
	b.ReportMetric(float64((cpuTime(b)-before).Nanoseconds())/1e3/float64(len(took)), "cpu-µs/frame")
}

// cpuTime is what this process has used.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
