package hearing

import (
	"errors"
	"fmt"
	"time"

	"samtale.dk/samtale/models/asr"
	"samtale.dk/samtale/services/contract/transcriptv1"
)

// mind is the state of the deciding goroutine.
type mind struct {
	scribe   scribe
	session  asr.Session
	events   <-chan asr.Event
	base     int64               // position at which the session began
	lastWord int64               // end of the last decided word
	written  int64               // end of the last word that left the scribe
	words    []transcriptv1.Word // to be committed next
	guess    *asr.Event
	shown    bool // a partial with words is on the screens
	shownAt  time.Time
	timer    *time.Timer
	ended    time.Time // when the utterance ended that was settled last
}

func (m *mind) init(cfg Config) {
	m.scribe.spoken = cfg.Spoken
	if !cfg.Spoken {
		m.scribe.remember(cfg.Before)
	}
	m.lastWord, m.written = cfg.From, cfg.From
	m.timer = time.NewTimer(time.Hour)
	m.timer.Stop() // until a guess has to wait
}

// decide reads the engine and the feeding side's marks until all is settled.
func (h *Hearing) decide() {
	m := &h.mind
	defer close(h.done)
	defer m.timer.Stop()
	defer h.endSession()
	for {
		select {
		case <-h.ctx.Done():
			h.fail(h.ctx.Err())
			return
		case o := <-h.opened:
			m.session, m.events, m.base = o.session, o.session.Events(), o.at
			continue
		case e, ok := <-m.events:
			if !ok {
				h.fail(sessionError(m.session))
				return
			}
			if !h.event(e) {
				continue
			}
		case <-m.timer.C:
			h.showGuess()
			continue
		case <-h.wake:
		}
		last, err := h.settle()
		if err != nil {
			h.fail(err)
			return
		}
		if last {
			return
		}
	}
}

// endSession ends the engine's session without waiting: an engine may hang.
func (h *Hearing) endSession() {
	h.cancel()
	events := h.mind.events
	select {
	case o := <-h.opened:
		events = o.session.Events()
	default:
	}
	if events == nil {
		return
	}
	go func() {
		for range events { // until the engine closes it: it is not to wait for a reader
		}
	}()
}

func sessionError(s asr.Session) error {
	err := s.Close()
	if err == nil {
		err = errors.New("the session ended by itself")
	}
	return fmt.Errorf("engine: %w", err)
}

// event takes the engine's event and reports whether there may be something to settle.
func (h *Hearing) event(e asr.Event) bool {
	m := &h.mind
	e.Words = h.fresh(e.Words)
	switch e.Kind {
	case asr.Partial:
		m.guess = &e
		if wait := partialEvery - time.Since(m.shownAt); wait > 0 {
			m.timer.Reset(wait)
			return false
		}
		h.showGuess()
		return false
	case asr.Final:
		m.guess = nil
		if n := len(e.Words); n > 0 {
			m.lastWord = m.base + e.Words[n-1].End
		}
		m.words = append(m.words, m.scribe.commit(e.Words, m.base)...)
		return !h.closes(m.base + e.To)
	case asr.Marker:
		h.returned(e.Marker)
		m.words = append(m.words, m.scribe.pause()...)
	}
	return true
}

// fresh gives the words that are not committed already.
func (h *Hearing) fresh(words []asr.Word) []asr.Word {
	from := h.cfg.From - h.mind.base // in the session
	for len(words) > 0 && (words[0].Start+words[0].End)/2 < from {
		words = words[1:]
	}
	if len(words) > 0 {
		words[0].Start = max(words[0].Start, from)
	}
	return words
}

// closes notes that everything up to a position is decided and reports whether that ends
// an utterance: its marker follows at once, and with it the words that waited for
// the pause.
func (h *Hearing) closes(to int64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.decided = max(h.decided, to)
	return len(h.flushed) > 0 && h.flushed[0].pos == to
}

// returned forgets the utterances up to a marker.
func (h *Hearing) returned(marker uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := len(h.starts) - int(h.begun-marker)
	if n > 0 {
		h.mind.ended = h.flushed[n-1].at
		h.starts, h.flushed = h.starts[n:], h.flushed[n:]
	}
}

// settle commits what can be. It reports whether that was the last of the leg.
func (h *Hearing) settle() (last bool, err error) {
	m := &h.mind
	h.mu.Lock()
	from, now := h.settled, h.pos
	idle := len(h.starts) == 0
	last = h.ending && idle
	to := h.quiet
	if !idle {
		to = max(h.starts[0], m.lastWord, h.decided-settleMargin)
	} else {
		h.decided = max(h.decided, to)
	}
	if h.givenUp != "" {
		h.line.giveUp(to, h.giveUpAt, h.givenUp)
		to, last = h.giveUpAt, true
	}
	h.mu.Unlock()
	switch {
	case last:
		m.words = append(m.words, m.scribe.close()...)
	case idle:
		m.words = append(m.words, m.scribe.expire(now)...)
	}
	if n := len(m.words); n > 0 {
		m.written = m.words[n-1].End
	}
	if start, ok := m.scribe.held(); ok {
		to = min(to, safeBefore(max(from, m.written), start))
	}
	if !last && len(m.words) == 0 && to-from < settleEvery {
		return false, nil
	}
	return last, h.commit(from, max(to, m.written), last)
}

// safeBefore is a position after a written word and before one that is held back. An
// engine may say that a word begins later than it does, so that it is the pause
// between them or the end of the former.
func safeBefore(written, held int64) int64 { return max(written, held-settleMargin) }

func (h *Hearing) commit(from, to int64, last bool) error {
	m := &h.mind
	h.mu.Lock()
	b := Batch{From: from, To: to, Words: m.words, Ledger: h.line.cut(to), Last: last}
	h.mu.Unlock()
	m.words = nil
	if len(b.Words) > 0 {
		b.Ended, m.ended = m.ended, time.Time{}
	}
	if err := h.cfg.Output.Commit(h.ctx, b); err != nil {
		return err
	}
	h.mu.Lock()
	h.settled = to
	h.mu.Unlock()
	if m.shown || m.guess != nil {
		h.showGuess()
	}
	return nil
}

// showGuess publishes the tail: words held back and the engine's guess.
func (h *Hearing) showGuess() {
	m := &h.mind
	var guess []asr.Word
	if m.guess != nil {
		guess = m.guess.Words
	}
	m.guess = nil
	words := m.scribe.tail(guess, m.base)
	if len(words) == 0 && !m.shown {
		return
	}
	m.shown, m.shownAt = len(words) > 0, time.Now()
	h.cfg.Output.Partial(h.settled, words) // only this goroutine writes settled
}
