package audiofeed

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"samtale.dk/samtale/services/contract/audiov1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
)

// sender is what publishing needs.
type sender struct {
	live    bool // a worker listens
	subject string
	frame   audiov1.Frame
	wire    []byte

	epoch    uint64
	next     int64 // position to publish next
	endSent  bool
	counted  int64     // what fell out of the ring before here is counted
	seen     time.Time // last Progress of this epoch
	said     time.Time // last publish
	received int64     // from Progress
	moved    time.Time // when received last changed, or audio was last sent again
	retry    time.Duration
}

func newSender(cfg LegConfig) sender {
	return sender{
		subject: audiov1.Subject(cfg.ConversationID, cfg.LegID),
		frame:   audiov1.Frame{PCM: make([]int16, 0, audiov1.MaxFrameSamples)},
		wire:    make([]byte, 0, audiov1.HeaderSize+2*audiov1.MaxFrameSamples),
	}
}

// subscribe delivers into one channel, so that a leg needs no further goroutines.
func (l *Leg) subscribe() error {
	nc := l.g.bus.NC
	for _, subject := range []string{
		audiov1.ProgressSubject(l.cfg.ConversationID, l.cfg.LegID),
		audiov1.ReplaySubject(l.cfg.ConversationID, l.cfg.LegID),
	} {
		s, err := nc.ChanSubscribe(subject, l.msgs)
		if err != nil {
			l.unsubscribe()
			return err
		}
		l.subs = append(l.subs, s)
	}
	return nil
}

func (l *Leg) unsubscribe() {
	for _, s := range l.subs {
		s.Unsubscribe() // fails only on a closed connection
	}
}

// run lives until all is committed or ctx is done.
func (l *Leg) run(ctx context.Context) {
	defer close(l.gone)
	defer l.g.forget(l)
	defer l.unsubscribe()
	for ctx.Err() == nil && !l.isDone() {
		if l.attach(ctx) {
			l.serve(ctx)
		}
	}
	l.pub.Lock()
	l.send.live = false
	l.pub.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.done {
		l.g.metrics.abandoned.Add(float64(l.ring.head-l.status.Committed) / audiov1.SampleRate)
	}
	l.status.Attached = false
	l.ring = &ring{head: l.ring.head, tail: l.ring.head} // forget the audio
}

func (l *Leg) isDone() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.done
}

// attach asks for a worker once; on refusal or failure it pauses and reports false.
func (l *Leg) attach(ctx context.Context) bool {
	s, lim := &l.send, &l.g.limits
	if !l.g.bus.NC.IsConnected() {
		l.attachFailed(ctx, nats.ErrDisconnected)
		return false
	}
	l.pub.Lock()
	s.epoch++
	l.pub.Unlock()
	l.mu.Lock()
	committed := l.status.Committed
	l.mu.Unlock()
	req := audiov1.Attach{
		ConversationID: l.cfg.ConversationID, LegID: l.cfg.LegID, Role: l.cfg.Role,
		Language: l.cfg.Language, StartedAt: l.cfg.StartedAt, Committed: committed, Epoch: s.epoch,
	}
	rctx, cancel := context.WithTimeout(ctx, lim.Attach)
	rep, err := bus.Request[audiov1.Attached](rctx, l.g.bus, audiov1.AttachSubject, req)
	cancel()
	if err != nil {
		l.attachFailed(ctx, err)
		return false
	}
	l.g.metrics.attaches.WithLabelValues("ok").Inc()
	l.g.log.Info("speech worker attached", "conversation_id", l.cfg.ConversationID, "leg_id", l.cfg.LegID,
		"worker", rep.Worker, "epoch", s.epoch, "resume", rep.Resume)
	s.retry = 0
	l.attached(rep)
	return true
}

func (l *Leg) attached(rep audiov1.Attached) {
	s, now := &l.send, time.Now()
	l.pub.Lock()
	defer l.pub.Unlock()
	s.live = true
	s.seen, s.moved, s.said = now, now, now
	s.endSent = false
	s.received = rep.Resume
	l.mu.Lock()
	defer l.mu.Unlock()
	l.status.Attached = true
	l.status.Worker, l.status.Engine, l.status.Demo = rep.Worker, rep.Engine, rep.Demo
	l.commit(rep.Resume)
	l.done = l.ended && rep.Done
	s.next = rep.Resume
	if s.next < l.ring.head && s.next != 0 {
		l.g.metrics.replays.Inc()
	}
	l.signal()
}

// commit forgets audio whose fate is stored, but for the lead; the caller holds mu.
func (l *Leg) commit(to int64) {
	l.status.Committed = max(l.status.Committed, min(to, l.ring.head))
	l.ring.release(to - audiov1.LeadSamples)
}

