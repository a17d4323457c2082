// Package hearing is the way of one leg from samples to committed words: voice
// activity and endpointing, the recogniser's session, Danish writing and masking, and
// the ledger that gives every sample exactly one state. The speech worker and the
// transcription of files use the same code.
//
// A Hearing has a feeding side (Write, Lost, End), used by one goroutine, which may
// block while the engine is behind, and one goroutine of its own, which reads the
// engine's events, decides how far the leg is settled and hands batches to the Output.
//
// What may be committed: up to the end of silence when the engine owes nothing, else
// up to the end of the last decided word or shortly before the end of a decided part
// without words; and never past a word that is held back
// because it may become personal data. From any committed position another Hearing
// can start with the same audio, and no word is lost or said twice.
package hearing

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"samtale.dk/samtale/models/asr"
	"samtale.dk/samtale/services/contract/transcriptv1"
)

const (
	frame = asr.SampleRate / 50

	// preroll is the audio before an utterance that the engine hears too: the onset
	// of a soft consonant comes before the detector is sure. 300 ms.
	preroll = 300 * asr.SampleRate / 1000

	// settleEvery is the longest silence that is not committed: it bounds what has
	// to be sent again after a crash. 5 s.
	settleEvery = 5 * asr.SampleRate

	// settleMargin is how far before a word that is held back, and before the end of a
	// decided part without words, it is settled that nothing was said. 500 ms.
	settleMargin = asr.SampleRate / 2

	// bridge is the longest loss inside an utterance that does not end it. 300 ms.
	bridge = 300 * asr.SampleRate / 1000

	// warmUp is how long everything is heard after a beginning in the middle of a leg and
	// after a loss: sound may begin inside a sentence, and the detector may not know
	// the background yet. 3 s.
	warmUp = 3 * asr.SampleRate

	// partialEvery bounds partials to ten a second.
	partialEvery = 100 * time.Millisecond
)

// Segmenter says which frames belong to an utterance, its closing silence included.
type Segmenter interface {
	// Frame takes 20 ms (or less before a break) and reports whether an utterance is
	// open after it.
	Frame(pcm []int16) bool
	// Reset forgets the utterance: what follows is another sound.
	Reset()
}

// Batch is a settled part of the leg: contiguous with the one before.
type Batch struct {
	From, To int64
	Words    []transcriptv1.Word // without ids
	Ledger   []transcriptv1.Range
	Last     bool
	// Ended is when the utterance was over for the endpointer; zero for batches of
	// silence.
	Ended time.Time
}

// Output takes what was heard. Both methods are called from one goroutine.
type Output interface {
	// Commit returns when the batch is stored. An error ends the Hearing.
	Commit(ctx context.Context, b Batch) error
	// Partial replaces everything from a position on.
	Partial(from int64, words []transcriptv1.Word)
}

// Config of a Hearing.
type Config struct {
	Engine    asr.Engine
	Segmenter Segmenter
	Output    Output
	Language  string
	From      int64               // where the commits before end
	Lead      int64               // samples before From that are fed first, as context
	Before    []transcriptv1.Word // the last words that are stored already, as context
	Spoken    bool                // the engine's own words: not normalised, not masked
}

// Hearing hears one leg from one position on.
type Hearing struct {
	cfg    Config
	ctx    context.Context //nolint:containedctx // of New: ends the engine's session and commits; a Hearing is what is cancelled
	cancel context.CancelFunc
	wake   chan struct{}
	opened chan opening // once
	done   chan struct{}

	feed feed // belongs to the feeding goroutine

	mu       sync.Mutex
	line     timeline
	pos      int64 // fed so far
	quiet    int64 // everything before belongs to no utterance that may still begin
	begun    uint64
	starts   []int64 // of the utterances whose marker is not back
	flushed  []flush // of those of them that have ended
	ending   bool
	givenUp  string // reason
	giveUpAt int64
	err      error
	settled  int64 // committed
	decided  int64 // by the engine, as far as it was asked

	mind mind // belongs to the deciding goroutine
}

// flush is the end of an utterance.
type flush struct {
	at  time.Time
	pos int64
}

// opening is a session and the position at which it begins.
type opening struct {
	session asr.Session
	at      int64
}

