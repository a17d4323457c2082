package calls

import (
	"context"
	"sync"
	"time"

	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/media/rtpx"
	"samtale.dk/samtale/services/contract/audiov1"
	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/platform/audiofeed"
)

const (
	// holdBack: after so many frames of silence that nothing explains, which recognition needs to see that a
	// sentence has ended, the recorder waits for the media leg to tell whether they were a pause or a loss: what is
	// lost beyond this second is shown as lost.
	holdBack = 50
	// quietLevel in dBov: a frame below it is not speech on any telephone.
	quietLevel = -45
)

// recorder puts one leg of a call on its way to the recogniser. Frames come from
// the media clock, everything else from anywhere.
type recorder struct {
	leg callv1.Leg

	mu      sync.Mutex
	feed    *audiofeed.Leg
	masked  bool // a person paused transcription
	off     bool // on hold: sound is not taken, time goes on
	quiet   int  // frames of silence in a row
	owed    int64
	voiced  int64     // samples louder than quietLevel
	spoke   time.Time // when the last of them was
	zeros   [audiov1.MaxFrameSamples]int16
	ended   bool
	samples int64
}

func newRecorder(leg callv1.Leg, feed *audiofeed.Leg) *recorder {
	return &recorder{leg: leg, feed: feed, spoke: leg.StartedAt}
}

// frame takes 20 ms.
func (r *recorder) frame(f rtpx.Frame) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return
	}
	if r.off {
		r.owed += int64(len(f.Samples))
		r.settle(false)
		return
	}
	if f.Origin == rtpx.Quiet {
		r.quiet++
		if r.quiet > holdBack {
			r.owed += int64(len(f.Samples))
			return
		}
	} else {
		r.quiet = 0
		r.settle(false)
	}
	if f.Origin == rtpx.Heard && pcm.Level(f.Samples) > quietLevel {
		r.voiced += int64(len(f.Samples))
		r.spoke = time.Now()
	}
	r.write(f.Samples, f.At, flags(f.Origin))
}

func flags(o rtpx.Origin) uint8 {
	if o == rtpx.Heard {
		return 0
	}
	return audiov1.FlagFilled
}

// gap is told when it ended: what was held back is now known.
func (r *recorder) gap(g rtpx.Gap) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.settle(g.Kind == rtpx.Lost)
}

// settle writes what was held back, as silence or as lost. The caller holds mu.
func (r *recorder) settle(lost bool) {
	if r.owed == 0 || r.ended {
		return
	}
	if lost {
		r.feed.Lost(r.owed)
		r.owed = 0
		return
	}
	at := time.Now().Add(-pcm.Duration(r.owed, pcm.Rate))
	for r.owed > 0 {
		n := min(r.owed, int64(len(r.zeros)))
		r.write(r.zeros[:n], at, audiov1.FlagFilled)
		at = at.Add(pcm.Duration(n, pcm.Rate))
		r.owed -= n
	}
}

func (r *recorder) write(s []int16, at time.Time, flags uint8) {
	if r.masked {
		flags |= audiov1.FlagMasked
	}
	if err := r.feed.WriteFrame(s, at, flags); err != nil {
		r.feed.Lost(int64(len(s)))
	}
}

// mask stops recognition of what is said from now on, or starts it again.
func (r *recorder) mask(on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.settle(false)
	r.masked = on
}

// hold takes no sound while the parties do not hear each other.
func (r *recorder) hold(on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.settle(false)
	r.off = on
}

// silence is how long nothing was said; spoken how much was said in all.
func (r *recorder) silence() (silence, spoken time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Since(r.spoke), pcm.Duration(r.voiced, pcm.Rate)
}

// finish takes no more sound and returns the leg's length.
func (r *recorder) finish() callv1.LegEnd {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.ended {
		r.settle(false)
		r.ended = true
		r.samples = r.feed.Position()
	}
	return callv1.LegEnd{Leg: r.leg, Samples: r.samples, Transcribed: true}
}

// stand is the leg's length if nothing more came.
func (r *recorder) stand() callv1.LegEnd {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.samples
	if !r.ended {
		n = r.feed.Position() + r.owed
	}
	return callv1.LegEnd{Leg: r.leg, Samples: n, Transcribed: true}
}

// flush waits until everything is committed, as long as ctx lives.
func (r *recorder) flush(ctx context.Context) error { return r.feed.End(ctx) }