func (l *Leg) attachFailed(ctx context.Context, err error) {
	s, lim := &l.send, &l.g.limits
	result := "failed"
	pause := min(max(2*s.retry, lim.RetryMin), lim.RetryMax)
	s.retry = pause
	var e *errs.Error
	if errors.As(err, &e) && e.Kind == errs.Limited {
		result = "refused"
		pause = max(pause, min(e.RetryAfter, lim.RetryMax))
	}
	l.g.metrics.attaches.WithLabelValues(result).Inc()
	if pause == lim.RetryMax { // once the quick attempts are over, not each time
		l.g.log.Warn("no speech worker yet", "conversation_id", l.cfg.ConversationID, "leg_id", l.cfg.LegID, "err", err)
	}
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// serve publishes and listens until the worker is gone, all is committed or ctx done.
func (l *Leg) serve(ctx context.Context) {
	tick := time.NewTicker(min(l.g.limits.Heartbeat, l.g.limits.Idle, l.g.limits.Stall) / 4)
	defer tick.Stop()
	for {
		select {
		case m := <-l.msgs:
			if !l.locked(func() bool { return l.hear(m) }) {
				l.detach()
				return
			}
		case now := <-tick.C:
			if !l.locked(func() bool { return l.check(now) }) {
				l.detach()
				return
			}
		case <-ctx.Done():
			return
		}
		if l.isDone() {
			return
		}
	}
}

// locked does something with the sender.
func (l *Leg) locked(f func() bool) bool {
	l.pub.Lock()
	defer l.pub.Unlock()
	return f()
}

func (l *Leg) detach() {
	l.g.metrics.deaths.Inc()
	l.pub.Lock()
	l.send.live = false
	l.pub.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.status.Attached = false
}

// publish sends everything from next to head, each frame as written or, when behind,
// in longer ones. The caller holds pub, as for all below.
func (l *Leg) publish() {
	s, nc := &l.send, l.g.bus.NC
	for nc.IsConnected() && l.fill() {
		s.frame.Epoch = s.epoch
		s.wire = s.frame.Append(s.wire[:0])
		if err := nc.Publish(s.subject, s.wire); err != nil {
			return // gone: the worker misses it, and the stall check sends it again
		}
		s.said = time.Now()
		l.g.metrics.frames.Inc()
	}
}

// fill makes the next frame; false when there is none.
func (l *Leg) fill() bool {
	s, f := &l.send, &l.send.frame
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case s.next < l.ring.tail: // fell out of the ring
		if n := l.ring.tail - max(s.next, s.counted); n > 0 { // else it was said before, to be heard again or to another worker
			l.status.Dropped += n
			l.g.metrics.dropped.Add(float64(n) / audiov1.SampleRate)
			s.counted = l.ring.tail
		}
		f.Flags, f.Lost, f.Position = audiov1.FlagLost, lostCount(l.ring.tail-s.next), l.ring.tail
		f.Captured, f.PCM = time.Now().UnixNano(), f.PCM[:0]
		s.next = f.Position
	case s.next < l.ring.head:
		s.next = l.ring.read(s.next, f)
	case l.ended && !s.endSent:
		f.Flags, f.Lost, f.Position = audiov1.FlagEnd, 0, s.next
		f.Captured, f.PCM = time.Now().UnixNano(), f.PCM[:0]
		s.endSent = true
	default:
		return false
	}
	return true
}

// hear takes a progress or replay message; false when the worker gave up.
func (l *Leg) hear(m *nats.Msg) bool {
	if strings.HasPrefix(m.Subject, "audio.") {
		l.replay(m)
		return true
	}
	s := &l.send
	var p audiov1.Progress
	if err := json.Unmarshal(m.Data, &p); err != nil || p.Epoch != s.epoch {
		return true // of an earlier worker
	}
	if p.Failed != "" {
		l.g.log.Warn("speech worker gave up", "conversation_id", l.cfg.ConversationID, "leg_id", l.cfg.LegID,
			"worker", p.Worker, "reason", p.Failed)
		return false
	}
	now := time.Now()
	s.seen = now
	if p.Received != s.received { // less, when the worker begins again from its last commit
		s.received, s.moved = p.Received, now
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.commit(p.Committed)
	l.done = l.ended && p.Done
	return true
}

// replay answers a worker that misses samples.
func (l *Leg) replay(m *nats.Msg) {
	s := &l.send
	var r audiov1.Replay
	if err := json.Unmarshal(m.Data, &r); err != nil || r.Epoch != s.epoch {
		return
	}
	l.rewind(r.From)
	l.mu.Lock()
	start := max(r.From, l.ring.tail)
	l.mu.Unlock()
	data, err := json.Marshal(audiov1.Replayed{Start: start})
	if err != nil {
		return // cannot happen: a struct of numbers
	}
	m.Respond(data) // the worker also sees the frames
	l.publish()
}

// rewind publishes again from a position that was already published.
func (l *Leg) rewind(to int64) {
	s := &l.send
	s.endSent = false
	s.moved = time.Now()
	if to < s.next {
		s.next = to
		l.g.metrics.replays.Inc()
	}
}

// check looks at the clock; false when the worker is lost.
func (l *Leg) check(now time.Time) bool {
	s, lim := &l.send, &l.g.limits
	if !l.g.bus.NC.IsConnected() {
		s.seen, s.moved = now, now // nobody could be heard: no ground to judge the worker
		return true
	}
	if now.Sub(s.seen) > lim.Heartbeat {
		l.g.log.Warn("speech worker fell silent", "conversation_id", l.cfg.ConversationID, "leg_id", l.cfg.LegID)
		return false
	}
	behind := s.received < s.next || s.endSent
	if behind && now.Sub(s.moved) > lim.Stall {
		l.rewind(s.received)
	}
	l.publish() // what could not go while the bus was away
	if now.Sub(s.said) > lim.Idle {
		l.sayAlive()
	}
	return true
}

// sayAlive publishes an empty frame at the current position.
func (l *Leg) sayAlive() {
	s := &l.send
	s.frame.Flags, s.frame.Lost, s.frame.Position = 0, 0, s.next
	s.frame.PCM, s.frame.Epoch, s.frame.Captured = s.frame.PCM[:0], s.epoch, time.Now().UnixNano()
	s.wire = s.frame.Append(s.wire[:0])
	if err := l.g.bus.NC.Publish(s.subject, s.wire); err == nil {
		s.said = time.Now()
	}
}