// feed is the state of the feeding side.
type feed struct {
	rest    []int16 // less than a frame
	before  []int16 // the last samples outside utterances, at most preroll
	open    bool
	warm    int // samples that are heard whatever the detector says
	session asr.Session
	sent    int64 // position that the session has reached
	zeros   []int16
}

// New starts hearing. It ends with the last batch, an error, Close, or ctx.
func New(ctx context.Context, cfg Config) *Hearing {
	ctx, cancel := context.WithCancel(ctx)
	h := &Hearing{
		cfg: cfg, ctx: ctx, cancel: cancel,
		wake:   make(chan struct{}, 1),
		opened: make(chan opening, 1),
		done:   make(chan struct{}),
		line:   timeline{from: cfg.From},
		pos:    cfg.From - cfg.Lead, quiet: cfg.From - cfg.Lead, decided: cfg.From - cfg.Lead, settled: cfg.From,
		feed: feed{
			rest: make([]int16, 0, frame), before: make([]int16, 0, preroll+frame), zeros: make([]int16, bridge),
		},
	}
	if cfg.From > 0 {
		h.feed.warm = warmUp
	}
	h.mind.init(cfg)
	go h.decide()
	return h
}

// Done is closed when the last batch is stored or the Hearing has failed.
func (h *Hearing) Done() <-chan struct{} { return h.done }

// Err says why the Hearing failed; nil after the last batch.
func (h *Hearing) Err() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.err
}

// Close abandons what is not committed. It does not wait for a hung engine.
func (h *Hearing) Close() { h.cancel() }

// Fail ends the Hearing with an error.
func (h *Hearing) Fail(err error) { h.fail(err) }

// Progress is how far a Hearing has come.
type Progress struct {
	Fed     int64     // samples fed
	Decided int64     // … decided by the engine
	Settled int64     // … committed
	Owing   time.Time // since when the engine owes the answer to a flush; zero: it does not
}

// Progress may be asked from any goroutine.
func (h *Hearing) Progress() Progress {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := Progress{Fed: h.pos, Decided: h.decided, Settled: h.settled}
	if len(h.flushed) > 0 {
		p.Owing = h.flushed[0].at
	}
	return p
}

// Write feeds samples. Masked ones are counted, not heard.
func (h *Hearing) Write(pcm []int16, masked bool) error {
	if masked {
		return h.gap(int64(len(pcm)), transcriptv1.Masked, "")
	}
	f := &h.feed
	for len(pcm) > 0 {
		n := min(frame-len(f.rest), len(pcm))
		f.rest = append(f.rest, pcm[:n]...)
		pcm = pcm[n:]
		if len(f.rest) < frame {
			return nil
		}
		if err := h.take(f.rest); err != nil {
			return err
		}
		f.rest = f.rest[:0]
	}
	return nil
}

// Lost says that samples are missing.
func (h *Hearing) Lost(n int64, reason string) error {
	if n <= 0 {
		return nil
	}
	if h.feed.open && n <= bridge {
		if err := h.takeRest(); err != nil {
			return err
		}
		h.mark(n, transcriptv1.Lost, reason)
		return h.write(h.feed.zeros[:n])
	}
	err := h.gap(n, transcriptv1.Lost, reason)
	h.feed.warm = warmUp
	return err
}

// End says that the leg has ended. Done follows.
func (h *Hearing) End() error {
	err := h.closeUtterance()
	if err != nil {
		return err
	}
	h.mu.Lock()
	h.line.add(h.pos, transcriptv1.Silence, "")
	h.quiet = h.pos
	h.ending = true
	h.mu.Unlock()
	h.signal()
	return nil
}

// GiveUp ends the leg at position end although the engine did not decide all of it:
// the undecided rest is lost. It may be called from any goroutine.
func (h *Hearing) GiveUp(end int64, reason string) {
	h.mu.Lock()
	h.givenUp, h.giveUpAt = reason, end
	h.mu.Unlock()
	h.signal()
}

// gap closes the utterance and gives n samples a state that is not heard.
func (h *Hearing) gap(n int64, s transcriptv1.State, reason string) error {
	if err := h.closeUtterance(); err != nil {
		return err
	}
	h.mark(n, s, reason)
	h.signal()
	return nil
}

