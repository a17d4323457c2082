package room

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"samtale.dk/samtale/services/contract/audiov1"
	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/platform/audiofeed"
)

// leg is one person's sound on its way to the recogniser. The SFU writes it; masking may change at any time.
type leg struct {
	callv1.Leg
	awake  func() bool // see Config
	feed   *audiofeed.Leg
	masked atomic.Bool

	mu   sync.Mutex
	over bool // nothing is added any more
}

// rate is samples a second.
const rate = 16000

func newLeg(h *Hall, meeting string, l callv1.Leg) (*leg, error) {
	feed, err := h.Feed.Open(audiofeed.LegConfig{ConversationID: meeting, LegID: l.ID, Role: l.Role, StartedAt: l.StartedAt})
	if err != nil {
		return nil, err
	}
	return &leg{Leg: l, awake: h.Awake, feed: feed}, nil
}

func (l *leg) mask(on bool) { l.masked.Store(on) }

// WriteFrame implements sfu.AudioWriter. Of masked sound only the length is kept: the transcript says that somebody spoke.
func (l *leg) WriteFrame(samples []int16, captured time.Time, flags uint8) error {
	if l.masked.Load() {
		flags |= audiov1.FlagMasked
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return audiofeed.ErrEnded
	}
	if !l.awake() { // the room may be another's: what was in the sockets is not told
		l.feed.Lost(int64(len(samples)))
		return nil
	}
	return l.feed.WriteFrame(samples, captured, flags)
}

// Lost implements sfu.AudioWriter.
func (l *leg) Lost(samples int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.over {
		l.feed.Lost(samples)
	}
}

// close ends the sound: the leg's length stands.
func (l *leg) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
}

// resume goes on after a reconnect: the time without sound is a gap, and is shown as one.
func (l *leg) resume(now time.Time) {
	const tolerance = rate / 5 // the jitter buffer's own depth is no gap
	due := int64(now.Sub(l.StartedAt) / time.Millisecond * (rate / 1000))
	if missing := due - l.feed.Position(); missing > tolerance {
		l.Lost(missing)
	}
}

// end waits until all of the leg is committed.
func (l *leg) end(ctx context.Context) {
	if err := l.feed.End(ctx); err != nil {
		l.feed.Abandon() // what is not committed shows as lost: the length says that it was there
	}
}

// lengthsOf are the lengths of closed legs, the earliest first.
func lengthsOf(legs []*leg) []callv1.LegEnd {
	out := make([]callv1.LegEnd, len(legs))
	for i, l := range legs {
		out[i] = callv1.LegEnd{Leg: l.Leg, Samples: l.feed.Position(), Transcribed: true}
	}
	slices.SortFunc(out, func(a, b callv1.LegEnd) int { return a.StartedAt.Compare(b.StartedAt) })
	return out
}

// commit waits until all of some legs is committed.
func commit(ctx context.Context, legs []*leg) {
	var wg sync.WaitGroup
	for _, l := range legs {
		wg.Go(func() { l.end(ctx) })
	}
	wg.Wait()
}
