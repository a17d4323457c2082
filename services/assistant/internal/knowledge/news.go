package knowledge

import (
	"context"
	"sync"
	"time"

	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/bus/streams"
)

// news are events that wait to be told. They say that something has changed, and whoever hears them reads it; so only the last word
// on each source and matter is kept, and none is kept over a crash.
type news struct {
	mu   sync.Mutex
	list []knowledgev1.Changed
	wake chan struct{}
}

// publish puts an event in the place of an older one that it makes obsolete.
func (l *Library) publish(c knowledgev1.Changed) {
	l.news.mu.Lock()
	defer l.news.mu.Unlock()
	c.Meta = event.NewMeta("knowledge.v1.event.changed", "assistant", l.now())
	for i, old := range l.news.list {
		if old.SourceID == c.SourceID && old.What == c.What && (old.Run == nil || c.Run == nil || old.Run.ID == c.Run.ID) {
			l.news.list[i] = c
			return
		}
	}
	l.news.list = append(l.news.list, c)
	nudge(l.news.wake)
}

func (l *Library) takeNews() []knowledgev1.Changed {
	l.news.mu.Lock()
	defer l.news.mu.Unlock()
	out := l.news.list
	l.news.list = nil
	return out
}

const (
	// newsEvery is the pause between events: a run that goes through hundreds of articles a second is not told in hundreds of events.
	newsEvery = 500 * time.Millisecond
	newsLimit = 10 * time.Second
)

// tell publishes events until ctx ends.
func (l *Library) tell(ctx context.Context) error {
	stream := streams.Knowledge()
	if err := l.cfg.Bus.EnsureStreams(ctx, stream); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-l.news.wake:
		}
		for _, c := range l.takeNews() {
			sendCtx, cancel := context.WithTimeout(ctx, newsLimit)
			err := l.cfg.Bus.Publish(sendCtx, c)
			cancel()
			if err != nil && ctx.Err() == nil {
				l.cfg.Log.Warn("event not published", "source_id", c.SourceID, "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(newsEvery):
		}
	}
}
