package room

import (
	"context"
	"sync/atomic"
	"time"

	"samtale.dk/samtale/services/contract/audiov1"
	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/platform/audiofeed"
)

// leg is one person's sound on its way to the recogniser. The SFU writes it; masking may change at any time.
type leg struct {
	callv1.Leg
	feed   *audiofeed.Leg
	masked atomic.Bool
}

// rate is samples a second.
const rate = 16000

func newLeg(g *audiofeed.Gateway, meeting string, l callv1.Leg) (*leg, error) {
	feed, err := g.Open(audiofeed.LegConfig{ConversationID: meeting, LegID: l.ID, Role: l.Role, StartedAt: l.StartedAt})
	if err != nil {
		return nil, err
	}
	return &leg{Leg: l, feed: feed}, nil
}

func (l *leg) mask(on bool) { l.masked.Store(on) }

// WriteFrame implements sfu.AudioWriter. Of masked sound only the length is kept: the transcript says that somebody spoke.
func (l *leg) WriteFrame(samples []int16, captured time.Time, flags uint8) error {
	if l.masked.Load() {
		flags |= audiov1.FlagMasked
	}
	return l.feed.WriteFrame(samples, captured, flags)
}

// Lost implements sfu.AudioWriter.
func (l *leg) Lost(samples int64) { l.feed.Lost(samples) }

// resume goes on after a reconnect: the time without sound is a gap, and is shown as one.
func (l *leg) resume(now time.Time) {
	const tolerance = rate / 5 // the jitter buffer's own depth is no gap
	due := int64(now.Sub(l.StartedAt) / time.Millisecond * (rate / 1000))
	if missing := due - l.feed.Position(); missing > tolerance {
		l.feed.Lost(missing)
	}
}

// end waits until all of the leg is committed, and gives its length.
func (l *leg) end(ctx context.Context) callv1.LegEnd {
	if err := l.feed.End(ctx); err != nil {
		l.feed.Abandon() // what is not committed shows as lost: the length says that it was there
	}
	return callv1.LegEnd{Leg: l.Leg, Samples: l.feed.Position(), Transcribed: true}
}
