package pcm

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// ErrFrameLength says that a frame does not fit the queue it was written to.
var ErrFrameLength = errors.New("pcm: frame length does not fit")

// Queue carries frames from one goroutine to another through a fixed number
// of slots. Writing never blocks. Drop rule: when all slots are full the
// oldest frame goes (see OnDrop), because late sound is worse than lost
// sound for somebody listening. A consumer that must not lose sound keeps its
// own ring and reads positions.
//
// One goroutine may write while another reads.
type Queue struct {
	frame int

	mu      sync.Mutex
	slots   []int16 // len is frame × capacity
	head, n int     // in frames
	dropped func()  // nil: nobody counts

	ready chan struct{} // holds a token when there may be something to read
}

// NewQueue returns a queue of slots frames, each of frame samples.
func NewQueue(frame, slots int) *Queue {
	if frame < 1 || slots < 1 {
		panic(fmt.Sprintf("pcm: queue of %d frames of %d samples", slots, frame))
	}
	return &Queue{frame: frame, slots: make([]int16, frame*slots), ready: make(chan struct{}, 1)}
}

func (q *Queue) capacity() int { return len(q.slots) / q.frame }

func (q *Queue) slot(i int) []int16 {
	i = (q.head + i) % q.capacity()
	return q.slots[i*q.frame : (i+1)*q.frame]
}

// WriteFrame copies the frame into the queue. A shorter frame is filled with
// silence.
func (q *Queue) WriteFrame(samples []int16) error {
	if len(samples) > q.frame {
		return fmt.Errorf("%w: %d samples, slots hold %d", ErrFrameLength, len(samples), q.frame)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.n == q.capacity() {
		q.head = (q.head + 1) % q.capacity()
		q.n--
		if q.dropped != nil {
			q.dropped()
		}
	}
	s := q.slot(q.n)
	clear(s[copy(s, samples):])
	q.n++
	q.signal()
	return nil
}

func (q *Queue) signal() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// ReadFrame copies the oldest frame into dst, or reports false if there is none.
func (q *Queue) ReadFrame(dst []int16) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.n == 0 {
		return false
	}
	clear(dst[copy(dst, q.slot(0)):])
	q.head = (q.head + 1) % q.capacity()
	q.n--
	return true
}

// Next waits for a frame and copies it into dst. It returns the context's error
// when that ends first.
func (q *Queue) Next(ctx context.Context, dst []int16) error {
	for {
		if q.ReadFrame(dst) {
			return nil
		}
		select {
		case <-q.ready:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Len is the number of frames waiting.
func (q *Queue) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.n
}

// OnDrop has f called for each frame that is lost to the drop rule, on the writer's goroutine, where it must not block.
func (q *Queue) OnDrop(f func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dropped = f
}
