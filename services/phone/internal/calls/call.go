package calls

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/media/rtpx"
	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/phone/internal/announce"
	"samtale.dk/samtale/services/platform/audiofeed"
)

// Reasons of an end, as callv1.Ended.Reason says them.
const (
	reasonCaller      = "caller-hangup"
	reasonHangup      = "hangup"
	reasonTransferred = "transferred"
	reasonFailed      = "failed"
	reasonLost        = "lost"
	reasonMessage     = "message-left"
)

// phase is one state of a call: it runs until the call moves on and returns what
// comes next; nil is the end.
type phase func(*Call) phase

// Call is one conversation. Fields belong to its goroutine unless they say otherwise.
type Call struct {
	s         *Service
	id        string
	channel   callv1.Channel
	area      consentv1.Area
	party     callv1.Party
	sipCallID string
	news      *callv1.Party // who came into the citizen's place, until it is told
	started   time.Time
	log       *slog.Logger

	inbox chan any      // posts; see post
	over  chan string   // the other side hung up, or we must; first reason counts
	gone  chan struct{} // closed when the goroutine has ended

	line     *end      // the citizen; nil for a recorded call, and after the line went on elsewhere
	recorded *recorded // SIPREC; nil otherwise

	state        callv1.State
	reason       string // why it ended
	answered     time.Time
	caseworker   string
	regarding    string // conversation that an outgoing call follows up
	offered      []string
	desk         *desk // the caseworker's browser; nil when none is connected
	muted        bool
	paused       bool
	held         bool // by the caseworker
	peerHeld     bool // by the citizen's side
	transcribe   *bool
	chosenAt     time.Time // when; zero: not yet
	asked        bool      // the question has begun: keys count
	callBack     bool
	extension    string
	consult      *consultation
	moving       bool   // a blind transfer is under way
	wish         wish   // why a wait was stopped
	follow       phase  // what comes after talking
	target       string // of a transfer
	checkup      *time.Timer
	waitingSince time.Time

	theirs, ours draft                             // what citizen and caseworker are typing
	others       draft                             // what somebody who was called beside is typing
	company      company                           // for whom what is typed was, at last
	hadText      bool                              // the desk could type to somebody
	shown        atomic.Pointer[[]callv1.TextLine] // what was typed so far, for the desk
	shownSeq     int64
	wrote        map[announce.ID]bool            // announcements that were written in this state
	typists      []*typist                       // legs of typed words, in order
	typedOpen    atomic.Pointer[[]callv1.LegEnd] // the same, for the will
	captions     captioner

	recs  []*recorder                 // all of the call, in order
	open  atomic.Pointer[[]*recorder] // the same, for the will
	mine  *recorder                   // the citizen's, while open
	yours *recorder                   // the caseworker's, while open
	ear   ear                         // hears the citizen
	snap  atomic.Pointer[callv1.Call]
	out   *outbox

	willMu   sync.Mutex
	willOver bool // no will is published any more
}

// ear is where the sound of one party arrives.
type ear struct{ route atomic.Pointer[route] }

func (e *ear) frame(f rtpx.Frame) { e.route.Load().frame(f) }

func (e *ear) gap(g rtpx.Gap) { e.route.Load().gap(g) }

// route is where the sound of a party goes.
type route struct {
	to   *pcm.Queue // to the other party; nil: nobody hears it
	also *pcm.Queue // to a third one; nil: there is none
	rec  *recorder  // to the recogniser; nil: not transcribed
}

func (r *route) frame(f rtpx.Frame) {
	if r == nil {
		return
	}
	if r.to != nil {
		_ = r.to.WriteFrame(f.Samples) // fails only when closed
	}
	if r.also != nil {
		_ = r.also.WriteFrame(f.Samples)
	}
	if r.rec != nil {
		r.rec.frame(f)
	}
}

func (r *route) gap(g rtpx.Gap) {
	if r != nil && r.rec != nil {
		r.rec.gap(g)
	}
}

// bridgeSlots between two parties: 100 ms. Both run on the same machine's clock,
// so one or two are in use.
const bridgeSlots = 5

func (c *Call) newBridge() *pcm.Queue {
	q := pcm.NewQueue(pcm.FrameSamples, bridgeSlots)
	q.OnDrop(c.s.cfg.Metrics.dropped.Inc)
	return q
}

func (s *Service) newCall(ch callv1.Channel, area consentv1.Area) *Call {
	now := time.Now()
	id := event.NewID(now)
	log := s.cfg.Log.With("conversation_id", id)
	c := &Call{
		s: s, id: id, channel: ch, area: area, started: now, log: log,
		inbox: make(chan any, 64), over: make(chan string, 1), gone: make(chan struct{}),
		theirs: draft{role: callv1.RoleCitizen}, ours: draft{role: callv1.RoleCaseworker}, others: draft{role: callv1.RoleOther},
	}
	c.snap.Store(&callv1.Call{ConversationID: id, Channel: ch, ServiceArea: area.ID, StartedAt: now, State: callv1.StateAnnouncing})
	return c
}

