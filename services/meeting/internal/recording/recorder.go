package recording

import (
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"samtale.dk/samtale/media/sfu"
	"samtale.dk/samtale/services/contract/meetingv1"
)

const (
	// maxItems bounds what waits for the disk: over a second of three cameras, some 3 MB. Drop rule: the packet that comes then;
	// the track has a gap there.
	maxItems = 2048
	// maxPacket is more than a network carries in one.
	maxPacket = 1500
	// tickEvery looks for what has waited long enough.
	tickEvery = 500 * time.Millisecond
)

// Config of a Recorder.
type Config struct {
	Shelf   Shelf
	Key     func(participant string) ([]byte, error) // of the participant's tracks
	Meeting string
	Limit   int64 // bytes that the recording of one meeting may have
	Log     *slog.Logger
	Metrics *Metrics // nil: nobody counts
	Now     func() time.Time
	// Stopped is told once if the recording cannot go on: meetingv1.Problem….
	Stopped func(problem string)
}

// Recorder records one meeting. Its methods may be called from anywhere.
type Recorder struct {
	cfg     Config
	full    chan *item
	free    chan *item
	made    atomic.Int64 // items
	dropped atomic.Uint64
	stopped atomic.Bool
	closing chan struct{}
	done    chan struct{}

	mu     sync.Mutex
	people map[string]*person
	taps   map[string]*Tap

	// Of the goroutine alone.
	lanes map[*Tap]*lane
	size  int64
}

// person is whether somebody is recorded now; a reason of meetingv1.Gap…, or empty.
type person struct{ why atomic.Pointer[string] }

// New starts one. Size is how much of the meeting is recorded already.
func New(cfg Config, size int64) *Recorder {
	if cfg.Metrics == nil {
		cfg.Metrics = NewMetrics(nil)
	}
	cfg.Metrics.running.Inc()
	r := &Recorder{
		cfg: cfg, full: make(chan *item, maxItems), free: make(chan *item, maxItems), closing: make(chan struct{}),
		done: make(chan struct{}), people: map[string]*person{}, taps: map[string]*Tap{}, lanes: map[*Tap]*lane{}, size: size,
	}
	go r.run()
	return r
}

// Keep says whether a participant is recorded from now on: why is empty, or the reason that the tracks give for the gap. Who was
// never named is not recorded.
func (r *Recorder) Keep(participant, why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.person(participant).why.Store(&why)
}

func (r *Recorder) person(id string) *person {
	p := r.people[id]
	if p == nil {
		p = &person{}
		declined := meetingv1.GapDeclined
		p.why.Store(&declined)
		r.people[id] = p
	}
	return p
}

// Tap is where the packets of a participant's source go in; again gives the same one.
func (r *Recorder) Tap(participant, source string) *Tap {
	r.mu.Lock()
	defer r.mu.Unlock()
	id := participant + "_" + source
	t := r.taps[id]
	if t == nil {
		t = &Tap{rec: r, participant: participant, source: source, person: r.person(participant)}
		r.taps[id] = t
	}
	return t
}

// Tap takes the packets of one source. It implements sfu.PacketWriter; the SFU's room lock keeps its calls apart.
type Tap struct {
	rec                 *Recorder
	participant, source string
	person              *person
	key                 atomic.Bool // the writer needs a keyframe
	why                 string      // nothing was taken since the last packet that was, for this reason
}

// WritePacket implements sfu.PacketWriter.
func (t *Tap) WritePacket(p sfu.Packet) (key bool) {
	if t.rec.stopped.Load() {
		return false
	}
	if why := *t.person.why.Load(); why != "" {
		t.why = why
		return false
	}
	it := t.rec.item()
	if it == nil || len(p.Payload) > maxPacket {
		t.rec.dropped.Add(1)
		if it != nil {
			t.rec.release(it)
		}
		if t.why == "" {
			t.why = meetingv1.GapLost
		}
		return false
	}
	it.tap, it.at, it.stream, it.codec, it.seq, it.ts, it.marker = t, p.At, p.Stream, p.Codec, p.Seq, p.Timestamp, p.Marker
	it.payload, it.why, it.lost = it.buf[:copy(it.buf[:], p.Payload)], t.why, false
	t.why = ""
	t.rec.full <- it // there are no more items than it holds
	return t.key.Swap(false)
}

// item gives a free one; nil when all wait for the disk.
func (r *Recorder) item() *item {
	select {
	case it := <-r.free:
		return it
	default:
	}
	if r.made.Add(1) > maxItems {
		r.made.Add(-1)
		return nil
	}
	return &item{}
}

func (r *Recorder) release(it *item) { r.free <- it }

// Close ends the recording in good order. The taps get nothing any more.
func (r *Recorder) Close() {
	close(r.closing)
	<-r.done
}

func (r *Recorder) run() {
	defer close(r.done)
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	for {
		select {
		case it := <-r.full:
			r.take(it)
		case <-tick.C:
			r.each(func(l *lane) error { return l.settle(r.cfg.Now()) })
		case <-r.closing:
			for len(r.full) > 0 {
				r.take(<-r.full)
			}
			r.each((*lane).end)
			if !r.stopped.Load() {
				r.cfg.Metrics.running.Dec()
			}
			if n := r.dropped.Load(); n > 0 {
				r.cfg.Log.Warn("recording: the disk was too slow", "packets", n)
			}
			return
		}
	}
}

func (r *Recorder) take(it *item) {
	if r.stopped.Load() {
		r.release(it)
		return
	}
	l := r.lanes[it.tap]
	if l == nil {
		l = &lane{rec: r, tap: it.tap, tracks: map[string]*track{}}
		r.lanes[it.tap] = l
	}
	if err := l.take(it); err != nil {
		r.fail(err)
	}
}

func (r *Recorder) each(f func(*lane) error) {
	for _, l := range r.lanes {
		if r.stopped.Load() {
			return
		}
		if err := f(l); err != nil {
			r.fail(err)
		}
	}
}

// wrote counts what was written.
func (r *Recorder) wrote(n int, err error) error {
	r.size += int64(n)
	r.cfg.Metrics.bytes.Add(float64(n))
	if err == nil && r.size > r.cfg.Limit {
		err = errLimit
	}
	return err
}

var errLimit = errors.New("the recording is as large as one may be")

// fail stops the recording; the meeting goes on. What was written stays readable to the last whole frame.
func (r *Recorder) fail(err error) {
	if !r.stopped.CompareAndSwap(false, true) {
		return
	}
	r.cfg.Metrics.running.Dec()
	problem := meetingv1.ProblemFailed
	switch {
	case errors.Is(err, errLimit):
		problem = meetingv1.ProblemLimit
	case errors.Is(err, ErrFull), errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EIO), errors.Is(err, syscall.EDQUOT):
		problem = meetingv1.ProblemDisk
	}
	r.cfg.Log.Error("recording has stopped", "problem", problem, "err", err)
	for _, l := range r.lanes {
		l.abandon()
	}
	go r.cfg.Stopped(problem)
}
