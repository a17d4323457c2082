package guest

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/media/rtpx"
	"samtale.dk/samtale/services/contract/audiov1"
	"samtale.dk/samtale/services/contract/meetingv1"
)

const (
	// holdBack frames of silence are sent, which recognition needs to see that a sentence has ended; then it is waited for what the
	// media leg says: a pause or a loss.
	holdBack = 50
	// aliveEvery frames without sound an empty one says that we are there: 1 s.
	aliveEvery = 50
	// upSlots wait for the bus: 320 ms. What is more is lost, and shown as lost.
	upSlots = 16
	// downSlots bound what the guest hears late: 160 ms; cushion frames are waited for, so that the bus's unevenness is not heard.
	downSlots = 8
	cushion   = 2
)

// mouth is what the guest says, on its way to the meeting. Frames come from the media clock, which must not wait for the bus: one
// goroutine publishes.
type mouth struct {
	due chan spoken

	mu    sync.Mutex
	open  bool // in the meeting
	held  bool // the telephone has us on hold: what comes is its waiting music
	quiet int
	owed  int64 // samples of silence that nothing explains yet
	lost  int64 // samples that are lost since the last ones that were sent
	next  int64 // position
	zeros [pcm.FrameSamples]int16
}

// spoken is a frame on its way; without samples it only says that we are there.
type spoken struct {
	at      int64
	lost    uint32
	samples [pcm.FrameSamples]int16
	some    bool
}

func newMouth() *mouth { return &mouth{due: make(chan spoken, upSlots)} }

// publish sends what is said until ctx ends.
func (m *mouth) publish(ctx context.Context, nc *nats.Conn, session string) {
	subject := meetingv1.UpSubject(session)
	var f audiov1.Frame
	var b []byte
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-m.due:
			f.Epoch++ // counts messages, so that the other side sees which did not come
			f.Position, f.Lost, f.Flags, f.PCM = s.at, s.lost, 0, nil
			if s.lost > 0 {
				f.Flags = audiov1.FlagLost
			}
			if s.some {
				f.PCM = s.samples[:]
			}
			if b = f.Append(b[:0]); nc.IsConnected() { // not kept for later: the others would hear it all at once
				_ = nc.Publish(subject, b) // what cannot be sent now is lost, and the count shows it
			}
		}
	}
}

// begin lets the sound through.
func (m *mouth) begin() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open = true
}

// hold keeps waiting music out of the meeting.
func (m *mouth) hold(on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.held = on
}

// frame is for the media clock.
func (m *mouth) frame(f rtpx.Frame) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.open || len(f.Samples) != pcm.FrameSamples {
		return
	}
	if f.Origin != rtpx.Quiet && !m.held {
		m.quiet = 0
		m.next += m.owed
		m.owed = 0
		m.send(f.Samples)
		return
	}
	m.quiet++
	if m.quiet <= holdBack {
		m.send(m.zeros[:])
		return
	}
	m.owed += pcm.FrameSamples
	if m.quiet%aliveEvery == 0 {
		select {
		case m.due <- spoken{at: m.next}:
		default: // there is enough to show that we are there
		}
	}
}

// send sends samples with what was lost since the last ones.
func (m *mouth) send(samples []int16) {
	s := spoken{at: m.next, lost: uint32(min(m.lost, 1<<32-1)), some: true}
	copy(s.samples[:], samples)
	m.next += pcm.FrameSamples
	select {
	case m.due <- s:
		m.lost = 0
	default:
		m.lost += pcm.FrameSamples
	}
}

// gap is told when it ended: what was held back is now known.
func (m *mouth) gap(g rtpx.Gap) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if g.Kind == rtpx.Lost && !m.held {
		m.lost += m.owed
	}
	m.next += m.owed
	m.owed = 0
}

// ear is what the guest hears of the meeting.
type ear struct {
	queue *pcm.Queue
	back  func()       // is told when the meeting is heard after quietMeeting of nothing
	last  atomic.Int64 // Unix nanoseconds of the last frame
	begun bool         // belongs to the media clock
	frame audiov1.Frame
}

func newEar(back, dropped func()) *ear {
	e := &ear{queue: pcm.NewQueue(pcm.FrameSamples, downSlots), back: back}
	e.queue.OnDrop(dropped)
	return e
}

// hear is for the subscription's goroutine.
func (e *ear) hear(m *nats.Msg) {
	if e.frame.Decode(m.Data) != nil || len(e.frame.PCM) != pcm.FrameSamples {
		return
	}
	now := time.Now().UnixNano()
	if last := e.last.Swap(now); time.Duration(now-last) > quietMeeting {
		e.back()
	}
	_ = e.queue.WriteFrame(e.frame.PCM) // fails only for a frame that is too long
}

// ReadFrame implements pcm.Reader on the media clock.
func (e *ear) ReadFrame(dst []int16) bool {
	if !e.begun && e.queue.Len() < cushion {
		return false
	}
	e.begun = e.queue.ReadFrame(dst)
	return e.begun
}

// silent is how long nothing came.
func (e *ear) silent() time.Duration { return time.Since(time.Unix(0, e.last.Load())) }

// clip is a sound that says when it is through.
type clip struct {
	*pcm.Clip
	once sync.Once
	done chan struct{}
}

func newClip(parts ...[]int16) *clip {
	return &clip{Clip: pcm.NewClip(slices.Concat(parts...), false), done: make(chan struct{})}
}

// ReadFrame implements pcm.Reader on the media clock.
func (c *clip) ReadFrame(dst []int16) bool {
	if c.Clip.ReadFrame(dst) {
		return true
	}
	c.once.Do(func() { close(c.done) })
	return false
}