// Posts to a call.
type (
	digit    byte
	peerHold bool // the citizen's side put us on hold
)

// endReason maps a dialog's end to the call's.
func endReason(sip string) string {
	switch sip {
	case "timeout", "gone":
		return reasonLost
	case "failed", "rejected":
		return reasonFailed
	}
	return reasonCaller
}

// post gives the call something to do. It never blocks: a call that does not read
// its inbox for 64 posts is past caring for one more key press.
func (c *Call) post(v any) bool {
	select {
	case c.inbox <- v:
		return true
	default:
		c.log.Warn("call is too busy, an event was dropped")
		return false
	}
}

// hangUp ends the call from outside; the first reason counts.
func (c *Call) hangUp(reason string) {
	select {
	case c.over <- reason:
	default:
	}
}

const (
	// checkEvery is how often a call looks whether the line lives.
	checkEvery = 30 * time.Second
	// unheard: a line that sent nothing for so long is asked by signalling. It may
	// well be silent: only an answer that the call is gone ends it.
	unheard = time.Minute
)

// checkup is the post of the timer.
type checkup struct{}

// checkLine asks a silent line whether it is still there.
func (c *Call) checkLine() {
	c.checkup.Reset(checkEvery)
	d := c.line.Dialog()
	last := c.line.Stats().Receiver.LastSeen
	if last.IsZero() {
		last = c.started
	}
	if d == nil || c.peerHeld || time.Since(last) < unheard {
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(c.s.ctx, 40*time.Second)
		defer cancel()
		if err := d.Check(ctx); err != nil {
			c.log.Warn("a silent line did not answer", "err", err)
		}
	}()
}

// run is the call's goroutine.
func (c *Call) run(p phase) {
	defer close(c.gone)
	c.s.cfg.Metrics.begin(c.channel)
	c.publishStarted()
	if c.line != nil {
		c.checkup = time.AfterFunc(checkEvery, func() { c.post(checkup{}) })
		defer c.checkup.Stop()
	}
	for p != nil {
		p = p(c)
	}
	c.finish()
}

// set enters a state and tells about it.
func (c *Call) set(st callv1.State, reason string) {
	if c.state != st {
		c.s.cfg.Metrics.state(c.state, st)
		c.wrote = nil
	}
	c.state = st
	c.tell(reason)
}

// recording opens a leg for the recogniser; nil when there is no room for it,
// which is told in the log and by the missing leg.
func (c *Call) recording(role, user string) *recorder {
	now := time.Now()
	leg := callv1.Leg{ID: event.NewID(now), Role: role, StartedAt: now.UTC(), User: user}
	feed, err := c.s.cfg.Feed.Open(audiofeed.LegConfig{
		ConversationID: c.id, LegID: leg.ID, Role: role, StartedAt: leg.StartedAt,
	})
	if err != nil {
		c.log.Error("leg is not transcribed", "err", err)
		return nil
	}
	r := newRecorder(leg, feed)
	r.mask(c.paused)
	c.recs = append(c.recs, r)
	all := slices.Clone(c.recs)
	c.open.Store(&all)
	return r
}

// finish ends everything and tells the end.
func (c *Call) finish() {
	c.ear.route.Store(nil)
	c.unfinished()
	others := c.othersOpen()
	c.dropConsult()
	c.dropDesk()
	c.closeRecorded()
	c.sayLast(others)
	c.endCaptions()
	if c.line != nil {
		c.observeLine()
		if err := c.line.HangUp(context.Background()); err != nil {
			c.log.Debug("hang up", "err", err)
		}
	}
	c.s.queue.leave(c.area.ID, c.id)
	if c.reason == "" {
		c.reason = reasonHangup
	}
	c.s.cfg.Metrics.state(c.state, callv1.StateEnded)
	c.state = callv1.StateEnded
	c.publishEnded()
	c.snapshot()
	c.s.remove(c)
	c.out.close()
	c.flush()
	<-c.out.done
	c.s.told(c)
	c.log.Info("call ended", "reason", c.reason, "legs", len(c.recs), "seconds", int(time.Since(c.started).Seconds()))
}

// flush waits until the recogniser has committed every leg.
func (c *Call) flush() {
	ctx, cancel := context.WithTimeout(c.s.ctx, c.s.cfg.Times.Flush)
	defer cancel()
	var all sync.WaitGroup
	for _, r := range c.recs { // at once: a leg whose engine fails takes no time from the others
		all.Go(func() {
			if err := r.flush(ctx); err != nil {
				c.log.Error("the end of a leg was not committed", "leg_id", r.leg.ID, "err", err)
			}
		})
	}
	all.Wait()
}

func (c *Call) observeLine() {
	st := c.line.Stats()
	c.s.cfg.Metrics.media(st)
}
