package calls

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/event"
)

const (
	// willEvery is how often a live call renews its will: what its end after a crash
	// may be wrong by.
	willEvery = time.Second
	// willSilence is for how long a will that nobody renews counts as one of a living
	// call: another process may have it.
	willSilence = 3 * time.Second
	// willKept bounds wills that no process ever came back for.
	willKept = 7 * 24 * time.Hour
)

// openWills makes the stream that keeps the last will of each call.
func (s *Service) openWills(ctx context.Context) (jetstream.Stream, error) {
	st, err := s.cfg.Bus.JS.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: callv1.WillStream, Subjects: []string{callv1.WillSubject("*")},
		MaxMsgsPerSubject: 1, MaxAge: willKept, Storage: jetstream.FileStorage,
	})
	if err != nil {
		return nil, fmt.Errorf("wills: %w", err)
	}
	return st, nil
}

// renewWills says for each live call what its end would be now. It does not wait for the
// stream: the next one comes in a second.
func (s *Service) renewWills() {
	s.mu.Lock()
	calls := make([]*Call, 0, len(s.calls))
	for _, c := range s.calls {
		calls = append(calls, c)
	}
	s.mu.Unlock()
	now := time.Now()
	for _, c := range calls {
		if err := c.renewWill(now); err != nil {
			c.log.Debug("will not renewed", "err", err)
		}
	}
}

// renewWill does nothing once the call's end is on its way: a will that came after that would stay.
func (c *Call) renewWill(now time.Time) error {
	data, err := json.Marshal(c.will(now))
	if err != nil {
		return err
	}
	c.willMu.Lock()
	defer c.willMu.Unlock()
	if c.willOver {
		return nil
	}
	return c.s.cfg.Bus.NC.Publish(callv1.WillSubject(c.id), data)
}

// endWill is before the real end is told.
func (c *Call) endWill() {
	c.willMu.Lock()
	defer c.willMu.Unlock()
	c.willOver = true
}

// will is the end of the call as it is told if this process dies now. It may be made
// on any goroutine.
func (c *Call) will(now time.Time) callv1.Ended {
	snap := c.snap.Load()
	e := callv1.Ended{
		Meta:           event.NewMeta("call.v1.ended", source, now),
		ConversationID: c.id, Channel: c.channel, ServiceArea: snap.ServiceArea, StartedAt: c.started.UTC(),
		AnsweredAt: snap.AnsweredAt, Reason: reasonLost, Caseworker: snap.Caseworker, Legs: []callv1.LegEnd{},
	}
	if open := c.open.Load(); open != nil {
		for _, r := range *open {
			e.Legs = append(e.Legs, r.stand())
			_, spoken := r.silence()
			e.CallBack = e.CallBack || snap.State == callv1.StateMessage && spoken >= shortestMessage
		}
	}
	if typed := c.typedOpen.Load(); typed != nil {
		e.Legs = append(e.Legs, *typed...)
		e.CallBack = e.CallBack || snap.State == callv1.StateMessage
	}
	e.Transcribed = len(e.Legs) > 0
	return e
}

// executeWills ends the calls that another process of ours left without a word: those
// whose wills nobody renews. It runs once, at the start.
func (s *Service) executeWills(ctx context.Context, st jetstream.Stream) error {
	before, err := wills(ctx, st)
	if err != nil || len(before) == 0 {
		return err
	}
	select {
	case <-time.After(willSilence):
	case <-ctx.Done():
		return nil
	}
	var all error
	for subject, seq := range before {
		m, err := st.GetLastMsgForSubject(ctx, subject)
		switch {
		case errors.Is(err, jetstream.ErrMsgNotFound):
		case err != nil:
			all = errors.Join(all, err)
		case m.Sequence == seq:
			all = errors.Join(all, s.execute(ctx, st, m))
		}
	}
	return all
}

// wills lists the subjects in the stream with the sequence of each will.
func wills(ctx context.Context, st jetstream.Stream) (map[string]uint64, error) {
	info, err := st.Info(ctx, jetstream.WithSubjectFilter(callv1.WillSubject("*")))
	if err != nil {
		return nil, fmt.Errorf("wills: %w", err)
	}
	out := map[string]uint64{}
	for subject := range info.State.Subjects {
		m, err := st.GetLastMsgForSubject(ctx, subject)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("wills: %w", err)
		}
		out[subject] = m.Sequence
	}
	return out, nil
}

// execute tells the end of a call, unless it was told.
func (s *Service) execute(ctx context.Context, st jetstream.Stream, m *jetstream.RawStreamMsg) error {
	var e callv1.Ended
	if err := json.Unmarshal(m.Data, &e); err != nil {
		return fmt.Errorf("will: %w", err)
	}
	told, err := s.cfg.Bus.JS.Stream(ctx, callv1.Stream)
	if err != nil {
		return fmt.Errorf("will: %w", err)
	}
	_, err = told.GetLastMsgForSubject(ctx, e.Subject())
	if err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
		return fmt.Errorf("will: %w", err)
	}
	if err != nil {
		if err := s.cfg.Bus.Publish(ctx, e); err != nil {
			return err
		}
		s.cfg.Metrics.end(e.Reason)
		s.cfg.Log.Warn("a call was lost with its process", "conversation_id", e.ConversationID, "legs", len(e.Legs), "last_seen", e.Time)
	}
	return st.Purge(ctx, jetstream.WithPurgeSubject(m.Subject))
}

// KeepWills renews the wills of the live calls until ctx is done, and first executes
// those of a process that was killed.
func (s *Service) KeepWills(ctx context.Context) error {
	st, err := s.openWills(ctx)
	if err != nil {
		return err
	}
	go func() {
		for pause := time.Second; ; pause = min(2*pause, time.Minute) {
			err := s.executeWills(ctx, st)
			if err == nil || ctx.Err() != nil {
				return
			}
			s.cfg.Log.Error("calls of an earlier process are not ended yet", "err", err)
			waitFor(ctx.Done(), pause)
		}
	}()
	go func() {
		tick := time.NewTicker(willEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				s.renewWills()
			case <-ctx.Done():
				return
			}
		}
	}()
	return nil
}

// forgetWill is for a call whose end is told.
func (s *Service) forgetWill(ctx context.Context, id string) error {
	st, err := s.cfg.Bus.JS.Stream(ctx, callv1.WillStream)
	if err != nil {
		return err
	}
	return st.Purge(ctx, jetstream.WithPurgeSubject(callv1.WillSubject(id)))
}
