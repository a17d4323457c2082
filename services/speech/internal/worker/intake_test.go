package worker

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"samtale.dk/samtale/services/contract/audiov1"
)

// However frames are lost, doubled and sent again, what is taken is the leg.
func TestIntakePutsInOrder(t *testing.T) {
	for seed := range uint64(50) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		leg := make([]int16, 20000)
		for i := range leg {
			leg[i] = int16(i)
		}
		in := newIntake(3, 0)
		now := time.Unix(1000, 0)
		var got []int16
		var b batch
		sent := int64(0)
		for {
			n := min(int64(rnd.IntN(900)), int64(len(leg))-sent)
			f := audiov1.Frame{Epoch: 3, Position: sent, PCM: leg[sent : sent+n]}
			if sent+n == int64(len(leg)) {
				f.Flags = audiov1.FlagEnd
			}
			sent += n
			switch rnd.IntN(10) {
			case 0: // lost
			case 1: // an old worker's
				f.Epoch = 2
				in.offer(&f, now)
			case 2: // twice
				in.offer(&f, now)
				fallthrough
			default:
				in.offer(&f, now)
			}
			if rnd.IntN(3) == 0 {
				in.take(&b, 0)
				got = append(got, b.samples...)
				if b.ended {
					break
				}
			}
			if rnd.IntN(5) == 0 || sent == int64(len(leg)) { // a replay
				sent = max(0, in.stand().next-int64(rnd.IntN(2000)))
			}
		}
		if !slices.Equal(got, leg) {
			t.Fatalf("seed %d: took %d samples, not the leg", seed, len(got))
		}
	}
}

func TestIntakeVerdicts(t *testing.T) {
	pcm := make([]int16, 320)
	now := time.Unix(1000, 0)
	type step struct {
		after time.Duration
		frame audiov1.Frame
		want  verdict
		next  int64
	}
	for _, tc := range []struct {
		name  string
		steps []step
	}{
		{"in order", []step{{0, audiov1.Frame{PCM: pcm}, taken, 320}, {0, audiov1.Frame{Position: 320, PCM: pcm}, taken, 640}}},
		{"any epoch", []step{{0, audiov1.Frame{Epoch: 0, PCM: pcm}, taken, 320}}},
		{"hole is asked for once", []step{
			{0, audiov1.Frame{Position: 320, PCM: pcm}, newHole, 0},
			{time.Second, audiov1.Frame{Position: 640, PCM: pcm}, waiting, 0},
			{0, audiov1.Frame{Position: 0, PCM: pcm}, taken, 320},
			{0, audiov1.Frame{Position: 320, PCM: pcm}, taken, 640},
		}},
		{"hole that stays is lost", []step{
			{0, audiov1.Frame{Position: 320, PCM: pcm}, newHole, 0},
			{holeLimit, audiov1.Frame{Position: 640, PCM: pcm}, taken, 960},
		}},
		{"announced loss", []step{{0, audiov1.Frame{Flags: audiov1.FlagLost, Lost: 1000, Position: 1000}, taken, 1000}}},
		{"loss that does not reach back", []step{{0, audiov1.Frame{Flags: audiov1.FlagLost, Lost: 100, Position: 1000}, newHole, 0}}},
		{"loss behind us", []step{
			{0, audiov1.Frame{PCM: pcm}, taken, 320},
			{0, audiov1.Frame{Flags: audiov1.FlagLost, Lost: 100, Position: 200}, taken, 320},
		}},
		{"end behind a hole", []step{{0, audiov1.Frame{Flags: audiov1.FlagEnd, Position: 320}, newHole, 0}}},
		{"sign of life behind a hole", []step{{0, audiov1.Frame{Position: 320}, newHole, 0}}},
		{"later epoch", []step{{0, audiov1.Frame{Epoch: 9, PCM: pcm}, overtaken, 0}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := newIntake(3, 0)
			at := now
			for i, s := range tc.steps {
				at = at.Add(s.after)
				if s.frame.Epoch == 0 && tc.name != "any epoch" {
					s.frame.Epoch = 3
				}
				if got := in.offer(&s.frame, at); got != s.want || in.stand().next != s.next {
					t.Errorf("step %d: verdict %d, next %d; want %d, %d", i, got, in.stand().next, s.want, s.next)
				}
			}
		})
	}
}

// A feeding goroutine that hung in an engine cannot take what is for its successor.
func TestIntakeRuns(t *testing.T) {
	in := newIntake(1, 100)
	in.offer(&audiov1.Frame{Epoch: 1, Position: 100, PCM: make([]int16, 320)}, time.Now())
	run := in.restart(100)
	in.offer(&audiov1.Frame{Epoch: 1, Position: 100, PCM: make([]int16, 320)}, time.Now())
	var b batch
	if in.take(&b, 0) {
		t.Error("the old run took audio")
	}
	select {
	case <-in.ready:
	default:
		t.Error("the new run is not told")
	}
	if !in.take(&b, run) || len(b.samples) != 320 {
		t.Errorf("the new run took %d samples", len(b.samples))
	}
	if s := in.stand(); s.next != 420 || s.top != 420 {
		t.Errorf("stand %+v", s)
	}
}

func TestIntakeIsBounded(t *testing.T) {
	in := newIntake(1, 0)
	pcm := make([]int16, audiov1.MaxFrameSamples)
	for range 2 * intakeLimit / len(pcm) {
		in.offer(&audiov1.Frame{Epoch: 1, Position: in.stand().next, PCM: pcm}, time.Now())
	}
	if n := in.stand().waiting; n > intakeLimit+len(pcm) {
		t.Errorf("%d samples wait", n)
	}
	var b batch
	in.take(&b, 0)
	if v := in.offer(&audiov1.Frame{Epoch: 1, Position: in.stand().next, PCM: pcm}, time.Now()); v != taken || in.stand().waiting != len(pcm) {
		t.Errorf("after it was emptied: verdict %d, %d wait", v, in.stand().waiting)
	}
}

// Whatever arrives on the subject, the books agree.
func FuzzIntake(f *testing.F) {
	f.Add((&audiov1.Frame{Epoch: 1, PCM: make([]int16, 320)}).Append(nil), []byte{})
	f.Add((&audiov1.Frame{Epoch: 1, Flags: audiov1.FlagLost, Lost: 1 << 31, Position: 1 << 31}).Append(nil),
		(&audiov1.Frame{Epoch: 1, Flags: audiov1.FlagEnd, Position: 1 << 31}).Append(nil))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		in := newIntake(1, 0)
		now := time.Unix(1000, 0)
		var frame audiov1.Frame
		for _, data := range [][]byte{first, second, first} {
			if err := frame.Decode(data); err != nil {
				continue
			}
			in.offer(&frame, now)
			now = now.Add(3 * time.Second)
		}
		var b batch
		in.take(&b, 0)
		var heard, all int64
		for _, p := range b.pieces {
			all += p.n
			if p.flags&audiov1.FlagLost == 0 {
				heard += p.n
			}
		}
		if s := in.stand(); heard != int64(len(b.samples)) || all != s.next || s.next < 0 {
			t.Errorf("%d samples in pieces of %d, %d in all, next %d", len(b.samples), heard, all, s.next)
		}
	})
}
