package app

import (
	"context"
	"sync"
	"time"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/platform/bus"
)

// spoken knows which words of a conversation may be shown: TRANSCRIPT holds a live call's
// words until its transcript is closed, also those whose consent was withdrawn since.
// Methods are safe for concurrent use.
type spoken struct {
	app          *App
	conversation string

	mu    sync.Mutex
	off   bool      // withdrawn, and not given again
	until time.Time // of the last withdrawal: words from before it are not shown any more
}

// load asks what was chosen. When that fails nothing is shown.
func (s *spoken) load(ctx context.Context) error {
	rep, err := bus.Request[consentv1.ChoicesReply](ctx, s.app.Bus, consentv1.ChoicesSubject, consentv1.ConversationRequest{ConversationID: s.conversation})
	off, until := withdrawn(rep.Choices)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.off = off || err != nil
	if until.After(s.until) {
		s.until = until
	}
	return err
}

// shown reports whether words said at a time may be shown.
func (s *spoken) shown(at time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.off && at.After(s.until)
}

// withdrawn finds the last no to being written down after a yes, and whether it stands.
// A no without a yes is none: then nothing was written down, or on another basis.
func withdrawn(choices []consentv1.Choice) (off bool, until time.Time) {
	given := false
	for _, c := range choices { // oldest first
		switch {
		case c.Kind != consentv1.Transcription:
		case c.Value:
			given, off = true, false
		case given:
			off, until = true, c.At
		}
	}
	return off, until
}