// closeUtterance feeds what is left over and flushes an open utterance.
func (h *Hearing) closeUtterance() error {
	f := &h.feed
	if err := h.takeRest(); err != nil {
		return err
	}
	if f.open {
		if err := h.flush(); err != nil {
			return err
		}
	}
	f.before = f.before[:0]
	h.cfg.Segmenter.Reset()
	return nil
}

func (h *Hearing) takeRest() error {
	f := &h.feed
	if len(f.rest) == 0 {
		return nil
	}
	err := h.take(f.rest)
	f.rest = f.rest[:0]
	return err
}

// take hears one frame.
func (h *Hearing) take(pcm []int16) error {
	f := &h.feed
	was := f.open
	is := h.cfg.Segmenter.Frame(pcm) || f.warm > 0
	f.warm = max(0, f.warm-len(pcm))
	if !was && !is {
		h.idle(pcm)
		return nil
	}
	if !was {
		if err := h.begin(); err != nil {
			return err
		}
	}
	h.mark(int64(len(pcm)), transcriptv1.Transcribed, "")
	if err := h.write(pcm); err != nil {
		return err
	}
	if !is {
		return h.flush()
	}
	return nil
}

// idle keeps a silent frame in case an utterance begins.
func (h *Hearing) idle(pcm []int16) {
	f := &h.feed
	f.before = append(f.before, pcm...)
	if over := len(f.before) - preroll; over > 0 {
		f.before = append(f.before[:0], f.before[over:]...)
	}
	h.mu.Lock()
	second := h.pos / asr.SampleRate
	h.pos += int64(len(pcm))
	h.quiet = h.pos - int64(len(f.before))
	h.line.add(h.quiet, transcriptv1.Silence, "")
	crossed := h.pos/asr.SampleRate != second
	h.mu.Unlock()
	if crossed { // once a second is often enough to settle silence
		h.signal()
	}
}

// begin opens an utterance with the samples before it.
func (h *Hearing) begin() error {
	f := &h.feed
	h.mu.Lock()
	start := h.quiet
	h.begun++
	h.starts = append(h.starts, start)
	h.line.add(h.pos, transcriptv1.Transcribed, "")
	h.mu.Unlock()
	f.open = true
	if f.session == nil {
		s, err := h.cfg.Engine.Open(h.ctx, asr.Options{Language: h.cfg.Language})
		if err != nil {
			return h.fail(fmt.Errorf("open engine session: %w", err))
		}
		f.session, f.sent = s, start
		h.opened <- opening{s, start}
	}
	if start > f.sent {
		if err := f.session.Skip(start - f.sent); err != nil {
			return h.fail(fmt.Errorf("engine: %w", err))
		}
		f.sent = start
	}
	err := h.write(f.before)
	f.before = f.before[:0]
	return err
}

func (h *Hearing) write(pcm []int16) error {
	if len(pcm) == 0 {
		return nil
	}
	if err := h.feed.session.Write(pcm); err != nil {
		return h.fail(fmt.Errorf("engine: %w", err))
	}
	h.feed.sent += int64(len(pcm))
	return nil
}

// flush ends the utterance.
func (h *Hearing) flush() error {
	h.feed.open = false
	h.mu.Lock()
	h.flushed = append(h.flushed, flush{time.Now(), h.pos})
	h.quiet = h.pos
	marker := h.begun
	h.mu.Unlock()
	if err := h.feed.session.Flush(marker); err != nil {
		return h.fail(fmt.Errorf("engine: %w", err))
	}
	return nil
}

// mark moves the position over n samples of one state.
func (h *Hearing) mark(n int64, s transcriptv1.State, reason string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.line.add(h.pos, transcriptv1.Silence, "") // the last samples before, if no utterance began
	h.pos += n
	h.line.add(h.pos, s, reason)
	if !h.feed.open {
		h.quiet = h.pos
	}
}

func (h *Hearing) signal() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// fail ends the Hearing with its first error.
func (h *Hearing) fail(err error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err == nil {
		if h.ctx.Err() != nil && errors.Is(err, asr.ErrClosed) {
			err = h.ctx.Err()
		}
		h.err = err
	}
	h.cancel()
	return h.err
}
