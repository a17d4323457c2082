package audiofeed

import (
	"math"
	"sort"
	"time"

	"samtale.dk/samtale/services/contract/audiov1"
)

const (
	// ringStart is what a leg's ring holds at first, in samples (4 s). A worker
	// that keeps up commits before that; the ring grows only when nobody listens.
	ringStart = 4 * audiov1.SampleRate

	// ringLimit bounds the ring: 120 s, 3.7 MiB.
	ringLimit = audiov1.RingSeconds * audiov1.SampleRate

	// spanLimit bounds the index: a change of flags in every frame of 120 s, twice.
	spanLimit = 2 * ringLimit / audiov1.FrameSamples

	// clockTolerance is how far a capture time may be from the one that follows from
	// the samples before, until a new span is begun.
	clockTolerance = int64(10 * time.Millisecond)
)

// span is a stretch of the leg with the same flags and an even capture clock. A
// lost span has audiov1.FlagLost and no samples in the buffer.
type span struct {
	pos, n   int64
	off      int64 // in the count of all samples ever stored
	captured int64 // Unix ns of the first sample
	flags    uint8
}

func (s *span) lost() bool { return s.flags&audiov1.FlagLost != 0 }

// ring holds the part of a leg that may have to be published again: from tail, the
// first sample that is neither committed nor dropped, to head. It is not safe for
// concurrent use; the Leg locks.
type ring struct {
	buf    []int16 // the sample stored as number o is at o % len(buf)
	limit  int
	spans  []span // contiguous, oldest first
	tail   int64
	head   int64
	lo, hi int64 // stored numbers held
}

func newRing(start, limit int) *ring {
	return &ring{buf: make([]int16, start), limit: limit, spans: make([]span, 0, 64)}
}

// append adds samples at head. When the ring is full the oldest go.
func (r *ring) append(pcm []int16, captured int64, flags uint8) {
	r.room(len(pcm))
	n := int64(len(pcm))
	if !r.extend(n, captured, flags) {
		r.push(span{pos: r.head, n: n, off: r.hi, captured: captured, flags: flags})
	}
	at := int(r.hi % int64(len(r.buf)))
	if flags&audiov1.FlagMasked != 0 {
		// What a person paused leaves this process as length only.
		k := min(len(pcm), len(r.buf)-at)
		clear(r.buf[at : at+k])
		clear(r.buf[:len(pcm)-k])
	} else {
		k := copy(r.buf[at:], pcm)
		copy(r.buf, pcm[k:])
	}
	r.hi += n
	r.head += n
}

// lose moves head over samples that were never captured.
func (r *ring) lose(n, captured int64) {
	if len(r.spans) > 0 {
		if s := &r.spans[len(r.spans)-1]; s.lost() {
			s.n += n
			r.head += n
			return
		}
	}
	r.push(span{pos: r.head, n: n, off: r.hi, captured: captured, flags: audiov1.FlagLost})
	r.head += n
}

func (r *ring) extend(n, captured int64, flags uint8) bool {
	if len(r.spans) == 0 {
		return false
	}
	s := &r.spans[len(r.spans)-1]
	d := captured - s.captured - nanos(s.n)
	if s.flags != flags || d > clockTolerance || d < -clockTolerance {
		return false
	}
	s.n += n
	return true
}

func (r *ring) push(s span) {
	if len(r.spans) == cap(r.spans) && cap(r.spans) >= spanLimit {
		first := r.spans[0]
		r.release(first.pos + first.n)
	}
	r.spans = append(r.spans, s)
}

// room makes place for n more samples: by growing up to the limit, then by dropping
// the oldest.
func (r *ring) room(n int) {
	need := int(r.hi-r.lo) + n
	if need > len(r.buf) && len(r.buf) < r.limit {
		r.grow(min(r.limit, max(2*len(r.buf), need)))
	}
	for over := int64(need - len(r.buf)); over > 0 && len(r.spans) > 0; {
		s := r.spans[0]
		k := min(over, s.n)
		if s.lost() {
			k = s.n
		} else {
			over -= k
		}
		r.release(s.pos + k)
	}
}

func (r *ring) grow(size int) {
	next := make([]int16, size)
	for o := r.lo; o < r.hi; {
		from, to := int(o%int64(len(r.buf))), int(o%int64(size))
		k := min(int(r.hi-o), len(r.buf)-from, size-to)
		copy(next[to:to+k], r.buf[from:from+k])
		o += int64(k)
	}
	r.buf = next
}

// release forgets everything before position to.
func (r *ring) release(to int64) {
	to = min(to, r.head)
	if to <= r.tail {
		return
	}
	done := 0
	for i := range r.spans {
		s := &r.spans[i]
		if s.pos+s.n > to {
			if cut := to - s.pos; cut > 0 {
				s.pos, s.n = to, s.n-cut
				s.captured += nanos(cut)
				if !s.lost() {
					s.off += cut
				}
			}
			break
		}
		done++
	}
	r.spans = append(r.spans[:0], r.spans[done:]...)
	r.tail = to
	r.lo = r.hi
	if len(r.spans) > 0 {
		r.lo = r.spans[0].off
	}
}

// read fills f with the frame at position pos (tail ≤ pos < head): as many samples as
// fit into f.PCM's capacity and share their flags. A lost span comes as an
// empty frame behind it. The next position to read is returned.
func (r *ring) read(pos int64, f *audiov1.Frame) int64 {
	i := len(r.spans) - 1
	if r.spans[i].pos > pos {
		i = sort.Search(len(r.spans), func(i int) bool { return r.spans[i].pos > pos }) - 1
	}
	s := &r.spans[i]
	skip := pos - s.pos
	left := s.n - skip
	f.Flags = s.flags
	f.Lost = 0
	f.Captured = s.captured + nanos(skip)
	f.PCM = f.PCM[:0]
	if s.lost() {
		f.Lost = lostCount(left)
		f.Position = pos + int64(f.Lost)
		f.Captured += nanos(int64(f.Lost))
		return f.Position
	}
	n := int(min(left, int64(cap(f.PCM))))
	f.Position = pos
	at := int((s.off + skip) % int64(len(r.buf)))
	k := min(n, len(r.buf)-at)
	f.PCM = append(f.PCM, r.buf[at:at+k]...)
	f.PCM = append(f.PCM, r.buf[:n-k]...)
	return pos + int64(n)
}

// nanos is the length of n samples in nanoseconds; 62500 ns each, exactly.
func nanos(n int64) int64 { return n * int64(time.Second) / audiov1.SampleRate }

// lostCount fits a number of samples into a frame's field: 74 hours.
func lostCount(n int64) uint32 { return uint32(min(n, math.MaxUint32)) }
