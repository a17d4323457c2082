package worker

import (
	"sync"
	"time"

	"samtale.dk/samtale/services/contract/audiov1"
)

const (
	// intakeLimit bounds what waits for the engine: as much as the gateway's ring
	// holds. Frames beyond are not taken; the gateway sends them again.
	intakeLimit = audiov1.RingSeconds * audiov1.SampleRate

	// holeLimit is how long a hole may wait for its replay before it counts as lost.
	holeLimit = 4 * time.Second
)

// piece is a stretch of a batch: samples with their flags, or a loss.
type piece struct {
	n     int64
	flags uint8
}

// batch is audio in order, without holes.
type batch struct {
	samples []int16
	pieces  []piece // of samples, or of lost ones
	ended   bool    // the leg ends after it
}

// keepSamples is how large a buffer may stay for the next batch: 5 s. What a backlog
// needed is given back.
const keepSamples = 5 * audiov1.SampleRate

func (b *batch) reset() {
	if cap(b.samples) > keepSamples {
		b.samples = nil
	}
	b.samples, b.pieces, b.ended = b.samples[:0], b.pieces[:0], false
}

func (b *batch) add(n int64, flags uint8) {
	if k := len(b.pieces); k > 0 && b.pieces[k-1].flags == flags {
		b.pieces[k-1].n += n
		return
	}
	b.pieces = append(b.pieces, piece{n, flags})
}

// length is how many samples a batch covers, lost ones included.
func (b *batch) length() (n int64) {
	for _, p := range b.pieces {
		n += p.n
	}
	return n
}

// intake puts a leg's frames in order. The bus's goroutine offers, the feeding
// goroutine takes.
type intake struct {
	epoch uint64
	ready chan struct{} // holds a token when there is something to take

	mu      sync.Mutex
	waiting batch
	next    int64     // the first sample that has not arrived
	top     int64     // the furthest next ever
	run     int       // counts restarts
	hole    time.Time // since when frames arrive behind a hole
	heard   time.Time // last frame of this epoch
	ended   time.Time // when the leg's end was first seen
}

func newIntake(epoch uint64, from int64) *intake {
	return &intake{epoch: epoch, next: from, heard: time.Now(), ready: make(chan struct{}, 1)}
}

// verdict says what a frame meant.
type verdict uint8

const (
	taken     verdict = iota // in order, or a duplicate
	newHole                  // samples before it are missing: ask for them
	waiting                  // behind a hole that was asked for
	overtaken                // another worker has the leg
)

// offer takes one frame.
func (in *intake) offer(f *audiov1.Frame, now time.Time) verdict {
	if f.Epoch != 0 && f.Epoch < in.epoch {
		return taken // published for a worker before us
	}
	if f.Epoch > in.epoch {
		return overtaken
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	in.heard = now
	if len(in.waiting.samples) > intakeLimit {
		in.hole = time.Time{}
		return taken // not taken, but nothing to ask for either
	}
	if v := in.close(f, now); v != taken {
		return v
	}
	in.hole = time.Time{}
	if skip := in.next - f.Position; skip < int64(len(f.PCM)) {
		pcm := f.PCM[skip:]
		in.waiting.samples = append(in.waiting.samples, pcm...)
		in.waiting.add(int64(len(pcm)), f.Flags&audiov1.FlagMasked)
		in.next += int64(len(pcm))
	}
	if f.Flags&audiov1.FlagEnd != 0 {
		in.waiting.ended = true
		if in.ended.IsZero() {
			in.ended = now
		}
	}
	in.signal()
	return taken
}

// close deals with samples missing before f: announced as lost, or a hole.
func (in *intake) close(f *audiov1.Frame, now time.Time) verdict {
	missing := f.Position - in.next
	switch {
	case missing <= 0:
		return taken
	case f.Flags&audiov1.FlagLost != 0 && int64(f.Lost) >= missing:
	case in.hole.IsZero():
		in.hole = now
		return newHole
	case now.Sub(in.hole) < holeLimit:
		return waiting
	}
	in.waiting.add(missing, audiov1.FlagLost)
	in.next += missing
	return taken
}

func (in *intake) signal() {
	select {
	case in.ready <- struct{}{}:
	default:
	}
}

// take swaps what waits for an empty batch. It reports false when there was a restart
// since run: the audio is for somebody else.
func (in *intake) take(b *batch, run int) bool {
	b.reset()
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.run != run {
		in.signal() // the token was not ours either
		return false
	}
	in.waiting, *b = *b, in.waiting
	return true
}

// restart goes back to position from, which has to be sent again, and returns the run
// that takes it.
func (in *intake) restart(from int64) (run int) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.waiting.reset()
	in.top = max(in.top, in.next)
	in.next, in.hole = from, time.Time{}
	in.run++
	return in.run
}

// touch takes the gateway for alive at a time.
func (in *intake) touch(now time.Time) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.heard = now
}

// stand is where an intake stands.
type stand struct {
	next    int64     // the first sample that has not arrived
	top     int64     // the leg is at least this long
	waiting int       // samples
	heard   time.Time // last frame
	ended   time.Time // when the leg's end was first seen; zero: not yet
}

func (in *intake) stand() stand {
	in.mu.Lock()
	defer in.mu.Unlock()
	return stand{in.next, max(in.top, in.next), len(in.waiting.samples), in.heard, in.ended}
}
